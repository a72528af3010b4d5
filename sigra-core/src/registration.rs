//! Registrations whose address is not proven yet, tokens sent by mail, and requests made by address.

use crate::client::ClientInfo;
use crate::email::EmailAddress;
use crate::id::{LeaseId, RegistrationId, RequestId, UserId};
use crate::ports::{Mac, Sealed};
use crate::secret::{Digest, Purpose};
use crate::time::Timestamp;
use crate::user::Epochs;

/// One submitted registration.
///
/// Written alike whether or not the address has an account, so writing it tells nothing. Only a mailed token or code
/// promotes it, and only itself.
#[derive(Clone, Debug)]
pub struct PendingRegistration {
    /// Identity of the row.
    pub id: RegistrationId,
    /// The address to prove.
    pub email: EmailAddress,
    /// Password hash and profile, sealed and bound to the row.
    pub sealed: Sealed,
    /// The client that submitted it.
    pub client: ClientInfo,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it can no longer be promoted.
    pub expires_at: Timestamp,
}

/// A code that was mailed for a registration.
#[derive(Clone, Debug)]
pub struct ConfirmationCode {
    /// The registration it promotes.
    pub registration: RegistrationId,
    /// Its keyed hash.
    pub mac: Mac,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What a mailed token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOwner {
    /// A registration; there is no account yet.
    Registration(RegistrationId),
    /// An account.
    User {
        /// The account.
        id: UserId,
        /// The account's epochs when the token was made. `None` makes a rescue token, which epochs do not kill.
        epochs: Option<Epochs>,
    },
}

/// A token that was mailed: one row, single use, expiry in the row.
#[derive(Clone, Debug)]
pub struct MailedToken {
    /// The digest, which is also what it is found by.
    pub digest: Digest,
    /// What it is for. Part of the digest too; stored for listing and purging.
    pub purpose: Purpose,
    /// What it belongs to.
    pub owner: TokenOwner,
    /// The address it was mailed to. Worth nothing when the account has another one by now.
    pub email: EmailAddress,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What a request by address asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Answer a submitted registration: confirmation mail or notice to the owner.
    Register(RegistrationId),
    /// Mail the confirmation again.
    ResendConfirmation,
    /// Mail a sign-in link.
    MagicLink,
    /// Mail a reset link.
    ResetPassword,
    /// Mail a reset link because the owner said "this was not me".
    RescueReset,
    /// Tell the owner that attempts on the account were locked.
    LockNotice,
    /// Answer a change of address whose id is the request's: links to the new address and to the old one.
    ChangeEmail,
}

impl RequestKind {
    /// The stored form.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::ResendConfirmation => "resend_confirmation",
            Self::MagicLink => "magic_link",
            Self::ResetPassword => "reset_password",
            Self::RescueReset => "rescue_reset",
            Self::LockNotice => "lock_notice",
            Self::ChangeEmail => "change_email",
        }
    }

    /// Reads the stored form back.
    #[must_use]
    pub fn from_stored(kind: &str, registration: Option<RegistrationId>) -> Option<Self> {
        match (kind, registration) {
            ("register", Some(id)) => Some(Self::Register(id)),
            ("resend_confirmation", None) => Some(Self::ResendConfirmation),
            ("magic_link", None) => Some(Self::MagicLink),
            ("reset_password", None) => Some(Self::ResetPassword),
            ("rescue_reset", None) => Some(Self::RescueReset),
            ("lock_notice", None) => Some(Self::LockNotice),
            ("change_email", None) => Some(Self::ChangeEmail),
            _ => None,
        }
    }
}

/// A request made by address: the one row written before anything is looked up, identical for every address.
#[derive(Clone, Debug)]
pub struct AddressRequest {
    /// Identity of the row.
    pub id: RequestId,
    /// What is asked for.
    pub kind: RequestKind,
    /// The address, as submitted and parsed. Mail goes to the stored address of the account it names.
    pub email: EmailAddress,
    /// The client that asked.
    pub client: ClientInfo,
    /// When.
    pub created_at: Timestamp,
    /// When an unanswered request is dropped.
    pub expires_at: Timestamp,
}

/// An [`AddressRequest`] a worker holds.
#[derive(Clone, Debug)]
pub struct LeasedRequest {
    /// The request.
    pub request: AddressRequest,
    /// The lease under which it may be resolved.
    pub lease: LeaseId,
}

/// How a worker answers an [`AddressRequest`], in one step.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    /// Tokens to store. A token for a user with epochs is stored only while the user's epochs still are these.
    pub tokens: Vec<NewToken>,
    /// Codes to store, each replacing its registration's previous one and giving it a full set of tries.
    pub codes: Vec<ConfirmationCode>,
}

/// A token to store.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The row.
    pub token: MailedToken,
    /// Until when older tokens of the same purpose and owner stay alive, at most; `None` leaves them as they are.
    pub older_expire_at: Option<Timestamp>,
}
