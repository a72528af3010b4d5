//! Giving an account what is stored about it.

use std::sync::Arc;

use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::export::ExportDocument;
use crate::sigra::Inner;
use crate::telemetry::operation;

use super::CurrentSession;

/// Exporting an account's data.
#[derive(Clone, Copy)]
pub struct Export<'a>(pub(crate) &'a Arc<Inner>);

impl Export<'_> {
    /// Records that the account is exported, and begins its document. The caller has made sure that the session is fresh.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work. Nothing is handed out then.
    #[operation("sigra.export.begin")]
    pub async fn begin(&self, current: &CurrentSession, client: &ClientInfo) -> Result<ExportDocument, FlowError> {
        let (user, session) = (current.user(), current.session());
        let event = AuditEvent::new(names::ACCOUNT_EXPORT, self.0.clock.now(), client).by(user.id).within(session.id);
        self.0.stores.log.append(Evidence::event(event)).await?;
        Ok(ExportDocument::new(self.0.clone(), current))
    }
}
