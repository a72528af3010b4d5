//! Accounts that nobody uses.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::ports::{DormancyLook, DormancyLooked, DormancyStore, DormancyVerdict, DueLook};
use sigra_core::time::Timestamp;

use super::MemoryStore;

#[async_trait]
impl DormancyStore for MemoryStore {
    async fn due_looks(&self, now: Timestamp, after: Option<DueLook>, limit: u32) -> Result<Vec<DueLook>, StoreError> {
        self.read("dormancy.due_looks", |state| {
            let recorded = |user| state.dormancy.get(user).copied().unwrap_or_default();
            let looks = state.accounts.keys().map(|user| DueLook { look_at: recorded(user).look_at, user: *user });
            let mut due: Vec<_> = looks.filter(|due| due.look_at <= now).collect();
            due.retain(|due| after.is_none_or(|after| *due > after));
            due.sort_unstable();
            due.truncate(limit as usize);
            due
        })
    }

    async fn look(
        &self,
        look: &DormancyLook,
        evidence: EvidenceFor<'_, DormancyLooked>,
    ) -> Result<Option<DormancyLooked>, StoreError> {
        self.change("dormancy.look", |state| {
            let record = state.dormancy.get(&look.user).copied().unwrap_or_default();
            let Some(looked) = state.user(look.user).cloned().and_then(|user| look.judge(user, &record)) else {
                return Ok(None);
            };
            state.dormancy.insert(look.user, looked.record);
            if looked.verdict == DormancyVerdict::Disable {
                state.raise_epoch(look.user, None, |account| account.user.disabled_at = looked.user.disabled_at)?;
            }
            state.record(evidence(&looked))?;
            Ok(Some(looked))
        })
    }
}
