//! Registrations whose address is not proven yet.

use async_trait::async_trait;
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::RegistrationId;
use sigra_core::ports::{NewAccount, Promotion, RegistrationStore};
use sigra_core::registration::{AddressRequest, ConfirmationCode, PendingRegistration, TokenOwner};
use sigra_core::time::Timestamp;

use super::MemoryStore;
use super::state::{State, new_row, same_address};

/// A registration, and the code that was mailed for it.
#[derive(Clone)]
pub(super) struct Registration {
    pub(super) pending: PendingRegistration,
    /// Whether a code or a token was ever stored for it.
    armed: bool,
    pub(super) code: Option<Code>,
}

#[derive(Clone)]
pub(super) struct Code {
    code: ConfirmationCode,
    tries: u32,
}

#[async_trait]
impl RegistrationStore for MemoryStore {
    async fn submit(
        &self,
        registration: &PendingRegistration,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<(), StoreError> {
        self.change("registrations.submit", |state| {
            let row = Registration { pending: registration.clone(), armed: false, code: None };
            new_row(state.registrations.insert(registration.id, row))?;
            state.queue_request(request)?;
            state.record(evidence)
        })
    }

    async fn find(&self, id: RegistrationId, now: Timestamp) -> Result<Option<PendingRegistration>, StoreError> {
        self.read("registrations.find", |state| {
            let row = state.registrations.get(&id).filter(|row| row.is_open(now))?;
            Some(row.pending.clone())
        })
    }

    async fn armed(
        &self,
        email: &EmailAddress,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<PendingRegistration>, StoreError> {
        self.read("registrations.armed", |state| {
            let mut armed: Vec<_> =
                state.registrations.values().filter(|row| row.armed && row.is_for(email) && row.is_open(now)).collect();
            armed.sort_by_key(|row| (row.pending.created_at, row.pending.id));
            armed.into_iter().take(limit as usize).map(|row| row.pending.clone()).collect()
        })
    }

    async fn take_code_tries(
        &self,
        email: &EmailAddress,
        tries: u32,
        now: Timestamp,
    ) -> Result<Vec<ConfirmationCode>, StoreError> {
        self.change("registrations.take_code_tries", |state| {
            let open = state.registrations.values_mut().filter(|row| row.is_for(email) && row.is_open(now));
            let codes = open
                .filter_map(|row| row.code.as_mut())
                .filter(|code| now < code.code.expires_at && code.tries < tries);
            Ok(codes
                .map(|code| {
                    code.tries += 1;
                    code.code.clone()
                })
                .collect())
        })
    }

    async fn promote(
        &self,
        id: RegistrationId,
        account: &NewAccount,
        evidence: Evidence,
    ) -> Result<Promotion, StoreError> {
        self.change("registrations.promote", |state| {
            // The account is created now, so its time is the time the registration is judged at.
            let Some(row) = state.registrations.get(&id).filter(|row| row.is_open(account.created_at)) else {
                return Ok(Promotion::Gone);
            };
            let email = row.pending.email.clone();
            state.delete_registrations(|row| row.is_for(&email));
            if state.is_kept(account) {
                return Ok(Promotion::Taken);
            }
            let user = state.add_account(account)?;
            state.record(evidence)?;
            Ok(Promotion::Created(user))
        })
    }
}

impl State {
    /// Notes that a registration can be proven.
    pub(super) fn arm(&mut self, id: RegistrationId) {
        if let Some(row) = self.registrations.get_mut(&id) {
            row.armed = true;
        }
    }

    /// Stores a code with a full set of tries, unless its registration is gone.
    pub(super) fn set_code(&mut self, code: &ConfirmationCode) {
        if let Some(row) = self.registrations.get_mut(&code.registration) {
            row.armed = true;
            row.code = Some(Code { code: code.clone(), tries: 0 });
        }
    }

    /// Deletes registrations with all that belongs to them, and tells how many.
    pub(super) fn delete_registrations(&mut self, goes: impl Fn(&Registration) -> bool) -> u64 {
        let before = self.registrations.len();
        self.registrations.retain(|_, row| !goes(row));
        let Self { registrations, tokens, .. } = self;
        tokens.retain(|_, token| match token.owner {
            TokenOwner::Registration(id) => registrations.contains_key(&id),
            TokenOwner::User { .. } => true,
        });
        (before - registrations.len()) as u64
    }
}

impl Registration {
    fn is_open(&self, now: Timestamp) -> bool {
        now < self.pending.expires_at
    }

    fn is_for(&self, email: &EmailAddress) -> bool {
        same_address(&self.pending.email, email)
    }
}
