//! The storage of passkeys. What an implementation must keep is tried by the suites of `sigra-testing`.

use async_trait::async_trait;

use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use crate::passkey::{CredentialId, Passkey, UserHandle};

/// Passkeys.
///
/// # Contract
///
/// - A credential id is unique over all accounts, enforced by the storage itself.
/// - A passkey belongs to an account that has a handle, enforced by the storage itself: registering one without is an
///   error, and so is finding one. It is never taken for a passkey that is not there.
/// - Every changing method is one atomic step that commits its evidence, guarded in the storage. Where the guard fails,
///   nothing changes and no evidence is asked for.
/// - [`PasskeyStore::register`], [`PasskeyStore::remove`] and [`PasskeyStore::disown`] raise the user's factor epoch. So an
///   account whose factor epoch is 0 has no passkey, and signing in does not look for one: whoever writes rows by other
///   means raises it too.
#[async_trait]
pub trait PasskeyStore: Send + Sync {
    /// The account's user handle: the stored one, or `candidate`, which is stored then. Of concurrent first calls all
    /// answer one handle.
    async fn user_handle(&self, user: UserId, candidate: UserHandle) -> Result<UserHandle, StoreError>;

    /// Finds a passkey by its credential id, of whatever account, read together with that account. Whoever finds one while
    /// it is being removed finds the epochs from before the removal, or nothing.
    async fn find(&self, credential: &CredentialId) -> Result<Option<FoundPasskey>, StoreError>;

    /// The account's passkeys, oldest first.
    async fn list(&self, user: UserId) -> Result<Vec<Passkey>, StoreError>;

    /// How many passkeys the account has.
    async fn count(&self, user: UserId) -> Result<u32, StoreError>;

    /// Adds a passkey. However many calls run at once, the account never gets more than `at_most`.
    ///
    /// Where several outcomes would be true, it is the first of [`Registered::Stale`], [`Registered::Duplicate`] and
    /// [`Registered::Full`].
    ///
    /// The evidence sees the user as the step leaves it.
    async fn register(
        &self,
        passkey: &Passkey,
        epochs: Epochs,
        at_most: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Registered, StoreError>;

    /// Records that a passkey was used. Happens only while its counter still is the one the use was judged by; `false`
    /// otherwise, so of concurrent uses of one assertion one succeeds where there is a counter.
    async fn record_use(&self, id: PasskeyId, used: &PasskeyUse, evidence: Evidence) -> Result<bool, StoreError>;

    /// Renames a passkey of the account. `false`, and no evidence, when it has no such passkey.
    async fn rename(&self, user: UserId, id: PasskeyId, nickname: &str, evidence: Evidence)
    -> Result<bool, StoreError>;

    /// Removes a passkey of the account, if at least `keep` others are left then, whatever runs beside it.
    ///
    /// Happens only while the user's epochs still are `epochs` and the user is not disabled: what `keep` was worked out
    /// from may have changed otherwise. Where several outcomes would be true, it is the first of [`Removed::Stale`],
    /// [`Removed::Unknown`] and [`Removed::Needed`]. The evidence sees the user as the step leaves it.
    async fn remove(
        &self,
        user: UserId,
        epochs: Epochs,
        id: PasskeyId,
        keep: u32,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Removed, StoreError>;

    /// Removes the passkeys that were added at `since` or later. The outcome is how many; with none, nothing changes and no
    /// evidence is asked for.
    async fn disown(
        &self,
        user: UserId,
        since: Timestamp,
        evidence: EvidenceFor<'_, Disowned>,
    ) -> Result<u64, StoreError>;
}

/// A passkey with its account.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundPasskey {
    /// The passkey.
    pub passkey: Passkey,
    /// The account, read together with it.
    pub user: User,
    /// What authenticators know the account by.
    pub handle: UserHandle,
}

/// A use of a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    /// The stored counter it was judged by.
    pub counter_before: u32,
    /// The counter from now on.
    pub sign_count: u32,
    /// Whether the passkey is backed up at present.
    pub backed_up: bool,
    /// When.
    pub at: Timestamp,
}

/// What came of adding a passkey.
#[derive(Clone, Debug, PartialEq)]
pub enum Registered {
    /// It was added. The account as it is now.
    Done(Box<User>),
    /// The account has as many as it may have.
    Full,
    /// The credential id exists, at this account or another.
    Duplicate,
    /// The user's epochs are no longer these, or the user is disabled.
    Stale,
}

/// What came of removing a passkey.
#[derive(Clone, Debug, PartialEq)]
pub enum Removed {
    /// It was removed. The account as it is now.
    Done(Box<User>),
    /// Too few others would be left.
    Needed,
    /// The account has no such passkey.
    Unknown,
    /// The user's epochs are no longer these, or the user is disabled.
    Stale,
}

/// What was disowned.
#[derive(Clone, Debug, PartialEq)]
pub struct Disowned {
    /// The account as it is now.
    pub user: User,
    /// How many passkeys went.
    pub count: u64,
}
