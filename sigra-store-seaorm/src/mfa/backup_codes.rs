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
use crate::{accounts, columns};

#[async_trait]
impl BackupCodeStore for SeaOrmStore {
    async fn list(&self, user: UserId) -> Result<Vec<Mac>, StoreError> {
        self.read("BackupCodeStore::list", async |db| {
            let rows = Entity::find().filter(Column::UserId.eq(user.as_uuid())).order_by_asc(Column::CodeMac);
            rows.all(&db).await?.into_iter().map(mac).collect()
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
            // By the user's row, so that two different codes used at once do not both count the other as left.
            accounts::locked(&tx, user).await?;
            if !consume(&tx, user, code).await? {
                return Ok(None);
            }
            // A locking read sees what was committed, whatever the transaction of a host has seen before.
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
            if accounts::standing(&tx, user, epochs).await?.is_none() {
                return Ok(false);
            }
            replace(&tx, user, codes, now).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn disown(&self, user: UserId, since: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("BackupCodeStore::disown", |tx| async move {
            let made = Entity::delete_many().filter(Column::UserId.eq(user.as_uuid()));
            let gone = made.filter(Column::CreatedAt.gte(since.as_micros())).exec(&*tx).await?;
            if gone.rows_affected == 0 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }
}

/// Uses a code up. Of concurrent callers one hears that it was theirs.
pub(super) async fn consume(tx: &Tx, user: UserId, code: &Mac) -> Result<bool, Fault> {
    let used = Entity::delete_by_id((user.as_uuid(), code.as_bytes().to_vec())).exec(&**tx).await?;
    Ok(used.rows_affected == 1)
}

pub(super) async fn replace(tx: &Tx, user: UserId, codes: &[Mac], now: Timestamp) -> Result<(), Fault> {
    clear(tx, user).await?;
    if codes.is_empty() {
        return Ok(());
    }
    let rows = codes.iter().map(|code| Model {
        user_id: user.as_uuid(),
        code_mac: code.as_bytes().to_vec(),
        created_at: now.as_micros(),
    });
    Entity::insert_many(rows.map(Model::into_active_model)).exec_without_returning(&**tx).await?;
    Ok(())
}

pub(super) async fn clear(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_many().filter(Column::UserId.eq(user.as_uuid())).exec(&**tx).await?;
    Ok(())
}

fn mac(row: Model) -> Result<Mac, Fault> {
    columns::bytes32(row.code_mac, "code_mac").map(Mac::from_bytes)
}
