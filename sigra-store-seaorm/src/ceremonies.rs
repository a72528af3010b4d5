//! State between two requests.

use async_trait::async_trait;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};
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
        self.single("CeremonyStore::put", |db| async move {
            let row = Model {
                ceremony_key: columns::digest(ceremony.key),
                user_id: ceremony.user.map(|id| id.as_uuid()),
                state: ceremony.state.as_bytes().to_vec(),
                created_at: ceremony.created_at.as_micros(),
                expires_at: ceremony.expires_at.as_micros(),
            };
            let replaced = [Column::UserId, Column::State, Column::CreatedAt, Column::ExpiresAt];
            let or_replace = OnConflict::column(Column::CeremonyKey).update_columns(replaced).to_owned();
            Entity::insert(row.into_active_model()).on_conflict(or_replace).exec_without_returning(&db).await?;
            Ok(())
        })
        .await
    }

    async fn peek(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.read("CeremonyStore::peek", async |db| unexpired(&db, key, now).await).await
    }

    async fn take(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.write("CeremonyStore::take", |tx| async move {
            let Some(found) = unexpired(&*tx, key, now).await? else {
                return Ok(None);
            };
            // The state that is answered must be the one that is gone.
            let taken = Entity::delete_many()
                .filter(Column::CeremonyKey.eq(columns::digest(key)))
                .filter(Column::State.eq(found.state.as_bytes().to_vec()))
                .exec(&*tx)
                .await?;
            Ok((taken.rows_affected == 1).then_some(found))
        })
        .await
    }
}

async fn unexpired(db: &impl ConnectionTrait, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, Fault> {
    let row = Entity::find_by_id(columns::digest(key)).filter(Column::ExpiresAt.gt(now.as_micros())).unique(db).await?;
    Ok(row.map(|row| Ceremony {
        key,
        user: row.user_id.map(UserId::from_uuid),
        state: Sealed::from_bytes(row.state),
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    }))
}
