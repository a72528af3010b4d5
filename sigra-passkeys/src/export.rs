//! What an account is given of its passkeys.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use sigra_core::error::FlowError;
use sigra_core::export::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};

use crate::authenticators::authenticator_name;
use crate::passkey::Passkey;
use crate::ports::PasskeyStore;
use crate::service::Passkeys;

impl Passkeys {
    /// The section `passkeys` of an account's export, to be registered with a
    /// [`SigraBuilder`](sigra_core::SigraBuilder::export_sections).
    #[must_use]
    pub fn export_sections(&self) -> Vec<Arc<dyn ExportSection>> {
        vec![Arc::new(Section(self.inner.store.clone()))]
    }
}

struct Section(Arc<dyn PasskeyStore>);

#[async_trait]
impl ExportSection for Section {
    fn name(&self) -> &'static str {
        "passkeys"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[Omission {
            what: "keys and credential ids",
            why: "The private key never leaves the authenticator; the rest only means something to it and to this service.",
        }]
    }

    async fn page(&self, account: &ExportAccount<'_>, _: Option<&str>) -> Result<ExportPage, FlowError> {
        // An account has no more of them than the configuration allows.
        let passkeys = self.0.list(account.user.id).await?;
        Ok(ExportPage::whole(passkeys.iter().map(record).collect()))
    }
}

fn record(passkey: &Passkey) -> Value {
    json!({
        "id": passkey.id.to_string(),
        "nickname": passkey.nickname,
        "authenticator": authenticator_name(passkey.aaguid),
        "aaguid": passkey.aaguid.to_string(),
        "transports": passkey.transports,
        "sign_count": passkey.sign_count,
        "backup_eligible": passkey.backup_eligible,
        "backed_up": passkey.backed_up,
        "created_at": passkey.created_at.to_string(),
        "last_used_at": passkey.last_used_at.map(|at| at.to_string()),
    })
}
