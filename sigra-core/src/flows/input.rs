//! What is wrong with what somebody typed, and what a link says about itself.

use crate::email::{EmailAddress, NewEmailFault};
use crate::ports::PasswordFault;
use crate::time::Timestamp;

/// A fault of something that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputFault {
    /// Not a mail address.
    InvalidEmail,
    /// A mail address that can be [mistaken for another one](crate::email::EmailAddress::parse_new). Tells nothing about
    /// accounts.
    LookalikeEmail,
    /// A mail address in a domain that takes no mail. Tells nothing about accounts.
    UndeliverableEmail,
    /// The address the account has already.
    UnchangedEmail,
    /// A password that is refused.
    Password(PasswordFault),
    /// A password that is the one the account has now.
    SamePassword,
    /// A profile that is not a JSON object, or too large.
    InvalidProfile,
}

impl InputFault {
    /// The field in question.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::InvalidEmail | Self::LookalikeEmail | Self::UndeliverableEmail | Self::UnchangedEmail => "email",
            Self::Password(_) | Self::SamePassword => "password",
            Self::InvalidProfile => "profile",
        }
    }

    /// The fault as a fixed word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidEmail | Self::LookalikeEmail | Self::UndeliverableEmail | Self::UnchangedEmail => {
                "invalid_email"
            }
            Self::Password(fault) => fault.code(),
            // As one that is too close to something: programs need no word more.
            Self::SamePassword => PasswordFault::Similar.code(),
            Self::InvalidProfile => "invalid_profile",
        }
    }
}

impl From<NewEmailFault> for InputFault {
    fn from(fault: NewEmailFault) -> Self {
        match fault {
            NewEmailFault::Invalid => Self::InvalidEmail,
            NewEmailFault::Lookalike => Self::LookalikeEmail,
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
