//! What every change of an account's factors has in common.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use sigra_core::id::UserId;
use sigra_core::user::{Epochs, User};

use crate::accounts;
use crate::entity::user;
use crate::error::Fault;
use crate::store::Tx;

/// The account, kept from changing until the transaction ends. Whatever changes factors begins with it, so that such
/// changes of one account come one after the other and take their locks in one order.
pub(crate) async fn locked(tx: &Tx, id: UserId) -> Result<Option<User>, Fault> {
    accounts::locked(tx, id).await?.map(accounts::to_user).transpose()
}

/// As [`locked`], if what was decided under these epochs still counts: they are the account's, and it is not disabled.
pub(crate) async fn standing(tx: &Tx, id: UserId, epochs: Epochs) -> Result<Option<User>, Fault> {
    Ok(locked(tx, id).await?.filter(|user| stands(user, epochs)))
}

/// Whether what was decided under these epochs still counts for the account.
pub(crate) fn stands(user: &User, epochs: Epochs) -> bool {
    user.disabled_at.is_none() && user.epochs == epochs
}

/// Raises the factor epoch of a locked account, and answers the account as it is then.
pub(crate) async fn raise(tx: &Tx, mut user: User) -> Result<User, Fault> {
    user.epochs.factor += 1;
    user::Entity::update_many()
        .col_expr(user::Column::FactorEpoch, Expr::value(user.epochs.factor))
        .filter(user::Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    Ok(user)
}
