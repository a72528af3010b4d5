//! Sessions and pending sign-ins.

mod find;
mod grant;
mod pending;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use sigra_core::assurance::Assurance;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PendingId, SessionId, UserId};
use sigra_core::ports::{FoundSession, Minted, SessionStore, SignInRecorded};
use sigra_core::secret::Digest;
use sigra_core::session::{NewSession, PendingSignIn, Session};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use crate::entity::retired_token;
use crate::entity::session::{Column, Entity, Model};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{accounts, columns};

#[async_trait]
impl SessionStore for SeaOrmStore {
    async fn find(&self, digest: Digest) -> Result<Option<FoundSession>, StoreError> {
        const FIND: &str = "SessionStore::find";
        #[cfg(feature = "sqlite")]
        if let Some(own) = self.own() {
            return self.read_on_own(own, FIND, async |connection| find::either_on(connection, digest).await).await;
        }
        self.read(FIND, async |db| match find::current(&db, digest).await? {
            Some(found) => Ok(Some(found)),
            None => find::retired(&db, digest).await,
        })
        .await
    }

    async fn insert(
        &self,
        new: &NewSession,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Minted<SignInRecorded>, StoreError> {
        const INSERT: &str = "SessionStore::insert";
        #[cfg(feature = "sqlite")]
        if let (Some(own), None, false) = (self.own(), new.replaces().pending, new.is_limited()) {
            return self.on_own(&own.synced, INSERT, |connection| grant::grant_on(connection, new, evidence)).await;
        }
        self.write(INSERT, |tx| async move { grant::grant(&tx, new, evidence).await }).await
    }

    async fn touch(
        &self,
        id: SessionId,
        at: Timestamp,
        idle_expires_at: Timestamp,
        assurance: Option<&Assurance>,
    ) -> Result<(), StoreError> {
        self.single("SessionStore::touch", |db| async move {
            let mut touched = Entity::update_many()
                .col_expr(Column::LastSeenAt, Expr::value(at.as_micros()))
                .col_expr(Column::IdleExpiresAt, Expr::value(idle_expires_at.as_micros()))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::LastSeenAt.lte(at.as_micros()));
            if let Some(assurance) = assurance {
                touched = touched.col_expr(Column::Assurance, Expr::value(columns::json(assurance)));
            }
            touched.exec(&db).await?;
            Ok(())
        })
        .await
    }

