//! The closed list of event names.

use std::fmt;

/// The name of an audit event, with its meaning.
///
/// Made only by [`event_catalogue!`](crate::event_catalogue), which also lists it, so code cannot emit a name that no
/// table knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName {
    name: &'static str,
    meaning: &'static str,
}

impl EventName {
    #[doc(hidden)]
    #[must_use]
    pub const fn __listed(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning }
    }

    /// The dotted name, as stored.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.name
    }

    /// When the event is written.
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Declares a capability's event names and the list of them.
///
/// ```
/// sigra_core::event_catalogue! {
///     /// The greenhouse's events.
///     pub GREENHOUSE {
///         WATERED = "greenhouse.watered": "a plant was watered",
///     }
/// }
/// assert_eq!(GREENHOUSE[0], WATERED);
/// ```
#[macro_export]
macro_rules! event_catalogue {
    ($(#[$doc:meta])* $vis:vis $list:ident { $($constant:ident = $name:literal: $meaning:literal,)+ }) => {
        $(
            #[doc = concat!("`", $name, "`: ", $meaning, ".")]
            $vis const $constant: $crate::audit::EventName = $crate::audit::EventName::__listed($name, $meaning);
        )+
        $(#[$doc])*
        $vis const $list: &[$crate::audit::EventName] = &[$($constant),+];
    };
}

/// The names the flows of this crate write.
pub mod names {
    event_catalogue! {
        /// Every name the flows of this crate write.
        pub ALL {
            REGISTER_REQUEST = "auth.register.request": "a registration was submitted; nobody knows yet whether the address is free",
            REGISTER_SUCCESS = "auth.register.success": "an account was created from a registration, its address proven or, with deferred confirmation, not yet",
            REGISTER_FAILURE = "auth.register.failure": "a registration was submitted for an address that has an account, is reserved for one, or is in quarantine",
            CONFIRMATION_REQUEST = "auth.confirmation_request": "another confirmation mail was asked for",
            CONFIRMATION_SUCCESS = "auth.confirmation_verify.success": "a confirmation link or code was redeemed, and the account created",
            ACCOUNT_CONFIRM = "account.confirm": "the address of an account that was created before that was proven, by what was mailed for it",
            CONFIRMATION_FAILURE = "auth.confirmation_verify.failure": "a confirmation link or code was unknown, wrong, expired or used up",
            LOGIN_SUCCESS = "auth.login.success": "a sign-in was completed",
            LOGIN_FAILURE = "auth.login.failure": "a sign-in was refused",
            LOGIN_STEP_REQUIRED = "auth.login.step_required": "a proof was accepted and the sign-in waits for a step",
            LOGIN_UNFINISHED = "auth.login.unfinished": "a sign-in from an unknown browser showed the password and was given up at its second factor",
            LOGOUT = "auth.logout": "a user signed out",
            HASH_UPGRADED = "auth.password_hash_upgraded": "a stored password hash was rewritten with current parameters",
            MAGIC_LINK_REQUEST = "auth.magic_link_request": "a sign-in link was asked for",
            MAGIC_LINK_SUCCESS = "auth.magic_link_verify.success": "a sign-in link was redeemed",
            MAGIC_LINK_FAILURE = "auth.magic_link_verify.failure": "a sign-in link was unknown, used or expired",
            BREACH_CHECK_FAILURE = "auth.password_breach_check.failure": "whether a new password is known from a breach could not be found out",
            DOMAIN_CHECK_FAILURE = "auth.mail_domain_check.failure": "whether the domain of a new address takes mail could not be found out",
            RATE_LIMITER_FAILURE = "auth.rate_limiter.failure": "a request could not be counted, and was refused; said once a minute by each process",
            PASSWORD_RESET_REQUEST = "auth.password_reset_request": "a password reset was asked for",
            PASSWORD_RESET_COMPLETE = "auth.password_reset_complete": "a reset link was redeemed and the password replaced",
            PASSWORD_RESET_FAILURE = "auth.password_reset.failure": "a reset link was unknown, used or expired",
            PASSWORD_CHANGE = "account.password_change": "a user replaced their password, in a session or because a sign-in demanded it",
            PASSWORD_CHANGE_FAILURE = "account.password_change.failure": "a password was not replaced, because the present one was not shown or the new one is the present one",
            PASSWORD_SET = "account.password_set": "an account without a password got its first one",
            PASSWORD_CHANGE_REQUIRE = "account.password_change_require": "the next sign-in of an account was made to replace its password, and its sessions ended",
            PASSWORD_CHANGE_WAIVE = "account.password_change_waive": "a password need not be replaced any more, though it was not",
            PASSWORD_WITHDRAW = "account.password_withdraw": "an account's password was taken away because somebody else may know it, its sessions ended, and a reset was started",
            PROFILE_CHANGE = "account.profile_change": "the profile of an account was changed; what was in it is not said",
            EMAIL_CHANGE_REQUEST = "account.email_change_request": "a change of the mail address was asked for; nobody knows yet whether the new one is free",
            EMAIL_CHANGE_REFUSED = "account.email_change_request.failure": "a change of address was asked for to an address that has an account, is reserved for one, or is in quarantine",
            EMAIL_CHANGE_SUCCESS = "account.email_change_confirm.success": "the new address was proven and the account has it",
            EMAIL_CHANGE_FAILURE = "account.email_change_confirm.failure": "a link to a new address was unknown, used, replaced or expired, or the address was taken",
            EMAIL_CHANGE_WITHDRAWN = "account.email_change_cancel": "a user withdrew a change of address that was pending",
            EMAIL_CHANGE_UNDONE = "security.email_change_undo": "the owner undid a change of address; every session ended and a reset was started",
            EMAIL_CHANGE_UNDO_FAILURE = "security.email_change_undo.failure": "a link that undoes a change of address was unknown, used or expired",
            SESSION_CREATE = "session.create": "a session was minted",
            SESSION_DELETE = "session.delete": "a session was ended",
            SESSION_REVOKE_ALL = "session.revoke_all": "several of a user's sessions were ended at once",
            SESSION_ROTATE = "session.rotate": "a remembered session's token was replaced",
            SESSION_TOKEN_REUSE = "session.token_reuse": "a replaced token of a remembered session was used again, and the session ended",
            SESSION_RENEW = "session.renew": "a session went on under a new token after its user changed a password or a factor",
            SUDO_ENTER = "session.sudo_enter": "a user authenticated again",
            SUDO_FAILURE = "session.sudo_failure": "a user failed to authenticate again",
            MFA_SUCCESS = "mfa.verify.success": "a second factor was shown",
            MFA_FAILURE = "mfa.verify.failure": "a second factor was wrong, or none was left to try",
            MFA_LOCKOUT = "mfa.lockout": "attempts at an account's second factors were locked for a while or used up",
            MFA_CODE_REQUEST = "mfa.enrollment_code_request": "a code was mailed before a second factor may be set up from an unknown device",
            MFA_CODE_FAILURE = "mfa.enrollment_code.failure": "such a code was wrong, expired or used up",
            RECLAIMED = "security.reclaimed": "the mailbox of an unproven account was shown by other means than its registration's; its password, sessions and factors were dropped",
            LOCKOUT = "security.lockout": "an account's attempts were locked for a while or used up",
            NEW_DEVICE = "security.new_device": "a sign-in came from a browser the account had not used",
            NOT_ME = "security.not_me": "the owner said a notice was not about them; every session ended and a reset was started",
            NOT_ME_FAILURE = "security.not_me.failure": "a link that disowns a notice was unknown, used or expired",
            DELETION_SCHEDULE = "account.deletion_schedule": "the deletion of an account was scheduled, and everything that was signed in ended",
            DELETION_CANCEL = "account.deletion_cancel": "a scheduled deletion was taken back",
            DELETION_CANCEL_FAILURE = "account.deletion_cancel.failure": "a link that takes a deletion back was unknown, used or too late",
            DELETION_EXECUTE = "account.deletion_execute": "an account was deleted",
            ADDRESS_RELEASE = "account.address_release": "an operator ended the quarantine of an address before its time",
            DORMANCY_WARN = "account.dormancy_warn": "the owner of an account that nobody had used for long was warned that it will be disabled",
            ACCOUNT_DISABLE = "account.disable": "an account was disabled, by an operator or because nobody had used it, and everything that was signed in ended",
            ACCOUNT_ENABLE = "account.enable": "an operator enabled a disabled account",
            ACCOUNT_EXPORT = "account.export": "what is stored about an account was handed out",
            MAIL_ABANDONED = "mail.abandoned": "a mail could not be delivered and was given up",
            MAIL_REQUEUED = "mail.requeued": "an operator had a mail that was given up tried again",
            MAIL_SUPPRESSED = "mail.suppressed": "a mail was withheld because its recipient had received enough",
        }
    }
}

/// Every event name this crate knows. Other capabilities publish lists of their own.
pub const EVENTS: &[EventName] = names::ALL;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au_12_names_are_unique_and_well_formed() {
        let mut seen: Vec<_> = EVENTS.iter().map(EventName::as_str).collect();
        seen.sort_unstable();
        let count = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), count);
        for name in seen {
            assert!(name.contains('.') && name.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)), "{name}");
        }
    }
}
