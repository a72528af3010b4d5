//! State between two requests that belong together.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::id::UserId;
use crate::ports::Sealed;
use crate::secret::Digest;
use crate::time::Timestamp;

/// Keeps what the first of two requests leaves for the second, for a few minutes, and gives it out once.
///
/// # Contract
///
/// - [`CeremonyStore::put`] replaces what has the same key, in one step.
/// - [`CeremonyStore::take`] deletes and answers in one step: of any number of concurrent calls one gets the ceremony. It
///   is taken before anything in it is verified, so a failure cannot be tried again.
/// - What has expired is not found, by either.
/// - Ceremonies of a user go with the user, and none is stored for a user who does not exist: that is an error of kind
///   [`Unexpected`](crate::error::StoreErrorKind::Unexpected), and what had the key stays. A store that is not the accounts'
///   asks an [`AccountStore`](super::AccountStore).
#[async_trait]
pub trait CeremonyStore: Send + Sync {
    /// Stores a ceremony.
    async fn put(&self, ceremony: &Ceremony) -> Result<(), StoreError>;

    /// Looks at a ceremony and leaves it.
    async fn peek(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError>;

    /// Takes a ceremony: nobody gets it a second time.
    async fn take(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError>;
}

/// What is kept between two requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// What it is found by: a digest of what the second request must bring along, its purpose included.
    pub key: Digest,
    /// Whose it is, where somebody is established.
    pub user: Option<UserId>,
    /// The state, sealed and bound to the key.
    pub state: Sealed,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
}
