//! What an account is given of its second factors and trusted browsers.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use sigra_core::error::FlowError;
use sigra_core::export::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};

use crate::backup_codes::BACKUP_CODE;
use crate::mfa::{Inner, Mfa};
use crate::ports::TrustedBrowser;
use crate::totp::TOTP;

impl Mfa {
    /// The sections `second_factors` and `trusted_browsers` of an account's export, to be registered with a
    /// [`SigraBuilder`](sigra_core::SigraBuilder::export_sections).
    #[must_use]
    pub fn export_sections(&self) -> Vec<Arc<dyn ExportSection>> {
        vec![Arc::new(SecondFactors(self.inner.clone())), Arc::new(TrustedBrowsers(self.inner.clone()))]
    }
}

struct SecondFactors(Arc<Inner>);

#[async_trait]
impl ExportSection for SecondFactors {
    fn name(&self) -> &'static str {
        "second_factors"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[
            Omission {
                what: "secret of the authenticator app",
                why: "Whoever has it makes the codes; the app has it.",
            },
            Omission { what: "backup codes", why: "They are stored as keyed hashes, and were shown once." },
        ]
    }

    async fn page(&self, account: &ExportAccount<'_>, _: Option<&str>) -> Result<ExportPage, FlowError> {
        let mut records = Vec::new();
        if let Some(totp) = self.0.parts.totp.find(account.user.id).await? {
            records.push(json!({
                "method": TOTP.name(),
                "created_at": totp.created_at.to_string(),
                "activated_at": totp.activated_at.map(|at| at.to_string()),
            }));
        }
        let codes = self.0.count_backup_codes(account.user.id).await?;
        if codes.issued > 0 {
            records.push(json!({ "method": BACKUP_CODE.name(), "issued": codes.issued, "left": codes.left }));
        }
        Ok(ExportPage::whole(records))
    }
}

struct TrustedBrowsers(Arc<Inner>);

#[async_trait]
impl ExportSection for TrustedBrowsers {
    fn name(&self) -> &'static str {
        "trusted_browsers"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[Omission {
            what: "tokens of trusted browsers",
            why: "They spare the second step; they are stored as digests.",
        }]
    }

    async fn page(&self, account: &ExportAccount<'_>, _: Option<&str>) -> Result<ExportPage, FlowError> {
        let Inner { parts, config } = &*self.0;
        let browsers = parts.trusted.list(account.user.id, parts.clock.now(), config.trusted_at_most).await?;
        Ok(ExportPage::whole(browsers.iter().map(record).collect()))
    }
}

fn record(browser: &TrustedBrowser) -> Value {
    json!({
        "id": browser.id.to_string(),
        "method": browser.factor,
        "ip": browser.client.ip.map(|ip| ip.to_string()),
        "user_agent": browser.client.user_agent,
        "place": browser.place.as_ref().map(ToString::to_string),
        "created_at": browser.created_at.to_string(),
        "last_used_at": browser.last_used_at.to_string(),
        "expires_at": browser.expires_at.to_string(),
    })
}
