//! Sign-ins that still owe a step.

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseExecutor, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
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
        tell_unfinished: pending.tell_unfinished,
        ended: false,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
    Ok(())
}

pub(super) async fn find(db: &DatabaseExecutor<'_>, digest: Digest) -> Result<Option<(PendingSignIn, User)>, Fault> {
    let found = Entity::find().filter(Column::TokenDigest.eq(columns::digest(digest))).unique(db).await?;
    let Some(row) = found.filter(|row| !row.ended) else {
        return Ok(None);
    };
    let Some(user) = user::Entity::find_by_id(row.user_id).unique(db).await? else {
        return Ok(None);
    };
    Ok(Some((pending(row)?, accounts::to_user(user)?)))
}

/// Those that are to be told and have expired, from the first behind `after` on.
pub(super) async fn unfinished(
    db: &DatabaseExecutor<'_>,
    now: Timestamp,
    after: Option<(Timestamp, PendingId)>,
    limit: u32,
) -> Result<Vec<PendingSignIn>, Fault> {
    let mut expired =
        Entity::find().filter(Column::TellUnfinished.eq(true)).filter(Column::ExpiresAt.lte(now.as_micros()));
    if let Some((at, id)) = after {
        let same = Condition::all().add(Column::ExpiresAt.eq(at.as_micros())).add(Column::Id.gt(id.as_uuid()));
        expired = expired.filter(Condition::any().add(Column::ExpiresAt.gt(at.as_micros())).add(same));
    }
    let rows = expired.order_by_asc(Column::ExpiresAt).order_by_asc(Column::Id).limit(u64::from(limit)).all(db).await?;
    rows.into_iter().map(pending).collect()
}

fn pending(row: Model) -> Result<PendingSignIn, Fault> {
    Ok(PendingSignIn {
        id: PendingId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        assurance: columns::from_json(&row.assurance, "assurance")?,
        epochs: Epochs { security: row.security_epoch, factor: row.factor_epoch },
        remember: row.remember,
        opens_sudo: row.opens_sudo,
        tell_unfinished: row.tell_unfinished,
        client: columns::from_json(&row.client, "client")?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}

/// Deletes the pending sign-in that a session or a further one takes the place of. Of concurrent callers one hears that
/// it was theirs.
pub(super) async fn promote(tx: &Tx, id: PendingId, user: UserId) -> Result<bool, Fault> {
    let promoted = Entity::delete_many()
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::Ended.eq(false))
        .exec(&**tx)
        .await?;
    Ok(promoted.rows_affected == 1)
}

/// Ends those it is said of. Whatever is to be told stays for that alone. Whether a row is never changes, so each of the two
/// statements is right whatever happens between them.
pub(super) async fn end(db: &impl ConnectionTrait, which: Condition) -> Result<(), Fault> {
    let silent = which.clone().add(Column::TellUnfinished.eq(false));
    Entity::delete_many().filter(silent).exec(db).await?;
    let told = which.add(Column::TellUnfinished.eq(true));
    Entity::update_many().col_expr(Column::Ended, Expr::value(true)).filter(told).exec(db).await?;
    Ok(())
}

/// Deletes one that is to be told. Of concurrent callers, and of those that would continue it, one hears that it was theirs.
pub(super) async fn end_unfinished(tx: &Tx, id: PendingId, user: UserId) -> Result<bool, Fault> {
    let ended = Entity::delete_many()
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::TellUnfinished.eq(true))
        .exec(&**tx)
        .await?;
    Ok(ended.rows_affected == 1)
}

/// The pending sign-ins of a user.
pub(super) fn of(user: UserId) -> Condition {
    Condition::all().add(Column::UserId.eq(user.as_uuid()))
}

/// One pending sign-in.
pub(super) fn one(id: PendingId) -> Condition {
    Condition::all().add(Column::Id.eq(id.as_uuid()))
}
