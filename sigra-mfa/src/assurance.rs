//! What setting up and taking away means for the session it was done in.

use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::door::Shown;
use sigra_core::time::Timestamp;

use crate::totp::OTP;

/// A passkey was shown, in hardware or in software (RFC 8176). Beside it, whatever opened the session is a second factor.
const PASSKEY: [&str; 2] = ["hwk", "swk"];

/// What setting up an authenticator app has shown: a code, which makes two factors with whatever began the sign-in.
#[must_use]
pub fn shown() -> Shown {
    Shown { methods: vec![OTP, Method::MULTI_FACTOR], aal: Aal::Two }
}

/// The assurance of a session in which an authenticator app was set up at `at`.
#[must_use]
pub fn raised(assurance: &Assurance, at: Timestamp) -> Assurance {
    let Shown { methods, aal } = shown();
    let mut raised = assurance.clone();
    raised.aal = raised.aal.max(aal);
    raised.add_methods(methods);
    raised.at = at;
    raised
}

/// The assurance of a session after its user's authenticator app was taken away: one factor, unless a passkey was shown
/// in it too.
#[must_use]
pub fn lowered(assurance: &Assurance) -> Assurance {
    if assurance.methods.iter().any(|method| PASSKEY.contains(&method.name())) {
        return assurance.clone();
    }
    Assurance { aal: Aal::One, ..assurance.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assurance(aal: Aal, methods: &[&'static str]) -> Assurance {
        Assurance { aal, methods: methods.iter().map(|name| Method::new(name)).collect(), at: Timestamp::EPOCH }
    }

    #[test]
    fn setting_up_raises() {
        let now = Timestamp::from_secs(9);
        let raised = raised(&assurance(Aal::One, &["pwd"]), now);
        assert_eq!(raised, Assurance { at: now, ..assurance(Aal::Two, &["pwd", "otp", "mfa"]) });
    }

    #[test]
    fn mf_25_taking_away_lowers_what_it_had_raised() {
        for methods in [&["pwd", "otp", "mfa"][..], &["magic_link", "backup_code", "mfa"], &["pwd"]] {
            assert_eq!(lowered(&assurance(Aal::Two, methods)).aal, Aal::One, "{methods:?}");
        }
    }

    #[test]
    fn mf_25_a_passkey_holds_the_level_and_never_raises_it() {
        for methods in [&["swk", "mfa"][..], &["pwd", "otp", "mfa", "hwk"]] {
            assert_eq!(lowered(&assurance(Aal::Two, methods)).aal, Aal::Two, "{methods:?}");
        }
        assert_eq!(lowered(&assurance(Aal::One, &["swk", "mfa"])).aal, Aal::One);
    }
}
