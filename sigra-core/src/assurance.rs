//! How sure a session is of its user: NIST SP 800-63B-4 authenticator assurance levels and RFC 8176 methods.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Authenticator assurance level (NIST SP 800-63B-4 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Aal {
    /// One factor.
    One,
    /// Two factors.
    Two,
    /// Two factors, one of them phishing-resistant hardware.
    Three,
}

impl From<Aal> for u8 {
    fn from(aal: Aal) -> Self {
        match aal {
            Aal::One => 1,
            Aal::Two => 2,
            Aal::Three => 3,
        }
    }
}

impl TryFrom<u8> for Aal {
    type Error = InvalidAal;

    fn try_from(number: u8) -> Result<Self, InvalidAal> {
        match number {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            _ => Err(InvalidAal),
        }
    }
}

/// The number is not 1, 2 or 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an assurance level")]
pub struct InvalidAal;

/// How a user was authenticated: an RFC 8176 name where one exists, a plain word where none does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Method(Cow<'static, str>);

impl Method {
    /// A password.
    pub const PASSWORD: Self = Self(Cow::Borrowed("pwd"));
    /// A link in a mail. Proves the mailbox; never more than AAL 1.
    pub const MAGIC_LINK: Self = Self(Cow::Borrowed("magic_link"));
    /// A code in a mail. Proves the mailbox; never raises the level.
    pub const EMAIL_CODE: Self = Self(Cow::Borrowed("email_code"));
    /// Several factors were shown (RFC 8176 `mfa`). Stands beside the methods that showed them.
    pub const MULTI_FACTOR: Self = Self(Cow::Borrowed("mfa"));
    /// A browser that was trusted after a second factor was shown in it. It is no factor: the level stays 1.
    pub const TRUSTED_BROWSER: Self = Self(Cow::Borrowed("trusted_browser"));

    /// Whether it shows the password or the mailbox: what an account whose password is guessed is opened again by.
    #[must_use]
    pub fn clears_attempts(&self) -> bool {
        [Self::PASSWORD, Self::MAGIC_LINK, Self::EMAIL_CODE].contains(self)
    }

    /// A method of another capability.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A method that storage returned.
    #[must_use]
    pub const fn from_stored(name: String) -> Self {
        Self(Cow::Owned(name))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The level reached, by which methods, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    /// The level.
    pub aal: Aal,
    /// The methods used, in the order they were shown.
    pub methods: Vec<Method>,
    /// When the last of them was shown.
    pub at: Timestamp,
}

impl Assurance {
    /// Adds methods that are not named yet, in their order.
    pub fn add_methods(&mut self, methods: impl IntoIterator<Item = Method>) {
        for method in methods {
            if !self.methods.contains(&method) {
                self.methods.push(method);
            }
        }
    }
}
