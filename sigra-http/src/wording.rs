//! What people are told.

use std::time::Duration;

use sigra_core::flows::InputFault;
use sigra_core::ports::PasswordFault;

use crate::problem::{FaultCode, FieldError};

/// The one sentence for every sign-in that is refused, whatever the reason.
pub(crate) const INVALID_CREDENTIALS: &str = "The email address or password is wrong, or the address is not confirmed \
     yet. Check your mail for a confirmation, or reset your password.";
/// For a code that confirms nothing.
pub(crate) const INVALID_CODE: &str =
    "This code is wrong or no longer valid. Check the address, or ask for a new mail.";
/// For a wrong answer to re-authentication.
pub(crate) const WRONG_PASSWORD: &str = "This password is wrong. After several wrong answers you are signed out.";

/// For a wrong answer to re-authentication with a factor.
pub(crate) const WRONG_FACTOR: &str =
    "This code or password is wrong, or was used before. After several wrong answers you are signed out.";
/// For a code of a factor that is wrong.
pub(crate) const WRONG_CODE: &str = "This code is wrong or was used before. Wait for the next one and try again.";
/// For a passkey that was not accepted, whatever the reason.
pub(crate) const PASSKEY_REJECTED: &str = "The passkey was not accepted. Try again, or sign in another way.";

/// A wrong code, beside its field.
pub(crate) fn wrong_code() -> FieldError {
    FieldError::new("code", FaultCode::InvalidCode.as_str(), WRONG_CODE)
}

/// Too many wrong codes.
pub(crate) fn locked_out(wait: Option<Duration>) -> FieldError {
    let sentence = match wait {
        Some(wait) => {
            let minutes = wait.as_secs().div_ceil(60).max(1);
            let unit = if minutes == 1 { "minute" } else { "minutes" };
            format!("There were too many wrong codes. Try again in {minutes} {unit}.")
        }
        None => String::from("There were too many wrong codes. Reset your password to try again."),
    };
    FieldError::new("code", FaultCode::LockedOut.as_str(), sentence)
}

/// A text that is not an address, beside its field.
pub(crate) fn invalid_email() -> FieldError {
    let fault = InputFault::InvalidEmail;
    FieldError::new(fault.field(), fault.code(), of_input(&fault))
}

/// A sign-in that owes a step.
pub(crate) fn step_required(step: &str) -> String {
    format!(
        "Your password is right, but something else is needed before you are signed in: {}.",
        step.replace('_', " ")
    )
}

/// A fault as a sentence on a page of its own, with the page that helps: its path below the prefix, and its name.
pub(crate) const fn of_fault(code: FaultCode) -> (&'static str, Option<(&'static str, &'static str)>) {
    const SIGN_IN: Option<(&str, &str)> = Some(("/login", "Go to sign in"));
    const SECURITY: Option<(&str, &str)> = Some(("/settings/mfa", "Two-step verification"));
    match code {
        FaultCode::AlreadyEnrolled => ("This is set up already. To set it up anew, turn it off first.", SECURITY),
        FaultCode::LockedOut => ("There were too many wrong codes. Wait a little and try again.", SIGN_IN),
        FaultCode::NotEnrolled => ("This way of confirming that it is you is not set up.", SECURITY),
        FaultCode::PasskeyLimit => ("Your account has as many passkeys as it may have. Remove one first.", SECURITY),
        FaultCode::PasskeyRejected => (PASSKEY_REJECTED, SIGN_IN),
        FaultCode::PasswordAlreadySet => {
            ("Your account has a password already. You can change it.", Some(("/settings/password", "Change it")))
        }
        FaultCode::CrossOrigin => {
            ("The form was sent from another site, so nothing was done. Open the page here and try again.", SIGN_IN)
        }
        FaultCode::Internal => ("Nothing was changed. Try again in a moment.", None),
        FaultCode::InvalidCode => (INVALID_CODE, Some(("/confirm", "Enter a code"))),
        FaultCode::InvalidCredentials | FaultCode::Unauthenticated => ("Sign in to go on.", SIGN_IN),
        FaultCode::InvalidToken => {
            ("This link was used before, has expired, or was not copied whole. Ask for a new one.", SIGN_IN)
        }
        FaultCode::Malformed | FaultCode::Validation => {
            ("What the browser sent could not be understood. Go back and try again.", None)
        }
        FaultCode::MethodNotAllowed => ("This address does not work that way.", SIGN_IN),
        FaultCode::NotFound => ("There is no such page, or it is not yours to see.", SIGN_IN),
        FaultCode::Overloaded => {
            ("This site has too much to do right now, and nothing was changed. Try again in a moment.", SIGN_IN)
        }
        FaultCode::PayloadTooLarge => ("What the browser sent is larger than any form here needs.", None),
        FaultCode::RateLimited => {
            ("There were too many requests from your network. Wait a little and try again.", None)
        }
        FaultCode::ReauthRequired => ("Confirm that it is you to go on.", Some(("/sudo", "Confirm that it is you"))),
        FaultCode::Unconfirmed => ("Confirm your email address to go on.", Some(("/confirm", "Enter a code"))),
        FaultCode::UnsupportedMediaType => ("What was sent is not a form.", None),
    }
}

/// A fault of what was typed: what is wrong, and what would be right.
pub(crate) fn of_input(fault: &InputFault) -> String {
    match fault {
        InputFault::InvalidEmail => String::from("Enter a complete email address, such as ann@example.org."),
        InputFault::LookalikeEmail => String::from(
            "This address can be mistaken for another one. Use one that is written in small letters of a single alphabet.",
        ),
        InputFault::UndeliverableEmail => {
            String::from("This address cannot receive mail. Check the part after the @ for a typing mistake.")
        }
        InputFault::UnchangedEmail => String::from("This is your address already. Enter another one."),
        InputFault::Password(fault) => of_password(fault),
        InputFault::SamePassword => String::from("This is the password you have now. Choose another one."),
        InputFault::InvalidProfile => String::from("The profile must be a JSON object of moderate size."),
        _ => String::from("This is not accepted."),
    }
}

fn of_password(fault: &PasswordFault) -> String {
    match fault {
        PasswordFault::Breached => String::from("This password is known from a data breach. Choose another one."),
        PasswordFault::Common => String::from("This is one of the most common passwords. Choose another one."),
        PasswordFault::Similar => {
            String::from("This is too close to your email address or the name of this site. Choose another one.")
        }
        PasswordFault::TooLong => String::from("This password is too long. Use at most 1,024 bytes."),
        PasswordFault::TooShort { minimum } => {
            format!("Use at least {minimum} characters. A few unrelated words make a good password.")
        }
        PasswordFault::Weak => String::from("This password is easy to guess. Add another unrelated word or two."),
        _ => String::from("This password is not accepted. Choose another one."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pw_14_every_password_fault_says_what_to_do() {
        for fault in [
            PasswordFault::Breached,
            PasswordFault::Common,
            PasswordFault::Similar,
            PasswordFault::TooLong,
            PasswordFault::TooShort { minimum: 15 },
            PasswordFault::Weak,
        ] {
            let sentence = of_password(&fault);
            assert!(["Choose", "Use", "Add"].iter().any(|advice| sentence.contains(advice)), "{sentence}");
        }
    }
}
