//! The account itself.

use async_trait::async_trait;
use serde_json::json;

use super::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use crate::error::FlowError;
use crate::time::Timestamp;
use crate::user::User;

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
        // Named one by one, so that nobody adds a field to accounts without deciding whether its owner is given it.
        let User {
            id,
            email,
            confirmed_at,
            has_password,
            password_changed_at,
            password_change_required_at,
            profile,
            epochs: _,
            disabled_at,
            deletion_due_at,
            created_at,
            last_sign_in_at,
        } = account.user;
        let time = |at: &Option<Timestamp>| at.map(|at| at.to_string());
        let record = json!({
            "id": id.to_string(),
            "email": email.as_str(),
            "confirmed_at": time(confirmed_at),
            "has_password": has_password,
            "password_changed_at": time(password_changed_at),
            "password_change_required_at": time(password_change_required_at),
            "profile": profile,
            "disabled_at": time(disabled_at),
            "deletion_due_at": time(deletion_due_at),
            "created_at": created_at.to_string(),
            "last_sign_in_at": time(last_sign_in_at),
        });
        Ok(ExportPage::whole(vec![record]))
    }
}
