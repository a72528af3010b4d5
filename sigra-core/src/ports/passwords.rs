//! Replacing the passwords of accounts.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::evidence::EvidenceFor;
use crate::id::UserId;
use crate::password::PasswordHash;
use crate::registration::AddressRequest;
use crate::secret::Digest;
use crate::time::Timestamp;
use crate::user::{Epochs, User};

/// Replaces passwords, and keeps which of them must be replaced.
///
/// # Contract
///
/// - It commits together with [`AccountStore`](super::AccountStore) and [`RequestStore`](super::RequestStore): it changes the
///   rows of the one and adds to those of the other.
/// - Every method is one atomic step, guarded in the storage, and commits its evidence with the change or not at all. Where
///   the guard fails, nothing changes and no evidence is asked for.
/// - A change is required of accounts with a password only. Whatever sets the password or takes it away ends the
///   requirement, in the same step.
#[async_trait]
pub trait PasswordStore: Send + Sync {
    /// Sets the password, at `now`, and raises the security epoch. Forgets every token of the account except rescue tokens,
    /// and every device but the one named.
    ///
    /// Of concurrent calls under one epoch one succeeds. The account must stand under the epochs given
    /// ([`User::stands`]), or the answer is [`Replaced::Stale`].
    async fn replace(
        &self,
        replacement: &Replacement<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Replaced, StoreError>;

    /// Requires that the next sign-in replaces the password, from `now` on, and raises the security epoch. Forgets every
    /// token of the account except rescue tokens; devices stay.
    ///
    /// `None`, and nothing changed, when there is no such account or it has no password.
    async fn require_change(
        &self,
        user: UserId,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;

    /// Takes the password away, and with it the requirement to change it, raises the security epoch, forgets every device and
    /// every token of the account except rescue tokens, and stores `request` made from the account as it is then.
    ///
    /// `None`, and nothing changed, when there is no such account or it has no password.
    async fn withdraw(
        &self,
        user: UserId,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;

    /// Takes the requirement back. No epoch is raised.
    ///
    /// `None`, and nothing changed, when there is no such account or nothing is required of it.
    async fn clear_required_change(
        &self,
        user: UserId,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;
}

/// A password that takes the place of another, or of none.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    /// Whose.
    pub user: UserId,
    /// The epochs the change was judged under.
    pub epochs: Epochs,
    /// Whether the account must have no password yet.
    pub first: bool,
    /// The new password.
    pub password: &'a PasswordHash,
    /// The device it is changed on, by the digest of its token. It stays known, if it is one of the account's.
    pub device: Option<Digest>,
    /// The time.
    pub now: Timestamp,
}

/// What came of replacing a password.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Replaced {
    /// It is replaced. The account as it is now.
    Done(Box<User>),
    /// The account is gone, disabled, or has changed since.
    Stale,
    /// It was to be the first, and the account, which is not disabled, has one, under whatever epochs.
    AlreadySet,
}
