//! Changes of mail addresses.
//!
//! `pending_user_id` is the account while the change is its pending one, and unique: there is one at most. Whoever changes
//! a row holds the lock on its account.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use sigra_core::address_change::{
    AddressChange, ArmedChange, ChangeState, ChangedAddress, Completed, Completion, RecordedChange, UndoableChange,
    UndoneChange,
};
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{RequestId, SessionId, UserId};
use sigra_core::ports::{AddressChangeStore, Recovered};
use sigra_core::registration::{AddressRequest, LeasedRequest};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use uuid::Uuid;

use crate::entity::address_change::{Column, Entity, Model};
use crate::entity::user;
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{accounts, columns, requests};

#[async_trait]
impl AddressChangeStore for SeaOrmStore {
    async fn submit(
        &self,
        change: &AddressChange,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("AddressChangeStore::submit", |tx| async move {
            if accounts::standing(&tx, change.user, change.epochs).await?.is_none() {
                return Ok(false);
            }
            end_pending(&tx, change.user).await?;
            Entity::insert(row(change).into_active_model()).exec_without_returning(&*tx).await?;
            requests::insert(&tx, request).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn find(&self, id: RequestId, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.look("AddressChangeStore::find", Column::Id.eq(id.as_uuid()), now).await
    }

    async fn pending(&self, user: UserId, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.look("AddressChangeStore::pending", Column::PendingUserId.eq(user.as_uuid()), now).await
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, StoreError> {
        self.read("AddressChangeStore::list", async |db| {
            let pending = pending(&db, Column::PendingUserId.eq(user.as_uuid()), now).await?;
            let rows = Entity::find()
                .filter(Column::UserId.eq(user.as_uuid()))
                .filter(Column::ExpiresAt.gt(now.as_micros()))
                .apply_if(before, |query, id| query.filter(Column::Id.lt(id.as_uuid())))
                .order_by_desc(Column::Id)
                .limit(u64::from(limit))
                .all(&db)
                .await?;
            rows.into_iter().map(|row| recorded(row, pending.as_ref())).collect()
        })
        .await
    }

    async fn arm(&self, leased: &LeasedRequest, armed: &ArmedChange, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("AddressChangeStore::arm", |tx| async move {
            let id = leased.request.id;
            let Some(found) = Entity::find_by_id(id.as_uuid()).unique(&*tx).await? else {
                return Ok(false);
            };
            let found = change(found)?;
            if !requests::is_held(&tx, leased).await? {
                return Ok(false);
            }
            if accounts::standing(&tx, found.user, found.epochs).await?.is_none() {
                return Ok(false);
            }
            let expires_at = armed.undo_expires_at.max(found.expires_at);
            let updated = Entity::update_many()
                .col_expr(Column::ConfirmDigest, Expr::value(armed.confirm.map(columns::digest)))
                .col_expr(Column::NoticeDigest, Expr::value(columns::digest(armed.undo)))
                .col_expr(Column::UndoExpiresAt, Expr::value(armed.undo_expires_at.as_micros()))
                .col_expr(Column::ExpiresAt, Expr::value(expires_at.as_micros()))
                .filter(Column::Id.eq(id.as_uuid()))
                .filter(Column::PendingUserId.is_not_null())
                .exec(&*tx)
                .await?;
            if updated.rows_affected == 0 {
                return Ok(false);
            }
            requests::delete(&tx, leased).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn peek(&self, confirm: Digest, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.look("AddressChangeStore::peek", Column::ConfirmDigest.eq(columns::digest(confirm)), now).await
    }

    async fn redeem(
        &self,
        confirm: Digest,
        completion: &Completion,
        evidence: EvidenceFor<'_, ChangedAddress>,
    ) -> Result<Completed, StoreError> {
        self.write("AddressChangeStore::redeem", |tx| async move {
            let by_link = Column::ConfirmDigest.eq(columns::digest(confirm));
            let Some(change) = pending(&*tx, by_link, completion.at).await? else {
                return Ok(Completed::Invalid);
            };
            let Some(user) = accounts::standing(&tx, change.user, change.epochs).await? else {
                return Ok(Completed::Invalid);
            };
            let Completion { at, quarantine, .. } = completion;
            if accounts::is_taken(&*tx, &change.new, Some(change.user), *at, quarantine).await? {
                return Ok(Completed::Taken);
            }
            let completed = Entity::update_many()
                .col_expr(Column::PendingUserId, Expr::value(None::<Uuid>))
                .col_expr(Column::ConfirmDigest, Expr::value(None::<Vec<u8>>))
                .col_expr(Column::CompletedAt, Expr::value(completion.at.as_micros()))
                .col_expr(Column::RevertDigest, Expr::value(columns::digest(completion.undo)))
                .col_expr(Column::UndoExpiresAt, Expr::value(completion.undo_expires_at.as_micros()))
                .col_expr(Column::ExpiresAt, Expr::value(completion.undo_expires_at.as_micros()))
                .filter(Column::Id.eq(change.id.as_uuid()))
                .filter(Column::PendingUserId.eq(change.user.as_uuid()))
                .filter(Column::ConfirmDigest.eq(columns::digest(confirm)))
                .exec(&*tx)
                .await?;
            // Replaced, withdrawn or undone while this waited for the account.
            if completed.rows_affected == 0 {
                return Ok(Completed::Invalid);
            }
            // The row of the change goes too then, and with it what undoes it.
            let Recovered { user, reclaimed } = accounts::reclaimed(&tx, user, completion.at).await?;
            let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
            let user = User { email: change.new.clone(), epochs, ..user };
            set_address(&tx, &user).await?;
            accounts::forget_tokens(&tx, user.id).await?;
            let changed = ChangedAddress { change, user, reclaimed };
            record(&tx, &evidence(&changed)).await?;
            Ok(Completed::Changed(Box::new(changed)))
        })
        .await
    }

    async fn peek_undo(&self, undo: Digest, now: Timestamp) -> Result<Option<UndoableChange>, StoreError> {
        self.read("AddressChangeStore::peek_undo", async |db| {
            let Some((change, expires_at)) = undoable(&db, undo, now).await? else {
                return Ok(None);
            };
            let user = user::Entity::find_by_id(change.user.as_uuid()).unique(&db).await?;
            let user = user
                .map(accounts::to_user)
                .transpose()?
                .filter(|user| user.disabled_at.is_none() && !user.deletion_is_due(now));
            Ok(user.map(|user| UndoableChange { change, user, expires_at }))
        })
        .await
    }

    async fn undo(
        &self,
        undo: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, UndoneChange>,
    ) -> Result<Option<UndoneChange>, StoreError> {
        self.write("AddressChangeStore::undo", |tx| async move {
            let Some((change, _)) = undoable(&*tx, undo, now).await? else {
                return Ok(None);
            };
            let user = accounts::locked(&tx, change.user).await?.map(accounts::to_user).transpose()?;
            let Some(user) = user.filter(|user| user.disabled_at.is_none() && !user.deletion_is_due(now)) else {
                return Ok(None);
            };
            // It may have been undone, or been completed, while this waited for the account.
            let Some((change, _)) = undoable(&*tx, undo, now).await? else {
                return Ok(None);
            };
            if accounts::is_taken(&*tx, &change.old, Some(user.id), now, &[]).await? {
                return Ok(None);
            }
            Entity::delete_many()
                .filter(Column::UserId.eq(user.id.as_uuid()))
                .filter(Column::SecurityEpoch.gte(change.epochs.security))
                .exec(&*tx)
                .await?;
            let reverted_from = (user.email.identity() != change.old.identity()).then(|| user.email.clone());
            let rescued = accounts::rescued(&tx, User { email: change.old, ..user }, now).await?;
            let Recovered { user, reclaimed } = rescued;
            set_address(&tx, &user).await?;
            requests::insert(&tx, &request(&user)).await?;
            let undone = UndoneChange { user, reverted_from, reclaimed };
            record(&tx, &evidence(&undone)).await?;
            Ok(Some(undone))
        })
        .await
    }

    async fn withdraw(&self, user: UserId, now: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("AddressChangeStore::withdraw", |tx| async move {
            accounts::locked(&tx, user).await?;
            if pending(&*tx, Column::PendingUserId.eq(user.as_uuid()), now).await?.is_none() {
                return Ok(false);
            }
            end_pending(&tx, user).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn reserved_for(&self, email: &EmailAddress, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        self.read("AddressChangeStore::reserved_for", async |db| reserved_for(&db, email, now).await).await
    }
}

impl SeaOrmStore {
    async fn look(
        &self,
        operation: &'static str,
        fits: sea_orm::sea_query::SimpleExpr,
        now: Timestamp,
    ) -> Result<Option<AddressChange>, StoreError> {
        self.read(operation, async |db| pending(&db, fits, now).await).await
    }
}

/// The account an address is reserved for.
pub(crate) async fn reserved_for(
    db: &impl ConnectionTrait,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<Option<UserId>, Fault> {
    let rows = Entity::find()
        .filter(Column::OldIdentity.eq(email.identity()))
        .filter(Column::CompletedAt.is_not_null())
        .filter(Column::UndoExpiresAt.gt(now.as_micros()))
        .all(db)
        .await?;
    Ok(rows.first().map(|row| UserId::from_uuid(row.user_id)))
}

/// The pending change that fits, if it is worth something.
async fn pending(
    db: &impl ConnectionTrait,
    fits: sea_orm::sea_query::SimpleExpr,
    now: Timestamp,
) -> Result<Option<AddressChange>, Fault> {
    let found = Entity::find()
        .filter(fits)
        .filter(Column::PendingUserId.is_not_null())
        .filter(Column::RedeemableUntil.gt(now.as_micros()))
        .unique(db)
        .await?;
    let Some(change) = found.map(change).transpose()? else {
        return Ok(None);
    };
    let user = user::Entity::find_by_id(change.user.as_uuid()).unique(db).await?;
    let user = user.map(accounts::to_user).transpose()?;
    Ok(user.is_some_and(|user| user.stands(change.epochs)).then_some(change))
}

/// The change a link undoes, and until when.
async fn undoable(
    db: &impl ConnectionTrait,
    undo: Digest,
    now: Timestamp,
) -> Result<Option<(AddressChange, Timestamp)>, Fault> {
    let undo = columns::digest(undo);
    let by_link = Condition::any().add(Column::NoticeDigest.eq(undo.clone())).add(Column::RevertDigest.eq(undo));
    let found = Entity::find().filter(by_link).filter(Column::UndoExpiresAt.gt(now.as_micros())).unique(db).await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let until = columns::time(row.undo_expires_at).ok_or(Fault::Corrupt("undo_expires_at"))?;
    Ok(Some((change(row)?, until)))
}

/// Ends the pending change of an account. What was mailed to undo it stays.
async fn end_pending(tx: &Tx, user: UserId) -> Result<(), Fault> {
    let its = Column::PendingUserId.eq(user.as_uuid());
    Entity::delete_many().filter(its.clone()).filter(Column::NoticeDigest.is_null()).exec(&**tx).await?;
    Entity::update_many()
        .col_expr(Column::PendingUserId, Expr::value(None::<Uuid>))
        .col_expr(Column::ConfirmDigest, Expr::value(None::<Vec<u8>>))
        .filter(its)
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Stores the address and the security epoch of a user whose row is locked.
async fn set_address(tx: &Tx, user: &User) -> Result<(), Fault> {
    user::Entity::update_many()
        .col_expr(user::Column::Email, Expr::value(user.email.as_str()))
        .col_expr(user::Column::EmailIdentity, Expr::value(user.email.identity()))
        .col_expr(user::Column::SecurityEpoch, Expr::value(user.epochs.security))
        .filter(user::Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn row(change: &AddressChange) -> Model {
    Model {
        id: change.id.as_uuid(),
        user_id: change.user.as_uuid(),
        pending_user_id: Some(change.user.as_uuid()),
        session_id: change.session.as_uuid(),
        security_epoch: change.epochs.security,
        factor_epoch: change.epochs.factor,
        old_email: change.old.as_str().to_owned(),
        old_identity: change.old.identity().to_owned(),
        new_email: change.new.as_str().to_owned(),
        confirm_digest: None,
        notice_digest: None,
        revert_digest: None,
        requested_at: change.requested_at.as_micros(),
        redeemable_until: change.expires_at.as_micros(),
        completed_at: None,
        undo_expires_at: None,
        expires_at: change.expires_at.as_micros(),
    }
}

fn change(row: Model) -> Result<AddressChange, Fault> {
    Ok(AddressChange {
        id: RequestId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        session: SessionId::from_uuid(row.session_id),
        epochs: Epochs { security: row.security_epoch, factor: row.factor_epoch },
        old: columns::email(&row.old_email)?,
        new: columns::email(&row.new_email)?,
        requested_at: Timestamp::from_micros(row.requested_at),
        expires_at: Timestamp::from_micros(row.redeemable_until),
    })
}

fn recorded(row: Model, pending: Option<&AddressChange>) -> Result<RecordedChange, Fault> {
    // What was pending a moment ago may be completed by now.
    let state = match row.completed_at {
        Some(_) => ChangeState::Completed,
        None if pending.is_some_and(|pending| pending.id.as_uuid() == row.id) => ChangeState::Pending,
        None => ChangeState::Ended,
    };
    let undo_expires_at = columns::time(row.undo_expires_at);
    Ok(RecordedChange { change: change(row)?, state, undo_expires_at })
}
