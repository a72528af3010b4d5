//! The account itself.

use async_trait::async_trait;
use serde_json::json;

use super::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use crate::error::FlowError;

pub(super) struct Account;

#[async_trait]
impl ExportSection for Account {
    fn name(&self) -> &'static str {
        "account"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::One
    }

    fn omissions(&self) -> &'static [Omission] {
        &[
            Omission { what: "password", why: "Only a hash of it is stored, and that helps nobody but a thief." },
            Omission { what: "links and codes in mails", why: "They open the account, and are stored as digests." },
            Omission {
                what: "mails",
                why: "What they say is sealed until they are sent, and wiped afterwards; the mailbox has them.",
            },
            Omission {
                what: "counters of wrong attempts",
                why: "They are kept under keyed hashes and end by themselves; what was tried is in security_events.",
            },
        ]
    }

    async fn page(&self, account: &ExportAccount<'_>, _: Option<&str>) -> Result<ExportPage, FlowError> {
        let user = account.user;
        let record = json!({
            "id": user.id.to_string(),
            "email": user.email.as_str(),
            "confirmed_at": user.confirmed_at.map(|at| at.to_string()),
            "has_password": user.has_password,
            "profile": user.profile,
            "disabled_at": user.disabled_at.map(|at| at.to_string()),
            "created_at": user.created_at.to_string(),
            "last_sign_in_at": user.last_sign_in_at.map(|at| at.to_string()),
        });
        Ok(ExportPage::whole(vec![record]))
    }
}
