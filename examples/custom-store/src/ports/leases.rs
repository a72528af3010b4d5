//! Whose turn it is.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::LeaseId;
use sigra_core::ports::LeaseStore;
use sigra_core::time::Timestamp;

use crate::error::Fault;
use crate::rows::StoredLease;
use crate::store::{KvStore, Step};
use crate::table::Writing;

#[async_trait]
impl LeaseStore for KvStore {
    async fn take(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let lease = StoredLease { name: name.to_owned(), holder, until };
        let step = move |tables: &mut Writing<'_>| {
            if tables.get::<StoredLease>(lease.name.as_bytes())?.is_some_and(|held| now < held.until) {
                return Ok(Step::Nothing(false));
            }
            tables.put(&lease)?;
            Ok(Step::Done(true))
        };
        self.write("LeaseStore::take", step, |_| Evidence::none()).await
    }

    async fn renew(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let keep = move |tables: &mut Writing<'_>, lease| tables.put(&StoredLease { until, ..lease });
        self.while_held("LeaseStore::renew", (name, holder), now, keep).await
    }

    async fn release(&self, name: &str, holder: LeaseId, now: Timestamp) -> Result<bool, StoreError> {
        let give_back = move |tables: &mut Writing<'_>, lease: StoredLease| {
            tables.remove::<StoredLease>(lease.name.as_bytes())?;
            Ok(())
        };
        self.while_held("LeaseStore::release", (name, holder), now, give_back).await
    }
}

impl KvStore {
    /// Changes a lease while it is the holder's.
    async fn while_held(
        &self,
        operation: &'static str,
        (name, holder): (&str, LeaseId),
        now: Timestamp,
        change: impl FnOnce(&mut Writing<'_>, StoredLease) -> Result<(), Fault> + Send + 'static,
    ) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let step = move |tables: &mut Writing<'_>| {
            let mine = |lease: &StoredLease| lease.holder == holder && now < lease.until;
            let Some(lease) = tables.get::<StoredLease>(name.as_bytes())?.filter(mine) else {
                return Ok(Step::Nothing(false));
            };
            change(tables, lease)?;
            Ok(Step::Done(true))
        };
        self.write(operation, step, |_| Evidence::none()).await
    }
}
