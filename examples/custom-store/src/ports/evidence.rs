//! Evidence, and the audit trail that is made of it.

use async_trait::async_trait;
use sigra_core::audit::AuditEvent;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{EventId, UserId};
use sigra_core::ports::{AuditReader, EvidenceLog, RecordedEvent};

use super::quarantine::quarantine;
use super::tokens::add_token;
use crate::error::Fault;
use crate::rows::{Event, QueuedMail, id};
use crate::store::{KvStore, Step};
use crate::table::{Writing, under};

/// Writes evidence down in the transaction of the step it belongs to. Its rows must be new.
pub(crate) fn record(tables: &mut Writing<'_>, evidence: Evidence) -> Result<(), Fault> {
    let Evidence { events, mail, tokens, quarantined } = evidence;
    for event in events {
        tables.insert(&Event(recorded(event)))?;
    }
    for mail in mail {
        let due_at = mail.created_at;
        let row =
            QueuedMail { mail, attempts: 0, due_at, lease: None, settled_at: None, abandoned: false, last_fault: None };
        tables.insert(&row)?;
    }
    for token in tokens {
        add_token(tables, token, None)?;
    }
    for new in quarantined {
        quarantine(tables, new)?;
    }
    Ok(())
}

#[async_trait]
impl EvidenceLog for KvStore {
    async fn append(&self, evidence: Evidence) -> Result<(), StoreError> {
        self.write("EvidenceLog::append", |_| Ok(Step::Done(())), |()| evidence).await
    }
}

#[async_trait]
impl AuditReader for KvStore {
    async fn page(
        &self,
        subject: Option<UserId>,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.read("AuditReader::page", move |tables| {
            let mut part = under(subject.map(|subject| id!(subject).to_vec()).unwrap_or_default().as_slice());
            if let Some(before) = before {
                part.end = [&part.start[..], id!(before)].concat();
            }
            let newest = |events: &mut dyn Iterator<Item = Result<Event, Fault>>| {
                events.take(limit as usize).map(|event| Ok(event?.0)).collect()
            };
            match subject {
                Some(_) => newest(&mut tables.walk(Event::BY_SUBJECT, part)?.rev()),
                None => newest(&mut tables.rows(part)?.rev()),
            }
        })
        .await
    }
}

fn recorded(event: AuditEvent) -> RecordedEvent {
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
