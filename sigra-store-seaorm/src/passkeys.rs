//! Passkeys: the port of sigra-passkeys.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _,
};
use sha2::{Digest as _, Sha256};
use sigra_core::error::{StoreError, StoreErrorKind};
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_passkeys::ports::{Disowned, FoundPasskey, PasskeyStore, PasskeyUse, Registered, Removed};
use sigra_passkeys::{CredentialId, Passkey, UserHandle};

use crate::entity::passkey::{Column, Entity, Model};
use crate::entity::{passkey_user, user};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::SeaOrmStore;
use crate::unique::Unique as _;
use crate::{accounts, columns};

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
        self.read("PasskeyStore::find", async |db| {
            let Some(row) = by_credential(&db, credential).await? else {
                return Ok(None);
            };
            let owner = UserId::from_uuid(row.user_id);
            let user = user::Entity::find_by_id(row.user_id).unique(&db).await?;
            let (Some(user), Some(handle)) = (user, handle_of(&db, owner).await?) else {
                return Ok(None);
            };
            Ok(Some(FoundPasskey { passkey: passkey(row)?, user: accounts::to_user(user)?, handle }))
        })
        .await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.read("PasskeyStore::list", async |db| {
            let rows = Entity::find()
                .filter(Column::UserId.eq(user.as_uuid()))
                .order_by_asc(Column::CreatedAt)
                .order_by_asc(Column::Id)
                .all(&db)
                .await?;
            rows.into_iter().map(passkey).collect()
        })
        .await
    }

    async fn count(&self, user: UserId) -> Result<u32, StoreError> {
        self.read("PasskeyStore::count", async |db| count(&db, user).await).await
    }

    async fn register(
        &self,
        passkey: &Passkey,
        epochs: Epochs,
        at_most: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Registered, StoreError> {
        match self.register_once(passkey, epochs, at_most, evidence).await {
            // Another account may have registered the same credential at this moment. Then it is found the second time.
            Err(error) if error.kind() == StoreErrorKind::Conflict => {
                self.register_once(passkey, epochs, at_most, evidence).await
            }
            registered => registered,
        }
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
            let own = Entity::find_by_id(id.as_uuid()).filter(Column::UserId.eq(user.as_uuid()));
            if own.unique(&*tx).await?.is_none() {
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
        id: PasskeyId,
        keep: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Removed, StoreError> {
        self.write("PasskeyStore::remove", |tx| async move {
            let Some(user) = accounts::locked(&tx, user).await?.map(accounts::to_user).transpose()? else {
                return Ok(Removed::Unknown);
            };
            let own = Entity::find_by_id(id.as_uuid()).filter(Column::UserId.eq(user.id.as_uuid()));
            if own.unique(&*tx).await?.is_none() {
                return Ok(Removed::Unknown);
            }
            if count(&*tx, user.id).await? <= keep {
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

impl SeaOrmStore {
    async fn register_once(
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
            if count(&*tx, user.id).await? >= at_most {
                return Ok(Registered::Full);
            }
            if by_credential(&*tx, &passkey.credential_id).await?.is_some() {
                return Ok(Registered::Duplicate);
            }
            Entity::insert(row(passkey).into_active_model()).exec_without_returning(&*tx).await?;
            let user = accounts::raise_factor_epoch(&tx, user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Registered::Done(Box::new(user)))
        })
        .await
    }
}

async fn handle_of(db: &impl ConnectionTrait, user: UserId) -> Result<Option<UserHandle>, Fault> {
    let row = passkey_user::Entity::find_by_id(user.as_uuid()).unique(db).await?;
    row.map(|row| row.handle.try_into().map(UserHandle::from_bytes).map_err(|_| Fault::Corrupt("handle"))).transpose()
}

async fn by_credential(db: &impl ConnectionTrait, id: &CredentialId) -> Result<Option<Model>, Fault> {
    Ok(Entity::find().filter(Column::CredentialDigest.eq(digest(id))).unique(db).await?)
}

async fn count(db: &impl ConnectionTrait, user: UserId) -> Result<u32, Fault> {
    let count = Entity::find().filter(Column::UserId.eq(user.as_uuid())).count(db).await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn digest(id: &CredentialId) -> Vec<u8> {
    Sha256::digest(id.as_bytes()).to_vec()
}

fn row(passkey: &Passkey) -> Model {
    Model {
        id: passkey.id.as_uuid(),
        user_id: passkey.user.as_uuid(),
        credential_id: passkey.credential_id.as_bytes().to_vec(),
        credential_digest: digest(&passkey.credential_id),
        public_key: passkey.public_key.clone(),
        sign_count: i64::from(passkey.sign_count),
        backup_eligible: passkey.backup_eligible,
        backed_up: passkey.backed_up,
        transports: columns::json(&passkey.transports),
        aaguid: passkey.aaguid,
        nickname: passkey.nickname.clone(),
        created_at: passkey.created_at.as_micros(),
        last_used_at: columns::micros(passkey.last_used_at),
    }
}

fn passkey(row: Model) -> Result<Passkey, Fault> {
    Ok(Passkey {
        id: PasskeyId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        credential_id: CredentialId::new(row.credential_id).ok_or(Fault::Corrupt("credential_id"))?,
        public_key: row.public_key,
        sign_count: u32::try_from(row.sign_count).map_err(|_| Fault::Corrupt("sign_count"))?,
        backup_eligible: row.backup_eligible,
        backed_up: row.backed_up,
        transports: columns::from_json(&row.transports, "transports")?,
        aaguid: row.aaguid,
        nickname: row.nickname,
        created_at: Timestamp::from_micros(row.created_at),
        last_used_at: columns::time(row.last_used_at),
    })
}
