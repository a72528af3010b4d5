//! What is wrong with what somebody typed, and what a link says about itself.

use crate::email::EmailAddress;
use crate::ports::PasswordFault;
use crate::time::Timestamp;

/// A fault of something that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputFault {
    /// Not a mail address.
    InvalidEmail,
    /// A mail address in a domain that takes no mail. Tells nothing about accounts.
    UndeliverableEmail,
    /// The address the account has already.
    UnchangedEmail,
    /// A password that is refused.
    Password(PasswordFault),
    /// A profile that is not a JSON object, or too large.
    InvalidProfile,
}

impl InputFault {
    /// The field in question.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::InvalidEmail | Self::UndeliverableEmail | Self::UnchangedEmail => "email",
            Self::Password(_) => "password",
            Self::InvalidProfile => "profile",
        }
    }

    /// The fault as a fixed word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidEmail | Self::UndeliverableEmail | Self::UnchangedEmail => "invalid_email",
            Self::Password(fault) => fault.code(),
            Self::InvalidProfile => "invalid_profile",
        }
    }
}

/// What a live link tells before it is redeemed.
#[derive(Clone, Debug)]
pub struct LinkView {
    /// The address it was mailed to.
    pub email: EmailAddress,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}
