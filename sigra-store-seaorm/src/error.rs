//! What goes wrong inside a step, and the one place where it becomes a [`StoreError`].

use std::error::Error;

use sea_orm::{DbErr, SqlErr};
use sigra_core::error::{StoreError, StoreErrorKind};

use crate::dialect;

/// A failure inside a step, before the step has a name.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The database said no.
    Db(DbErr),
    /// No turn to write came up in time.
    Busy,
    /// The database took longer than anybody can wait for.
    Overdue,
    /// A row that must be new exists.
    Conflict,
    /// The column holds what this code cannot read.
    Corrupt(&'static str),
    /// The host's hook refused.
    Hook(Box<dyn Error + Send + Sync>),
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Self::Db(error)
    }
}

impl Fault {
    /// What an error of the host's hook comes to. A race is lost, and a database gone, whoever ran the statement.
    pub(crate) fn of_hook(error: Box<dyn Error + Send + Sync>) -> Self {
        match error.downcast::<DbErr>() {
            Ok(error) if dialect::is_contention(&error) || dialect::is_unreachable(&error) => Self::Db(*error),
            Ok(error) => Self::Hook(error),
            Err(error) => Self::Hook(error),
        }
    }

    /// Names the operation that failed.
    pub(crate) fn within(self, operation: &'static str) -> StoreError {
        match self {
            Self::Db(error) => StoreError::new(kind(&error), operation).because(error),
            Self::Busy => StoreError::new(StoreErrorKind::Busy, operation).because("too many writers are waiting"),
            Self::Overdue => {
                StoreError::new(StoreErrorKind::Unavailable, operation).because("the database does not answer")
            }
            Self::Conflict => StoreError::new(StoreErrorKind::Conflict, operation),
            Self::Corrupt(column) => StoreError::new(StoreErrorKind::Corrupt, operation).because(column),
            Self::Hook(error) => StoreError::new(StoreErrorKind::Hook, operation).because(error),
        }
    }
}

fn kind(error: &DbErr) -> StoreErrorKind {
    if dialect::is_contention(error) {
        return StoreErrorKind::Busy;
    }
    match (error, error.sql_err()) {
        (_, Some(SqlErr::UniqueConstraintViolation(_))) => StoreErrorKind::Conflict,
        (DbErr::ConnectionAcquire(_) | DbErr::Conn(_), _) => StoreErrorKind::Unavailable,
        (DbErr::Type(_) | DbErr::TryIntoErr { .. }, _) => StoreErrorKind::Corrupt,
        _ if dialect::is_unreachable(error) => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Unexpected,
    }
}
