//! Profiles.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::ports::{ProfileChange, ProfileReplaced, ProfileStore};
use sigra_core::user::User;

use crate::accounts::{locked, to_user};
use crate::columns;
use crate::entity::user::{Column, Entity};
use crate::evidence::record;
use crate::store::SeaOrmStore;

#[async_trait]
impl ProfileStore for SeaOrmStore {
    async fn replace(
        &self,
        change: &ProfileChange<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<ProfileReplaced, StoreError> {
        self.write("ProfileStore::replace", |tx| async move {
            let user = locked(&tx, change.user).await?.map(to_user).transpose()?;
            let Some(user) = user.filter(|user| change.under.is_none_or(|epochs| user.stands(epochs))) else {
                return Ok(ProfileReplaced::Stale);
            };
            // Compared as JSON, under the lock: no database has texts of it that are equal whenever it is.
            if user.profile != *change.seen {
                return Ok(ProfileReplaced::Changed(Box::new(user)));
            }
            let text = columns::json(change.profile);
            // As it will read back.
            let user = User { profile: columns::from_json(&text, "profile")?, ..user };
            Entity::update_many()
                .col_expr(Column::Profile, Expr::value(text))
                .filter(Column::Id.eq(change.user.as_uuid()))
                .exec(&*tx)
                .await?;
            record(&tx, &evidence(&user)).await?;
            Ok(ProfileReplaced::Done(Box::new(user)))
        })
        .await
    }
}
