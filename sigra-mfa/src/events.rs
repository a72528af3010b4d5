//! The audit events of this crate.

/// The names this crate writes. Showing a factor, and locking, is written by `sigra-core`.
pub mod names {
    sigra_core::event_catalogue! {
        /// All of them.
        pub ALL {
            BEGIN = "mfa.enroll.begin": "a secret was made for an authenticator app and waits for its first code",
            ENROLL = "mfa.enroll": "an authenticator app was set up",
            ENROLL_FAILURE = "mfa.enroll.failure": "a code did not prove the secret of an authenticator app",
            DISABLE = "mfa.disable": "an account's authenticator app, backup codes and trusted browsers were taken away",
            DISOWN = "mfa.disown": "an authenticator app or backup codes were taken away, because the owner said that setting them up was not them",
            BACKUP_CODE_USED = "mfa.backup_code_used": "a backup code was used up",
            BACKUP_CODES_REGENERATED = "mfa.backup_codes_regenerated": "an account's backup codes were replaced",
            TRUST_GRANTED = "mfa.trust.granted": "a browser was trusted to sign in without a second factor",
            TRUST_REVOKED = "mfa.trust.revoked": "a trusted browser was revoked",
            TRUST_REVOKED_ALL = "mfa.trust.revoked_all": "all trusted browsers of an account were revoked",
        }
    }
}

/// Every event name this crate knows.
pub const EVENTS: &[sigra_core::audit::EventName] = names::ALL;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au_12_names_are_unique_well_formed_and_not_those_of_the_core() {
        let mut seen: Vec<_> =
            EVENTS.iter().chain(sigra_core::audit::EVENTS).map(sigra_core::audit::EventName::as_str).collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        for name in EVENTS.iter().map(sigra_core::audit::EventName::as_str) {
            assert!(name.starts_with("mfa.") && name.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)));
        }
    }
}
