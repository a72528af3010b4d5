//! Passkeys.

use async_trait::async_trait;
use sigra_core::error::{StoreError, StoreErrorKind};
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_passkeys::ports::{Disowned, FoundPasskey, PasskeyStore, PasskeyUse, Registered, Removed};
use sigra_passkeys::{CredentialId, Passkey, UserHandle};

use super::state::{State, new_row};
use super::{MemoryStore, Refused};

#[async_trait]
impl PasskeyStore for MemoryStore {
    async fn user_handle(&self, user: UserId, candidate: UserHandle) -> Result<UserHandle, StoreError> {
        self.change("passkeys.user_handle", |state| {
            if let Some(handle) = state.handles.get(&user) {
                return Ok(*handle);
            }
            state.user(user).ok_or(Refused::DANGLING)?;
            let taken = state.handles.values().any(|handle| *handle == candidate);
            new_row(taken.then_some(()))?;
            state.handles.insert(user, candidate);
            Ok(candidate)
        })
    }

    async fn find(&self, credential: &CredentialId) -> Result<Option<FoundPasskey>, StoreError> {
        let found = self.read("passkeys.find", |state| {
            let passkey = state.passkeys.values().find(|passkey| passkey.credential_id == *credential)?.clone();
            let owner = state.user(passkey.user).cloned().zip(state.handles.get(&passkey.user).copied());
            Some(owner.map(|(user, handle)| FoundPasskey { passkey, user, handle }))
        })?;
        let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "passkeys.find");
        found.map(|found| found.ok_or_else(corrupt)).transpose()
    }

    async fn list(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.read("passkeys.list", |state| {
            let mut passkeys: Vec<_> = state.passkeys_of(user).cloned().collect();
            passkeys.sort_by_key(|passkey| (passkey.created_at, passkey.id));
            passkeys
        })
    }

    async fn count(&self, user: UserId) -> Result<u32, StoreError> {
        self.read("passkeys.count", |state| state.count_passkeys(user))
    }

    async fn register(
        &self,
        passkey: &Passkey,
        epochs: Epochs,
        at_most: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Registered, StoreError> {
        self.change("passkeys.register", |state| {
            if state.standing_user(passkey.user, epochs).is_none() {
                return Ok(Registered::Stale);
            }
            if state.passkeys.values().any(|other| other.credential_id == passkey.credential_id) {
                return Ok(Registered::Duplicate);
            }
            if state.count_passkeys(passkey.user) >= at_most {
                return Ok(Registered::Full);
            }
            // Found passkeys come with a handle, so there must be one.
            state.handles.get(&passkey.user).ok_or(Refused::DANGLING)?;
            new_row(state.passkeys.insert(passkey.id, passkey.clone()))?;
            let user = state.raise_factor_epoch(passkey.user)?;
            state.record(evidence(&user))?;
            Ok(Registered::Done(Box::new(user)))
        })
    }

    async fn record_use(&self, id: PasskeyId, used: &PasskeyUse, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("passkeys.record_use", |state| {
            let judged = |passkey: &&mut Passkey| passkey.sign_count == used.counter_before;
            let Some(passkey) = state.passkeys.get_mut(&id).filter(judged) else {
                return Ok(false);
            };
            passkey.sign_count = used.sign_count;
            passkey.backed_up = used.backed_up;
            passkey.last_used_at = Some(used.at);
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn rename(
        &self,
        user: UserId,
        id: PasskeyId,
        nickname: &str,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("passkeys.rename", |state| {
            let Some(passkey) = state.passkeys.get_mut(&id).filter(|passkey| passkey.user == user) else {
                return Ok(false);
            };
            nickname.clone_into(&mut passkey.nickname);
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn remove(
        &self,
        user: UserId,
        epochs: Epochs,
        id: PasskeyId,
        keep: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Removed, StoreError> {
        self.change("passkeys.remove", |state| {
            if state.standing_user(user, epochs).is_none() {
                return Ok(Removed::Stale);
            }
            if state.passkeys.get(&id).is_none_or(|passkey| passkey.user != user) {
                return Ok(Removed::Unknown);
            }
            if state.count_passkeys(user) <= keep {
                return Ok(Removed::Needed);
            }
            state.passkeys.remove(&id);
            let user = state.raise_factor_epoch(user)?;
            state.record(evidence(&user))?;
            Ok(Removed::Done(Box::new(user)))
        })
    }

    async fn disown(
        &self,
        user: UserId,
        since: Timestamp,
        evidence: EvidenceFor<'_, Disowned>,
    ) -> Result<u64, StoreError> {
        self.change("passkeys.disown", |state| {
            let before = state.passkeys.len();
            state.passkeys.retain(|_, passkey| passkey.user != user || passkey.created_at < since);
            let count = (before - state.passkeys.len()) as u64;
            if count > 0 {
                let user = state.raise_factor_epoch(user)?;
                state.record(evidence(&Disowned { user, count }))?;
            }
            Ok(count)
        })
    }
}

impl State {
    fn passkeys_of(&self, user: UserId) -> impl Iterator<Item = &Passkey> {
        self.passkeys.values().filter(move |passkey| passkey.user == user)
    }

    fn count_passkeys(&self, user: UserId) -> u32 {
        u32::try_from(self.passkeys_of(user).count()).unwrap_or(u32::MAX)
    }
}
