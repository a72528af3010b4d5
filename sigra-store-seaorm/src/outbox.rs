//! Mail that is owed. Leases work as in [`requests`](crate::requests); settled mail is never due.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, UpdateMany,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId};
use sigra_core::mail::{MailFault, MailKind, OutgoingMail};
use sigra_core::ports::{LeasedMail, MailRecord, MailState, OutboxReader, OutboxStore, Requeued, Sealed};
use sigra_core::time::Timestamp;
use uuid::Uuid;

use crate::columns;
use crate::entity::mail::{Column, Entity, Model};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::SeaOrmStore;

#[async_trait]
impl OutboxStore for SeaOrmStore {
    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedMail>, StoreError> {
        const OPERATION: &str = "OutboxStore::lease";

        let due = Column::DueAt.lte(now.as_micros());
        let ids = self
            .read(OPERATION, async |db| {
                let oldest = Entity::find().select_only().column(Column::Id).filter(due.clone());
                let oldest = oldest.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(u64::from(limit));
                Ok(oldest.into_tuple::<Uuid>().all(&db).await?)
            })
            .await?;
        // Polling an empty queue takes no lock.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (due, ids, lease) = (&due, &ids, LeaseId::new(now));
        self.write(OPERATION, |tx| async move {
            Entity::update_many()
                .col_expr(Column::DueAt, Expr::value(until.as_micros()))
                .col_expr(Column::LeaseId, Expr::value(lease.as_uuid()))
                .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
                .filter(Column::Id.is_in(ids.iter().copied()))
                .filter(due.clone())
                .exec(&*tx)
                .await?;
            let claimed = Entity::find().filter(Column::LeaseId.eq(lease.as_uuid()));
            let claimed = claimed.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(&*tx).await?;
            claimed.into_iter().map(|row| leased(row, lease)).collect()
        })
        .await
    }

    async fn sent(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError> {
        self.write("OutboxStore::sent", |tx| async move {
            let sent = settled(id, lease, SENT, at).col_expr(Column::Facts, Expr::value(Vec::<u8>::new()));
            Ok(sent.exec(&*tx).await?.rows_affected == 1)
        })
        .await
    }

    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp, fault: &MailFault) -> Result<bool, StoreError> {
        self.write("OutboxStore::retry", |tx| async move {
            let put_back = held(id, lease)
                .col_expr(Column::DueAt, Expr::value(at.as_micros()))
                .col_expr(Column::LastFault, Expr::value(fault.as_str()))
                .exec(&*tx)
                .await?;
            Ok(put_back.rows_affected == 1)
        })
        .await
    }

