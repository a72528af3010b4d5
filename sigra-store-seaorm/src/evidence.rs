//! Evidence becomes rows here; and the audit trail is read.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Select, Value,
};
use sigra_core::audit::{AuditEvent, Outcome};
use sigra_core::client::ClientInfo;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{EventId, OrganizationId, SessionId, UserId};
use sigra_core::mail::OutgoingMail;
use sigra_core::ports::{AuditReader, EvidenceLog, RecordedEvent};
use sigra_core::time::Timestamp;
use uuid::Uuid;

use crate::batch::Batch;
use crate::entity::audit_event::{self, Column};
use crate::error::Fault;
use crate::store::{SeaOrmStore, Tx};
use crate::{columns, quarantine, tokens};

const EVENTS: &str = "INSERT INTO sigra_audit_events (id, name, occurred_at, outcome, actor_id, subject_id, \
                      organization_id, session_id, ip, user_agent, request_id, reason, metadata) VALUES ";
const MAIL: &str = "INSERT INTO sigra_outbox (id, kind, recipient, facts, created_at, expires_at, attempts, due_at, \
                    lease_id, settled_at, settled_as) VALUES ";

/// Writes evidence in the transaction it belongs to, as the last thing of its step.
pub(crate) async fn record(tx: &Tx, evidence: &Evidence) -> Result<(), Fault> {
    finish(tx, Batch::default(), evidence).await
}

/// Runs what is left of a step and writes its evidence, as the last thing.
pub(crate) async fn finish(tx: &Tx, mut rest: Batch, evidence: &Evidence) -> Result<(), Fault> {
    add(&mut rest, evidence, tx.get_database_backend());
    rest.run(tx).await
}

/// Writes evidence, in `batch`.
pub(crate) fn add(batch: &mut Batch, evidence: &Evidence, backend: DbBackend) {
    batch.insert(EVENTS, evidence.events.iter().map(event_row));
    batch.insert(MAIL, evidence.mail.iter().map(mail_row));
    tokens::add(batch, &evidence.tokens);
    quarantine::add(batch, &evidence.quarantined, backend);
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
            let all = audit_event::Entity::find();
            let wanted = match (subject, db.get_database_backend()) {
                (Some(subject), DbBackend::Postgres) => within_index(all, subject, before),
                _ => all
                    .apply_if(subject, |query, id| query.filter(Column::SubjectId.eq(id.as_uuid())))
                    .apply_if(before, |query, id| query.filter(Column::Id.lt(id.as_uuid()))),
            };
            let rows = wanted.order_by_desc(Column::Id).limit(u64::from(limit)).all(&db).await?;
            rows.into_iter().map(recorded).collect()
        })
        .await
    }
}

/// A subject's part of the index over subject and id, in its order. Asked for one subject in the order of ids, PostgreSQL
/// walks everybody's ids where it expects to meet the subject's soon, and they may all be old. No other index has this order.
fn within_index(
    all: Select<audit_event::Entity>,
    subject: UserId,
    before: Option<EventId>,
) -> Select<audit_event::Entity> {
    let subject = subject.as_uuid();
    let end = Expr::tuple([Expr::val(subject), Expr::val(before.map_or(Uuid::max(), |id| id.as_uuid()))]);
    all.filter(Column::SubjectId.gte(subject))
        .filter(Expr::tuple([Expr::col(Column::SubjectId), Expr::col(Column::Id)]).lt(end))
        .order_by_desc(Column::SubjectId)
}

fn event_row(event: &AuditEvent) -> [Value; 13] {
    [
        event.id.as_uuid().into(),
        event.name.as_str().into(),
        event.at.as_micros().into(),
        event.outcome.as_str().into(),
        event.actor.map(|id| id.as_uuid()).into(),
        event.subject.map(|id| id.as_uuid()).into(),
        event.organization.map(|id| id.as_uuid()).into(),
        event.session.map(|id| id.as_uuid()).into(),
        event.client.ip.map(|ip| ip.to_string()).into(),
        event.client.user_agent.clone().into(),
        event.client.request_id.clone().into(),
        event.reason.into(),
        columns::json(&event.metadata).into(),
    ]
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

fn mail_row(mail: &OutgoingMail) -> [Value; 11] {
    [
        mail.id.as_uuid().into(),
        mail.kind.as_str().into(),
        mail.to.as_str().into(),
        mail.facts.as_bytes().to_vec().into(),
        mail.created_at.as_micros().into(),
        mail.expires_at.as_micros().into(),
        0_i64.into(),
        mail.created_at.as_micros().into(),
        None::<Uuid>.into(),
        None::<i64>.into(),
        None::<String>.into(),
    ]
}
