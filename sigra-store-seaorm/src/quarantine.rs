//! Addresses in quarantine.

use async_trait::async_trait;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait as _, Condition, ConnectionTrait, DbBackend, EntityTrait as _, QueryFilter as _};
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{Mac, QuarantineStore, Quarantined};
use sigra_core::time::Timestamp;

use crate::batch::Batch;
use crate::entity::quarantine::{Column, Entity, Model};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::SeaOrmStore;
use crate::{columns, dialect};

#[async_trait]
impl QuarantineStore for SeaOrmStore {
    async fn find(&self, keys: &[Mac], now: Timestamp) -> Result<Option<Quarantined>, StoreError> {
        self.read("QuarantineStore::find", async |db| {
            let last = live(&db, keys, now).await?.into_iter().max_by_key(|row| row.expires_at);
            last.map(quarantined).transpose()
        })
        .await
    }

    async fn release(&self, keys: &[Mac], now: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("QuarantineStore::release", |tx| async move {
            let released = Entity::delete_many().filter(is_live(keys, now)).exec(&*tx).await?;
            if released.rows_affected == 0 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }
}

/// Whether an address is kept from `taker`.
pub(crate) async fn keeps(
    db: &impl ConnectionTrait,
    keys: &[Mac],
    taker: Option<UserId>,
    now: Timestamp,
) -> Result<bool, Fault> {
    if keys.is_empty() {
        return Ok(false);
    }
    let taker = taker.map(|taker| taker.as_uuid());
    Ok(live(db, keys, now).await?.iter().any(|row| taker.is_none() || row.holder_id != taker))
}

/// Keeps addresses, in `batch`.
pub(crate) fn add(batch: &mut Batch, quarantined: &[Quarantined], backend: DbBackend) {
    for Quarantined { key, holder, until } in quarantined {
        let values = [key.as_bytes().to_vec().into(), holder.map(|id| id.as_uuid()).into(), until.as_micros().into()];
        batch.add(dialect::quarantines(backend), values);
    }
}

async fn live(db: &impl ConnectionTrait, keys: &[Mac], now: Timestamp) -> Result<Vec<Model>, Fault> {
    Ok(Entity::find().filter(is_live(keys, now)).all(db).await?)
}

fn is_live(keys: &[Mac], now: Timestamp) -> Condition {
    let named: SimpleExpr = Column::AddressMac.is_in(keys.iter().map(|key| key.as_bytes().to_vec()));
    Condition::all().add(named).add(Column::ExpiresAt.gt(now.as_micros()))
}

fn quarantined(row: Model) -> Result<Quarantined, Fault> {
    Ok(Quarantined {
        key: Mac::from_bytes(columns::bytes32(row.address_mac, "address_mac")?),
        holder: row.holder_id.map(UserId::from_uuid),
        until: Timestamp::from_micros(row.expires_at),
    })
}
