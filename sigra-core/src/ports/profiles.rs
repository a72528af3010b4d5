//! Changing what the host keeps about accounts.

use async_trait::async_trait;
use serde_json::Value;

use crate::error::StoreError;
use crate::evidence::EvidenceFor;
use crate::id::UserId;
use crate::user::{Epochs, User};

/// Replaces the profiles of accounts.
///
/// # Contract
///
/// - It commits together with [`AccountStore`](super::AccountStore), whose rows it changes.
/// - The step is atomic, guarded in the storage, and commits its evidence with the change or not at all. Where the guard
///   fails, nothing changes and no evidence is asked for.
/// - What was stored reads back as the same JSON. Nothing but the profile changes: no epoch is raised, and nothing that was
///   handed out ends.
#[async_trait]
pub trait ProfileStore: Send + Sync {
    /// Replaces the profile of an account by another.
    ///
    /// Of concurrent calls that saw the same profile one succeeds, unless it is put in its own place.
    async fn replace(
        &self,
        change: &ProfileChange<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<ProfileReplaced, StoreError>;
}

/// A profile that takes the place of another.
#[derive(Clone, Copy, Debug)]
pub struct ProfileChange<'a> {
    /// Whose.
    pub user: UserId,
    /// Under which epochs the account must [stand](User::stands); `None` where that does not matter.
    pub under: Option<Epochs>,
    /// The profile the new one was made from. It must be the account's still, as JSON.
    pub seen: &'a Value,
    /// The new profile.
    pub profile: &'a Value,
}

/// What came of replacing a profile.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum ProfileReplaced {
    /// It is replaced. The account as it is now.
    Done(Box<User>),
    /// The account has another profile than the one that was seen. The account as it is.
    Changed(Box<User>),
    /// There is no such account, or it no longer stands under the epochs.
    Stale,
}
