//! Evidence that stands alone, and the mail queue.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::evidence::Evidence;
use crate::id::{LeaseId, MailId};
use crate::mail::OutgoingMail;
use crate::time::Timestamp;

/// Records evidence that no change goes with, or whose change lives in another storage.
#[async_trait]
pub trait EvidenceLog: Send + Sync {
    /// Makes events and mail durable, together or not at all.
    async fn append(&self, evidence: Evidence) -> Result<(), StoreError>;
}

/// Mail that is owed.
///
/// # Contract
///
/// - [`OutboxStore::lease`] gives each mail to one worker until its lease lapses; concurrent callers get different rows.
///   A mail whose worker died is leased again after that.
/// - The other methods act only while the lease is still the worker's; `false`, and nothing changed, otherwise.
/// - The facts of a mail that was sent or abandoned are wiped in the same step.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Leases up to `limit` mails that are due and that nobody holds, oldest first, until `until`. Includes expired ones.
    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedMail>, StoreError>;

    /// The mail was handed over.
    async fn sent(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError>;

    /// The mail is tried again, not before `at`.
    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError>;

    /// The mail is given up.
    async fn abandon(&self, id: MailId, lease: LeaseId, at: Timestamp, evidence: Evidence) -> Result<bool, StoreError>;
}

/// A mail a worker holds.
#[derive(Clone, Debug)]
pub struct LeasedMail {
    /// The mail.
    pub mail: OutgoingMail,
    /// The lease under which it may be settled.
    pub lease: LeaseId,
    /// Which try this is, counted from one.
    pub attempt: u32,
}
