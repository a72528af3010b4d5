//! Hosts with second factors, and an authenticator app.

use std::sync::Arc;

use sigra_core::ports::NoGeoIp;
use sigra_core::time::Timestamp;
use sigra_mfa::ports::{BackupCodeStore, TotpStore, TrustedBrowserStore};
use sigra_mfa::{Mfa, MfaConfig, MfaParts};
use totp_rs::{Builder, Secret};

use super::{TestHostBuilder, TestParts};

impl<S: TotpStore + BackupCodeStore + TrustedBrowserStore + Clone + 'static> TestHostBuilder<S> {
    /// Adds authenticator apps, backup codes and trusted browsers over the host's own storage. Call it when storage and
    /// clock are set.
    ///
    /// # Panics
    ///
    /// When the configuration is faulty.
    pub fn mfa(self, config: MfaConfig) -> (Self, Mfa) {
        let TestParts { stores, clock, vault } = self.parts();
        let store = Arc::new(self.store.clone());
        let parts = MfaParts {
            totp: store.clone(),
            backup_codes: store.clone(),
            trusted: store,
            vault: Arc::new(vault),
            clock: Arc::new(clock),
            log: stores.log,
            geo: Arc::new(NoGeoIp),
        };
        let mfa = Mfa::new(parts, config).unwrap_or_else(|faults| panic!("the configuration must be sound: {faults}"));
        let builder = self
            .factor(mfa.totp_factor())
            .factor(mfa.backup_code_factor())
            .trusted_browsers(mfa.trusted_browsers())
            .export_sections(mfa.export_sections());
        (builder, mfa)
    }
}

/// An authenticator app in software.
///
/// ```
/// use sigra_core::time::Timestamp;
/// use sigra_testing::scenario::SoftApp;
///
/// // RFC 6238 Appendix B, in six digits.
/// let app = SoftApp::with_secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
/// assert_eq!(app.code(Timestamp::from_secs(59)), "287082");
/// ```
#[derive(Clone, Debug)]
pub struct SoftApp(Vec<u8>);

impl SoftApp {
    /// Takes the secret that was shown for typing: base32, spaces ignored.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn with_secret(shown: &str) -> Self {
        let plain: String = shown.split_whitespace().collect();
        let secret = Secret::try_from_base32(&plain).expect("the secret must be base32");
        Self(secret.as_bytes().to_vec())
    }

    /// The code it shows at a time.
    ///
    /// # Panics
    ///
    /// Never, for the secrets that hosts make.
    #[must_use]
    pub fn code(&self, at: Timestamp) -> String {
        let totp = Builder::new().with_skew(0).with_secret(self.0.clone()).build().expect("the secret is long enough");
        totp.generate(u64::try_from(at.as_micros() / 1_000_000).unwrap_or_default()).to_string()
    }
}
