//! The browsers the account is known in.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use crate::error::FlowError;
use crate::ports::DeviceStore;
use crate::time::Clock;

pub(super) struct Devices {
    pub(super) store: Arc<dyn DeviceStore>,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl ExportSection for Devices {
    fn name(&self) -> &'static str {
        "devices"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[Omission {
            what: "device tokens",
            why: "They spare the owner locks and notices; they are stored as digests.",
        }]
    }

    async fn page(&self, account: &ExportAccount<'_>, _: Option<&str>) -> Result<ExportPage, FlowError> {
        let devices = self.store.list(account.user.id, self.clock.now()).await?;
        let record = |device: &crate::session::Device| {
            json!({
                "id": device.id.to_string(),
                "created_at": device.created_at.to_string(),
                "last_seen_at": device.last_seen_at.to_string(),
                "expires_at": device.expires_at.to_string(),
            })
        };
        Ok(ExportPage::whole(devices.iter().map(record).collect()))
    }
}
