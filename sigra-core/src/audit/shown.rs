//! Which events people see in the security history of their account.
//!
//! One list for all crates, so that it can be read as a whole. Every name of every catalogue is in exactly one of the two
//! lists, and tests hold them to it: whoever adds an event decides whether people see it.

use super::names::*;

/// Shown, when the event is about the account: who came in or tried to, what changed, and what ended.
pub const SHOWN: &[&str] = &[
    REGISTER_SUCCESS.as_str(),
    REGISTER_FAILURE.as_str(),
    CONFIRMATION_REQUEST.as_str(),
    CONFIRMATION_FAILURE.as_str(),
    ACCOUNT_CONFIRM.as_str(),
    LOGIN_SUCCESS.as_str(),
    LOGIN_FAILURE.as_str(),
    LOGIN_STEP_REQUIRED.as_str(),
    LOGIN_UNFINISHED.as_str(),
    LOGOUT.as_str(),
    PASSWORD_RESET_COMPLETE.as_str(),
    SESSION_DELETE.as_str(),
    SESSION_REVOKE_ALL.as_str(),
    SESSION_TOKEN_REUSE.as_str(),
    SUDO_ENTER.as_str(),
    SUDO_FAILURE.as_str(),
    MFA_FAILURE.as_str(),
    MFA_LOCKOUT.as_str(),
    MFA_CODE_REQUEST.as_str(),
    MFA_CODE_FAILURE.as_str(),
    RECLAIMED.as_str(),
    LOCKOUT.as_str(),
    NEW_DEVICE.as_str(),
    NOT_ME.as_str(),
    PASSWORD_CHANGE.as_str(),
    PASSWORD_CHANGE_FAILURE.as_str(),
    PASSWORD_SET.as_str(),
    PASSWORD_CHANGE_REQUIRE.as_str(),
    PASSWORD_CHANGE_WAIVE.as_str(),
    PASSWORD_WITHDRAW.as_str(),
    PROFILE_CHANGE.as_str(),
    EMAIL_CHANGE_REQUEST.as_str(),
    EMAIL_CHANGE_REFUSED.as_str(),
    EMAIL_CHANGE_SUCCESS.as_str(),
    EMAIL_CHANGE_WITHDRAWN.as_str(),
    EMAIL_CHANGE_UNDONE.as_str(),
    DELETION_SCHEDULE.as_str(),
    DELETION_CANCEL.as_str(),
    DORMANCY_WARN.as_str(),
    ACCOUNT_DISABLE.as_str(),
    ACCOUNT_ENABLE.as_str(),
    ACCOUNT_EXPORT.as_str(),
    ADDRESS_RELEASE.as_str(),
    MAIL_SUPPRESSED.as_str(),
    "mfa.enroll",
    "mfa.disable",
    "mfa.disown",
    "mfa.backup_code_used",
    "mfa.backup_codes_regenerated",
    "mfa.trust.granted",
    "mfa.trust.revoked",
    "mfa.trust.revoked_all",
    "passkey.register.success",
    "passkey.authenticate.failure",
    "passkey.sign_count_regression",
    "passkey.rename",
    "passkey.delete",
    "passkey.disown",
];

/// Not shown: what goes along with an event that is, what the machinery does by itself, what is said of nobody's account.
pub const HIDDEN: &[&str] = &[
    // Beside a sign-in, a change or an account's beginning that is shown.
    CONFIRMATION_SUCCESS.as_str(),
    MAGIC_LINK_SUCCESS.as_str(),
    SESSION_CREATE.as_str(),
    SESSION_RENEW.as_str(),
    MFA_SUCCESS.as_str(),
    "mfa.enroll.begin",
    "mfa.enroll.failure",
    "passkey.register.failure",
    "passkey.authenticate.success",
    // The last thing that is said of an account.
    DELETION_EXECUTE.as_str(),
    // By itself, or by whoever runs the host.
    MAIL_REQUEUED.as_str(),
    HASH_UPGRADED.as_str(),
    SESSION_ROTATE.as_str(),
    MAIL_ABANDONED.as_str(),
    // Nobody knows yet, or any more, whose account it is about.
    REGISTER_REQUEST.as_str(),
    MAGIC_LINK_REQUEST.as_str(),
    MAGIC_LINK_FAILURE.as_str(),
    BREACH_CHECK_FAILURE.as_str(),
    DOMAIN_CHECK_FAILURE.as_str(),
    RATE_LIMITER_FAILURE.as_str(),
    PASSWORD_RESET_REQUEST.as_str(),
    PASSWORD_RESET_FAILURE.as_str(),
    NOT_ME_FAILURE.as_str(),
    EMAIL_CHANGE_FAILURE.as_str(),
    EMAIL_CHANGE_UNDO_FAILURE.as_str(),
    DELETION_CANCEL_FAILURE.as_str(),
];

/// Whether people see events of this name in the history of their account. A name that is in no list is not shown.
#[must_use]
pub fn is_shown(name: &str) -> bool {
    SHOWN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{EVENTS, EventName};

    #[test]
    fn whoever_adds_an_event_decides_whether_people_see_it() {
        for name in EVENTS.iter().map(EventName::as_str) {
            let decided = SHOWN.iter().chain(HIDDEN).filter(|listed| **listed == name).count();
            assert_eq!(decided, 1, "`{name}` belongs into SHOWN or into HIDDEN");
        }
        assert!(is_shown("auth.login.failure") && !is_shown("session.rotate") && !is_shown("greenhouse.watered"));
    }
}
