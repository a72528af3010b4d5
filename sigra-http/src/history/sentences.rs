//! What happened, in words.

/// An event as a sentence. Names that nobody has worded are told as what they are to people: something.
pub(super) fn of(name: &str) -> &'static str {
    match name {
        "auth.register.success" => "Your account was created.",
        "auth.register.failure" => "Somebody tried to register with your email address. Your account stayed as it is.",
        "auth.confirmation_request" => "A code was mailed to you, to confirm your email address.",
        "account.confirm" => "Your email address was confirmed.",
        "auth.confirmation_verify.failure" => "A code that should confirm your email address was wrong or too old.",
        "auth.login.success" => "Signed in.",
        "auth.login.failure" => "A sign-in was refused.",
        "auth.login.step_required" => "A sign-in got as far as its next step.",
        "auth.login.unfinished" => "Somebody showed your password and gave up at the second step.",
        "auth.logout" => "Signed out.",
        "auth.password_reset_complete" => "Your password was replaced with a link from your mail.",
        "session.delete" => "A session was signed out.",
        "session.revoke_all" => "Several sessions were signed out at once.",
        "session.token_reuse" => {
            "A session was used in two places, as if its cookie had been copied. It was signed out."
        }
        "session.sudo_enter" => "It was confirmed once more who is signed in.",
        "session.sudo_failure" => "Confirming once more who is signed in went wrong.",
        "mfa.verify.failure" => "The second step of signing in went wrong.",
        "mfa.lockout" => "The second step was locked after too many wrong answers.",
        "mfa.enrollment_code_request" => {
            "A code was mailed to you, to set up two-step verification in a browser your account does not know."
        }
        "mfa.enrollment_code.failure" => "Such a mailed code was wrong or too old.",
        "security.reclaimed" => {
            "You showed that your email address is yours. What somebody had set up here before was removed."
        }
        "security.lockout" => "Signing in was locked after too many wrong passwords.",
        "security.new_device" => "A browser was used that your account did not know.",
        "security.not_me" => "You answered that it was not you. Every session was signed out.",
        "account.password_change" => "Your password was replaced.",
        "account.password_change.failure" => "Replacing your password went wrong.",
        "account.password_set" => "Your account got a password.",
        "account.password_change_require" => {
            "The next sign-in was made to replace your password. Every session was signed out."
        }
        "account.password_change_waive" => "Your password need not be replaced any more.",
        "account.password_withdraw" => "Your password was taken away, because somebody else may know it.",
        "account.profile_change" => "Your profile was changed.",
        "account.email_change_request" => "Another email address was asked for.",
        "account.email_change_request.failure" => {
            "Somebody asked for your email address for another account. Your account stayed as it is."
        }
        "account.email_change_confirm.success" => "The new email address was confirmed.",
        "account.email_change_cancel" => "The change of your email address was withdrawn.",
        "security.email_change_undo" => "The change of your email address was undone. Every session was signed out.",
        "account.deletion_schedule" => "Your account was marked to be deleted. Every session was signed out.",
        "account.deletion_cancel" => "Your account is to be kept after all.",
        "account.dormancy_warn" => "A mail warned you that your account will be disabled, because nobody had used it.",
        "account.disable" => "Your account was disabled. Every session was signed out.",
        "account.enable" => "Your account was enabled again.",
        "account.export" => "Everything that is stored about your account was downloaded.",
        "account.address_release" => "An email address your account had before was made free for everybody.",
        "mail.suppressed" => "A mail to you was held back, because too many had been asked for.",
        "mfa.enroll" => "Two-step verification was turned on.",
        "mfa.disable" => "Two-step verification was turned off.",
        "mfa.disown" => "Two-step verification was taken away, because you answered that it was not you.",
        "mfa.backup_code_used" => "A backup code was used.",
        "mfa.backup_codes_regenerated" => "New backup codes were made, and the old ones ended.",
        "mfa.trust.granted" => "A browser was trusted to sign in without the second step.",
        "mfa.trust.revoked" => "A browser is no longer trusted.",
        "mfa.trust.revoked_all" => "No browser is trusted any more.",
        "passkey.register.success" => "A passkey was added.",
        "passkey.authenticate.failure" => "A passkey was not accepted.",
        "passkey.sign_count_regression" => "A passkey may have been copied.",
        "passkey.rename" => "A passkey was renamed.",
        "passkey.delete" => "A passkey was removed.",
        "passkey.disown" => "Passkeys were removed, because you answered that it was not you.",
        _ => SOMETHING,
    }
}

const SOMETHING: &str = "Something happened to your account.";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sigra_core::audit::{HIDDEN, SHOWN};

    use super::*;

    #[test]
    fn every_event_that_is_shown_has_a_sentence_of_its_own() {
        let sentences: BTreeSet<_> = SHOWN.iter().map(|name| of(name)).collect();
        assert_eq!(sentences.len(), SHOWN.len(), "each says something else");
        for name in SHOWN {
            let sentence = of(name);
            assert!(sentence != SOMETHING && sentence.ends_with('.') && !sentence.contains('_'), "{name}: {sentence}");
        }
        assert!(HIDDEN.iter().all(|name| of(name) == SOMETHING), "what is not shown needs no words");
    }
}
