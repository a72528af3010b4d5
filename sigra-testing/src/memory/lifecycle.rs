//! How accounts end.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{AccountRecord, DormancyRecord, DueDeletion, Erasure, LifecycleStore, Recovered};
use sigra_core::registration::{AddressRequest, TokenOwner};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::MemoryStore;
use super::state::{State, same_address};

#[async_trait]
impl LifecycleStore for MemoryStore {
    async fn schedule_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        due_at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("lifecycle.schedule_deletion", |state| {
            let free = |user: &User| user.deletion_due_at.is_none() && stands(user, under);
            if !state.user(user).is_some_and(free) {
                return Ok(None);
            }
            let user = state.raise_epoch(user, None, |account| account.user.deletion_due_at = Some(due_at))?;
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn cancel_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("lifecycle.cancel_deletion", |state| {
            if !state.user(user).is_some_and(|user| can_be_undone(user, now) && stands(user, under)) {
                return Ok(None);
            }
            let Some(user) = state.restore(user, now) else { return Ok(None) };
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn undo_deletion(
        &self,
        digest: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        self.change("lifecycle.undo_deletion", |state| {
            let live = state.live_token(digest, now).map(|live| live.token.owner);
            let Some(TokenOwner::User { id, epochs: None }) = live else {
                return Ok(None);
            };
            if !state.user(id).is_some_and(|user| can_be_undone(user, now)) {
                return Ok(None);
            }
            state.tokens.remove(&digest);
            let restored = state.rescue(id, now)?;
            state.queue_request(&request(&restored.user))?;
            state.record(evidence(&restored))?;
            Ok(Some(restored))
        })
    }

    async fn due_deletions(
        &self,
        now: Timestamp,
        after: Option<DueDeletion>,
        limit: u32,
    ) -> Result<Vec<DueDeletion>, StoreError> {
        self.read("lifecycle.due_deletions", |state| {
            let dated = |account: &AccountRecord| {
                Some(DueDeletion { due_at: account.user.deletion_due_at?, user: account.user.id })
            };
            let mut due: Vec<_> = state.accounts.values().filter_map(dated).filter(|due| due.due_at <= now).collect();
            due.retain(|due| after.is_none_or(|after| *due > after));
            due.sort_unstable();
            due.truncate(limit as usize);
            due
        })
    }

    async fn erase(&self, erasure: &Erasure, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError> {
        self.change("lifecycle.erase", |state| {
            let Some(user) = state.user(erasure.user).filter(|user| erasure.applies_to(user)).cloned() else {
                return Ok(None);
            };
            state.erase(user.id);
            state.attempts.retain(|_, counter| !counter.belongs_to(user.id));
            state.delete_registrations(|row| same_address(&row.pending.email, &user.email));
            if let Some(left) = erasure.leaves(&user) {
                let account = AccountRecord { user: left, password: None, attempts_cleared_at: None };
                state.accounts.insert(user.id, account);
            }
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn disable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("lifecycle.disable", |state| {
            if state.user(user).is_none_or(|user| user.disabled_at.is_some()) {
                return Ok(None);
            }
            let user = state.raise_epoch(user, None, |account| account.user.disabled_at = Some(at))?;
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn enable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("lifecycle.enable", |state| {
            let account = state.accounts.get_mut(&user).filter(|account| account.user.disabled_at.is_some());
            let Some(AccountRecord { user, .. }) = account else { return Ok(None) };
            user.disabled_at = None;
            let user = user.clone();
            state.dormancy.insert(user.id, DormancyRecord::restarted(at));
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }
}

impl State {
    /// Takes a deletion back that is not due, with the tokens that could have.
    pub(super) fn restore(&mut self, id: UserId, now: Timestamp) -> Option<User> {
        let user = &mut self.accounts.get_mut(&id)?.user;
        user.deletion_due_at = user.deletion_due_at.filter(|due_at| *due_at <= now);
        let user = user.clone();
        self.tokens.retain(|_, token| {
            let undoes = token.purpose == Purpose::REACTIVATE;
            !(undoes && matches!(token.owner, TokenOwner::User { id: owner, .. } if owner == id))
        });
        Some(user)
    }
}

fn stands(user: &User, under: Option<Epochs>) -> bool {
    under.is_none_or(|epochs| user.stands(epochs))
}

fn can_be_undone(user: &User, now: Timestamp) -> bool {
    user.deletion_due_at.is_some_and(|due_at| now < due_at)
}
