//! Changes of mail addresses.

use serde::{Deserialize, Serialize};
use sigra_core::address_change::AddressChange;
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;

use super::foreign::{AddressChangeDef, digest};
use super::{id, time};
use crate::table::Row;

/// A change, and the links that were mailed for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredChange {
    #[serde(with = "AddressChangeDef")]
    pub(crate) change: AddressChange,
    pub(crate) pending: bool,
    pub(crate) completed: bool,
    pub(crate) confirm: Option<Link>,
    pub(crate) undo: Vec<Link>,
    pub(crate) undo_expires_at: Option<Timestamp>,
}

/// The digest of a link.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Link(#[serde(with = "digest")] pub(crate) Digest);

impl StoredChange {
    /// Unique: an account has one pending change.
    pub(crate) const BY_PENDING_USER: &str = "address_changes.pending_user";
    /// Unique.
    pub(crate) const BY_CONFIRM: &str = "address_changes.confirm";
    /// Unique.
    pub(crate) const BY_UNDO: &str = "address_changes.undo";
    pub(crate) const BY_USER: &str = "address_changes.user";
    /// Completed ones.
    pub(crate) const BY_OLD_ADDRESS: &str = "address_changes.old_address";
    pub(crate) const BY_EXPIRY: &str = "address_changes.expiry";

    /// When nothing of it is worth anything any more.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.undo_expires_at.map_or(self.change.expires_at, |undo| undo.max(self.change.expires_at))
    }

    pub(crate) fn undoes(&self, now: Timestamp) -> bool {
        self.undo_expires_at.is_some_and(|until| now < until)
    }
}

impl Row for StoredChange {
    const TABLE: &str = "address_changes";

    fn key(&self) -> Vec<u8> {
        id!(self.change.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let AddressChange { id, user, old, .. } = &self.change;
        let end = self.expires_at();
        let mut entries =
            vec![(Self::BY_USER, [id!(user), id!(id)].concat()), (Self::BY_EXPIRY, [&time(end)[..], id!(id)].concat())];
        if self.pending {
            entries.push((Self::BY_PENDING_USER, id!(user).to_vec()));
        }
        if self.completed {
            entries.push((Self::BY_OLD_ADDRESS, [old.identity().as_bytes(), b"\0", id!(id)].concat()));
        }
        entries.extend(self.confirm.iter().map(|link| (Self::BY_CONFIRM, link.0.as_bytes().to_vec())));
        entries.extend(self.undo.iter().map(|link| (Self::BY_UNDO, link.0.as_bytes().to_vec())));
        entries
    }
}
