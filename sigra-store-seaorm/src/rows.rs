//! Reading rows by position, of statements that are constants: nothing is built or looked up by name while a request waits.

use sea_orm::{DbErr, QueryResult, TryGetable};
use sigra_core::user::User;
use uuid::Uuid;

use crate::accounts;
use crate::entity::user;
use crate::error::Fault;

/// What is read of an account under the name `u`, in the order [`Positions::user`] reads it. The password's hash stays
/// where it is.
macro_rules! user_columns {
    () => {
        "u.email, CASE WHEN u.password_hash IS NULL THEN 0 ELSE 1 END, u.profile, u.security_epoch, u.factor_epoch, \
         u.confirmed_at, u.disabled_at, u.deletion_due_at, u.created_at, u.last_sign_in_at, u.password_changed_at, \
         u.password_change_required_at"
    };
}
pub(crate) use user_columns;

/// Reads a row column after column.
pub(crate) struct Positions<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Positions<'r> {
    pub(crate) fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn next<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let value = self.row.try_get_by_index(self.next);
        self.next += 1;
        value
    }

    /// The account that `user_columns` selected.
    pub(crate) fn user(&mut self, id: Uuid) -> Result<User, Fault> {
        accounts::to_user(user::Model {
            id,
            email: self.next()?,
            email_identity: String::new(),
            password_hash: (self.next::<i32>()? == 1).then(String::new),
            profile: self.next()?,
            security_epoch: self.next()?,
            factor_epoch: self.next()?,
            confirmed_at: self.next()?,
            disabled_at: self.next()?,
            deletion_due_at: self.next()?,
            created_at: self.next()?,
            last_sign_in_at: self.next()?,
            attempts_cleared_at: None,
            password_changed_at: self.next()?,
            password_change_required_at: self.next()?,
        })
    }
}
