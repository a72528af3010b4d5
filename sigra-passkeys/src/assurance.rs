//! What taking a passkey away means for the session it was done in.

use sigra_core::assurance::{Aal, Assurance, Method};

/// The assurance of a session after one of its user's passkeys was taken away.
///
/// A level that rests on passkeys alone falls to 1: the one taken away may have been the one shown, and nothing tells. A
/// session that a code of an authenticator app has raised as well, or that has shown no passkey, stays as it is.
#[must_use]
pub fn lowered(assurance: &Assurance) -> Assurance {
    let shown = |names: &[&str]| assurance.methods.iter().any(|method| names.contains(&method.name()));
    if assurance.aal == Aal::One || !shown(&["hwk", "swk"]) || shown(&["otp"]) {
        return assurance.clone();
    }
    let methods = assurance.methods.iter().filter(|method| **method != Method::MULTI_FACTOR).cloned().collect();
    Assurance { aal: Aal::One, methods, at: assurance.at }
}

#[cfg(test)]
mod tests {
    use sigra_core::time::Timestamp;

    use super::*;

    fn assurance(aal: Aal, methods: &[&'static str]) -> Assurance {
        Assurance { aal, methods: methods.iter().map(|name| Method::new(name)).collect(), at: Timestamp::EPOCH }
    }

    #[test]
    fn wa_15_what_rests_on_passkeys_alone_falls() {
        for (before, after) in [(&["swk", "mfa"][..], &["swk"][..]), (&["pwd", "hwk", "mfa"], &["pwd", "hwk"])] {
            assert_eq!(lowered(&assurance(Aal::Two, before)), assurance(Aal::One, after), "{before:?}");
        }
    }

    #[test]
    fn wa_15_what_stands_without_passkeys_stays() {
        for (aal, methods) in
            [(Aal::Two, &["pwd", "otp", "mfa"][..]), (Aal::Two, &["pwd", "otp", "mfa", "swk"]), (Aal::One, &["pwd"])]
        {
            assert_eq!(lowered(&assurance(aal, methods)), assurance(aal, methods), "{methods:?}");
        }
    }
}
