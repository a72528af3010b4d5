//! What flows ask of services outside, and what they do without an answer.

use std::error::Error;
use std::time::Duration;

use crate::audit::{AuditEvent, EventName, names};
use crate::client::ClientInfo;
use crate::config::WhenUnanswered;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::password::Password;
use crate::ports::Unanswered;
use crate::sigra::Inner;

/// When to try again what a service gave no answer to.
const RETRY_AFTER: Duration = Duration::from_secs(30);

impl Inner {
    /// Whether a password is known from a breach, as far as the host had it asked. To be called outside of transactions,
    /// and for passwords that keep every other rule.
    pub(crate) async fn is_breached(&self, password: &Password, client: &ClientInfo) -> Result<bool, FlowError> {
        let Some(service) = &self.breaches else { return Ok(false) };
        let unanswered = match service.is_breached(password).await {
            Ok(breached) => return Ok(breached),
            Err(unanswered) => unanswered,
        };
        let accepted = self.config.breach_check.when_unanswered == WhenUnanswered::Accept;
        self.note_unanswered(names::BREACH_CHECK_FAILURE, &unanswered, accepted, client).await?;
        if accepted { Ok(false) } else { Err(FlowError::Unanswered { retry_after: RETRY_AFTER }) }
    }

    /// Whether mail to an address has somewhere to go, as far as the host had it asked. Without an answer it may have. To
    /// be called outside of transactions, and for every address alike, whether or not it has an account.
    pub(crate) async fn takes_mail(&self, email: &EmailAddress, client: &ClientInfo) -> Result<bool, FlowError> {
        let Some(service) = &self.mail_domains else { return Ok(true) };
        match service.takes_mail(email.domain()).await {
            Ok(takes_mail) => Ok(takes_mail),
            Err(unanswered) => {
                self.note_unanswered(names::DOMAIN_CHECK_FAILURE, &unanswered, true, client).await?;
                Ok(true)
            }
        }
    }

    async fn note_unanswered(
        &self,
        name: EventName,
        unanswered: &Unanswered,
        accepted: bool,
        client: &ClientInfo,
    ) -> Result<(), FlowError> {
        tracing::warn!(
            name: "sigra.services.unanswered",
            check = name.as_str(),
            accepted,
            error = unanswered as &dyn Error,
            "a service gave no answer"
        );
        let event =
            AuditEvent::new(name, self.clock.now(), client).failed(unanswered.reason()).with("accepted", accepted);
        self.stores.log.append(Evidence::event(event)).await?;
        Ok(())
    }
}
