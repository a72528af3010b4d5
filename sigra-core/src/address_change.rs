//! Changes of an account's mail address: asked for in a session, proven by the new mailbox, undone from the old one.

use crate::email::EmailAddress;
use crate::id::{RequestId, SessionId, UserId};
use crate::ports::Mac;
use crate::secret::Digest;
use crate::time::Timestamp;
use crate::user::{Epochs, User};

/// A change of address that waits for the proof of the new one.
///
/// Written alike whether or not the new address is free. It is bound to the session that asked and to the account as it
/// was then.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressChange {
    /// Identity of the row: that of the request a worker answers it by.
    pub id: RequestId,
    /// Whose address changes.
    pub user: UserId,
    /// The session that asked.
    pub session: SessionId,
    /// The account's epochs when it was asked for. The change is worth nothing under others.
    pub epochs: Epochs,
    /// The address the account had then, which an undo brings back.
    pub old: EmailAddress,
    /// The address to prove.
    pub new: EmailAddress,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it can no longer be redeemed.
    pub expires_at: Timestamp,
}

/// The links a worker mails for a change.
#[derive(Clone, Debug)]
pub struct ArmedChange {
    /// The digest of the link to the new address; `None` when nothing is mailed there.
    pub confirm: Option<Digest>,
    /// The digest of the link that undoes, to the old address.
    pub undo: Digest,
    /// Until when that one is good.
    pub undo_expires_at: Timestamp,
}

/// How a change is completed.
#[derive(Clone, Debug)]
pub struct Completion {
    /// When.
    pub at: Timestamp,
    /// The digest of a further link that undoes, in the mail about the completed change.
    pub undo: Digest,
    /// Until when the links that undo this change are good, the earlier one included, and the old address stays reserved.
    pub undo_expires_at: Timestamp,
    /// What the new address may be [in quarantine](crate::ports::QuarantineStore) under.
    pub quarantine: Vec<Mac>,
}

/// A completed change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedAddress {
    /// What was asked for.
    pub change: AddressChange,
    /// The account as the change left it.
    pub user: User,
    /// Whether it was not confirmed, and [reclaimed](crate::ports::AccountStore#reclaiming).
    pub reclaimed: bool,
}

/// What came of redeeming a link to a new address.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Completed {
    /// The account has the new address now.
    Changed(Box<ChangedAddress>),
    /// The link is unknown, used, replaced or expired, or the account has changed since.
    Invalid,
    /// The new address is another account's by now, or kept for one, or in quarantine.
    Taken,
}

/// A change that can be undone.
#[derive(Clone, Debug, PartialEq)]
pub struct UndoableChange {
    /// What was asked for.
    pub change: AddressChange,
    /// The account as it is.
    pub user: User,
    /// Until when the link is good.
    pub expires_at: Timestamp,
}

/// A change that was undone.
#[derive(Clone, Debug, PartialEq)]
pub struct UndoneChange {
    /// The account as the undo left it.
    pub user: User,
    /// The address it had until then, when that was another one.
    pub reverted_from: Option<EmailAddress>,
    /// Whether it was not confirmed, and [reclaimed](crate::ports::AccountStore#reclaiming).
    pub reclaimed: bool,
}

/// A change as its account is shown it. It holds no link.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedChange {
    /// What was asked for.
    pub change: AddressChange,
    /// What has become of it.
    pub state: ChangeState,
    /// Until when it can be undone, and a completed one keeps its old address reserved; `None` while no link was mailed.
    pub undo_expires_at: Option<Timestamp>,
}

/// What has become of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeState {
    /// It waits for the proof of the new address, and is worth nothing once the session that asked is over.
    Pending,
    /// The account has had the new address since.
    Completed,
    /// It was replaced or withdrawn, or is worth nothing any more.
    Ended,
}

impl ChangeState {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Ended => "ended",
        }
    }
}
