//! Passwords.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{PasswordStore, Replaced, Replacement};
use sigra_core::registration::AddressRequest;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::accounts::{queue_and_record, raise_epoch, raise_epoch_on_devices};
use crate::rows::{Account, id};
use crate::store::{KvStore, Step};
use crate::table::Writing;

#[async_trait]
impl PasswordStore for KvStore {
    async fn replace(
        &self,
        replacement: &Replacement<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Replaced, StoreError> {
        let Replacement { user: id, epochs, first, device, now, .. } = *replacement;
        let password = replacement.password.clone();
        let step = move |tables: &mut Writing<'_>| {
            match tables.get::<Account>(id!(id))?.map(|account| account.user) {
                Some(user) if first && user.has_password && user.disabled_at.is_none() => {
                    return Ok(Step::Nothing(Replaced::AlreadySet));
                }
                Some(user) if user.stands(epochs) => {}
                Some(_) | None => return Ok(Step::Nothing(Replaced::Stale)),
            }
            let user = raise_epoch(tables, id, device, |account| account.set_password(&password, now))?;
            Ok(Step::Done(Replaced::Done(Box::new(user))))
        };
        let evidence = |replaced: &Replaced| match replaced {
            Replaced::Done(user) => evidence(user),
            Replaced::Stale | Replaced::AlreadySet => Default::default(),
        };
        self.write("PasswordStore::replace", step, evidence).await
    }

    async fn require_change(
        &self,
        id: UserId,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            if !tables.get::<Account>(id!(id))?.is_some_and(|account| account.user.has_password) {
                return Ok(Step::Nothing(None));
            }
            let require = |account: &mut Account| account.user.password_change_required_at = Some(now);
            Ok(Step::Done(Some(raise_epoch_on_devices(tables, id, require)?)))
        };
        let evidence = |user: &Option<User>| user.as_ref().map(evidence).unwrap_or_default();
        self.write("PasswordStore::require_change", step, evidence).await
    }

    async fn withdraw(
        &self,
        id: UserId,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            if !tables.get::<Account>(id!(id))?.is_some_and(|account| account.user.has_password) {
                return Ok(Step::Nothing(None));
            }
            Ok(Step::Done(Some(raise_epoch(tables, id, None, Account::take_password)?)))
        };
        let finish = |user: &Option<User>| queue_and_record(user.as_ref().map(|user| (request(user), evidence(user))));
        self.transact("PasswordStore::withdraw", step, finish).await
    }

    async fn clear_required_change(
        &self,
        id: UserId,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let Some(mut account) = tables.get::<Account>(id!(id))? else { return Ok(Step::Nothing(None)) };
            if account.user.password_change_required_at.take().is_none() {
                return Ok(Step::Nothing(None));
            }
            tables.put(&account)?;
            Ok(Step::Done(Some(account.user)))
        };
        let evidence = |user: &Option<User>| user.as_ref().map(evidence).unwrap_or_default();
        self.write("PasswordStore::clear_required_change", step, evidence).await
    }
}
