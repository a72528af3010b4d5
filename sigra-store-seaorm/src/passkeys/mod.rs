//! Passkeys.

mod find;
mod rows;

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_passkeys::ports::{Disowned, FoundPasskey, PasskeyStore, PasskeyUse, Registered, Removed};
use sigra_passkeys::{CredentialId, Passkey, UserHandle};

use crate::entity::passkey::{Column, Entity, Model};
use crate::entity::user_handle;
use crate::error::Fault;
use crate::evidence::record;
use crate::factor_epoch;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;

#[async_trait]
impl PasskeyStore for SeaOrmStore {
    async fn user_handle(&self, user: UserId, candidate: UserHandle) -> Result<UserHandle, StoreError> {
        self.write("PasskeyStore::user_handle", |tx| async move {
            if let Some(row) = user_handle::Entity::find_by_id(user.as_uuid()).unique(&*tx).await? {
                return rows::handle(row.user_handle);
            }
            let user_handle = candidate.as_bytes().to_vec();
            let row = user_handle::Model { user_id: user.as_uuid(), user_handle };
            user_handle::Entity::insert(row.into_active_model()).exec_without_returning(&*tx).await?;
            Ok(candidate)
        })
        .await
    }

    async fn find(&self, credential: &CredentialId) -> Result<Option<FoundPasskey>, StoreError> {
        self.read("PasskeyStore::find", async |db| find::by_credential(&db, credential).await).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.read("PasskeyStore::list", async |db| {
            let of_user = Entity::find().filter(Column::UserId.eq(user.as_uuid()));
            let rows = of_user.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(&db).await?;
            rows.into_iter().map(rows::passkey).collect()
        })
        .await
    }

    async fn count(&self, user: UserId) -> Result<u32, StoreError> {
        self.read("PasskeyStore::count", async |db| {
            let count = Entity::find().filter(Column::UserId.eq(user.as_uuid())).count(&db).await?;
            Ok(u32::try_from(count).unwrap_or(u32::MAX))
        })
        .await
    }

    async fn register(
        &self,
        passkey: &Passkey,
        epochs: Epochs,
        at_most: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Registered, StoreError> {
        self.write("PasskeyStore::register", |tx| async move {
            let Some(user) = factor_epoch::standing(&tx, passkey.user, epochs).await? else {
                return Ok(Registered::Stale);
            };
            let known = Column::CredentialHash.eq(rows::credential_hash(&passkey.credential_id));
            if Entity::find().filter(known).unique(&*tx).await?.is_some() {
                return Ok(Registered::Duplicate);
            }
            if locked(&tx, user.id).await?.len() >= at_most as usize {
                return Ok(Registered::Full);
            }
            // Whoever registers the same credential elsewhere meanwhile loses at the unique index, and finds it then.
            Entity::insert(rows::row(passkey).into_active_model()).exec_without_returning(&*tx).await?;
            let user = factor_epoch::raise(&tx, user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Registered::Done(Box::new(user)))
        })
        .await
    }

    async fn record_use(&self, id: PasskeyId, used: &PasskeyUse, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("PasskeyStore::record_use", |tx| async move {
            let recorded = Entity::update_many()
                .col_expr(Column::SignCount, Expr::value(i64::from(used.sign_count)))
                .col_expr(Column::BackedUp, Expr::value(used.backed_up))
                .col_expr(Column::LastUsedAt, Expr::value(used.at.as_micros()))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::SignCount.eq(i64::from(used.counter_before)))
                .exec(&*tx)
                .await?;
            if recorded.rows_affected == 0 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn rename(
        &self,
        user: UserId,
        id: PasskeyId,
        nickname: &str,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("PasskeyStore::rename", |tx| async move {
            let renamed = Entity::update_many()
                .col_expr(Column::Nickname, Expr::value(nickname))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::UserId.eq(user.as_uuid()))
                .exec(&*tx)
                .await?;
            if renamed.rows_affected == 0 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn remove(
        &self,
        user: UserId,
        id: PasskeyId,
        keep: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Removed, StoreError> {
        self.write("PasskeyStore::remove", |tx| async move {
            let Some(user) = factor_epoch::locked(&tx, user).await? else {
                return Ok(Removed::Unknown);
            };
            let passkeys = locked(&tx, user.id).await?;
            if !passkeys.iter().any(|passkey| passkey.id == id.as_uuid()) {
                return Ok(Removed::Unknown);
            }
            if passkeys.len() <= keep as usize {
                return Ok(Removed::Needed);
            }
            Entity::delete_by_id(id.as_uuid()).exec(&*tx).await?;
            let user = factor_epoch::raise(&tx, user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Removed::Done(Box::new(user)))
        })
        .await
    }

    async fn disown(
        &self,
        user: UserId,
        since: Timestamp,
        evidence: EvidenceFor<'_, Disowned>,
    ) -> Result<u64, StoreError> {
        self.write("PasskeyStore::disown", |tx| async move {
            let Some(user) = factor_epoch::locked(&tx, user).await? else {
                return Ok(0);
            };
            let disowned = Entity::delete_many()
                .filter(Column::UserId.eq(user.id.as_uuid()))
                .filter(Column::CreatedAt.gte(since.as_micros()))
                .exec(&*tx)
                .await?;
            let count = disowned.rows_affected;
            if count > 0 {
                let user = factor_epoch::raise(&tx, user).await?;
                record(&tx, &evidence(&Disowned { user, count })).await?;
            }
            Ok(count)
        })
        .await
    }
}

/// The passkeys of a locked account as they are, whatever the transaction saw before.
async fn locked(tx: &Tx, user: UserId) -> Result<Vec<Model>, Fault> {
    Ok(Entity::find().filter(Column::UserId.eq(user.as_uuid())).lock_exclusive().all(&**tx).await?)
}
