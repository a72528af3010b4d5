//! Passkeys: the port of sigra-passkeys.

mod find;
mod rows;

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_passkeys::ports::{Disowned, FoundPasskey, PasskeyStore, PasskeyUse, Registered, Removed};
use sigra_passkeys::{CredentialId, Passkey, UserHandle};

use crate::accounts;
use crate::entity::passkey::{Column, Entity, Model};
use crate::entity::passkey_user;
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;

#[async_trait]
impl PasskeyStore for SeaOrmStore {
    async fn user_handle(&self, user: UserId, candidate: UserHandle) -> Result<UserHandle, StoreError> {
        let known = self.read("PasskeyStore::user_handle", async |db| handle_of(&db, user).await).await?;
        if let Some(handle) = known {
            return Ok(handle);
        }
        self.write("PasskeyStore::user_handle", |tx| async move {
            // By the user's row, so that of several first calls one stores and the others find.
            accounts::locked(&tx, user).await?;
            if let Some(handle) = handle_of(&*tx, user).await? {
                return Ok(handle);
            }
            let row = passkey_user::Model { user_id: user.as_uuid(), handle: candidate.as_bytes().to_vec() };
            passkey_user::Entity::insert(row.into_active_model()).exec_without_returning(&*tx).await?;
            Ok(candidate)
        })
        .await
    }

    async fn find(&self, credential: &CredentialId) -> Result<Option<FoundPasskey>, StoreError> {
        self.read("PasskeyStore::find", async |db| find::by_credential(&db, credential).await).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.read("PasskeyStore::list", async |db| {
            let rows = Entity::find()
                .filter(Column::UserId.eq(user.as_uuid()))
                .order_by_asc(Column::CreatedAt)
                .order_by_asc(Column::Id)
                .all(&db)
                .await?;
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
            // The locked row of the user makes those who register at once wait for each other.
            let Some(user) = accounts::standing(&tx, passkey.user, epochs).await? else {
                return Ok(Registered::Stale);
            };
            let known = Column::CredentialDigest.eq(rows::digest(&passkey.credential_id));
            if Entity::find().filter(known).unique(&*tx).await?.is_some() {
                return Ok(Registered::Duplicate);
            }
            if locked(&tx, user.id).await?.len() >= at_most as usize {
                return Ok(Registered::Full);
            }
            // Another account may register the same credential at this moment. The insert is lost then, the step runs again,
            // and finds it.
            Entity::insert(rows::row(passkey).into_active_model()).exec_without_returning(&*tx).await?;
            let user = accounts::raise_factor_epoch(&tx, user).await?;
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
                .col_expr(Column::LastUsedAt, Expr::value(Some(used.at.as_micros())))
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
            // Not by the count of rows changed: a server may not count one that had the name before.
            // Locked, or it could go before it is renamed, and the evidence would tell of a name nothing has.
            let own = Entity::find_by_id(id.as_uuid()).filter(Column::UserId.eq(user.as_uuid()));
            if own.lock_exclusive().unique(&*tx).await?.is_none() {
                return Ok(false);
            }
            Entity::update_many()
                .col_expr(Column::Nickname, Expr::value(nickname))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::UserId.eq(user.as_uuid()))
                .exec(&*tx)
                .await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn remove(
        &self,
        user: UserId,
        epochs: Epochs,
        id: PasskeyId,
        keep: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Removed, StoreError> {
        self.write("PasskeyStore::remove", |tx| async move {
            let Some(user) = accounts::standing(&tx, user, epochs).await? else {
                return Ok(Removed::Stale);
            };
            let own = locked(&tx, user.id).await?;
            if !own.iter().any(|passkey| passkey.id == id.as_uuid()) {
                return Ok(Removed::Unknown);
            }
            if own.len() <= keep as usize {
                return Ok(Removed::Needed);
            }
            Entity::delete_by_id(id.as_uuid()).exec(&*tx).await?;
            let user = accounts::raise_factor_epoch(&tx, user).await?;
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
            let Some(user) = accounts::locked(&tx, user).await?.map(accounts::to_user).transpose()? else {
                return Ok(0);
            };
            let gone = Entity::delete_many()
                .filter(Column::UserId.eq(user.id.as_uuid()))
                .filter(Column::CreatedAt.gte(since.as_micros()))
                .exec(&*tx)
                .await?;
            let count = gone.rows_affected;
            if count == 0 {
                return Ok(0);
            }
            let user = accounts::raise_factor_epoch(&tx, user).await?;
            record(&tx, &evidence(&Disowned { user, count })).await?;
            Ok(count)
        })
        .await
    }
}

async fn handle_of(db: &impl ConnectionTrait, user: UserId) -> Result<Option<UserHandle>, Fault> {
    let row = passkey_user::Entity::find_by_id(user.as_uuid()).unique(db).await?;
    row.map(|row| rows::handle(row.handle)).transpose()
}

/// The passkeys of an account whose row is locked, as they are: a locking read sees what was committed, whatever the
/// transaction of a host has seen before.
async fn locked(tx: &Tx, user: UserId) -> Result<Vec<Model>, Fault> {
    Ok(Entity::find().filter(Column::UserId.eq(user.as_uuid())).lock_exclusive().all(&**tx).await?)
}
