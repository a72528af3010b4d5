//! Whose turn it is.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, UpdateMany};
use sigra_core::error::StoreError;
use sigra_core::id::LeaseId;
use sigra_core::ports::LeaseStore;
use sigra_core::time::Timestamp;

use crate::entity::lease::{Column, Entity, Model};
use crate::error::Fault;
use crate::store::{SeaOrmStore, Tx};

#[async_trait]
impl LeaseStore for SeaOrmStore {
    async fn take(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.write("LeaseStore::take", |tx| async move {
            let lapsed =
                || hold(holder, until).filter(Column::Name.eq(name)).filter(Column::HeldUntil.lte(now.as_micros()));
            if lapsed().exec(&*tx).await?.rows_affected == 1 {
                return Ok(true);
            }
            // It is held, or was released and has no row. One that has lapsed for ever is there for all to take.
            make_row(&tx, name, holder).await?;
            Ok(lapsed().exec(&*tx).await?.rows_affected == 1)
        })
        .await
    }

    async fn renew(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.single("LeaseStore::renew", |db| async move {
            let held = hold(holder, until)
                .filter(Column::Name.eq(name))
                .filter(Column::Holder.eq(holder.as_uuid()))
                .filter(Column::HeldUntil.gt(now.as_micros()));
            Ok(held.exec(&db).await?.rows_affected == 1)
        })
        .await
    }

    async fn release(&self, name: &str, holder: LeaseId, now: Timestamp) -> Result<bool, StoreError> {
        self.single("LeaseStore::release", |db| async move {
            let held = Entity::delete_many()
                .filter(Column::Name.eq(name))
                .filter(Column::Holder.eq(holder.as_uuid()))
                .filter(Column::HeldUntil.gt(now.as_micros()));
            Ok(held.exec(&db).await?.rows_affected == 1)
        })
        .await
    }
}

/// An update that gives leases to a holder.
fn hold(holder: LeaseId, until: Timestamp) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::Holder, Expr::value(holder.as_uuid()))
        .col_expr(Column::HeldUntil, Expr::value(until.as_micros()))
}

/// Makes the row of a lease if there is none, lapsed.
async fn make_row(tx: &Tx, name: &str, holder: LeaseId) -> Result<(), Fault> {
    let row = Model { name: name.to_owned(), holder: holder.as_uuid(), held_until: i64::MIN };
    let or_leave = OnConflict::column(Column::Name).update_column(Column::Name).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(or_leave).exec_without_returning(&**tx).await?;
    Ok(())
}
