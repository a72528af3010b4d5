//! How second factors behave.

use serde::{Deserialize, Serialize};
use sigra_core::config::{ConfigFaults, Seconds};

/// How second factors behave. The default is safe to run.
///
/// Not to be configured: codes are six digits of HMAC-SHA-1 over steps of 30 seconds. Authenticator apps understand
/// nothing else reliably.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MfaConfig {
    /// What authenticator apps call the host.
    pub issuer: String,
    /// How long a secret waits for its first code.
    pub pending_secs: Seconds,
    /// How many time steps before the present one are accepted, for slow typing and clocks that are late.
    pub past_steps: u32,
    /// How many time steps after the present one are accepted, for clocks that are early.
    pub future_steps: u32,
    /// How many backup codes an account gets.
    pub backup_codes: u32,
    /// How long a browser is trusted.
    pub trusted_secs: Seconds,
    /// How many trusted browsers are listed at most.
    pub trusted_at_most: u32,
}

impl Default for MfaConfig {
    fn default() -> Self {
        Self {
            issuer: "Sigra".to_owned(),
            pending_secs: Seconds::new(600),
            past_steps: 1,
            future_steps: 0,
            backup_codes: 10,
            trusted_secs: Seconds::new(MAX_TRUSTED),
            trusted_at_most: 50,
        }
    }
}

const MAX_TRUSTED: u32 = 30 * 86_400;

impl MfaConfig {
    /// The longest issuer, in bytes. With it, the longest address still fits into a QR code.
    pub const MAX_ISSUER: usize = 64;

    /// Checks everything.
    ///
    /// # Errors
    ///
    /// All faults together.
    pub fn validate(&self) -> Result<(), ConfigFaults> {
        let Self { issuer, pending_secs, past_steps, future_steps, backup_codes, trusted_secs, trusted_at_most } = self;
        let faults = [
            // The Key Uri Format separates issuer and account by a colon, so neither may hold one.
            (
                !issuer.trim().is_empty()
                    && issuer.len() <= Self::MAX_ISSUER
                    && !issuer.contains(|c: char| c == ':' || c.is_control()),
                "`issuer` must be a name of at most 64 bytes without a colon and control characters",
            ),
            ((60..=3_600).contains(&pending_secs.get()), "`pending_secs` must be from 60 to 3600"),
            (*past_steps <= 2, "`past_steps` must be at most 2 (RFC 6238 section 5.2)"),
            (*future_steps <= 1, "`future_steps` must be at most 1 (RFC 6238 section 5.2)"),
            ((4..=50).contains(backup_codes), "`backup_codes` must be from 4 to 50"),
            (
                (1..=MAX_TRUSTED).contains(&trusted_secs.get()),
                "`trusted_secs` must be from 1 to 2592000, which is 30 days",
            ),
            ((1..=1_000).contains(trusted_at_most), "`trusted_at_most` must be from 1 to 1000"),
        ];
        let faults = faults.into_iter().filter(|(holds, _)| !holds).map(|(_, fault)| fault.to_owned()).collect();
        ConfigFaults::from_list(faults).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_sound_and_strict() {
        let config = MfaConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!((config.past_steps, config.future_steps, config.backup_codes), (1, 0, 10));
    }

    #[test]
    fn all_faults_are_reported_together() {
        let config = MfaConfig {
            issuer: "A:B".to_owned(),
            pending_secs: Seconds::new(0),
            past_steps: 3,
            future_steps: 2,
            backup_codes: 3,
            trusted_secs: Seconds::new(MAX_TRUSTED + 1),
            trusted_at_most: 0,
        };
        let faults = config.validate().unwrap_err();
        for key in serde_json::to_value(&config).unwrap().as_object().unwrap().keys() {
            assert!(faults.faults().iter().any(|fault| fault.contains(&format!("`{key}`"))), "{key} in {faults}");
        }
    }

    #[test]
    fn issuers_are_names() {
        for bad in ["", "  ", "A:B", "A\nB", &"x".repeat(65)] {
            assert!(MfaConfig { issuer: bad.to_owned(), ..MfaConfig::default() }.validate().is_err(), "{bad:?}");
        }
        for good in ["Acme", "Bücher & Söhne, Köln"] {
            assert!(MfaConfig { issuer: good.to_owned(), ..MfaConfig::default() }.validate().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn unknown_keys_are_errors_and_missing_ones_have_defaults() {
        assert!(serde_json::from_str::<MfaConfig>(r#"{"digits":8}"#).is_err());
        let config: MfaConfig = serde_json::from_str(r#"{"issuer":"Acme"}"#).unwrap();
        assert_eq!(config, MfaConfig { issuer: "Acme".to_owned(), ..MfaConfig::default() });
    }
}
