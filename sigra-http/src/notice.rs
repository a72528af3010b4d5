//! One sentence carried over a redirect.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

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
    /// A code was mailed.
    CodeMailed,
    /// A sign-in took too long.
    SignInOver,
    /// Two-step verification was turned off.
    MfaDisabled,
    /// A password was changed, or a first one set, in a session that goes on.
    PasswordChanged,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was renamed.
    PasskeyRenamed,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A browser is no longer trusted.
    TrustRevoked,
    /// A change of address was asked for.
    EmailChangeAsked,
    /// A change of address was withdrawn.
    EmailChangeWithdrawn,
    /// The address was changed.
    EmailChanged,
    /// The address was changed, and nothing is left of what was set up before it was proven.
    Reclaimed,
    /// The account will be deleted.
    DeletionScheduled,
}

impl Notice {
    const ALL: [Self; 16] = [
        Self::Confirmed,
        Self::PasswordReset,
        Self::MailOnItsWay,
        Self::CodeMailed,
        Self::SignInOver,
        Self::MfaDisabled,
        Self::PasswordChanged,
        Self::PasskeyAdded,
        Self::PasskeyRenamed,
        Self::PasskeyRemoved,
        Self::TrustRevoked,
        Self::EmailChangeAsked,
        Self::EmailChangeWithdrawn,
        Self::EmailChanged,
        Self::Reclaimed,
        Self::DeletionScheduled,
    ];

    /// The cookie's value: a fixed word, so nobody can put a text of theirs on our pages.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::PasswordReset => "password_reset",
            Self::MailOnItsWay => "mail_on_its_way",
            Self::CodeMailed => "code_mailed",
            Self::SignInOver => "sign_in_over",
            Self::MfaDisabled => "mfa_disabled",
            Self::PasswordChanged => "password_changed",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRenamed => "passkey_renamed",
            Self::PasskeyRemoved => "passkey_removed",
            Self::TrustRevoked => "trust_revoked",
            Self::EmailChangeAsked => "email_change_asked",
            Self::EmailChangeWithdrawn => "email_change_withdrawn",
            Self::EmailChanged => "email_changed",
            Self::Reclaimed => "reclaimed",
            Self::DeletionScheduled => "deletion_scheduled",
        }
    }

    /// The sentence.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Confirmed => "Your email address is confirmed. You can sign in now.",
            Self::PasswordReset => "Your password is changed and every session was ended. Sign in with the new one.",
            Self::CodeMailed => "A code is on its way to your email address.",
            Self::SignInOver => "Signing in took too long, or was finished elsewhere. Start again.",
            Self::MfaDisabled => "Two-step verification is off, and every other session was ended.",
            Self::PasswordChanged => "Your new password is set, and every other session was ended.",
            Self::PasskeyAdded => "The passkey was added, and every other session was ended.",
            Self::PasskeyRenamed => "The passkey has its new name.",
            Self::PasskeyRemoved => "The passkey was removed, and every other session was ended.",
            Self::TrustRevoked => "Signing in there will take a second step again.",
            Self::EmailChangeAsked => "If the new address is free, a mail with a link is on its way there.",
            Self::EmailChangeWithdrawn => "The change was withdrawn. Your address stays as it is.",
            Self::EmailChanged => "Your email address is changed. Sign in with the new one from now on.",
            Self::Reclaimed => {
                "Your new email address is confirmed. Nothing that was set up before counts any more: choose a new password, or \
                 sign in by mail."
            }
            Self::DeletionScheduled => {
                "Your account will be deleted, and you are signed out everywhere. To keep it, sign in before then."
            }
            Self::MailOnItsWay => "If a registration is waiting for this address, a new mail is on its way.",
        }
    }

    /// The cookie that carries it over a redirect.
    pub(crate) fn over(self, name: &CookieName) -> HeaderValue {
        name.set(self.word(), Some(Duration::from_secs(60)))
    }

    /// Reads the notice a request carries.
    pub(crate) fn read(name: &CookieName, headers: &HeaderMap) -> Option<Self> {
        let word = name.read(headers)?;
        Self::ALL.into_iter().find(|notice| notice.word() == word)
    }
}
