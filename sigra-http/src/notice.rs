//! One sentence carried over a redirect.

use http::HeaderMap;

use crate::cookie::CookieName;

/// What a page tells first, after a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// An address was proven.
    Confirmed,
    /// A password was replaced.
    PasswordReset,
    /// A mail may be on its way.
    MailOnItsWay,
}

impl Notice {
    const ALL: [Self; 3] = [Self::Confirmed, Self::PasswordReset, Self::MailOnItsWay];

    /// The cookie's value: a fixed word, so nobody can put a text of theirs on our pages.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::PasswordReset => "password_reset",
            Self::MailOnItsWay => "mail_on_its_way",
        }
    }

    /// The sentence.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Confirmed => "Your email address is confirmed. You can sign in now.",
            Self::PasswordReset => "Your password is changed and every session was ended. Sign in with the new one.",
            Self::MailOnItsWay => "If a registration is waiting for this address, a new mail is on its way.",
        }
    }

    /// Reads the notice a request carries.
    pub(crate) fn read(name: &CookieName, headers: &HeaderMap) -> Option<Self> {
        let word = name.read(headers)?;
        Self::ALL.into_iter().find(|notice| notice.word() == word)
    }
}
