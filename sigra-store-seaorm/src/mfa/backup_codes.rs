//! Backup codes.

use async_trait::async_trait;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::ports::Mac;
use sigra_core::time::Timestamp;
use sigra_core::user::Epochs;
use sigra_mfa::ports::BackupCodeStore;

use crate::entity::backup_code::{Column, Entity, Model};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::{columns, factor_epoch};

#[async_trait]
impl BackupCodeStore for SeaOrmStore {
    async fn list(&self, user: UserId) -> Result<Vec<Mac>, StoreError> {
        self.read("BackupCodeStore::list", async |db| {
            let of_user = Entity::find().filter(Column::UserId.eq(user.as_uuid()));
            let rows = of_user.order_by_asc(Column::Mac).all(&db).await?;
            rows.into_iter().map(|row| Ok(Mac::from_bytes(columns::bytes32(row.mac, "mac")?))).collect()
        })
        .await
    }

    async fn consume(
        &self,
        user: UserId,
        code: &Mac,
        evidence: EvidenceFor<'_, u32>,
    ) -> Result<Option<u32>, StoreError> {
        self.write("BackupCodeStore::consume", |tx| async move {
            // Or two codes that are used at once would both count the other as left.
            factor_epoch::locked(&tx, user).await?;
            if !use_up(&tx, user, code).await? {
                return Ok(None);
            }
            // Locking reads see what was committed, whatever the transaction saw before.
            let left = Entity::find().filter(Column::UserId.eq(user.as_uuid())).lock_exclusive().all(&*tx).await?;
            let left = u32::try_from(left.len()).unwrap_or(u32::MAX);
            record(&tx, &evidence(&left)).await?;
            Ok(Some(left))
        })
        .await
    }

    async fn replace(
        &self,
        user: UserId,
        epochs: Epochs,
        codes: &[Mac],
        now: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("BackupCodeStore::replace", |tx| async move {
            if factor_epoch::standing(&tx, user, epochs).await?.is_none() {
                return Ok(false);
            }
            set(&tx, user, codes, now).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn disown(&self, user: UserId, since: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("BackupCodeStore::disown", |tx| async move {
            factor_epoch::locked(&tx, user).await?;
            let disowned = Entity::delete_many()
                .filter(Column::UserId.eq(user.as_uuid()))
                .filter(Column::MadeAt.gte(since.as_micros()))
                .exec(&*tx)
                .await?;
            if disowned.rows_affected == 0 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }
}

/// Uses a code up. Of concurrent callers one hears that it was theirs.
pub(super) async fn use_up(tx: &Tx, user: UserId, code: &Mac) -> Result<bool, Fault> {
    let key = (user.as_uuid(), code.as_bytes().to_vec());
    Ok(Entity::delete_by_id(key).exec(&**tx).await?.rows_affected == 1)
}

/// Replaces all codes of a locked account.
pub(super) async fn set(tx: &Tx, user: UserId, codes: &[Mac], now: Timestamp) -> Result<(), Fault> {
    Entity::delete_many().filter(Column::UserId.eq(user.as_uuid())).exec(&**tx).await?;
    if codes.is_empty() {
        return Ok(());
    }
    let row = |code: &Mac| Model { user_id: user.as_uuid(), mac: code.as_bytes().to_vec(), made_at: now.as_micros() };
    let rows = codes.iter().map(|code| row(code).into_active_model());
    Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}
