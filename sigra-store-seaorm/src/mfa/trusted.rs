//! Browsers that are trusted.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{TrustedBrowserId, UserId};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;
use sigra_core::user::Epochs;
use sigra_mfa::ports::{TrustedBrowser, TrustedBrowserStore};

use crate::entity::trusted_browser::{Column, Entity, Model};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::SeaOrmStore;
use crate::unique::Unique as _;
use crate::{accounts, columns};

#[async_trait]
impl TrustedBrowserStore for SeaOrmStore {
    async fn insert(&self, browser: &TrustedBrowser, digest: Digest, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("TrustedBrowserStore::insert", |tx| async move {
            if accounts::standing(&tx, browser.user, browser.epochs).await?.is_none() {
                return Ok(false);
            }
            Entity::insert(row(browser, digest).into_active_model()).exec_without_returning(&*tx).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn find(&self, digest: Digest, now: Timestamp) -> Result<Option<TrustedBrowser>, StoreError> {
        self.read("TrustedBrowserStore::find", async |db| {
            let row = Entity::find()
                .filter(Column::TokenDigest.eq(columns::digest(digest)))
                .filter(Column::ExpiresAt.gt(now.as_micros()))
                .unique(&db)
                .await?;
            row.map(browser).transpose()
        })
        .await
    }

    async fn touch(&self, id: TrustedBrowserId, at: Timestamp) -> Result<(), StoreError> {
        self.single("TrustedBrowserStore::touch", |db| async move {
            Entity::update_many()
                .col_expr(Column::LastUsedAt, Expr::value(at.as_micros()))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::LastUsedAt.lt(at.as_micros()))
                .exec(&db)
                .await?;
            Ok(())
        })
        .await
    }

    async fn list(&self, user: UserId, now: Timestamp, limit: u32) -> Result<Vec<TrustedBrowser>, StoreError> {
        self.read("TrustedBrowserStore::list", async |db| {
            let rows = Entity::find()
                .filter(Column::UserId.eq(user.as_uuid()))
                .filter(Column::ExpiresAt.gt(now.as_micros()))
                .order_by_desc(Column::CreatedAt)
                .order_by_desc(Column::Id)
                .limit(u64::from(limit))
                .all(&db)
                .await?;
            rows.into_iter().map(browser).collect()
        })
        .await
    }

    async fn revoke(&self, user: UserId, id: TrustedBrowserId, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("TrustedBrowserStore::revoke", |tx| async move {
            let revoked = Entity::delete_many()
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::UserId.eq(user.as_uuid()))
                .exec(&*tx)
                .await?;
            if revoked.rows_affected == 0 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn revoke_all(&self, user: UserId, evidence: EvidenceFor<'_, u64>) -> Result<u64, StoreError> {
        self.write("TrustedBrowserStore::revoke_all", |tx| async move {
            let revoked = Entity::delete_many().filter(Column::UserId.eq(user.as_uuid())).exec(&*tx).await?;
            record(&tx, &evidence(&revoked.rows_affected)).await?;
            Ok(revoked.rows_affected)
        })
        .await
    }
}

fn row(browser: &TrustedBrowser, digest: Digest) -> Model {
    Model {
        id: browser.id.as_uuid(),
        token_digest: columns::digest(digest),
        user_id: browser.user.as_uuid(),
        security_epoch: browser.epochs.security,
        factor_epoch: browser.epochs.factor,
        factor: browser.factor.clone(),
        client: columns::json(&browser.client),
        place: browser.place.as_ref().map(columns::json),
        created_at: browser.created_at.as_micros(),
        last_used_at: browser.last_used_at.as_micros(),
        expires_at: browser.expires_at.as_micros(),
    }
}

fn browser(row: Model) -> Result<TrustedBrowser, Fault> {
    Ok(TrustedBrowser {
        id: TrustedBrowserId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        epochs: Epochs { security: row.security_epoch, factor: row.factor_epoch },
        factor: row.factor,
        client: columns::from_json(&row.client, "client")?,
        place: row.place.map(|place| columns::from_json(&place, "place")).transpose()?,
        created_at: Timestamp::from_micros(row.created_at),
        last_used_at: Timestamp::from_micros(row.last_used_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}
