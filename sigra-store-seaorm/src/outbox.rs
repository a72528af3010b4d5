//! Mail that is owed. Leases work as in [`requests`](crate::requests); settled mail is never due.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    UpdateMany,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId};
use sigra_core::mail::{MailKind, OutgoingMail};
use sigra_core::ports::{LeasedMail, OutboxStore, Sealed};
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
        self.write("OutboxStore::sent", |tx| async move { settle(&tx, id, lease, "sent", at).await }).await
    }

    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError> {
        self.write("OutboxStore::retry", |tx| async move {
            let put_back = held(id, lease).col_expr(Column::DueAt, Expr::value(at.as_micros())).exec(&*tx).await?;
            Ok(put_back.rows_affected == 1)
        })
        .await
    }

    async fn abandon(&self, id: MailId, lease: LeaseId, at: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("OutboxStore::abandon", |tx| async move {
            if !settle(&tx, id, lease, "abandoned", at).await? {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }
}

async fn settle(
    tx: &DatabaseTransaction,
    id: MailId,
    lease: LeaseId,
    how: &'static str,
    at: Timestamp,
) -> Result<bool, Fault> {
    let settled = held(id, lease)
        .col_expr(Column::Facts, Expr::value(Vec::<u8>::new()))
        .col_expr(Column::DueAt, Expr::value(None::<i64>))
        .col_expr(Column::SettledAt, Expr::value(at.as_micros()))
        .col_expr(Column::SettledAs, Expr::value(how))
        .exec(tx)
        .await?;
    Ok(settled.rows_affected == 1)
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
