//! Time-based one-time passwords.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_mfa::ports::{Activated, Activation, PendingTotp, Removal, RemovalProof, StoredTotp, TotpStore};

use crate::memory::state::State;
use crate::memory::{MemoryStore, Refused};

#[async_trait]
impl TotpStore for MemoryStore {
    async fn find(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        self.read("totp.find", |state| state.totp.get(&user).cloned())
    }

    async fn begin(&self, pending: &PendingTotp, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("totp.begin", |state| {
            if state.active_totp(pending.user).is_some() {
                return Ok(false);
            }
            state.user(pending.user).ok_or(Refused::DANGLING)?;
            let row = StoredTotp {
                secret: pending.secret.clone(),
                activated_at: None,
                last_step: 0,
                created_at: pending.created_at,
                expires_at: Some(pending.expires_at),
            };
            state.totp.insert(pending.user, row);
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn activate(
        &self,
        activation: &Activation<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Activated, StoreError> {
        self.change("totp.activate", |state| {
            let Activation { user, epochs, secret, step, codes, now } = *activation;
            if state.active_totp(user).is_some() {
                return Ok(Activated::AlreadyActive);
            }
            let stands = state.standing_user(user, epochs).is_some();
            let proven =
                |totp: &&mut StoredTotp| totp.secret == *secret && totp.expires_at.is_some_and(|end| now < end);
            let Some(totp) = state.totp.get_mut(&user).filter(proven).filter(|_| stands) else {
                return Ok(Activated::Stale);
            };
            totp.activated_at = Some(now);
            totp.last_step = step;
            totp.expires_at = None;
            state.set_backup_codes(user, codes, now)?;
            let user = state.raise_factor_epoch(user)?;
            state.record(evidence(&user))?;
            Ok(Activated::Done(Box::new(user)))
        })
    }

    async fn advance_step(&self, user: UserId, step: u64) -> Result<bool, StoreError> {
        self.change("totp.advance_step", |state| Ok(state.advance_totp(user, step)))
    }

    async fn disable(&self, removal: &Removal, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError> {
        self.change("totp.disable", |state| {
            let Removal { user, epochs, shown, .. } = *removal;
            if state.standing_user(user, epochs).is_none() || state.active_totp(user).is_none() {
                return Ok(None);
            }
            let used_up = match shown {
                RemovalProof::TotpStep(step) => state.advance_totp(user, step),
                RemovalProof::BackupCode(code) => state.use_backup_code(user, &code),
            };
            if !used_up {
                return Ok(None);
            }
            let user = state.remove_factors(user)?;
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn disown(
        &self,
        user: UserId,
        since: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<bool, StoreError> {
        self.change("totp.disown", |state| match state.totp.get(&user).map(|totp| totp.activated_at) {
            Some(Some(at)) if since <= at => {
                let user = state.remove_factors(user)?;
                state.record(evidence(&user))?;
                Ok(true)
            }
            Some(None) => {
                state.totp.remove(&user);
                Ok(false)
            }
            Some(Some(_)) | None => Ok(false),
        })
    }
}

impl State {
    fn active_totp(&mut self, user: UserId) -> Option<&mut StoredTotp> {
        self.totp.get_mut(&user).filter(|totp| totp.activated_at.is_some())
    }

    /// Uses a time step up. `false` when that is not possible.
    fn advance_totp(&mut self, user: UserId, step: u64) -> bool {
        let Some(totp) = self.active_totp(user).filter(|totp| totp.last_step < step) else {
            return false;
        };
        totp.last_step = step;
        true
    }

    /// Removes the secret and what goes with it, and raises the factor epoch.
    fn remove_factors(&mut self, user: UserId) -> Result<User, Refused> {
        self.totp.remove(&user);
        self.backup_codes.remove(&user);
        self.trusted.retain(|_, (browser, _)| browser.user != user);
        self.raise_factor_epoch(user)
    }
}
