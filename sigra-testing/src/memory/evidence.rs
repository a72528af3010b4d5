//! The audit trail.

use std::ops::Bound;

use async_trait::async_trait;
use sigra_core::audit::AuditEvent;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{EventId, UserId};
use sigra_core::ports::{AuditReader, EvidenceLog, RecordedEvent};

use super::MemoryStore;

#[async_trait]
impl EvidenceLog for MemoryStore {
    async fn append(&self, evidence: Evidence) -> Result<(), StoreError> {
        self.change("log.append", |state| state.record(evidence))
    }
}

#[async_trait]
impl AuditReader for MemoryStore {
    async fn page(
        &self,
        subject: Option<UserId>,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.read("audit.page", |state| {
            let end = before.map_or(Bound::Unbounded, Bound::Excluded);
            let newest_first = state.events.range((Bound::Unbounded, end)).rev().map(|(_, event)| event);
            let about = newest_first.filter(|event| subject.is_none() || event.subject == subject);
            about.take(limit as usize).cloned().collect()
        })
    }
}

pub(super) fn recorded(event: AuditEvent) -> RecordedEvent {
    RecordedEvent {
        id: event.id,
        name: event.name.as_str().to_owned(),
        at: event.at,
        outcome: event.outcome,
        actor: event.actor,
        subject: event.subject,
        organization: event.organization,
        session: event.session,
        client: event.client,
        reason: event.reason.map(str::to_owned),
        metadata: event.metadata,
    }
}
