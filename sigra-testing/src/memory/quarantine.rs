//! Addresses in quarantine.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{Mac, QuarantineStore, Quarantined};
use sigra_core::time::Timestamp;

use super::MemoryStore;
use super::state::State;

#[async_trait]
impl QuarantineStore for MemoryStore {
    async fn find(&self, keys: &[Mac], now: Timestamp) -> Result<Option<Quarantined>, StoreError> {
        self.read("quarantine.find", |state| state.quarantines_of(keys, now).max_by_key(|kept| kept.until).cloned())
    }

    async fn release(&self, keys: &[Mac], now: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("quarantine.release", |state| {
            if state.quarantines_of(keys, now).next().is_none() {
                return Ok(false);
            }
            state.quarantines.retain(|key, _| !keys.contains(key));
            state.record(evidence)?;
            Ok(true)
        })
    }
}

impl State {
    /// Whether an address is kept from `taker`.
    pub(super) fn is_quarantined(&self, keys: &[Mac], taker: Option<UserId>, now: Timestamp) -> bool {
        self.quarantines_of(keys, now).any(|kept| taker.is_none() || kept.holder != taker)
    }

    pub(super) fn quarantine(&mut self, new: Quarantined) {
        let earlier = self.quarantines.get(&new.key).map(|kept| kept.until);
        let until = earlier.map_or(new.until, |until| until.max(new.until));
        self.quarantines.insert(new.key, Quarantined { until, ..new });
    }

    fn quarantines_of<'a>(&'a self, keys: &'a [Mac], now: Timestamp) -> impl Iterator<Item = &'a Quarantined> {
        keys.iter().filter_map(|key| self.quarantines.get(key)).filter(move |kept| now < kept.until)
    }
}
