//! What goes wrong, and which kind of [`StoreError`] that is.

use sigra_core::error::{StoreError, StoreErrorKind};

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A row that must be new exists.
    #[error("a row that must be new exists")]
    Conflict,
    /// A row would refer to one that does not exist.
    #[error("a row refers to one that does not exist")]
    Dangling,
    /// A stored value does not read back.
    #[error("a row of `{0}` does not read back")]
    Corrupt(&'static str),
    /// redb failed.
    #[error(transparent)]
    Database(#[from] redb::Error),
    /// The thread that made the step panicked, or the runtime is shutting down.
    #[error(transparent)]
    Lost(#[from] tokio::task::JoinError),
}

impl Fault {
    pub(crate) fn in_operation(self, operation: &'static str) -> StoreError {
        let kind = match &self {
            Self::Conflict => StoreErrorKind::Conflict,
            Self::Corrupt(_) | Self::Database(redb::Error::Corrupted(_)) => StoreErrorKind::Corrupt,
            // A disk that is full or gone. Writers queue, so nothing is ever "busy".
            Self::Database(redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseAlreadyOpen) => {
                StoreErrorKind::Unavailable
            }
            Self::Database(_) | Self::Dangling | Self::Lost(_) => StoreErrorKind::Unexpected,
        };
        StoreError::new(kind, operation).because(self)
    }
}

macro_rules! from_redb {
    ($($error:ident),+) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        }
    )+};
}

from_redb!(CommitError, DatabaseError, StorageError, TableError, TransactionError);
