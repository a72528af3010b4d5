//! Hosts with passkeys.

use std::sync::Arc;

use sigra_passkeys::ports::PasskeyStore;
use sigra_passkeys::{PasskeyConfig, PasskeyParts, Passkeys};

use super::{TestHostBuilder, TestParts};

impl<S: PasskeyStore + Clone + 'static> TestHostBuilder<S> {
    /// Adds passkeys over the host's own storage. Call it when storage and clock are set.
    ///
    /// # Panics
    ///
    /// When the configuration is faulty.
    pub fn passkeys(self, config: PasskeyConfig) -> (Self, Passkeys) {
        let TestParts { stores, clock, vault } = self.parts();
        let parts = PasskeyParts {
            store: Arc::new(self.store.clone()),
            ceremonies: stores.ceremonies,
            vault: Arc::new(vault),
            clock: Arc::new(clock),
            log: stores.log,
        };
        let passkeys =
            Passkeys::new(parts, config).unwrap_or_else(|faults| panic!("the configuration must be sound: {faults}"));
        (self.factor(passkeys.factor()).export_sections(passkeys.export_sections()), passkeys)
    }
}
