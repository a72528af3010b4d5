//! The account's sessions.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use crate::error::FlowError;
use crate::ports::SessionStore;
use crate::session::Session;

/// How many sessions a document has at most. Nobody uses so many browsers.
pub(super) const AT_MOST: u32 = 1_000;

pub(super) struct Sessions(pub(super) Arc<dyn SessionStore>);

#[async_trait]
impl ExportSection for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[
            Omission { what: "session tokens", why: "Whoever has one is signed in; they are stored as digests." },
            Omission {
                what: "more than 1,000 sessions",
                why: "The newest are listed; when each was begun is in security_events.",
            },
        ]
    }

    async fn page(&self, account: &ExportAccount<'_>, _: Option<&str>) -> Result<ExportPage, FlowError> {
        let sessions = self.0.list(account.user.id, AT_MOST).await?;
        Ok(ExportPage::whole(sessions.iter().map(|session| record(session, account.session)).collect()))
    }
}

fn record(session: &Session, current: &Session) -> serde_json::Value {
    let assurance = &session.assurance;
    json!({
        "id": session.id.to_string(),
        "current": session.id == current.id,
        "methods": assurance.methods.iter().map(|method| method.name()).collect::<Vec<_>>(),
        "aal": u8::from(assurance.aal),
        "authenticated_at": assurance.at.to_string(),
        "remembered": session.remembered,
        "created_at": session.created_at.to_string(),
        "last_seen_at": session.last_seen_at.to_string(),
        "idle_expires_at": session.idle_expires_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "ip": session.client.ip.map(|ip| ip.to_string()),
        "user_agent": session.client.user_agent,
        "place": session.place.as_ref().map(ToString::to_string),
    })
}
