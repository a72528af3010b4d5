//! The names of this crate's audit events.

sigra_core::event_catalogue! {
    /// Every audit event this crate writes.
    pub EVENTS {
        REGISTER_SUCCESS = "passkey.register.success": "a passkey was added to an account",
        REGISTER_FAILURE = "passkey.register.failure": "a passkey was not added",
        AUTHENTICATE_SUCCESS = "passkey.authenticate.success": "a passkey was shown",
        AUTHENTICATE_FAILURE = "passkey.authenticate.failure": "what a browser showed as a passkey was refused",
        SIGN_COUNT_REGRESSION = "passkey.sign_count_regression": "a passkey's signature counter did not advance, so there may be a copy of it",
        RENAME = "passkey.rename": "a passkey was renamed",
        DELETE = "passkey.delete": "a passkey was removed",
        DISOWN = "passkey.disown": "passkeys that the owner of an account disowns were removed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au_12_names_are_unique_and_well_formed() {
        let mut names: Vec<_> = EVENTS.iter().map(sigra_core::audit::EventName::as_str).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EVENTS.len());
        assert!(names.iter().all(|name| name.starts_with("passkey.")));
    }
}
