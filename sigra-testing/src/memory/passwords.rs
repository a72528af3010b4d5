//! Passwords.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{PasswordStore, Replaced, Replacement};
use sigra_core::registration::AddressRequest;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::MemoryStore;
use super::accounts::{set_password, take_password};

#[async_trait]
impl PasswordStore for MemoryStore {
    async fn replace(
        &self,
        replacement: &Replacement<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Replaced, StoreError> {
        self.change("passwords.replace", |state| {
            let Replacement { user: id, epochs, first, password, device, now } = *replacement;
            match state.user(id) {
                Some(user) if first && user.has_password && user.disabled_at.is_none() => {
                    return Ok(Replaced::AlreadySet);
                }
                Some(user) if user.stands(epochs) => {}
                Some(_) | None => return Ok(Replaced::Stale),
            }
            let user = state.raise_epoch(id, device, |account| set_password(account, password, now))?;
            state.record(evidence(&user))?;
            Ok(Replaced::Done(Box::new(user)))
        })
    }

    async fn require_change(
        &self,
        id: UserId,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("passwords.require_change", |state| {
            if !state.user(id).is_some_and(|user| user.has_password) {
                return Ok(None);
            }
            let require = |user: &mut User| user.password_change_required_at = Some(now);
            let user = state.raise_epoch_on_devices(id, |account| require(&mut account.user))?;
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn withdraw(
        &self,
        id: UserId,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("passwords.withdraw", |state| {
            if !state.user(id).is_some_and(|user| user.has_password) {
                return Ok(None);
            }
            let user = state.raise_epoch(id, None, take_password)?;
            state.queue_request(&request(&user))?;
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn clear_required_change(
        &self,
        id: UserId,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("passwords.clear_required_change", |state| {
            let Some(account) = state.accounts.get_mut(&id) else { return Ok(None) };
            if account.user.password_change_required_at.take().is_none() {
                return Ok(None);
            }
            let user = account.user.clone();
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }
}
