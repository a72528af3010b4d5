//! What the suites of capabilities are run over.

use std::ops::Deref;
#[cfg(feature = "mfa")]
use std::sync::Arc;

#[cfg(feature = "mfa")]
use sigra_mfa::ports::{BackupCodeStore, TotpStore, TrustedBrowserStore};

use super::Backend;
use crate::MemoryStore;

/// The ports of sigra-mfa beside those of the core, in one storage.
#[cfg(feature = "mfa")]
#[derive(Clone)]
pub struct MfaBackend {
    /// The ports of the core.
    pub core: Backend,
    /// Time-based one-time passwords.
    pub totp: Arc<dyn TotpStore>,
    /// Backup codes.
    pub backup_codes: Arc<dyn BackupCodeStore>,
    /// Browsers that are trusted.
    pub trusted: Arc<dyn TrustedBrowserStore>,
}

#[cfg(feature = "mfa")]
impl Deref for MfaBackend {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        &self.core
    }
}

/// The port of sigra-passkeys beside those of the core, in one storage.
#[cfg(feature = "passkeys")]
#[derive(Clone)]
pub struct PasskeyBackend {
    /// The ports of the core.
    pub core: Backend,
    /// Passkeys.
    pub passkeys: std::sync::Arc<dyn sigra_passkeys::ports::PasskeyStore>,
}

#[cfg(feature = "passkeys")]
impl Deref for PasskeyBackend {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        &self.core
    }
}

impl MemoryStore {
    /// The store as the suites of second factors need it.
    #[cfg(feature = "mfa")]
    #[must_use]
    pub fn mfa_backend(&self) -> MfaBackend {
        let store = Arc::new(self.clone());
        MfaBackend { core: self.backend(), totp: store.clone(), backup_codes: store.clone(), trusted: store }
    }

    /// The store as the suites of passkeys need it.
    #[cfg(feature = "passkeys")]
    #[must_use]
    pub fn passkey_backend(&self) -> PasskeyBackend {
        PasskeyBackend { core: self.backend(), passkeys: std::sync::Arc::new(self.clone()) }
    }
}
