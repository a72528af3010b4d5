//! Passwords.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::password::PasswordHash;
use sigra_core::ports::{PasswordStore, Replaced, Replacement};
use sigra_core::registration::AddressRequest;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use crate::accounts::{forget_credentials, forget_tokens, locked, to_user};
use crate::entity::user::{Column, Entity};
use crate::error::Fault;
use crate::evidence::record;
use crate::requests;
use crate::store::{SeaOrmStore, Tx};

#[async_trait]
impl PasswordStore for SeaOrmStore {
    async fn replace(
        &self,
        replacement: &Replacement<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Replaced, StoreError> {
        self.write("PasswordStore::replace", |tx| async move {
            let Replacement { user: id, epochs, first, password, device, now } = *replacement;
            let user = match locked(&tx, id).await?.map(to_user).transpose()? {
                Some(user) if first && user.has_password && user.disabled_at.is_none() => {
                    return Ok(Replaced::AlreadySet);
                }
                Some(user) if user.stands(epochs) => user,
                Some(_) | None => return Ok(Replaced::Stale),
            };
            let user = set(&tx, user, password, now).await?;
            forget_credentials(&tx, id, device).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Replaced::Done(Box::new(user)))
        })
        .await
    }

    async fn require_change(
        &self,
        id: UserId,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("PasswordStore::require_change", |tx| async move {
            let user = locked(&tx, id).await?.map(to_user).transpose()?;
            let Some(user) = user.filter(|user| user.has_password) else {
                return Ok(None);
            };
            let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
            let user = User { password_change_required_at: Some(now), epochs, ..user };
            Entity::update_many()
                .col_expr(Column::PasswordChangeRequiredAt, Expr::value(now.as_micros()))
                .col_expr(Column::SecurityEpoch, Expr::value(epochs.security))
                .filter(Column::Id.eq(id.as_uuid()))
                .exec(&*tx)
                .await?;
            forget_tokens(&tx, id).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn withdraw(
        &self,
        id: UserId,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("PasswordStore::withdraw", |tx| async move {
            let user = locked(&tx, id).await?.map(to_user).transpose()?;
            let Some(user) = user.filter(|user| user.has_password) else {
                return Ok(None);
            };
            let user = take(&tx, user).await?;
            requests::insert(&tx, &request(&user)).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn clear_required_change(
        &self,
        id: UserId,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("PasswordStore::clear_required_change", |tx| async move {
            let user = locked(&tx, id).await?.map(to_user).transpose()?;
            let Some(user) = user.filter(|user| user.password_change_required_at.is_some()) else {
                return Ok(None);
            };
            Entity::update_many()
                .col_expr(Column::PasswordChangeRequiredAt, Expr::value(None::<i64>))
                .filter(Column::Id.eq(id.as_uuid()))
                .exec(&*tx)
                .await?;
            let user = User { password_change_required_at: None, ..user };
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }
}

/// Takes the password of a user whose row is locked, and what was required of it, raises the security epoch, forgets what the
/// old one had handed out, and answers the user as it is then.
pub(crate) async fn take(tx: &Tx, user: User) -> Result<User, Fault> {
    let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(None::<String>))
        .col_expr(Column::PasswordChangeRequiredAt, Expr::value(None::<i64>))
        .col_expr(Column::SecurityEpoch, Expr::value(epochs.security))
        .filter(Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    forget_credentials(tx, user.id, None).await?;
    Ok(User { has_password: false, password_change_required_at: None, epochs, ..user })
}

/// Sets the password of a user whose row is locked, raises the security epoch, and answers the user as it is then. Whatever
/// was required of the password before is satisfied.
pub(crate) async fn set(tx: &Tx, user: User, password: &PasswordHash, now: Timestamp) -> Result<User, Fault> {
    let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(password.expose()))
        .col_expr(Column::PasswordChangedAt, Expr::value(now.as_micros()))
        .col_expr(Column::PasswordChangeRequiredAt, Expr::value(None::<i64>))
        .col_expr(Column::SecurityEpoch, Expr::value(epochs.security))
        .filter(Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    Ok(User { has_password: true, password_changed_at: Some(now), password_change_required_at: None, epochs, ..user })
}
