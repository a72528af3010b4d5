//! Evidence that stands alone, and the mail queue.

use async_trait::async_trait;

use crate::email::EmailAddress;
use crate::error::StoreError;
use crate::evidence::Evidence;
use crate::id::{LeaseId, MailId};
use crate::mail::{MailFault, MailKind, OutgoingMail};
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
/// - [`OutboxStore::sent`], [`OutboxStore::retry`] and [`OutboxStore::abandon`] act only while the lease is still the
///   worker's; `false`, and nothing changed, otherwise.
/// - The facts of a mail that was sent, or was abandoned when it had expired, are wiped in the same step. Those of any other
///   abandoned mail stay, sealed, until it expires: so long an operator can have it sent after all. Then
///   [`Housekeeping`](super::Housekeeping) wipes them.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Leases up to `limit` mails that are due and that nobody holds, oldest first, until `until`. Includes expired ones.
    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedMail>, StoreError>;

    /// The mail was handed over.
    async fn sent(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError>;

    /// The mail is tried again, not before `at`, because of `fault`.
    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp, fault: &MailFault) -> Result<bool, StoreError>;

    /// The mail is given up because of `fault`.
    async fn abandon(
        &self,
        id: MailId,
        lease: LeaseId,
        at: Timestamp,
        fault: &MailFault,
        evidence: Evidence,
    ) -> Result<bool, StoreError>;

    /// An abandoned mail is owed again, due at once and with its tries counted from one, as long as it has not expired at
    /// `now`. Records `evidence` only if it is [`Requeued::Done`].
    async fn requeue(&self, id: MailId, now: Timestamp, evidence: Evidence) -> Result<Requeued, StoreError>;
}

/// What came of sending an abandoned mail after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Requeued {
    /// It is owed again.
    Done,
    /// There is no such mail, or no record of it any more.
    Unknown,
    /// It was sent, or is still being tried.
    NotAbandoned,
    /// It has expired: its links and codes are worth nothing, and its facts are gone.
    Expired,
}

/// Tells the operator what became of mail. It never tells what is in one.
///
/// # Contract
///
/// Pages are by key, newest first: a mail that is there throughout is in exactly one of consecutive pages, whatever is
/// written meanwhile. Nothing is changed.
#[async_trait]
pub trait OutboxReader: Send + Sync {
    /// Up to `limit` mails older than `before` (the last id of the page before; `None` starts at the newest), as they are at
    /// `now`, in a state if one is given.
    async fn page(
        &self,
        state: Option<MailState>,
        before: Option<MailId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<MailRecord>, StoreError>;
}

/// What is known of a mail, without its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRecord {
    /// The mail.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// Its recipient.
    pub to: EmailAddress,
    /// Where it stands.
    pub state: MailState,
    /// How often it was tried, since it was last put into the queue.
    pub attempts: u32,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it is not worth sending any more.
    pub expires_at: Timestamp,
    /// When it is tried next at the earliest: of [`MailState::Retrying`], and of [`MailState::Leased`], should its worker
    /// have died.
    pub next_try_at: Option<Timestamp>,
    /// When it was sent or abandoned.
    pub settled_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_fault: Option<MailFault>,
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailState {
    /// A worker will take it.
    Due,
    /// A worker has it.
    Leased,
    /// It waits for its next try.
    Retrying,
    /// It was handed over.
    Sent,
    /// It was given up.
    Abandoned,
}

impl MailState {
    /// The name, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Leased => "leased",
            Self::Retrying => "retrying",
            Self::Sent => "sent",
            Self::Abandoned => "abandoned",
        }
    }
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
