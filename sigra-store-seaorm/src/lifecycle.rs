//! How accounts end.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{DormancyRecord, DueDeletion, Erasure, LifecycleStore, LiveToken, Recovered};
use sigra_core::registration::{AddressRequest, TokenOwner};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use crate::accounts::{self, forget_credentials, locked, to_user};
use crate::batch::Batch;
use crate::entity::{token, user};
use crate::error::Fault;
use crate::evidence::{self, record};
use crate::rows::Positions;
use crate::store::{SeaOrmStore, Tx};
use crate::{belongings, columns, dialect, dormancy, requests, tokens};

/// Found by the index on time and account.
const DUE: &str = "SELECT deletion_due_at, id FROM sigra_users WHERE deletion_due_at <= ? \
                   AND (deletion_due_at > ? OR (deletion_due_at = ? AND id > ?)) ORDER BY deletion_due_at, id LIMIT ?";

const REGISTRATIONS: &str = "DELETE FROM sigra_registrations WHERE email_identity = ?";
const ACCOUNT: &str = "DELETE FROM sigra_users WHERE id = ?";
const LEFT: &str = "UPDATE sigra_users SET email = ?, email_identity = ?, password_hash = NULL, profile = ?, \
                    password_changed_at = NULL, password_change_required_at = NULL, \
                    security_epoch = ?, confirmed_at = ?, disabled_at = ?, deletion_due_at = NULL, last_sign_in_at = ?, \
                    attempts_cleared_at = NULL, dormancy_look_at = 0, dormancy_warned_at = NULL, dormancy_since = NULL \
                    WHERE id = ?";

