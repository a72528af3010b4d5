//! Telling owners of sign-ins that were given up at their second factor.

use crate::audit::{AuditEvent, names};
use crate::door::is_strangers_mailbox;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::mail::MailKind;
use crate::session::PendingSignIn;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// Sign-ins that showed the password, in a browser the account does not know, and never its second factor.
///
/// Nobody can say when somebody gives up; that the time for it is over can be said. So this is the sweeper's, and nothing
/// that ends such a sign-in earlier ends it silently.
#[derive(Clone, Copy)]
pub(super) struct Unfinished<'a>(pub(super) &'a Inner);

impl Unfinished<'_> {
    /// Ends sign-ins that have expired, at most `limit`, each in a step of its own, and tells their owners. Begins none at
    /// `until` or later. Answers how many.
    ///
    /// Any number of hosts may do so at once: whoever ends a sign-in tells of it. One that cannot be ended now is logged and
    /// left for the next time; it keeps no other from its turn.
    ///
    /// # Errors
    ///
    /// When the store cannot tell which there are.
    #[operation("sigra.sweeper.tell_unfinished", DEBUG)]
    pub(super) async fn tell(&self, limit: u32, until: Timestamp) -> Result<u64, FlowError> {
        const PAGE: u32 = 50;
        let (mut ended, mut after) = (0, None);
        while ended < u64::from(limit) {
            let left = u32::try_from(u64::from(limit) - ended).unwrap_or(PAGE);
            let page = self.0.stores.sessions.unfinished(self.0.clock.now(), after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.expires_at, last.id));
            for pending in page {
                if self.0.clock.now() >= until {
                    return Ok(ended);
                }
                match self.end(&pending).await {
                    Ok(gone) => ended += u64::from(gone),
                    Err(error) => {
                        tracing::error!(
                            name: "sigra.sweeper.untold",
                            error = &error as &dyn std::error::Error,
                            user = %pending.user,
                            "the owner could not be told of an unfinished sign-in now"
                        );
                    }
                }
            }
        }
        Ok(ended)
    }

    async fn end(&self, pending: &PendingSignIn) -> Result<bool, FlowError> {
        let evidence = match self.0.stores.accounts.find(pending.user).await? {
            Some(account) if !self.was_made_good(pending).await? => self.evidence(pending, &account.user).await?,
            // The trail has the sign-in that came of it; or there is nobody left to tell.
            _ => Evidence::none(),
        };
        Ok(self.0.stores.sessions.end_unfinished(pending.user, pending.id, evidence).await?)
    }

    /// Whether the same client has signed in since: whoever mistyped, or looked for their phone too long, tries again.
    async fn was_made_good(&self, pending: &PendingSignIn) -> Result<bool, FlowError> {
        let client = &pending.client;
        if client.ip.is_none() {
            return Ok(false);
        }
        let sessions = self.0.stores.sessions.list(pending.user, self.0.config.sessions.list_at_most).await?;
        Ok(sessions.iter().any(|session| {
            session.created_at > pending.created_at
                && session.client.ip == client.ip
                && session.client.user_agent == client.user_agent
        }))
    }

    async fn evidence(&self, pending: &PendingSignIn, user: &User) -> Result<Evidence, FlowError> {
        let (now, kind) = (self.0.clock.now(), MailKind::SIGN_IN_UNFINISHED);
        let about = |name| AuditEvent::new(name, now, &pending.client).about(user.id);
        let event = about(names::LOGIN_UNFINISHED).failed("second_factor_not_shown");
        let evidence = Evidence::event(event.with("begun_at", pending.created_at.to_string()));
        // It happened, so it is in the trail. A mail asks its reader to do something, and here there is nothing to do.
        if user.disabled_at.is_some()
            || user.deletion_is_due(now)
            || is_strangers_mailbox(&self.0.config, user)
            || is_replaced(pending, user)
        {
            return Ok(evidence);
        }
        // Taken before the step that owes the mail, as for every notice: what fails between the two may cost the mail of that
        // day, and never the event. So may two hosts that are at one sign-in, which `until` is against.
        if !self.0.may_mail(&user.email, self.0.config.mail.notices, "notice.sign_in_unfinished", now).await? {
            let suppressed = about(names::MAIL_SUPPRESSED).failed("budget").with("kind", kind.as_str());
            return Ok(evidence.and_event(suppressed));
        }
        Ok(self.0.notices().add_late(evidence, &kind, user, &pending.client, (pending.created_at, now)))
    }
}

/// Whether the password that was shown is the account's no more. The epoch alone does not say so: a change of address raises
/// it too.
fn is_replaced(pending: &PendingSignIn, user: &User) -> bool {
    let changed = |at: Timestamp| pending.epochs.security != user.epochs.security && pending.created_at <= at;
    !user.has_password || user.password_changed_at.is_some_and(changed)
}
