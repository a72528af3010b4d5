//! Disowning what a security notice reports.

use super::LinkView;
use super::reclaim::with_reclaim;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::ports::{Happened, LiveToken, Recovered};
use crate::registration::{MailedToken, RequestKind};
use crate::secret::{Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// Disowning what a security notice reports ("this was not me").
///
/// The link in the notice is a rescue token: epochs do not kill it, so a thief cannot disarm it. Redeeming it ends every
/// session and credential, the password included, removes the factors that were added since, takes a scheduled deletion back,
/// forgets the devices, starts a reset by mail, and signs nobody in. An account that is not proven is
/// [reclaimed](crate::ports::AccountStore#reclaiming).
#[derive(Clone, Copy)]
pub struct NotMe<'a>(pub(crate) &'a Inner);

impl NotMe<'_> {
    /// Looks at a link without consuming it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek(&self, token: &str) -> Result<Option<LinkView>, FlowError> {
        self.0.peek_user_token(token, Purpose::NOT_ME).await
    }

    /// Redeems a link. `false` when it is unknown, used or expired.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.not_me.redeem")]
    pub async fn redeem(&self, token: &str, client: &ClientInfo) -> Result<bool, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return self.invalid(client).await;
        };
        let now = self.0.clock.now();
        let request = |user: &User| self.0.address_request(RequestKind::RescueReset, &user.email, client);
        let digest = token.digest(Purpose::NOT_ME);
        let live = self.0.stores.tokens.peek(digest, now).await?;
        let Some(LiveToken { token: MailedToken { created_at: since, .. }, user: Some(owner), .. }) = live else {
            return self.invalid(client).await;
        };
        let to_be_deleted = owner.deletion_due_at.is_some();
        let evidence = |Recovered { user, reclaimed }: &Recovered| {
            let evidence = Evidence::event(AuditEvent::new(names::NOT_ME, now, client).by(user.id));
            let evidence = with_reclaim(evidence, user, *reclaimed, client, now);
            if !to_be_deleted || user.deletion_due_at.is_some() {
                return evidence;
            }
            evidence.and_event(AuditEvent::new(names::DELETION_CANCEL, now, client).by(user.id).with("way", "not_me"))
        };
        // Before the link is used up, so that what fails here can be tried again.
        self.0.disown_factors(&owner, since, client).await?;
        let rescued = self.0.stores.accounts.rescue(digest, now, &request, &evidence).await?;
        let Some(Recovered { user, reclaimed }) = rescued else {
            return self.invalid(client).await;
        };
        if reclaimed {
            self.0.follow_up(self.0.reclaimed(&user, client).await);
        }
        // What was added between the two. Nothing can be any more: it would be under the epochs from before.
        self.0.follow_up(self.0.disown_factors(&user, since, client).await);
        self.0.follow_up(self.0.end_all_sessions(&user, client).await);
        self.0.happened(Happened::Rescued(&user)).await;
        Ok(true)
    }

    async fn invalid(&self, client: &ClientInfo) -> Result<bool, FlowError> {
        let event = AuditEvent::new(names::NOT_ME_FAILURE, self.0.clock.now(), client).failed("invalid_token");
        self.0.stores.log.append(Evidence::event(event)).await?;
        Ok(false)
    }
}

impl Inner {
    /// Removes the factors that were added since a moment the owner disowns.
    pub(crate) async fn disown_factors(
        &self,
        user: &User,
        since: Timestamp,
        client: &ClientInfo,
    ) -> Result<(), FlowError> {
        for factor in self.factors.iter() {
            factor.disown(user, since, client, &self.second_factors()).await?;
        }
        Ok(())
    }
}
