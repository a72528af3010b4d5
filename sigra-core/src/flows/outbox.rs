//! What became of mail, for whoever runs the host.

use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::MailId;
use crate::ports::{MailRecord, MailState, Requeued};
use crate::sigra::Inner;
use crate::telemetry::operation;

/// What became of mail, and a way to have an abandoned one sent after all. For operators: nothing here asks who calls.
#[derive(Clone, Copy)]
pub struct Outbox<'a>(pub(crate) &'a Inner);

impl Outbox<'_> {
    /// Up to `limit` mails, newest first, older than `before` (the last id of the page before), in a state if one is given.
    /// Never tells what is in a mail.
    ///
    /// # Errors
    ///
    /// When the storage cannot be read.
    #[operation("sigra.outbox.page", DEBUG)]
    pub async fn page(
        &self,
        state: Option<MailState>,
        before: Option<MailId>,
        limit: u32,
    ) -> Result<Vec<MailRecord>, FlowError> {
        Ok(self.0.stores.outbox_reader.page(state, before, limit, self.0.clock.now()).await?)
    }

    /// Puts an abandoned mail back into the queue, for when what stood against it is mended: the server refused all mail, a
    /// template was broken. `client` is whoever asked for it. The mail keeps its `Message-ID`.
    ///
    /// # Errors
    ///
    /// When the storage cannot do its work.
    #[operation("sigra.outbox.requeue", DEBUG)]
    pub async fn requeue(&self, id: MailId, client: &ClientInfo) -> Result<Requeued, FlowError> {
        let now = self.0.clock.now();
        let event = AuditEvent::new(names::MAIL_REQUEUED, now, client).with("mail_id", id.to_string());
        Ok(self.0.stores.outbox.requeue(id, now, Evidence::event(event)).await?)
    }
}
