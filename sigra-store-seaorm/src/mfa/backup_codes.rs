//! Backup codes.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Select,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::ports::Mac;
use sigra_core::time::Timestamp;
use sigra_core::user::Epochs;
use sigra_mfa::BACKUP_CODE;
use sigra_mfa::ports::{BackupCodeCount, BackupCodeStore};

use crate::entity::backup_code::{Column, Entity, Model};
use crate::entity::trusted_browser;
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::{accounts, columns};

#[async_trait]
impl BackupCodeStore for SeaOrmStore {
    async fn list(&self, user: UserId) -> Result<Vec<Mac>, StoreError> {
        self.read("BackupCodeStore::list", async |db| {
            let left = of(user).filter(Column::UsedAt.is_null()).order_by_asc(Column::CodeMac);
            left.all(&db).await?.into_iter().map(mac).collect()
        })
        .await
    }

    async fn count(&self, user: UserId) -> Result<BackupCodeCount, StoreError> {
        self.read("BackupCodeStore::count", async |db| Ok(counted(&of(user).all(&db).await?))).await
    }

    async fn consume(
        &self,
        user: UserId,
        code: &Mac,
        at: Timestamp,
        evidence: EvidenceFor<'_, u32>,
    ) -> Result<Option<u32>, StoreError> {
        self.write("BackupCodeStore::consume", |tx| async move {
            // By the user's row, so that two different codes used at once do not both count the other as left.
            accounts::locked(&tx, user).await?;
            if !consume(&tx, user, code, at).await? {
                return Ok(None);
            }
            // A locking read sees what was committed, whatever the transaction of a host has seen before.
            let BackupCodeCount { left, .. } = counted(&of(user).lock_exclusive().all(&*tx).await?);
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
            accounts::locked(&tx, user).await?;
            let made = Entity::delete_many().filter(Column::UserId.eq(user.as_uuid()));
            let gone = made.filter(Column::CreatedAt.gte(since.as_micros())).exec(&*tx).await?;
            if gone.rows_affected == 0 {
                return Ok(false);
            }
            end_trust(&tx, user).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }
}

fn of(user: UserId) -> Select<Entity> {
    Entity::find().filter(Column::UserId.eq(user.as_uuid()))
}

fn counted(set: &[Model]) -> BackupCodeCount {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let left = set.iter().filter(|row| row.used_at.is_none()).count();
    BackupCodeCount { issued: count(set.len()), left: count(left) }
}

/// Forgets the browsers a code of the set that goes has made trusted.
async fn end_trust(tx: &Tx, user: UserId) -> Result<(), Fault> {
    trusted_browser::Entity::delete_many()
        .filter(trusted_browser::Column::UserId.eq(user.as_uuid()))
        .filter(trusted_browser::Column::Factor.eq(BACKUP_CODE.name()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Uses a code up. Of concurrent callers one hears that it was theirs.
pub(super) async fn consume(tx: &Tx, user: UserId, code: &Mac, at: Timestamp) -> Result<bool, Fault> {
    let used = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(at.as_micros()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::CodeMac.eq(code.as_bytes().to_vec()))
        .filter(Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(used.rows_affected == 1)
}

pub(super) async fn replace(tx: &Tx, user: UserId, codes: &[Mac], now: Timestamp) -> Result<(), Fault> {
    clear(tx, user).await?;
    end_trust(tx, user).await?;
    if codes.is_empty() {
        return Ok(());
    }
    let rows = codes.iter().map(|code| Model {
        user_id: user.as_uuid(),
        code_mac: code.as_bytes().to_vec(),
        created_at: now.as_micros(),
        used_at: None,
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
