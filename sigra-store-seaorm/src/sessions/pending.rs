//! Sign-ins that still owe a step.

use sea_orm::{ColumnTrait as _, DatabaseExecutor, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};
use sigra_core::id::{PendingId, UserId};
use sigra_core::secret::Digest;
use sigra_core::session::PendingSignIn;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use crate::entity::pending_sign_in::{Column, Entity, Model};
use crate::entity::user;
use crate::error::Fault;
use crate::store::Tx;
use crate::unique::Unique as _;
use crate::{accounts, columns};

pub(super) async fn insert(tx: &Tx, pending: &PendingSignIn, digest: Digest) -> Result<(), Fault> {
    let row = Model {
        id: pending.id.as_uuid(),
        token_digest: columns::digest(digest),
        user_id: pending.user.as_uuid(),
        assurance: columns::json(&pending.assurance),
        security_epoch: pending.epochs.security,
        factor_epoch: pending.epochs.factor,
        remember: pending.remember,
        opens_sudo: pending.opens_sudo,
        client: columns::json(&pending.client),
        created_at: pending.created_at.as_micros(),
        expires_at: pending.expires_at.as_micros(),
    };
    Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
    Ok(())
}

pub(super) async fn find(db: &DatabaseExecutor<'_>, digest: Digest) -> Result<Option<(PendingSignIn, User)>, Fault> {
    let Some(row) = Entity::find().filter(Column::TokenDigest.eq(columns::digest(digest))).unique(db).await? else {
        return Ok(None);
    };
    let Some(user) = user::Entity::find_by_id(row.user_id).unique(db).await? else {
        return Ok(None);
    };
    let pending = PendingSignIn {
        id: PendingId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        assurance: columns::from_json(&row.assurance, "assurance")?,
        epochs: Epochs { security: row.security_epoch, factor: row.factor_epoch },
        remember: row.remember,
        opens_sudo: row.opens_sudo,
        client: columns::from_json(&row.client, "client")?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    };
    Ok(Some((pending, accounts::to_user(user)?)))
}

/// Deletes the pending sign-in that a session or a further one takes the place of. Of concurrent callers one hears that
/// it was theirs.
pub(super) async fn promote(tx: &Tx, id: PendingId, user: UserId) -> Result<bool, Fault> {
    let promoted = Entity::delete_many()
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .exec(&**tx)
        .await?;
    Ok(promoted.rows_affected == 1)
}
