//! Signing in with a link in a mail.

use super::reclaim::with_reclaim;
use super::{LinkView, Requested};
use crate::assurance::{Aal, Method};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::door::{Admission, Entry, Proof, WayIn};
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::ports::LiveToken;
use crate::registration::RequestKind;
use crate::secret::{Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;

/// Signing in with a link in a mail.
///
/// A link proves the mailbox: AAL 1, never more. It signs in only the browser that opens and posts it, and reopens an
/// account whose attempts are locked or used up. An account that is not proven is
/// [reclaimed](crate::ports::AccountStore#reclaiming).
#[derive(Clone, Copy)]
pub struct MagicLink<'a>(pub(crate) &'a Inner);

/// What came of a sign-in link.
#[derive(Debug)]
#[must_use]
pub enum MagicLinkOutcome {
    /// Let in, or a step is owed.
    Admitted(Admission),
    /// The link is unknown, used or expired, or its account cannot sign in: all alike.
    Invalid,
}

impl MagicLink<'_> {
    /// Asks for a link. Answers alike for every address.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.magic_link.request")]
    pub async fn request(&self, email: &str, client: &ClientInfo) -> Result<Requested, FlowError> {
        self.0.note_request(RequestKind::MagicLink, names::MAGIC_LINK_REQUEST, email, client).await
    }

    /// Looks at a link without consuming it, to name the account and when it was asked for.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek(&self, token: &str) -> Result<Option<LinkView>, FlowError> {
        self.0.peek_user_token(token, Purpose::MAGIC_LINK).await
    }

    /// Redeems a link and hands the proof to the door.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.magic_link.redeem")]
    pub async fn redeem(&self, token: &str, entry: &Entry) -> Result<MagicLinkOutcome, FlowError> {
        let now = self.0.clock.now();
        let redeemed = match RawToken::parse(token) {
            Some(token) => {
                let evidence = |live: &LiveToken| {
                    let event = AuditEvent::new(names::MAGIC_LINK_SUCCESS, now, &entry.client);
                    let Some(user) = &live.user else { return Evidence::event(event) };
                    with_reclaim(Evidence::event(event.by(user.id)), user, live.reclaimed, &entry.client, now)
                };
                self.0.stores.tokens.redeem(token.digest(Purpose::MAGIC_LINK), now, &evidence).await?
            }
            None => None,
        };
        let Some(LiveToken { user: Some(user), reclaimed, .. }) = redeemed else {
            let event = AuditEvent::new(names::MAGIC_LINK_FAILURE, now, &entry.client).failed("invalid_token");
            self.0.stores.log.append(Evidence::event(event)).await?;
            return Ok(MagicLinkOutcome::Invalid);
        };
        if reclaimed {
            self.0.reclaimed(&user, &entry.client).await?;
        }
        self.0.reopen(&user).await?;
        let proof = Proof::new(WayIn::MagicLink, &user, Aal::One, vec![Method::MAGIC_LINK], now);
        match self.0.door.admit(proof, entry).await? {
            Admission::Refused(_) => Ok(MagicLinkOutcome::Invalid),
            admission => Ok(MagicLinkOutcome::Admitted(admission)),
        }
    }
}

impl Inner {
    /// What a live token of an account says about itself.
    pub(crate) async fn peek_user_token(&self, token: &str, purpose: Purpose) -> Result<Option<LinkView>, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return Ok(None);
        };
        let live = self.stores.tokens.peek(token.digest(purpose), self.clock.now()).await?;
        Ok(live.filter(|live| live.user.is_some()).map(|live| LinkView {
            email: live.token.email,
            requested_at: live.token.created_at,
            expires_at: live.token.expires_at,
        }))
    }
}
