//! What setting up and taking away means for the session it was done in.

use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::door::Shown;
use sigra_core::time::Timestamp;

use crate::backup_codes::SHOWN;
use crate::totp::OTP;

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

/// The assurance of a session after its user's authenticator app was taken away.
///
/// What was shown with it counts no more: the level is 1, and neither code is named among the methods. A session that
/// has shown neither, as one that a passkey opened, stays as it is. Where both were shown nothing tells which of them
/// still carries the level, so the passkey is to be shown again.
#[must_use]
pub fn lowered(assurance: &Assurance) -> Assurance {
    if ![OTP, SHOWN].iter().any(|gone| assurance.methods.contains(gone)) {
        return assurance.clone();
    }
    let gone = [OTP, SHOWN, Method::MULTI_FACTOR];
    let methods = assurance.methods.iter().filter(|method| !gone.contains(method)).cloned().collect();
    Assurance { aal: Aal::One, methods, at: assurance.at }
}

/// Whether a session has shown what new backup codes can be made on: two factors, and not a backup code alone beside the
/// first. Whoever found one code must not make ten of it.
#[must_use]
pub fn proves(assurance: &Assurance) -> bool {
    let shown = |method: &Method| assurance.methods.contains(method);
    let without = !shown(&SHOWN) || [OTP, Method::new("hwk"), Method::new("swk")].iter().any(shown);
    assurance.aal >= Aal::Two && without
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
    fn mf_17_a_backup_code_alone_proves_nothing() {
        for (aal, methods, proven) in [
            (Aal::Two, &["swk", "mfa"][..], true),
            (Aal::Two, &["pwd", "otp", "mfa"], true),
            (Aal::Two, &["pwd", "backup_code", "mfa"], false),
            (Aal::Two, &["pwd", "backup_code", "mfa", "hwk"], true),
            (Aal::Two, &["pwd", "a factor of the host's", "mfa"], true),
            (Aal::One, &["pwd"], false),
            (Aal::One, &["swk", "mfa"], false),
        ] {
            assert_eq!(proves(&assurance(aal, methods)), proven, "{methods:?}");
        }
    }

    #[test]
    fn mf_25_taking_away_lowers_what_a_code_had_raised() {
        for (before, after) in [
            (&["pwd", "otp", "mfa"][..], &["pwd"][..]),
            (&["magic_link", "backup_code", "mfa"], &["magic_link"]),
            (&["pwd", "otp", "mfa", "hwk"], &["pwd", "hwk"]),
            (&["swk", "mfa", "otp"], &["swk"]),
        ] {
            assert_eq!(lowered(&assurance(Aal::Two, before)), assurance(Aal::One, after), "{before:?}");
        }
    }

    #[test]
    fn mf_25_what_no_code_had_raised_stays() {
        for (aal, methods) in
            [(Aal::Two, &["swk", "mfa"][..]), (Aal::Two, &["pwd", "hwk", "mfa"]), (Aal::One, &["pwd"])]
        {
            assert_eq!(lowered(&assurance(aal, methods)), assurance(aal, methods), "{methods:?}");
        }
    }
}
