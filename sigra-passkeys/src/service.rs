//! The service and what it is made of.

use std::fmt;
use std::sync::Arc;

use sigra_core::audit::{AuditEvent, EventName};
use sigra_core::client::ClientInfo;
use sigra_core::config::ConfigFaults;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{CeremonyStore, EvidenceLog, Factor, Vault};
use sigra_core::time::{Clock, Timestamp};
use sigra_core::user::User;

use crate::ceremony::Ceremonies;
use crate::config::PasskeyConfig;
use crate::factor::PasskeyFactor;
use crate::passkey::Passkey;
use crate::ports::PasskeyStore;
use crate::verify::Verifier;

/// Passkeys: adding them, signing in with them, showing them as a second factor, and managing them.
///
/// Cheap to clone. It is made before the [`Sigra`](sigra_core::Sigra) that its [`Passkeys::factor`] is registered with;
/// what needs that is handed it.
#[derive(Clone)]
pub struct Passkeys {
    pub(crate) inner: Arc<Inner>,
}

/// The ports passkeys work with.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port its type names")]
pub struct PasskeyParts {
    pub store: Arc<dyn PasskeyStore>,
    pub ceremonies: Arc<dyn CeremonyStore>,
    pub vault: Arc<dyn Vault>,
    pub clock: Arc<dyn Clock>,
    pub log: Arc<dyn EvidenceLog>,
}

pub(crate) struct Inner {
    pub(crate) config: PasskeyConfig,
    pub(crate) store: Arc<dyn PasskeyStore>,
    pub(crate) ceremonies: Ceremonies,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Arc<dyn EvidenceLog>,
    pub(crate) verifier: Verifier,
}

impl Passkeys {
    /// Checks the configuration and assembles.
    ///
    /// # Errors
    ///
    /// Every fault of the configuration, together.
    pub fn new(parts: PasskeyParts, config: PasskeyConfig) -> Result<Self, ConfigFaults> {
        config.validate()?;
        let PasskeyParts { store, ceremonies, vault, clock, log } = parts;
        let ceremonies = Ceremonies { store: ceremonies, vault, clock: clock.clone(), lifetime: config.timeout() };
        let verifier = Verifier::new(&config);
        Ok(Self { inner: Arc::new(Inner { config, store, ceremonies, clock, log, verifier }) })
    }

    /// Passkeys as a second factor, to be registered with a [`SigraBuilder`](sigra_core::SigraBuilder::factor). Without it the
    /// account does not count them among its ways in.
    #[must_use]
    pub fn factor(&self) -> Arc<dyn Factor> {
        Arc::new(PasskeyFactor(self.clone()))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &PasskeyConfig {
        &self.inner.config
    }

    /// The account's passkeys, oldest first.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn list(&self, user: &User) -> Result<Vec<Passkey>, FlowError> {
        Ok(self.inner.store.list(user.id).await?)
    }
}

impl Inner {
    /// Records that something was refused.
    pub(crate) async fn refused(
        &self,
        name: EventName,
        reason: &'static str,
        whose: Option<&User>,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        let mut event = AuditEvent::new(name, now, client).failed(reason);
        if let Some(user) = whose {
            event = event.about(user.id);
        }
        Ok(self.log.append(Evidence::event(event)).await?)
    }
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
