//! Addresses nobody can have for a while.

use async_trait::async_trait;

use crate::error::StoreError;
use crate::evidence::Evidence;
use crate::id::UserId;
use crate::ports::Mac;
use crate::time::Timestamp;

/// An address that an account has left, and that no other account can have for a while.
///
/// The address itself is not stored: it may be that of an account that was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The keyed hash of the address. One that is kept already is replaced, and never runs out earlier than it would have.
    pub key: Mac,
    /// The account that left it, which can have it back. `None` once there is no such account.
    pub holder: Option<UserId>,
    /// When it runs out.
    pub until: Timestamp,
}

/// Addresses in quarantine.
///
/// # Contract
///
/// As for [`AccountStore`](super::AccountStore), with which it shares a storage.
///
/// - A quarantine is written by the [evidence](Evidence::quarantined) of the step that leaves the address. The step that
///   erases an account makes all quarantines of its own nobody's.
/// - An address has one keyed hash for every root secret. Whoever takes an address names all of them
///   ([`NewAccount::quarantine`](super::NewAccount::quarantine),
///   [`Completion::quarantine`](crate::address_change::Completion::quarantine)); none of the quarantines found under them
///   that have not run out may be anybody else's: neither another account's nor nobody's. A step looks for an account with
///   the address first and for quarantines after that, each as of what was committed before.
/// - [`AddressChangeStore::undo`](super::AddressChangeStore::undo) asks for none: nobody else can have had the address.
#[async_trait]
pub trait QuarantineStore: Send + Sync {
    /// Finds what keeps an address from being taken at `now`: of the quarantines under these keys the one that runs out last.
    async fn find(&self, keys: &[Mac], now: Timestamp) -> Result<Option<Quarantined>, StoreError>;

    /// Ends the quarantines under these keys. `false`, and nothing written, when there is none that has not run out at `now`.
    async fn release(&self, keys: &[Mac], now: Timestamp, evidence: Evidence) -> Result<bool, StoreError>;
}
