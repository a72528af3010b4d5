//! Handing over the mail that is owed.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::workers::WorkReport;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::mail::{MailError, MailFault};
use crate::ports::LeasedMail;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;

/// Hands over one batch of mail.
pub(super) struct Delivery<'a>(pub(super) &'a Inner);

/// What came of one mail.
pub(crate) enum Delivered {
    Sent,
    Retried,
    Abandoned,
    /// It was not begun, or is somebody else's by now.
    Left,
}

impl Delivery<'_> {
    pub(super) async fn run_once(&self, report: &mut WorkReport) -> Result<(), FlowError> {
        let rules = &self.0.config.mail;
        let now = self.0.clock.now();
        let lease = rules.lease_secs.span();
        let leased = self.0.stores.outbox.lease(rules.batch, now, now + lease).await?;
        let at_once = usize::try_from(rules.at_once).unwrap_or(usize::MAX);
        // The first ones first, and so many under way as the transport may be asked for at once.
        let mut under_way = stream::iter(leased)
            .map(|leased| async move { self.begin(&leased, now + lease / 2).await })
            .buffer_unordered(at_once);
        while let Some(delivered) = under_way.next().await {
            match delivered {
                Some(Delivered::Sent) => report.sent += 1,
                Some(Delivered::Retried) => report.retried += 1,
                Some(Delivered::Abandoned) => report.abandoned += 1,
                Some(Delivered::Left) => {}
                None => report.failed += 1,
            }
        }
        Ok(())
    }

    /// `None` when it could not be worked on now, and comes up again when its lease lapses.
    async fn begin(&self, leased: &LeasedMail, latest: Timestamp) -> Option<Delivered> {
        // What a slow transport leaves no time for is better sent under the next lease than twice.
        if self.0.clock.now() >= latest {
            return Some(Delivered::Left);
        }
        let delivered = self.deliver(leased).await;
        let logged = delivered.inspect_err(|error| {
            tracing::error!(
                name: "sigra.mail.failed",
                error = error as &dyn std::error::Error,
                mail = %leased.mail.id,
                "a mail could not be worked on now"
            );
        });
        logged.ok()
    }

    #[operation("sigra.mail.deliver")]
    async fn deliver(&self, leased: &LeasedMail) -> Result<Delivered, FlowError> {
        let mail = &leased.mail;
        if self.0.clock.now() >= mail.expires_at {
            return self.abandon(leased, MailFault::EXPIRED, "expired").await;
        }
        let Ok(facts) = mail.open(&*self.0.essentials.vault) else {
            return self.abandon(leased, MailFault::UNREADABLE, "unreadable").await;
        };
        let message = match self.0.essentials.composer.compose(mail.id, &mail.kind, &mail.to, &facts) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(
                    name: "sigra.mail.not_composed",
                    error = &error as &dyn std::error::Error,
                    mail = %mail.id,
                    "a mail could not be composed"
                );
                return self.abandon(leased, MailFault::NOT_COMPOSED, "not_composed").await;
            }
        };
        let outcome = self.0.essentials.mailer.send(&message).await;
        let now = self.0.clock.now();
        match outcome {
            Ok(()) => {
                let noted = self.0.stores.outbox.sent(mail.id, leased.lease, now).await?;
                if !noted {
                    tracing::warn!(
                        name: "sigra.mail.sent_late",
                        mail = %mail.id,
                        "a mail was handed over after its lease had lapsed, and may come twice"
                    );
                }
                Ok(Delivered::Sent)
            }
            Err(MailError::Permanent(fault, error)) => {
                tracing::warn!(
                    name: "sigra.mail.refused",
                    error = &*error as &dyn std::error::Error,
                    mail = %mail.id,
                    "a mail was refused"
                );
                self.abandon(leased, fault, "refused").await
            }
            Err(MailError::Temporary(fault, error)) => {
                tracing::warn!(
                    name: "sigra.mail.deferred",
                    error = &*error as &dyn std::error::Error,
                    mail = %mail.id,
                    "a mail could not be handed over"
                );
                let again = now + self.back_off(leased.attempt);
                if again >= mail.expires_at {
                    return self.abandon(leased, fault, "undeliverable").await;
                }
                let noted = self.0.stores.outbox.retry(mail.id, leased.lease, again, &fault).await?;
                Ok(if noted { Delivered::Retried } else { Delivered::Left })
            }
        }
    }

    fn back_off(&self, attempt: u32) -> Duration {
        let rules = &self.0.config.mail;
        let doublings = attempt.saturating_sub(1).min(16);
        (rules.retry_secs.span() * 2_u32.pow(doublings)).min(rules.max_retry_secs.span())
    }

    async fn abandon(
        &self,
        leased: &LeasedMail,
        fault: MailFault,
        reason: &'static str,
    ) -> Result<Delivered, FlowError> {
        let now = self.0.clock.now();
        let event = AuditEvent::new(names::MAIL_ABANDONED, now, &ClientInfo::default())
            .failed(reason)
            .with("kind", leased.mail.kind.as_str())
            .with("mail_id", leased.mail.id.to_string());
        let evidence = Evidence::event(event);
        let noted = self.0.stores.outbox.abandon(leased.mail.id, leased.lease, now, &fault, evidence).await?;
        Ok(if noted { Delivered::Abandoned } else { Delivered::Left })
    }
}
