//! Password hashing and the rules for new passwords.

use std::time::Duration;

use async_trait::async_trait;

use crate::client::IpBlock;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::password::{Password, PasswordHash};

/// Whose work it is, so that nobody's can crowd out everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkOrigin {
    /// A browser the account has signed in from: these have a share of their own.
    KnownDevice,
    /// Anybody else: each block has a share.
    Network(IpBlock),
}

/// Hashes and verifies passwords.
///
/// # Contract
///
/// - Work runs on a bounded pool of threads, never on the caller's executor, and waits in a bounded queue. A full
///   queue, or an origin that has used up its share of it, is [`Overloaded`] at once.
/// - [`Hasher::verify`] with no hash, with a hash it does not understand or with no password does the same work through
///   the same queue as a real verification, and answers [`Verified::Mismatch`].
/// - Stored parameters above the configured ceiling are a mismatch, and allocate nothing.
/// - Work whose caller has gone away is skipped.
#[async_trait]
pub trait Hasher: Send + Sync {
    /// Hashes a password under current parameters.
    async fn hash(&self, password: &Password, origin: WorkOrigin) -> Result<PasswordHash, Overloaded>;

    /// Verifies `password` against `hash`. `None` for either spends the work and never matches.
    async fn verify(
        &self,
        password: Option<&Password>,
        hash: Option<&PasswordHash>,
        origin: WorkOrigin,
    ) -> Result<Verified, Overloaded>;
}

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The password is the one that was hashed.
    Match {
        /// Whether the hash should be rewritten under current parameters and keys.
        stale: bool,
    },
    /// It is not, or there was nothing to compare with.
    Mismatch,
}

/// There is no room for more work now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too busy, retry after {} s", .retry_after.as_secs())]
pub struct Overloaded {
    /// When to try again.
    pub retry_after: Duration,
}

impl From<Overloaded> for FlowError {
    fn from(overloaded: Overloaded) -> Self {
        Self::Overloaded { retry_after: overloaded.retry_after }
    }
}

/// The rules a new password must meet.
///
/// # Contract
///
/// Costly rules run off the caller's executor, through the same bounded queue as hashing. All faults are found, not
/// the first only. The whole password is compared with the lists, never a part of it.
#[async_trait]
pub trait PasswordPolicy: Send + Sync {
    /// Finds every fault of `password`; an empty list accepts it.
    async fn check(
        &self,
        password: &Password,
        context: &PolicyContext<'_>,
        origin: WorkOrigin,
    ) -> Result<Vec<PasswordFault>, Overloaded>;
}

/// What a new password must not resemble.
#[derive(Clone, Copy, Debug)]
pub struct PolicyContext<'a> {
    /// The account's address.
    pub email: &'a EmailAddress,
    /// Further words of the account: a name, an organization.
    pub words: &'a [&'a str],
}

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PasswordFault {
    /// Known from a breach.
    Breached,
    /// Among the most common passwords.
    Common,
    /// The address, a name or the product, as a whole.
    Similar,
    /// More than [`Password::MAX_BYTES`] bytes.
    TooLong,
    /// Fewer code points than required.
    TooShort {
        /// How many are required.
        minimum: usize,
    },
    /// Too easy to guess.
    Weak,
}

impl PasswordFault {
    /// The fault as a fixed word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Breached => "breached",
            Self::Common => "common",
            Self::Similar => "similar",
            Self::TooLong => "too_long",
            Self::TooShort { .. } => "too_short",
            Self::Weak => "weak",
        }
    }
}