    async fn rotate(
        &self,
        id: SessionId,
        old: Digest,
        new: Digest,
        at: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("SessionStore::rotate", |tx| async move {
            let rotated = Entity::update_many()
                .col_expr(Column::TokenDigest, Expr::value(columns::digest(new)))
                .col_expr(Column::RotatedAt, Expr::value(at.as_micros()))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::TokenDigest.eq(columns::digest(old)))
                .exec(&*tx)
                .await?;
            if rotated.rows_affected == 0 {
                return Ok(false);
            }
            must_be_new(&tx, new).await?;
            let retired = retired_token::Model {
                digest: columns::digest(old),
                session_id: id.as_uuid(),
                retired_at: at.as_micros(),
            };
            retired_token::Entity::insert(retired.into_active_model()).exec_without_returning(&*tx).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn elevate(
        &self,
        session: &Session,
        old: Digest,
        new: Digest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("SessionStore::elevate", |tx| async move {
            if accounts::standing(&tx, session.user, session.epochs).await?.is_none() {
                return Ok(false);
            }
            let elevated = assign(session, new)
                .into_iter()
                .fold(Entity::update_many(), |update, (column, value)| update.col_expr(column, value))
                .filter(Column::Id.eq(session.id.as_uuid()))
                .filter(Column::UserId.eq(session.user.as_uuid()))
                .filter(Column::TokenDigest.eq(columns::digest(old)))
                .exec(&*tx)
                .await?;
            if elevated.rows_affected == 0 {
                return Ok(false);
            }
            must_be_new(&tx, new).await?;
            // A token from before must not open what was proven after, not even within its grace.
            retired_token::Entity::delete_many()
                .filter(retired_token::Column::SessionId.eq(session.id.as_uuid()))
                .exec(&*tx)
                .await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn list(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StoreError> {
        self.read("SessionStore::list", async |db| {
            let rows = Entity::find()
                .filter(Column::UserId.eq(user.as_uuid()))
                .order_by_desc(Column::CreatedAt)
                .order_by_desc(Column::Id)
                .limit(u64::from(limit))
                .all(&db)
                .await?;
            rows.into_iter().map(session).collect()
        })
        .await
    }

    async fn revoke(&self, user: UserId, id: SessionId, evidence: EvidenceFor<'_, bool>) -> Result<bool, StoreError> {
        self.write("SessionStore::revoke", |tx| async move {
            accounts::locked(&tx, user).await?;
            let revoked = Entity::delete_many()
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::UserId.eq(user.as_uuid()))
                .exec(&*tx)
                .await?;
            let existed = revoked.rows_affected == 1;
            record(&tx, &evidence(&existed)).await?;
            Ok(existed)
        })
        .await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        evidence: EvidenceFor<'_, u64>,
    ) -> Result<u64, StoreError> {
        self.write("SessionStore::revoke_all", |tx| async move {
            accounts::locked(&tx, user).await?;
            let mut doomed = Entity::delete_many().filter(Column::UserId.eq(user.as_uuid()));
            if let Some(kept) = except {
                doomed = doomed.filter(Column::Id.ne(kept.as_uuid()));
            }
            let count = doomed.exec(&*tx).await?.rows_affected;
            pending::end(&*tx, pending::of(user)).await?;
            record(&tx, &evidence(&count)).await?;
            Ok(count)
        })
        .await
    }

    async fn insert_pending(
        &self,
        pending: &PendingSignIn,
        digest: Digest,
        replaces: Option<PendingId>,
        evidence: Evidence,
    ) -> Result<Minted, StoreError> {
        let evidence = &evidence;
        self.write("SessionStore::insert_pending", |tx| async move {
            if accounts::standing(&tx, pending.user, pending.epochs).await?.is_none() {
                return Ok(Minted::Stale);
            }
            if let Some(replaced) = replaces
                && !pending::promote(&tx, replaced, pending.user).await?
            {
                return Ok(Minted::PendingGone);
            }
            pending::insert(&tx, pending, digest).await?;
            record(&tx, evidence).await?;
            Ok(Minted::Done(()))
        })
        .await
    }

    async fn find_pending(&self, digest: Digest) -> Result<Option<(PendingSignIn, User)>, StoreError> {
        self.read("SessionStore::find_pending", async |db| pending::find(&db, digest).await).await
    }

    async fn delete_pending(&self, id: PendingId) -> Result<(), StoreError> {
        self.single("SessionStore::delete_pending", |db| async move { pending::end(&db, pending::one(id)).await }).await
    }

    async fn unfinished(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, PendingId)>,
        limit: u32,
    ) -> Result<Vec<PendingSignIn>, StoreError> {
        self.read("SessionStore::unfinished", async |db| pending::unfinished(&db, now, after, limit).await).await
    }

    async fn end_unfinished(&self, user: UserId, id: PendingId, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("SessionStore::end_unfinished", |tx| async move {
            // Before the pending sign-in, as whoever promotes it locks them.
            accounts::locked(&tx, user).await?;
            if !pending::end_unfinished(&tx, id, user).await? {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }
}

/// Refuses a token that a rotation has retired; its unique index refuses one that is current.
async fn must_be_new(tx: &Tx, digest: Digest) -> Result<(), Fault> {
    match retired_token::Entity::find_by_id(columns::digest(digest)).unique(&**tx).await? {
        Some(_) => Err(Fault::Conflict),
        None => Ok(()),
    }
}

fn row(session: &Session, digest: Digest) -> Model {
    Model {
        id: session.id.as_uuid(),
        token_digest: columns::digest(digest),
        user_id: session.user.as_uuid(),
        assurance: columns::json(&session.assurance),
        security_epoch: session.epochs.security,
        factor_epoch: session.epochs.factor,
        remembered: session.remembered,
        fresh_until: columns::micros(session.fresh_until),
        created_at: session.created_at.as_micros(),
        last_seen_at: session.last_seen_at.as_micros(),
        rotated_at: session.rotated_at.as_micros(),
        idle_expires_at: session.idle_expires_at.as_micros(),
        expires_at: session.expires_at.as_micros(),
        client: columns::json(&session.client),
        place: session.place.as_ref().map(columns::json),
    }
}

/// Everything a session can change about itself.
fn assign(session: &Session, digest: Digest) -> [(Column, SimpleExpr); 12] {
    let row = row(session, digest);
    [
        (Column::TokenDigest, Expr::value(row.token_digest)),
        (Column::Assurance, Expr::value(row.assurance)),
        (Column::SecurityEpoch, Expr::value(row.security_epoch)),
        (Column::FactorEpoch, Expr::value(row.factor_epoch)),
        (Column::Remembered, Expr::value(row.remembered)),
        (Column::FreshUntil, Expr::value(row.fresh_until)),
        (Column::LastSeenAt, Expr::value(row.last_seen_at)),
        (Column::RotatedAt, Expr::value(row.rotated_at)),
        (Column::IdleExpiresAt, Expr::value(row.idle_expires_at)),
        (Column::ExpiresAt, Expr::value(row.expires_at)),
        (Column::Client, Expr::value(row.client)),
        (Column::Place, Expr::value(row.place)),
    ]
}

fn session(row: Model) -> Result<Session, Fault> {
    Ok(Session {
        id: SessionId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        assurance: columns::from_json(&row.assurance, "assurance")?,
        epochs: Epochs { security: row.security_epoch, factor: row.factor_epoch },
        remembered: row.remembered,
        fresh_until: columns::time(row.fresh_until),
        created_at: Timestamp::from_micros(row.created_at),
        last_seen_at: Timestamp::from_micros(row.last_seen_at),
        rotated_at: Timestamp::from_micros(row.rotated_at),
        idle_expires_at: Timestamp::from_micros(row.idle_expires_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        client: columns::from_json(&row.client, "client")?,
        place: row.place.map(|place| columns::from_json(&place, "place")).transpose()?,
    })
}
