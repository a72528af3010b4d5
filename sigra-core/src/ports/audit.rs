//! Reading the audit trail.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::audit::Outcome;
use crate::client::ClientInfo;
use crate::error::StoreError;
use crate::id::{EventId, OrganizationId, SessionId, UserId};
use crate::time::Timestamp;

/// Reads the audit trail, newest first, a page at a time.
///
/// # Contract
///
/// - What is about `subject` is found by an index over subject and id, so that a page costs the same however much there is
///   about the subject, about others and before the page.
/// - Nothing that is about somebody else, or about nobody, is in a subject's pages, whatever `before` is: it is a place in the
///   order of ids, whether or not a row has that id, and whoever that row is about.
/// - Going on with the last id of each page, one neither skips nor repeats an event, though others are recorded meanwhile.
#[async_trait]
pub trait AuditReader: Send + Sync {
    /// Up to `limit` events older than `before` (the last id of the page before; `None` starts at the newest), about
    /// `subject` if one is given.
    async fn page(
        &self,
        subject: Option<UserId>,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError>;
}

/// An event as it was recorded. Names and reasons are texts here: a row may be older than the code that reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    /// Identity of the row.
    pub id: EventId,
    /// What happened.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Whether it came about.
    pub outcome: Outcome,
    /// Who did it.
    pub actor: Option<UserId>,
    /// Whom it concerns.
    pub subject: Option<UserId>,
    /// Within which organization.
    pub organization: Option<OrganizationId>,
    /// With which session.
    pub session: Option<SessionId>,
    /// From where.
    pub client: ClientInfo,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Further plain facts.
    pub metadata: Map<String, Value>,
}
