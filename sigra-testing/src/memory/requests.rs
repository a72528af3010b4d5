//! The queue of requests by address.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::LeaseId;
use sigra_core::ports::RequestStore;
use sigra_core::registration::{AddressRequest, LeasedRequest, Resolution};
use sigra_core::time::Timestamp;

use super::state::{State, new_row};
use super::{MemoryStore, Refused};

/// A request, and who works at it.
#[derive(Clone)]
pub(super) struct QueuedRequest {
    pub(super) request: AddressRequest,
    lease: Option<Lease>,
}

/// A worker's claim on a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) id: LeaseId,
    pub(super) until: Timestamp,
}

impl Lease {
    pub(super) fn new(now: Timestamp, until: Timestamp) -> Self {
        Self { id: LeaseId::new(now), until }
    }

    pub(super) fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

#[async_trait]
impl RequestStore for MemoryStore {
    async fn submit(&self, request: &AddressRequest, evidence: Evidence) -> Result<(), StoreError> {
        self.change("requests.submit", |state| {
            state.queue_request(request)?;
            state.record(evidence)
        })
    }

    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedRequest>, StoreError> {
        self.change("requests.lease", |state| {
            let mut free: Vec<_> =
                state.requests.values_mut().filter(|row| !row.lease.is_some_and(|lease| lease.holds(now))).collect();
            free.sort_by_key(|row| (row.request.created_at, row.request.id));
            Ok(free
                .into_iter()
                .take(limit as usize)
                .map(|row| {
                    let lease = row.lease.insert(Lease::new(now, until));
                    LeasedRequest { request: row.request.clone(), lease: lease.id }
                })
                .collect())
        })
    }

    async fn resolve(
        &self,
        leased: &LeasedRequest,
        resolution: &Resolution,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("requests.resolve", |state| {
            if !state.answer_request(leased) {
                return Ok(false);
            }
            for token in &resolution.tokens {
                state.add_token(token)?;
            }
            for code in &resolution.codes {
                state.set_code(code);
            }
            state.record(evidence)?;
            Ok(true)
        })
    }
}

impl State {
    pub(super) fn queue_request(&mut self, request: &AddressRequest) -> Result<(), Refused> {
        let row = QueuedRequest { request: request.clone(), lease: None };
        new_row(self.requests.insert(request.id, row))
    }

    /// Takes a request out of the queue, if the lease is still the worker's.
    pub(super) fn answer_request(&mut self, leased: &LeasedRequest) -> bool {
        let held = self.requests.get(&leased.request.id).and_then(|row| row.lease).map(|lease| lease.id);
        held == Some(leased.lease) && self.requests.remove(&leased.request.id).is_some()
    }
}
