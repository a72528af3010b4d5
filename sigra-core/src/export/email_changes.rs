//! Changes of the account's address, while anything of them can be redeemed or undone.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use crate::address_change::{AddressChange, RecordedChange};
use crate::error::FlowError;
use crate::ports::AddressChangeStore;
use crate::time::Clock;

/// So many rows a page.
const ROWS: u32 = 200;

pub(super) struct EmailChanges {
    pub(super) store: Arc<dyn AddressChangeStore>,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl ExportSection for EmailChanges {
    fn name(&self) -> &'static str {
        "email_changes"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[Omission {
            what: "changes of address that are over",
            why: "They are deleted when nothing can be undone any more; that they were made is in security_events.",
        }]
    }

    async fn page(&self, account: &ExportAccount<'_>, after: Option<&str>) -> Result<ExportPage, FlowError> {
        // A key is a text of this section's own; one that is none begins at no change.
        let before = after.and_then(|id| id.parse().ok());
        let rows = self.store.list(account.user.id, self.clock.now(), before, ROWS).await?;
        let more = rows.len() == ROWS as usize;
        let next = rows.last().filter(|_| more).map(|last| last.change.id.to_string());
        Ok(ExportPage { records: rows.iter().map(record).collect(), next })
    }
}

fn record(RecordedChange { change, state, undo_expires_at }: &RecordedChange) -> Value {
    let AddressChange { id, user: _, session, epochs: _, old, new, requested_at, expires_at } = change;
    json!({
        "id": id.to_string(),
        "state": state.as_str(),
        "old_email": old.as_str(),
        "new_email": new.as_str(),
        "session": session.to_string(),
        "requested_at": requested_at.to_string(),
        "expires_at": expires_at.to_string(),
        "undo_expires_at": undo_expires_at.map(|at| at.to_string()),
    })
}
