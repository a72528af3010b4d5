//! The read behind a passkey's assertion.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseExecutor, EntityTrait, FromQueryResult as _, IdenStatic as _,
    Iterable as _, JoinType, QueryFilter as _, QuerySelect as _, QueryTrait as _, RelationDef, Select,
};
use sigra_passkeys::CredentialId;
use sigra_passkeys::ports::FoundPasskey;

use super::rows;
use crate::accounts;
use crate::entity::passkey::{Column, Entity, Model};
use crate::entity::{user, user_handle};
use crate::error::Fault;

/// Finds a passkey with its account, in one statement: what is verified must not be older than the epochs it is proven
/// under.
pub(super) async fn by_credential(
    db: &DatabaseExecutor<'_>,
    credential: &CredentialId,
) -> Result<Option<FoundPasskey>, Fault> {
    let to_user: RelationDef = Entity::belongs_to(user::Entity).from(Column::UserId).to(user::Column::Id).into();
    let to_handle: RelationDef =
        Entity::belongs_to(user_handle::Entity).from(Column::UserId).to(user_handle::Column::UserId).into();
    let select = Entity::find()
        .select_only()
        .join(JoinType::InnerJoin, to_user)
        .join(JoinType::InnerJoin, to_handle)
        .filter(Column::CredentialHash.eq(rows::credential_hash(credential)));
    let select = columns_of::<Entity>(select, "p_");
    let select = columns_of::<user::Entity>(select, "u_");
    let select = columns_of::<user_handle::Entity>(select, "h_");
    let Some(row) = db.query_one_raw(select.build(db.get_database_backend())).await? else {
        return Ok(None);
    };
    Ok(Some(FoundPasskey {
        passkey: rows::passkey(Model::from_query_result(&row, "p_")?)?,
        user: accounts::to_user(user::Model::from_query_result(&row, "u_")?)?,
        handle: rows::handle(user_handle::Model::from_query_result(&row, "h_")?.user_handle)?,
    }))
}

/// Selects every column of a table under names that differ from those of the others.
fn columns_of<E: EntityTrait>(select: Select<Entity>, prefix: &str) -> Select<Entity> {
    E::Column::iter().fold(select, |select, column| select.column_as(column, format!("{prefix}{}", column.as_str())))
}
