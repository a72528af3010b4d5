//! Registrations whose address is not proven yet.

use async_trait::async_trait;
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::RegistrationId;
use sigra_core::ports::{NewAccount, Promotion, RegistrationStore};
use sigra_core::registration::{AddressRequest, ConfirmationCode, PendingRegistration, TokenOwner};
use sigra_core::time::Timestamp;

use super::accounts::add_account;
use super::tokens::tokens_of;
use crate::error::Fault;
use crate::rows::{Code, QueuedRequest, Registration, Token, id};
use crate::store::{KvStore, Step};
use crate::table::{Readable, Tables, Writing, under};

#[async_trait]
impl RegistrationStore for KvStore {
    async fn submit(
        &self,
        registration: &PendingRegistration,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<(), StoreError> {
        let (pending, request) = (registration.clone(), request.clone());
        let step = move |tables: &mut Writing<'_>| {
            tables.insert(&Registration { pending, armed: false, code: None })?;
            tables.insert(&QueuedRequest { request, lease: None })?;
            Ok(Step::Done(()))
        };
        self.write("RegistrationStore::submit", step, |()| evidence).await
    }

    async fn find(&self, id: RegistrationId, now: Timestamp) -> Result<Option<PendingRegistration>, StoreError> {
        self.read("RegistrationStore::find", move |tables| {
            let row = tables.get::<Registration>(id!(id))?.filter(|row| row.is_open(now));
            Ok(row.map(|row| row.pending))
        })
        .await
    }

    async fn armed(
        &self,
        email: &EmailAddress,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<PendingRegistration>, StoreError> {
        let email = email.clone();
        self.read("RegistrationStore::armed", move |tables| {
            let rows = of_address(tables, &email)?.into_iter();
            let armed = rows.filter(|row| row.armed && row.is_open(now)).take(limit as usize);
            Ok(armed.map(|row| row.pending).collect())
        })
        .await
    }

    async fn take_code_tries(
        &self,
        email: &EmailAddress,
        tries: u32,
        now: Timestamp,
    ) -> Result<Vec<ConfirmationCode>, StoreError> {
        let email = email.clone();
        let step = move |tables: &mut Writing<'_>| {
            let mut taken = Vec::new();
            for mut row in of_address(tables, &email)?.into_iter().filter(|row| row.is_open(now)) {
                let Some(code) = row.code.as_mut().filter(|code| now < code.code.expires_at && code.tries < tries)
                else {
                    continue;
                };
                code.tries += 1;
                taken.push(code.code.clone());
                tables.put(&row)?;
            }
            Ok(if taken.is_empty() { Step::Nothing(taken) } else { Step::Done(taken) })
        };
        self.write("RegistrationStore::take_code_tries", step, |_| Evidence::none()).await
    }

    async fn promote(
        &self,
        id: RegistrationId,
        account: &NewAccount,
        evidence: Evidence,
    ) -> Result<Promotion, StoreError> {
        let account = account.clone();
        let step = move |tables: &mut Writing<'_>| {
            // The account is created now, so its time is the time the registration is judged at.
            let open = tables.get::<Registration>(id!(id))?.filter(|row| row.is_open(account.created_at));
            let Some(chosen) = open else {
                return Ok(Step::Nothing(Promotion::Gone));
            };
            for rival in of_address(tables, &chosen.pending.email)? {
                delete_registration(tables, rival.pending.id)?;
            }
            let user = add_account(tables, &account)?;
            Ok(Step::Done(user.map_or(Promotion::Taken, Promotion::Created)))
        };
        let evidence = |promotion: &Promotion| match promotion {
            Promotion::Created(_) => evidence,
            Promotion::Gone | Promotion::Taken => Evidence::none(),
        };
        self.write("RegistrationStore::promote", step, evidence).await
    }
}

/// Stores a code with a full set of tries, unless its registration is gone.
pub(super) fn set_code(tables: &mut Writing<'_>, code: ConfirmationCode) -> Result<(), Fault> {
    match tables.get::<Registration>(id!(code.registration))? {
        Some(row) => tables.put(&Registration { armed: true, code: Some(Code { code, tries: 0 }), ..row }),
        None => Ok(()),
    }
}

/// Deletes a registration with its tokens.
pub(super) fn delete_registration(tables: &mut Writing<'_>, id: RegistrationId) -> Result<(), Fault> {
    for Token(token) in tokens_of(tables, &TokenOwner::Registration(id))? {
        tables.remove::<Token>(token.digest.as_bytes())?;
    }
    tables.remove::<Registration>(id!(id))?;
    Ok(())
}

/// The registrations for an address, oldest first. Limits on requests by address keep them few.
fn of_address<T: Readable>(tables: &Tables<T>, email: &EmailAddress) -> Result<Vec<Registration>, Fault> {
    tables.walk(Registration::BY_ADDRESS, under(&Registration::address_key(email)))?.collect()
}
