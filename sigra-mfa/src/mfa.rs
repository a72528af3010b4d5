//! The handle, and what an account has.

use std::fmt;
use std::sync::Arc;

use sigra_core::config::ConfigFaults;
use sigra_core::error::FlowError;
use sigra_core::ports::{EvidenceLog, Factor, GeoIp, TrustedBrowsers, Vault};
use sigra_core::time::{Clock, Timestamp};
use sigra_core::user::User;

use crate::backup_codes::BackupCodeFactor;
use crate::config::MfaConfig;
use crate::ports::{BackupCodeCount, BackupCodeStore, TotpStore, TrustedBrowserStore};
use crate::totp::TotpFactor;
use crate::trusted::Trusted;

/// Second factors, assembled. Cheap to clone.
#[derive(Clone)]
pub struct Mfa {
    pub(crate) inner: Arc<Inner>,
}

/// What second factors work with. Vault and clock must be those of the [`Sigra`](sigra_core::Sigra) they serve.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port its type names")]
pub struct MfaParts {
    pub totp: Arc<dyn TotpStore>,
    pub backup_codes: Arc<dyn BackupCodeStore>,
    pub trusted: Arc<dyn TrustedBrowserStore>,
    pub vault: Arc<dyn Vault>,
    pub clock: Arc<dyn Clock>,
    pub log: Arc<dyn EvidenceLog>,
    pub geo: Arc<dyn GeoIp>,
}

/// What an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaStatus {
    /// When an authenticator app was set up; `None` when there is none. One that waits for its first code does not count.
    pub totp_enrolled_at: Option<Timestamp>,
    /// How many backup codes the account's set has, used ones included; 0 when none were ever made, or they were taken away.
    pub backup_codes_issued: u32,
    /// How many backup codes are left.
    pub backup_codes_left: u32,
    /// Whether that is so few that the owner should make new ones.
    pub backup_codes_few: bool,
    /// How many browsers are trusted, as far as they are listed.
    pub trusted_browsers: u32,
}

/// So many backup codes are few.
const FEW: u32 = 3;

pub(crate) struct Inner {
    pub(crate) parts: MfaParts,
    pub(crate) config: MfaConfig,
}

impl Mfa {
    /// Checks the configuration and assembles.
    ///
    /// # Errors
    ///
    /// Every fault of the configuration, together.
    pub fn new(parts: MfaParts, config: MfaConfig) -> Result<Self, ConfigFaults> {
        config.validate()?;
        Ok(Self { inner: Arc::new(Inner { parts, config }) })
    }

    /// The factor `totp`: a code of an authenticator app. Having one makes every sign-in take a second factor.
    #[must_use]
    pub fn totp_factor(&self) -> Arc<dyn Factor> {
        Arc::new(TotpFactor(self.inner.clone()))
    }

    /// The factor `backup_code`: stands in for one that was lost.
    #[must_use]
    pub fn backup_code_factor(&self) -> Arc<dyn Factor> {
        Arc::new(BackupCodeFactor(self.inner.clone()))
    }

    /// What lets browsers skip the second factor in which it was shown before. A host that wants none leaves it out.
    #[must_use]
    pub fn trusted_browsers(&self) -> Arc<dyn TrustedBrowsers> {
        Arc::new(Trusted(self.inner.clone()))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &MfaConfig {
        &self.inner.config
    }

    /// What an account has.
    ///
    /// # Errors
    ///
    /// When a store cannot do its work.
    pub async fn status(&self, user: &User) -> Result<MfaStatus, FlowError> {
        let totp_enrolled_at = self.inner.active_totp(user.id).await?.and_then(|totp| totp.activated_at);
        let BackupCodeCount { issued, left } = self.inner.count_backup_codes(user.id).await?;
        let trusted_browsers = u32::try_from(self.list_trusted(user).await?.len()).unwrap_or(u32::MAX);
        // Whoever used all of them has none left of a set; whoever never had any, and needs none, is not warned.
        let backup_codes_few = left <= FEW && (totp_enrolled_at.is_some() || issued > 0);
        Ok(MfaStatus {
            totp_enrolled_at,
            backup_codes_issued: issued,
            backup_codes_left: left,
            backup_codes_few,
            trusted_browsers,
        })
    }
}

impl fmt::Debug for Mfa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mfa").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
