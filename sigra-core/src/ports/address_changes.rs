//! Changes of mail addresses.

use async_trait::async_trait;

use crate::address_change::{
    AddressChange, ArmedChange, ChangedAddress, Completed, Completion, RecordedChange, UndoableChange, UndoneChange,
};
use crate::email::EmailAddress;
use crate::error::StoreError;
use crate::evidence::{Evidence, EvidenceFor};
use crate::id::{RequestId, UserId};
use crate::registration::{AddressRequest, LeasedRequest};
use crate::secret::Digest;
use crate::time::Timestamp;
use crate::user::User;

/// Changes of mail addresses, and the links that undo them.
///
/// # Contract
///
/// As for [`AccountStore`](super::AccountStore), with which it shares a storage.
///
/// - An account has one *pending* change at most. A change stops being pending when it is replaced, withdrawn, completed
///   or undone, and is worth nothing from the moment it expires or its account no longer
///   [stands](crate::user::User::stands) under its epochs.
/// - A link that undoes carries no epochs. What replaces or withdraws a change leaves its link alive, or a thief could
///   disarm it; so does scheduling the deletion of the account, which undoing takes back. It is good until it expires, while
///   the account is neither disabled nor [due to be deleted](crate::user::User::deletion_is_due). Of all links that undo changes of an
///   account, the one of the oldest change wins: undoing a change deletes it and every change that was asked for under
///   the same or a later security epoch, and their links with them.
/// - While a completed change can be undone, its old address is *reserved*: neither
///   [`AccountStore::create`](super::AccountStore::create) nor
///   [`RegistrationStore::promote`](super::RegistrationStore::promote) nor a change gives it to another account.
#[async_trait]
pub trait AddressChangeStore: Send + Sync {
    /// Stores a pending change with the request that will answer it, in place of the account's pending one.
    ///
    /// `false`, and nothing written, when the account no longer stands under the epochs of the change.
    async fn submit(
        &self,
        change: &AddressChange,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<bool, StoreError>;

    /// Finds a pending change by its id.
    async fn find(&self, id: RequestId, now: Timestamp) -> Result<Option<AddressChange>, StoreError>;

    /// Finds the pending change of an account.
    async fn pending(&self, user: UserId, now: Timestamp) -> Result<Option<AddressChange>, StoreError>;

    /// A page of what is stored about changes of an account's address, newest first, beginning behind `before`. A change
    /// that nothing can be redeemed or undone of is not among it, and no other account's.
    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, StoreError>;

    /// Answers a leased request whose id is that of a pending change, as
    /// [`RequestStore::resolve`](super::RequestStore::resolve) does, and stores the digests of the links in its mails.
    ///
    /// `false`, and nothing changed, when the lease is no longer the worker's or the change is not pending any more.
    async fn arm(&self, leased: &LeasedRequest, armed: &ArmedChange, evidence: Evidence) -> Result<bool, StoreError>;

    /// Finds a pending change by the link to its new address, without consuming it.
    async fn peek(&self, confirm: Digest, now: Timestamp) -> Result<Option<AddressChange>, StoreError>;

    /// Redeems a link to a new address: the account has that address from now on, its security epoch is raised, and every
    /// token of the account but rescue tokens forgotten. Devices stay known. Of concurrent redemptions, of whatever
    /// accounts, one gets the address.
    ///
    /// An account that is not confirmed is [reclaimed](super::AccountStore#reclaiming) first. Then no link undoes the change,
    /// and the old address is not reserved: nobody has shown that it ever was theirs.
    ///
    /// Evidence is asked for when the address changed; nothing is changed otherwise.
    async fn redeem(
        &self,
        confirm: Digest,
        completion: &Completion,
        evidence: EvidenceFor<'_, ChangedAddress>,
    ) -> Result<Completed, StoreError>;

    /// Finds a change by a link that undoes it, without consuming that.
    async fn peek_undo(&self, undo: Digest, now: Timestamp) -> Result<Option<UndoableChange>, StoreError>;

    /// Undoes a change by its link, pending or completed: the account has the change's old address again, its password is
    /// taken away, its security epoch raised, every device and every token but rescue tokens forgotten, and `request`,
    /// made from the account as it is then, stored. An account that is not confirmed is
    /// [reclaimed](super::AccountStore#reclaiming) first.
    ///
    /// `None`, and nothing changed, unless the link is live, and also should the old address be another account's.
    async fn undo(
        &self,
        undo: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, UndoneChange>,
    ) -> Result<Option<UndoneChange>, StoreError>;

    /// Ends the pending change of an account. `false`, and nothing written, when there is none.
    async fn withdraw(&self, user: UserId, now: Timestamp, evidence: Evidence) -> Result<bool, StoreError>;

    /// The account an address is reserved for.
    async fn reserved_for(&self, email: &EmailAddress, now: Timestamp) -> Result<Option<UserId>, StoreError>;
}
