//! The read behind an assertion.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseExecutor, EntityTrait, FromQueryResult as _, IdenStatic as _,
    Iterable as _, JoinType, QueryFilter as _, QuerySelect as _, QueryTrait as _, RelationDef, Select,
};
use sigra_passkeys::CredentialId;
use sigra_passkeys::ports::FoundPasskey;

use super::rows;
use crate::accounts;
use crate::entity::passkey::{Column, Entity, Model};
use crate::entity::{passkey_user, user};
use crate::error::Fault;

/// Finds a passkey with its account, in one statement: read one after the other, a passkey that is being removed could come
/// with the epochs that follow its removal, and sign in under them.
pub(super) async fn by_credential(
    db: &DatabaseExecutor<'_>,
    credential: &CredentialId,
) -> Result<Option<FoundPasskey>, Fault> {
    let to_user: RelationDef = Entity::belongs_to(user::Entity).from(Column::UserId).to(user::Column::Id).into();
    let to_handle: RelationDef =
        Entity::belongs_to(passkey_user::Entity).from(Column::UserId).to(passkey_user::Column::UserId).into();
    let select = Entity::find()
        .select_only()
        .join(JoinType::LeftJoin, to_user)
        .join(JoinType::LeftJoin, to_handle)
        .filter(Column::CredentialDigest.eq(rows::digest(credential)));
    let select = columns_of::<Entity>(select, "p_");
    let select = columns_of::<user::Entity>(select, "u_");
    let select = columns_of::<passkey_user::Entity>(select, "h_");
    let Some(row) = db.query_one_raw(select.build(db.get_database_backend())).await? else {
        return Ok(None);
    };
    // A passkey that lost its owner must not pass for one that is not there.
    let user = user::Model::from_query_result_optional(&row, "u_")?.ok_or(Fault::Corrupt("user_id"))?;
    let owner = passkey_user::Model::from_query_result_optional(&row, "h_")?.ok_or(Fault::Corrupt("handle"))?;
    Ok(Some(FoundPasskey {
        passkey: rows::passkey(Model::from_query_result(&row, "p_")?)?,
        user: accounts::to_user(user)?,
        handle: rows::handle(owner.handle)?,
    }))
}

/// Selects every column of a table under names that differ from those of the others.
fn columns_of<E: EntityTrait>(select: Select<Entity>, prefix: &str) -> Select<Entity> {
    E::Column::iter().fold(select, |select, column| select.column_as(column, format!("{prefix}{}", column.as_str())))
}
