//! The mails of this crate.

use sigra_core::mail::MailKind;

/// A passkey was added. Names the authenticator.
pub const PASSKEY_ADDED: MailKind = MailKind::new("passkey_added");
/// A passkey was removed: by its owner, because it may have been copied, or because its owner disowns it.
pub const PASSKEY_REMOVED: MailKind = MailKind::new("passkey_removed");

/// Every kind this crate sends.
pub const MAILS: &[MailKind] = &[PASSKEY_ADDED, PASSKEY_REMOVED];