#[async_trait]
impl LifecycleStore for SeaOrmStore {
    async fn schedule_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        due_at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("LifecycleStore::schedule_deletion", |tx| async move {
            let Some(user) = found(&tx, user, under).await?.filter(|user| user.deletion_due_at.is_none()) else {
                return Ok(None);
            };
            let user = User { deletion_due_at: Some(due_at), epochs: raised(&user), ..user };
            end_credentials(&tx, &user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn cancel_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("LifecycleStore::cancel_deletion", |tx| async move {
            let Some(user) = found(&tx, user, under).await?.filter(|user| can_be_undone(user, now)) else {
                return Ok(None);
            };
            let user = restored(&tx, user, now).await?;
            update(&tx, &user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn undo_deletion(
        &self,
        digest: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        self.write("LifecycleStore::undo_deletion", |tx| async move {
            let fits = |live: &LiveToken| {
                let rescues = matches!(live.token.owner, TokenOwner::User { epochs: None, .. });
                rescues && live.user.as_ref().is_some_and(|user| can_be_undone(user, now))
            };
            let Some(LiveToken { user: Some(user), .. }) = tokens::consume(&tx, digest, now, fits).await? else {
                return Ok(None);
            };
            let restored = accounts::rescued(&tx, user, now).await?;
            requests::insert(&tx, &request(&restored.user)).await?;
            record(&tx, &evidence(&restored)).await?;
            Ok(Some(restored))
        })
        .await
    }

    async fn due_deletions(
        &self,
        now: Timestamp,
        after: Option<DueDeletion>,
        limit: u32,
    ) -> Result<Vec<DueDeletion>, StoreError> {
        self.read("LifecycleStore::due_deletions", async |db| {
            let (at, id) = match after {
                Some(DueDeletion { due_at, user }) => (due_at.as_micros(), user.as_uuid()),
                None => (i64::MIN, uuid::Uuid::nil()),
            };
            let values = [now.as_micros().into(), at.into(), at.into(), id.into(), i64::from(limit).into()];
            let rows = db.query_all_raw(dialect::statement(db.get_database_backend(), DUE, values)).await?;
            let due = rows.iter().map(|row| {
                let mut row = Positions::of(row);
                let due_at = Timestamp::from_micros(row.next()?);
                Ok(DueDeletion { due_at, user: UserId::from_uuid(row.next()?) })
            });
            due.collect()
        })
        .await
    }

    async fn erase(&self, erasure: &Erasure, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError> {
        self.write("LifecycleStore::erase", |tx| async move {
            let Some(user) = found(&tx, erasure.user, None).await?.filter(|user| erasure.applies_to(user)) else {
                return Ok(None);
            };
            self.tell_erasing(&tx, &user, erasure.strategy).await?;
            let mut batch = belongings::erase(user.id);
            batch.add(REGISTRATIONS, [user.email.identity().into()]);
            match erasure.leaves(&user) {
                None => batch.add(ACCOUNT, [user.id.as_uuid().into()]),
                Some(left) => batch.add(
                    LEFT,
                    [
                        left.email.as_str().into(),
                        left.email.identity().into(),
                        columns::json(&left.profile).into(),
                        left.epochs.security.into(),
                        columns::micros(left.confirmed_at).into(),
                        columns::micros(left.disabled_at).into(),
                        columns::micros(left.last_sign_in_at).into(),
                        left.id.as_uuid().into(),
                    ],
                ),
            }
            evidence::finish(&tx, batch, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn disable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("LifecycleStore::disable", |tx| async move {
            let Some(user) = found(&tx, user, None).await?.filter(|user| user.disabled_at.is_none()) else {
                return Ok(None);
            };
            let user = User { disabled_at: Some(at), epochs: raised(&user), ..user };
            end_credentials(&tx, &user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn enable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("LifecycleStore::enable", |tx| async move {
            let Some(user) = found(&tx, user, None).await?.filter(|user| user.disabled_at.is_some()) else {
                return Ok(None);
            };
            let user = User { disabled_at: None, ..user };
            update(&tx, &user).await?;
            let mut batch = Batch::default();
            dormancy::keep(&mut batch, user.id, &DormancyRecord::restarted(at));
            evidence::finish(&tx, batch, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }
}

/// Takes back a deletion that is not due, with the tokens that could have. The row of the account is the caller's to update.
pub(crate) async fn restored(tx: &Tx, user: User, now: Timestamp) -> Result<User, Fault> {
    token::Entity::delete_many()
        .filter(token::Column::UserId.eq(user.id.as_uuid()))
        .filter(token::Column::Purpose.eq(Purpose::REACTIVATE.name()))
        .exec(&**tx)
        .await?;
    Ok(User { deletion_due_at: user.deletion_due_at.filter(|due_at| *due_at <= now), ..user })
}

/// The account, kept from changing until the transaction ends, if it stands under these epochs.
async fn found(tx: &Tx, id: UserId, under: Option<Epochs>) -> Result<Option<User>, Fault> {
    let user = locked(tx, id).await?.map(to_user).transpose()?;
    Ok(user.filter(|user| under.is_none_or(|epochs| user.stands(epochs))))
}

fn raised(user: &User) -> Epochs {
    Epochs { security: user.epochs.security + 1, ..user.epochs }
}

fn can_be_undone(user: &User, now: Timestamp) -> bool {
    user.deletion_due_at.is_some_and(|due_at| now < due_at)
}

/// Stores the standing of an account whose epoch was raised, and forgets what the old one had handed out.
pub(crate) async fn end_credentials(tx: &Tx, user: &User) -> Result<(), Fault> {
    update(tx, user).await?;
    forget_credentials(tx, user.id, None).await
}

/// Stores the standing of an account whose row is locked.
async fn update(tx: &Tx, user: &User) -> Result<(), Fault> {
    user::Entity::update_many()
        .col_expr(user::Column::SecurityEpoch, Expr::value(user.epochs.security))
        .col_expr(user::Column::DisabledAt, Expr::value(columns::micros(user.disabled_at)))
        .col_expr(user::Column::DeletionDueAt, Expr::value(columns::micros(user.deletion_due_at)))
        .filter(user::Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}
