//! Backup codes.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::ports::Mac;
use sigra_core::time::Timestamp;
use sigra_core::user::Epochs;
use sigra_mfa::BACKUP_CODE;
use sigra_mfa::ports::{BackupCodeCount, BackupCodeStore, TrustedBrowser};

use crate::memory::state::{BackupCodes, State, new_row};
use crate::memory::{MemoryStore, Refused};

#[async_trait]
impl BackupCodeStore for MemoryStore {
    async fn list(&self, user: UserId) -> Result<Vec<Mac>, StoreError> {
        self.read("backup_codes.list", |state| {
            state.backup_codes.get(&user).into_iter().flat_map(|codes| &codes.left).copied().collect()
        })
    }

    async fn count(&self, user: UserId) -> Result<BackupCodeCount, StoreError> {
        self.read("backup_codes.count", |state| {
            let counted =
                |codes: &BackupCodes| BackupCodeCount { issued: as_u32(codes.issued), left: as_u32(codes.left.len()) };
            state.backup_codes.get(&user).map(counted).unwrap_or_default()
        })
    }

    async fn consume(
        &self,
        user: UserId,
        code: &Mac,
        _: Timestamp,
        evidence: EvidenceFor<'_, u32>,
    ) -> Result<Option<u32>, StoreError> {
        self.change("backup_codes.consume", |state| {
            if !state.use_backup_code(user, code) {
                return Ok(None);
            }
            let left = as_u32(state.backup_codes.get(&user).map_or(0, |codes| codes.left.len()));
            state.record(evidence(&left))?;
            Ok(Some(left))
        })
    }

    async fn replace(
        &self,
        user: UserId,
        epochs: Epochs,
        codes: &[Mac],
        now: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("backup_codes.replace", |state| {
            if state.standing_user(user, epochs).is_none() {
                return Ok(false);
            }
            state.set_backup_codes(user, codes, now)?;
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn disown(&self, user: UserId, since: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("backup_codes.disown", |state| {
            let made_since = |codes: &BackupCodes| since <= codes.made_at;
            if !state.backup_codes.get(&user).is_some_and(made_since) {
                return Ok(false);
            }
            state.remove_backup_codes(user);
            state.record(evidence)?;
            Ok(true)
        })
    }
}

impl State {
    /// Removes the set, with the trust that was won by it.
    fn remove_backup_codes(&mut self, user: UserId) {
        self.backup_codes.remove(&user);
        let won_by_it = |browser: &TrustedBrowser| browser.user == user && browser.was_shown_one_of(&[BACKUP_CODE]);
        self.trusted.retain(|_, (browser, _)| !won_by_it(browser));
    }

    /// Replaces all codes. They must differ from each other.
    pub(super) fn set_backup_codes(&mut self, user: UserId, codes: &[Mac], now: Timestamp) -> Result<(), Refused> {
        let left = codes.iter().copied().collect::<std::collections::BTreeSet<_>>();
        new_row((left.len() < codes.len()).then_some(()))?;
        self.remove_backup_codes(user);
        if !left.is_empty() {
            self.backup_codes.insert(user, BackupCodes { made_at: now, issued: left.len(), left });
        }
        Ok(())
    }

    /// Uses a code up. `false` when there is none like it.
    pub(super) fn use_backup_code(&mut self, user: UserId, code: &Mac) -> bool {
        self.backup_codes.get_mut(&user).is_some_and(|codes| codes.left.remove(code))
    }
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
