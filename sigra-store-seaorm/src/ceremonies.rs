//! State between two requests.

use async_trait::async_trait;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QuerySelect as _,
    Select,
};
use sigra_core::error::StoreError;
use sigra_core::id::UserId;
use sigra_core::ports::{Ceremony, CeremonyStore, Sealed};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;

use crate::columns;
use crate::entity::ceremony::{Column, Entity, Model};
use crate::error::Fault;
use crate::store::SeaOrmStore;
use crate::unique::Unique as _;

#[async_trait]
impl CeremonyStore for SeaOrmStore {
    async fn put(&self, ceremony: &Ceremony) -> Result<(), StoreError> {
        self.write("CeremonyStore::put", |tx| async move {
            let mut replace = OnConflict::column(Column::Digest);
            replace.update_columns([Column::UserId, Column::State, Column::CreatedAt, Column::ExpiresAt]);
            let row = row(ceremony).into_active_model();
            Entity::insert(row).on_conflict(replace).exec_without_returning(&*tx).await?;
            Ok(())
        })
        .await
    }

    async fn peek(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.read("CeremonyStore::peek", async |db| one(live(key, now), &db).await).await
    }

    async fn take(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.write("CeremonyStore::take", |tx| async move {
            // Locked, so that what is deleted is what was read.
            let Some(ceremony) = one(live(key, now).lock_exclusive(), &*tx).await? else {
                return Ok(None);
            };
            let deleted = Entity::delete_by_id(columns::digest(key)).exec(&*tx).await?;
            Ok((deleted.rows_affected == 1).then_some(ceremony))
        })
        .await
    }
}

fn live(key: Digest, now: Timestamp) -> Select<Entity> {
    Entity::find_by_id(columns::digest(key)).filter(Column::ExpiresAt.gt(now.as_micros()))
}

async fn one(select: Select<Entity>, db: &impl ConnectionTrait) -> Result<Option<Ceremony>, Fault> {
    select.unique(db).await?.map(ceremony).transpose()
}

fn row(ceremony: &Ceremony) -> Model {
    Model {
        digest: columns::digest(ceremony.key),
        user_id: ceremony.user.map(|id| id.as_uuid()),
        state: ceremony.state.as_bytes().to_vec(),
        created_at: ceremony.created_at.as_micros(),
        expires_at: ceremony.expires_at.as_micros(),
    }
}

fn ceremony(row: Model) -> Result<Ceremony, Fault> {
    Ok(Ceremony {
        key: Digest::from_bytes(columns::bytes32(row.digest, "digest")?),
        user: row.user_id.map(UserId::from_uuid),
        state: Sealed::from_bytes(row.state),
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}
