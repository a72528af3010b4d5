//! What waits for a worker: requests by address, and mail; and whose turn it is.

use serde::{Deserialize, Serialize};
use sigra_core::id::LeaseId;
use sigra_core::mail::OutgoingMail;
use sigra_core::registration::AddressRequest;
use sigra_core::time::Timestamp;

use super::foreign::{AddressRequestDef, OutgoingMailDef};
use super::{id, time};
use crate::table::Row;

/// A worker's claim on a row.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) id: LeaseId,
    pub(crate) until: Timestamp,
}

impl Lease {
    pub(crate) fn new(now: Timestamp, until: Timestamp) -> Self {
        Self { id: LeaseId::new(now), until }
    }

    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct QueuedRequest {
    #[serde(with = "AddressRequestDef")]
    pub(crate) request: AddressRequest,
    pub(crate) lease: Option<Lease>,
}

impl QueuedRequest {
    /// Oldest first.
    pub(crate) const QUEUE: &str = "requests.queue";
    pub(crate) const BY_EXPIRY: &str = "requests.expiry";
}

impl Row for QueuedRequest {
    const TABLE: &str = "requests";

    fn key(&self) -> Vec<u8> {
        id!(self.request.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let AddressRequest { id, created_at, expires_at, .. } = &self.request;
        vec![
            (Self::QUEUE, [&time(*created_at)[..], id!(id)].concat()),
            (Self::BY_EXPIRY, [&time(*expires_at)[..], id!(id)].concat()),
        ]
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct QueuedMail {
    #[serde(with = "OutgoingMailDef")]
    pub(crate) mail: OutgoingMail,
    /// How often it was leased.
    pub(crate) attempts: u32,
    pub(crate) due_at: Timestamp,
    pub(crate) lease: Option<Lease>,
    /// When it was sent or given up.
    pub(crate) settled_at: Option<Timestamp>,
    /// Whether it was given up.
    pub(crate) abandoned: bool,
    /// What went wrong last.
    pub(crate) last_fault: Option<String>,
}

impl QueuedMail {
    /// What is still owed, oldest first.
    pub(crate) const QUEUE: &str = "mail.queue";
    pub(crate) const BY_SETTLEMENT: &str = "mail.settlement";
    /// What was given up and can still be sent.
    pub(crate) const BY_FACTS_EXPIRY: &str = "mail.facts_expiry";

    pub(crate) fn can_be_sent_after_all(&self) -> bool {
        self.abandoned && !self.mail.facts.as_bytes().is_empty()
    }
}

impl Row for QueuedMail {
    const TABLE: &str = "mail";

    fn key(&self) -> Vec<u8> {
        id!(self.mail.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let (index, at) = match self.settled_at {
            Some(at) => (Self::BY_SETTLEMENT, at),
            None => (Self::QUEUE, self.mail.created_at),
        };
        let mut entries = vec![(index, [&time(at)[..], id!(self.mail.id)].concat())];
        if self.can_be_sent_after_all() {
            entries.push((Self::BY_FACTS_EXPIRY, [&time(self.mail.expires_at)[..], id!(self.mail.id)].concat()));
        }
        entries
    }
}

/// Whose turn it is to do what one host does at a time.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredLease {
    pub(crate) name: String,
    pub(crate) holder: LeaseId,
    pub(crate) until: Timestamp,
}

impl Row for StoredLease {
    const TABLE: &str = "leases";

    fn key(&self) -> Vec<u8> {
        self.name.as_bytes().to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        Vec::new()
    }
}