    async fn abandon(
        &self,
        id: MailId,
        lease: LeaseId,
        at: Timestamp,
        fault: &MailFault,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("OutboxStore::abandon", |tx| async move {
            let worth_keeping = || Column::ExpiresAt.gt(at.as_micros());
            let facts = Expr::case(worth_keeping(), Expr::col(Column::Facts)).finally(Expr::value(Vec::<u8>::new()));
            let until = Expr::case(worth_keeping(), Expr::col(Column::ExpiresAt)).finally(Expr::value(None::<i64>));
            let abandoned = settled(id, lease, ABANDONED, at)
                .col_expr(Column::Facts, facts.into())
                .col_expr(Column::FactsUntil, until.into())
                .col_expr(Column::LastFault, Expr::value(fault.as_str()))
                .exec(&*tx)
                .await?;
            if abandoned.rows_affected != 1 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn requeue(&self, id: MailId, now: Timestamp, evidence: Evidence) -> Result<Requeued, StoreError> {
        let evidence = &evidence;
        self.write("OutboxStore::requeue", |tx| async move {
            let owed = Entity::update_many()
                .col_expr(Column::DueAt, Expr::value(now.as_micros()))
                .col_expr(Column::Attempts, Expr::value(0_i64))
                .col_expr(Column::SettledAt, Expr::value(None::<i64>))
                .col_expr(Column::SettledAs, Expr::value(None::<String>))
                .col_expr(Column::FactsUntil, Expr::value(None::<i64>))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::SettledAs.eq(ABANDONED))
                .filter(Column::FactsUntil.gt(now.as_micros()))
                .exec(&*tx)
                .await?;
            if owed.rows_affected == 1 {
                record(&tx, evidence).await?;
                return Ok(Requeued::Done);
            }
            let found = Entity::find_by_id(id.as_uuid()).select_only().column(Column::SettledAs);
            Ok(match found.into_tuple::<Option<String>>().one(&*tx).await? {
                None => Requeued::Unknown,
                Some(Some(how)) if how == ABANDONED => Requeued::Expired,
                Some(_) => Requeued::NotAbandoned,
            })
        })
        .await
    }
}

#[async_trait]
impl OutboxReader for SeaOrmStore {
    async fn page(
        &self,
        state: Option<MailState>,
        before: Option<MailId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<MailRecord>, StoreError> {
        self.read("OutboxReader::page", async |db| {
            // Without the facts, which nobody asks for.
            let rows = Entity::find()
                .select_only()
                .columns([Column::Id, Column::Kind, Column::Recipient, Column::CreatedAt, Column::ExpiresAt])
                .columns([Column::Attempts, Column::DueAt, Column::LeaseId, Column::SettledAt, Column::SettledAs])
                .column(Column::LastFault)
                .apply_if(state, |query, state| query.filter(stands(state, now)))
                .apply_if(before, |query, id| query.filter(Column::Id.lt(id.as_uuid())))
                .order_by_desc(Column::Id)
                .limit(u64::from(limit));
            let rows = rows.into_tuple::<Row>().all(&db).await?;
            rows.into_iter().map(|row| mail_record(row, now)).collect()
        })
        .await
    }
}

const SENT: &str = "sent";
const ABANDONED: &str = "abandoned";

fn stands(state: MailState, now: Timestamp) -> Condition {
    let owed = Condition::all().add(Column::SettledAs.is_null());
    let now = now.as_micros();
    match state {
        MailState::Due => owed.add(Column::DueAt.lte(now)),
        MailState::Leased => owed.add(Column::DueAt.gt(now)).add(Column::LeaseId.is_not_null()),
        MailState::Retrying => owed.add(Column::DueAt.gt(now)).add(Column::LeaseId.is_null()),
        MailState::Sent => Condition::all().add(Column::SettledAs.eq(SENT)),
        MailState::Abandoned => Condition::all().add(Column::SettledAs.eq(ABANDONED)),
    }
}

/// Id, kind, recipient, times of creation and expiry, attempts, when it is due, lease, when and as what it was settled, and
/// the last fault.
type Row =
    (Uuid, String, String, i64, i64, i64, Option<i64>, Option<Uuid>, Option<i64>, Option<String>, Option<String>);

fn mail_record(row: Row, now: Timestamp) -> Result<MailRecord, Fault> {
    let (id, kind, to, created_at, expires_at, attempts, due_at, lease, settled_at, settled_as, last_fault) = row;
    let waits_until = columns::time(due_at).filter(|at| now < *at);
    let state = match (settled_as.as_deref(), waits_until) {
        (Some(SENT), _) => MailState::Sent,
        (Some(ABANDONED), _) => MailState::Abandoned,
        (Some(_), _) => return Err(Fault::Corrupt("settled_as")),
        (None, None) => MailState::Due,
        (None, Some(_)) if lease.is_some() => MailState::Leased,
        (None, Some(_)) => MailState::Retrying,
    };
    Ok(MailRecord {
        id: MailId::from_uuid(id),
        kind: MailKind::from_stored(kind),
        to: columns::email(&to)?,
        state,
        attempts: u32::try_from(attempts).map_err(|_| Fault::Corrupt("attempts"))?,
        created_at: Timestamp::from_micros(created_at),
        expires_at: Timestamp::from_micros(expires_at),
        next_try_at: waits_until,
        settled_at: columns::time(settled_at),
        last_fault: last_fault.map(MailFault::from_stored),
    })
}

/// An update that settles the mail that is held under a lease.
fn settled(id: MailId, lease: LeaseId, how: &'static str, at: Timestamp) -> UpdateMany<Entity> {
    held(id, lease)
        .col_expr(Column::DueAt, Expr::value(None::<i64>))
        .col_expr(Column::SettledAt, Expr::value(at.as_micros()))
        .col_expr(Column::SettledAs, Expr::value(how))
}

/// An update that gives the lease back, of the mail that is held under it.
fn held(id: MailId, lease: LeaseId) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::LeaseId, Expr::value(None::<Uuid>))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::LeaseId.eq(lease.as_uuid()))
}

fn leased(row: Model, lease: LeaseId) -> Result<LeasedMail, Fault> {
    Ok(LeasedMail {
        mail: OutgoingMail {
            id: MailId::from_uuid(row.id),
            kind: MailKind::from_stored(row.kind),
            to: columns::email(&row.recipient)?,
            facts: Sealed::from_bytes(row.facts),
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        },
        lease,
        attempt: u32::try_from(row.attempts).map_err(|_| Fault::Corrupt("attempts"))?,
    })
}
