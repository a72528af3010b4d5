//! Replacing a forgotten password.

use super::reclaim::with_reclaim;
use super::{InputFault, LinkView, Requested};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::mail::MailKind;
use crate::ports::{Happened, Quota, Recovered, WorkOrigin};
use crate::registration::RequestKind;
use crate::secret::{Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// Replacing a forgotten password.
///
/// Redeeming a link sets the password, ends every session and credential of the account, forgets its devices, reopens a
/// locked account, and signs nobody in. An account that is not proven is [reclaimed](crate::ports::AccountStore#reclaiming).
/// Nothing about the account changes before a live link arrives.
#[derive(Clone, Copy)]
pub struct Reset<'a>(pub(crate) &'a Inner);

const ONCE_A_DAY: Quota = Quota::new(1, 86_400);

/// What came of a reset link.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum ResetOutcome {
    /// The password is replaced.
    Done(Box<User>),
    /// The new password is refused. The link stays alive.
    Rejected(Vec<InputFault>),
    /// The link is unknown, used or expired: all alike.
    Invalid,
}

impl Reset<'_> {
    /// Asks for a link. Answers alike for every address.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.reset.request")]
    pub async fn request(&self, email: &str, client: &ClientInfo) -> Result<Requested, FlowError> {
        self.0.note_request(RequestKind::ResetPassword, names::PASSWORD_RESET_REQUEST, email, client).await
    }

    /// Looks at a link without consuming it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek(&self, token: &str) -> Result<Option<LinkView>, FlowError> {
        self.0.peek_user_token(token, Purpose::RESET_PASSWORD).await
    }

    /// Redeems a link with a new password.
    ///
    /// # Errors
    ///
    /// When the hashing queue is full or a check that the configuration demands cannot be made (the link stays alive then),
    /// or a port cannot do its work.
    #[operation("sigra.reset.redeem")]
    pub async fn redeem(&self, token: &str, password: &str, client: &ClientInfo) -> Result<ResetOutcome, FlowError> {
        let Some(view) = self.peek(token).await? else {
            return self.invalid(client).await;
        };
        let origin = WorkOrigin::Network(client.block());
        let mut faults = Vec::new();
        let Some(password) = self.0.new_password(password, Some(&view.email), client, origin, &mut faults).await?
        else {
            return Ok(ResetOutcome::Rejected(faults));
        };
        let hash = self.0.essentials.hasher.hash(&password, origin).await?;

        let now = self.0.clock.now();
        let evidence = |Recovered { user, reclaimed }: &Recovered| {
            let event = AuditEvent::new(names::PASSWORD_RESET_COMPLETE, now, client).by(user.id);
            let evidence = with_reclaim(Evidence::event(event), user, *reclaimed, client, now);
            self.0.notices().add_to(evidence, &MailKind::PASSWORD_CHANGED, user, client, now)
        };
        let Some(token) = RawToken::parse(token) else {
            return self.invalid(client).await;
        };
        let digest = token.digest(Purpose::RESET_PASSWORD);
        let reset = self.0.stores.accounts.reset_password(digest, &hash, now, &evidence).await?;
        let Some(Recovered { user, reclaimed }) = reset else {
            return self.invalid(client).await;
        };
        if reclaimed {
            self.0.follow_up(self.0.reclaimed(&user, client).await);
        }
        self.0.follow_up(self.0.reopen(&user).await);
        self.0.follow_up(self.reopen_second_factors(&user, now).await);
        self.0.follow_up(self.0.end_all_sessions(&user, client).await);
        self.0.happened(Happened::PasswordReset(&user)).await;
        Ok(ResetOutcome::Done(Box::new(user)))
    }

    /// Forgets wrong second factors, once a day: whoever reads the mailbox must not get guesses without end by resetting the
    /// password again and again.
    async fn reopen_second_factors(&self, user: &User, now: Timestamp) -> Result<(), FlowError> {
        if self.0.may_mail(&user.email, ONCE_A_DAY, "second_factor.reopen", now).await? {
            self.0.stores.attempts.clear(&self.0.second_factor_keys(user)).await?;
        }
        Ok(())
    }

    async fn invalid(&self, client: &ClientInfo) -> Result<ResetOutcome, FlowError> {
        let event = AuditEvent::new(names::PASSWORD_RESET_FAILURE, self.0.clock.now(), client).failed("invalid_token");
        self.0.stores.log.append(Evidence::event(event)).await?;
        Ok(ResetOutcome::Invalid)
    }
}

impl Inner {
    /// Deletes the rows of sessions that a raised epoch has ended already.
    pub(crate) async fn end_all_sessions(&self, user: &User, client: &ClientInfo) -> Result<(), FlowError> {
        let now = self.clock.now();
        let evidence = |count: &u64| {
            if *count == 0 {
                return Evidence::none();
            }
            Evidence::event(AuditEvent::new(names::SESSION_REVOKE_ALL, now, client).by(user.id).with("count", *count))
        };
        self.stores.sessions.revoke_all(user.id, None, &evidence).await?;
        Ok(())
    }
}
