//! Reading the one row that a unique key names.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Select};

/// `one`, for a selection by a unique key.
///
/// SeaORM's own `one` binds a `LIMIT`, and SQLite throws the plan of a statement away whenever a value is bound that its
/// plan depended on, as it does on a `LIMIT`. Each read would be parsed and planned anew. A unique key needs none.
pub(crate) trait Unique<M> {
    /// The row, if there is one.
    async fn unique(self, db: &impl ConnectionTrait) -> Result<Option<M>, DbErr>;
}

impl<E: EntityTrait> Unique<E::Model> for Select<E> {
    async fn unique(self, db: &impl ConnectionTrait) -> Result<Option<E::Model>, DbErr> {
        Ok(self.all(db).await?.pop())
    }
}
