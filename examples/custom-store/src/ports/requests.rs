//! The queue of requests by address.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::RequestStore;
use sigra_core::registration::{AddressRequest, LeasedRequest, Resolution};
use sigra_core::time::Timestamp;

use super::registrations::set_code;
use super::tokens::add_token;
use crate::error::Fault;
use crate::rows::{Lease, QueuedRequest, id};
use crate::store::{KvStore, Step};
use crate::table::{Writing, under};

#[async_trait]
impl RequestStore for KvStore {
    async fn submit(&self, request: &AddressRequest, evidence: Evidence) -> Result<(), StoreError> {
        let row = QueuedRequest { request: request.clone(), lease: None };
        let step = move |tables: &mut Writing<'_>| Ok(Step::Done(tables.insert(&row)?));
        self.write("RequestStore::submit", step, |()| evidence).await
    }

    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedRequest>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let waits = |row: &QueuedRequest| row.lease.is_some_and(|lease| lease.holds(now));
            let queue = tables.walk(QueuedRequest::QUEUE, under(&[]))?;
            let free = queue.filter(|row| !matches!(row, Ok(row) if waits(row)));
            let free: Vec<QueuedRequest> = free.take(limit as usize).collect::<Result<_, _>>()?;
            let mut leased = Vec::new();
            for QueuedRequest { request, .. } in free {
                let lease = Lease::new(now, until);
                tables.put(&QueuedRequest { request: request.clone(), lease: Some(lease) })?;
                leased.push(LeasedRequest { request, lease: lease.id });
            }
            Ok(if leased.is_empty() { Step::Nothing(leased) } else { Step::Done(leased) })
        };
        self.write("RequestStore::lease", step, |_| Evidence::none()).await
    }

    async fn resolve(
        &self,
        leased: &LeasedRequest,
        resolution: &Resolution,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let (leased, resolution) = (leased.clone(), resolution.clone());
        let step = move |tables: &mut Writing<'_>| {
            if !take(tables, &leased)? {
                return Ok(Step::Nothing(false));
            }
            for new in resolution.tokens {
                add_token(tables, new.token, new.older_expire_at)?;
            }
            for code in resolution.codes {
                set_code(tables, code)?;
            }
            Ok(Step::Done(true))
        };
        self.write("RequestStore::resolve", step, |_| evidence).await
    }
}

/// Takes a request out of the queue, if the lease is still the worker's.
pub(super) fn take(tables: &mut Writing<'_>, leased: &LeasedRequest) -> Result<bool, Fault> {
    let id = leased.request.id;
    let held = tables.get::<QueuedRequest>(id!(id))?.and_then(|row| row.lease);
    Ok(held.map(|held| held.id) == Some(leased.lease) && tables.remove::<QueuedRequest>(id!(id))?.is_some())
}
