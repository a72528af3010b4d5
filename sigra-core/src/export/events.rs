//! What the audit trail says about the account.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use crate::error::FlowError;
use crate::id::UserId;
use crate::ports::{AuditReader, RecordedEvent};

/// So many rows a page.
const ROWS: u32 = 200;

pub(super) struct SecurityEvents(pub(super) Arc<dyn AuditReader>);

#[async_trait]
impl ExportSection for SecurityEvents {
    fn name(&self) -> &'static str {
        "security_events"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[
            Omission {
                what: "who else acted",
                why: "Another person's id is theirs; the event says that it was another.",
            },
            Omission { what: "what the account did to others", why: "It is about them, and theirs to ask for." },
        ]
    }

    async fn page(&self, account: &ExportAccount<'_>, after: Option<&str>) -> Result<ExportPage, FlowError> {
        let user = account.user.id;
        // A key is a text of this section's own; one that is none begins at no event.
        let before = after.and_then(|id| id.parse().ok());
        let rows = self.0.page(Some(user), before, ROWS).await?;
        let more = rows.len() == ROWS as usize;
        let next = rows.last().filter(|_| more).map(|last| last.id.to_string());
        Ok(ExportPage { records: rows.into_iter().map(|row| record(row, user)).collect(), next })
    }
}

fn record(row: RecordedEvent, user: UserId) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "at": row.at.to_string(),
        "outcome": row.outcome.as_str(),
        "reason": row.reason,
        "by": row.actor.map(|actor| if actor == user { "you" } else { "another" }),
        "session": row.session.map(|session| session.to_string()),
        "organization": row.organization.map(|organization| organization.to_string()),
        "ip": row.client.ip.map(|ip| ip.to_string()),
        "user_agent": row.client.user_agent,
        "details": row.metadata,
    })
}
