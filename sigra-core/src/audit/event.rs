//! One row of the audit trail.

use serde_json::{Map, Value};

use super::EventName;
use crate::client::ClientInfo;
use crate::id::{EventId, OrganizationId, SessionId, UserId};
use crate::time::Timestamp;

/// Whether what the event names came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did.
    Success,
    /// It was refused or went wrong.
    Failure,
}

impl Outcome {
    /// The stored form: `success` or `failure`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// One row of the audit trail.
///
/// `metadata` holds plain facts (counts, method names, reasons). It never holds a secret, a token, a hash or the
/// address of somebody who has no account.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// Identity of the row.
    pub id: EventId,
    /// What happened.
    pub name: EventName,
    /// When.
    pub at: Timestamp,
    /// Whether it came about.
    pub outcome: Outcome,
    /// Who did it; `None` when nobody is established.
    pub actor: Option<UserId>,
    /// Whom it concerns.
    pub subject: Option<UserId>,
    /// Within which organization.
    pub organization: Option<OrganizationId>,
    /// With which session.
    pub session: Option<SessionId>,
    /// From where.
    pub client: ClientInfo,
    /// Why, as a fixed word, when it was refused.
    pub reason: Option<&'static str>,
    /// Further plain facts.
    pub metadata: Map<String, Value>,
}

impl AuditEvent {
    /// A success nobody is established for.
    #[must_use]
    pub fn new(name: EventName, at: Timestamp, client: &ClientInfo) -> Self {
        Self {
            id: EventId::new(at),
            name,
            at,
            outcome: Outcome::Success,
            actor: None,
            subject: None,
            organization: None,
            session: None,
            client: client.clone(),
            reason: None,
            metadata: Map::new(),
        }
    }

    /// The user acted on their own account.
    #[must_use]
    pub fn by(mut self, user: UserId) -> Self {
        self.actor = Some(user);
        self.subject = Some(user);
        self
    }

    /// Somebody unknown acted on the user's account.
    #[must_use]
    pub fn about(mut self, user: UserId) -> Self {
        self.subject = Some(user);
        self
    }

    /// With this session.
    #[must_use]
    pub fn within(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// It was refused, for this reason.
    #[must_use]
    pub const fn failed(mut self, reason: &'static str) -> Self {
        self.outcome = Outcome::Failure;
        self.reason = Some(reason);
        self
    }

    /// Adds a plain fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }
}
