//! Evidence becomes rows here; and the audit trail is read.

use async_trait::async_trait;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _,
};
use sigra_core::audit::{AuditEvent, Outcome};
use sigra_core::client::ClientInfo;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{EventId, OrganizationId, SessionId, UserId};
use sigra_core::mail::OutgoingMail;
use sigra_core::ports::{AuditReader, EvidenceLog, RecordedEvent};
use sigra_core::time::Timestamp;

use crate::entity::{audit_event, mail};
use crate::error::Fault;
use crate::store::{SeaOrmStore, Tx};
use crate::{columns, tokens};

/// Writes evidence in the transaction it belongs to, as the last thing of its step.
pub(crate) async fn record(tx: &Tx, evidence: &Evidence) -> Result<(), Fault> {
    if !evidence.events.is_empty() {
        let rows = evidence.events.iter().map(|event| event_row(event).into_active_model());
        audit_event::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    if !evidence.mail.is_empty() {
        let rows = evidence.mail.iter().map(|mail| mail_row(mail).into_active_model());
        mail::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    for token in &evidence.tokens {
        tokens::insert(tx, token).await?;
    }
    Ok(())
}

#[async_trait]
impl EvidenceLog for SeaOrmStore {
    async fn append(&self, evidence: Evidence) -> Result<(), StoreError> {
        let evidence = &evidence;
        self.write("EvidenceLog::append", |tx| async move { record(&tx, evidence).await }).await
    }
}

#[async_trait]
impl AuditReader for SeaOrmStore {
    async fn page(
        &self,
        subject: Option<UserId>,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.read("AuditReader::page", async |db| {
            let rows = audit_event::Entity::find()
                .apply_if(subject, |query, id| query.filter(audit_event::Column::SubjectId.eq(id.as_uuid())))
                .apply_if(before, |query, id| query.filter(audit_event::Column::Id.lt(id.as_uuid())))
                .order_by_desc(audit_event::Column::Id)
                .limit(u64::from(limit))
                .all(&db)
                .await?;
            rows.into_iter().map(recorded).collect()
        })
        .await
    }
}

fn event_row(event: &AuditEvent) -> audit_event::Model {
    audit_event::Model {
        id: event.id.as_uuid(),
        name: event.name.as_str().to_owned(),
        occurred_at: event.at.as_micros(),
        outcome: event.outcome.as_str().to_owned(),
        actor_id: event.actor.map(|id| id.as_uuid()),
        subject_id: event.subject.map(|id| id.as_uuid()),
        organization_id: event.organization.map(|id| id.as_uuid()),
        session_id: event.session.map(|id| id.as_uuid()),
        ip: event.client.ip.map(|ip| ip.to_string()),
        user_agent: event.client.user_agent.clone(),
        request_id: event.client.request_id.clone(),
        reason: event.reason.map(str::to_owned),
        metadata: columns::json(&event.metadata),
    }
}

fn recorded(row: audit_event::Model) -> Result<RecordedEvent, Fault> {
    let outcome = match row.outcome.as_str() {
        "success" => Outcome::Success,
        "failure" => Outcome::Failure,
        _ => return Err(Fault::Corrupt("outcome")),
    };
    let ip = row.ip.map(|ip| ip.parse().map_err(|_| Fault::Corrupt("ip"))).transpose()?;
    Ok(RecordedEvent {
        id: EventId::from_uuid(row.id),
        name: row.name,
        at: Timestamp::from_micros(row.occurred_at),
        outcome,
        actor: row.actor_id.map(UserId::from_uuid),
        subject: row.subject_id.map(UserId::from_uuid),
        organization: row.organization_id.map(OrganizationId::from_uuid),
        session: row.session_id.map(SessionId::from_uuid),
        client: ClientInfo { ip, user_agent: row.user_agent, request_id: row.request_id },
        reason: row.reason,
        metadata: columns::from_json(&row.metadata, "metadata")?,
    })
}

fn mail_row(mail: &OutgoingMail) -> mail::Model {
    mail::Model {
        id: mail.id.as_uuid(),
        kind: mail.kind.as_str().to_owned(),
        recipient: mail.to.as_str().to_owned(),
        facts: mail.facts.as_bytes().to_vec(),
        created_at: mail.created_at.as_micros(),
        expires_at: mail.expires_at.as_micros(),
        attempts: 0,
        due_at: Some(mail.created_at.as_micros()),
        lease_id: None,
        settled_at: None,
        settled_as: None,
    }
}
