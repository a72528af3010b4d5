//! What can go wrong below the flows.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A port could not do its work.
///
/// Opaque on purpose: flows decide by [`StoreError::kind`], people read the source chain in the log, and nobody
/// matches on texts. The message never holds a secret or a user's data.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is more work than the storage can take; the same call may succeed a moment later.
    Busy,
    /// A row that must be new exists already.
    Conflict,
    /// The storage cannot be reached; the same call may succeed once it can.
    Unavailable,
    /// A stored value does not read back.
    Corrupt,
    /// A hook of the host refused, and the change was rolled back.
    Hook,
    /// Anything else.
    Unexpected,
}

impl StoreError {
    /// An error of the given kind in the named operation.
    #[must_use]
    pub const fn new(kind: StoreErrorKind, operation: &'static str) -> Self {
        Self { kind, operation, source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The port method that failed.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::Busy => "the storage is too busy",
            StoreErrorKind::Conflict => "the row exists already",
            StoreErrorKind::Unavailable => "the storage is unavailable",
            StoreErrorKind::Corrupt => "a stored value does not read back",
            StoreErrorKind::Hook => "a hook refused the change",
            StoreErrorKind::Unexpected => "the storage failed",
        };
        write!(f, "{}: {what}", self.operation)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// A flow could not come to a decision.
///
/// Everything a caller must handle as part of the conversation with a user is a value of the flow's outcome type;
/// this is what is left. No variant grants anything, and none means "no".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The hashing queue is full.
    #[error("too busy, retry after {} s", .retry_after.as_secs())]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// A service outside that must not be done without gave no answer.
    #[error("a service gave no answer, retry after {} s", .retry_after.as_secs())]
    Unanswered {
        /// When to try again.
        retry_after: Duration,
    },
    /// A port failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault could not open what it sealed.
    #[error(transparent)]
    Vault(#[from] crate::ports::VaultError),
}
