//! Changing the mail address of an account.

mod answer;
mod undo;

use super::{CurrentSession, InputFault, LinkView, Renewed, Sessions};
use crate::address_change::{AddressChange, ChangedAddress, Completed, Completion};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::flows::reclaim::with_reclaim;
use crate::mail::{MailKind, OutgoingMail};
use crate::ports::Happened;
use crate::registration::RequestKind;
use crate::secret::{Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

pub use undo::UndoView;

/// Changing the mail address of an account.
///
/// The old address stays until the new one is proven. Asking writes one identical row, whether the new address is free or
/// not, and answers alike; a worker mails the link to the new address if it is free, and in either case a notice to the
/// old one, with a link that undoes. Redeeming ends every session but the one that asked, and that one too unless its
/// browser redeems.
///
/// An account that is not proven is [reclaimed](crate::ports::AccountStore#reclaiming) by the proof of its new address: nothing
/// goes on then, and nothing undoes it.
#[derive(Clone, Copy)]
pub struct EmailChange<'a>(pub(crate) &'a Inner);

/// What came of asking for a change of address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum ChangeRequested {
    /// It was noted, in place of the one that was pending. Whether a mail follows, only its recipient learns.
    Noted,
    /// Something is wrong with what was typed.
    Rejected(InputFault),
    /// The account changed beside this request, and the session is over.
    Superseded,
}

/// What came of redeeming a link to a new address.
#[derive(Debug)]
#[must_use]
pub enum ChangeOutcome {
    /// The account has the new address. The session that asked goes on when its browser redeemed; it is `None` otherwise,
    /// and when it could not go on.
    Changed(Box<User>, Option<Box<Renewed>>),
    /// The account has the new address, and was not proven before: it was [reclaimed](crate::ports::AccountStore#reclaiming).
    Reclaimed(Box<User>),
    /// The link is unknown, used, replaced or expired, its session or its account is not what it was, or the address is
    /// taken: all alike.
    Invalid,
}

impl EmailChange<'_> {
    /// Asks for a change of address, within a session whose freshness the caller has judged. Answers alike for every
    /// address, and looks none up.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.email_change.request")]
    pub async fn request(
        &self,
        current: &CurrentSession,
        email: &str,
        client: &ClientInfo,
    ) -> Result<ChangeRequested, FlowError> {
        let (user, session) = (current.user(), current.session());
        let new = match EmailAddress::parse_new(email) {
            Ok(new) => new,
            Err(fault) => return Ok(ChangeRequested::Rejected(fault.into())),
        };
        if new.identity() == user.email.identity() {
            return Ok(ChangeRequested::Rejected(InputFault::UnchangedEmail));
        }
        if !self.0.takes_mail(&new, client).await? {
            return Ok(ChangeRequested::Rejected(InputFault::UndeliverableEmail));
        }
        let request = self.0.address_request(RequestKind::ChangeEmail, &new, client);
        let change = AddressChange {
            id: request.id,
            user: user.id,
            session: session.id,
            epochs: session.epochs,
            old: user.email.clone(),
            new,
            requested_at: request.created_at,
            expires_at: request.created_at + self.0.config.email_change.link_secs.span(),
        };
        let event = AuditEvent::new(names::EMAIL_CHANGE_REQUEST, request.created_at, client);
        let evidence = Evidence::event(event.by(user.id).within(session.id));
        let noted = self.0.stores.address_changes.submit(&change, &request, evidence).await?;
        Ok(if noted { ChangeRequested::Noted } else { ChangeRequested::Superseded })
    }

    /// The change the current user has asked for and that can still be redeemed.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn pending(&self, current: &CurrentSession) -> Result<Option<AddressChange>, FlowError> {
        let now = self.0.clock.now();
        let found = self.0.stores.address_changes.pending(current.user().id, now).await?;
        self.of_a_live_session(found, now).await
    }

    /// Looks at a link to a new address without consuming it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek(&self, token: &str) -> Result<Option<LinkView>, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return Ok(None);
        };
        let change = self.live(&token, self.0.clock.now()).await?;
        Ok(change.map(|AddressChange { new, requested_at, expires_at, .. }| LinkView {
            email: new,
            requested_at,
            expires_at,
        }))
    }

    /// Redeems a link to a new address. `current` is the session of the browser that redeems, if it has one.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.email_change.redeem")]
    pub async fn redeem(
        &self,
        token: &str,
        current: Option<&CurrentSession>,
        client: &ClientInfo,
    ) -> Result<ChangeOutcome, FlowError> {
        let now = self.0.clock.now();
        let Some(token) = RawToken::parse(token) else {
            return self.invalid("invalid_token", client).await;
        };
        let Some(change) = self.live(&token, now).await? else {
            return self.invalid("invalid_token", client).await;
        };
        let undo = RawToken::random();
        let undo_expires_at = now + self.0.config.reset.rescue_secs.span();
        let completion = Completion {
            at: now,
            undo: undo.digest(Purpose::UNDO_EMAIL_CHANGE),
            undo_expires_at,
            quarantine: self.0.quarantine_keys(&change.new),
        };
        let evidence = |changed: &ChangedAddress| self.told(changed, &undo, undo_expires_at, client);
        let confirm = token.digest(Purpose::CHANGE_EMAIL);
        let changed = match self.0.stores.address_changes.redeem(confirm, &completion, &evidence).await? {
            Completed::Changed(changed) => *changed,
            Completed::Invalid => return self.invalid("used", client).await,
            Completed::Taken => return self.invalid("address_taken", client).await,
        };
        let ChangedAddress { change, user, reclaimed } = changed;
        let its = |current: &&CurrentSession| current.session().id == change.session && current.user().id == user.id;
        let asked = current.filter(its).filter(|_| !reclaimed);
        let renewed = match asked {
            // The change stands whatever becomes of the session.
            Some(current) => Sessions(self.0).carry_on(current, &user, None, client).await.unwrap_or_else(|error| {
                self.0.follow_up(Err(error));
                None
            }),
            None => None,
        };
        if reclaimed {
            self.0.follow_up(self.0.reclaimed(&user, client).await);
        }
        if renewed.is_none() {
            self.0.follow_up(self.0.end_all_sessions(&user, client).await);
        }
        self.0.happened(Happened::EmailChanged(&user, &change.old)).await;
        let user = Box::new(user);
        Ok(if reclaimed { ChangeOutcome::Reclaimed(user) } else { ChangeOutcome::Changed(user, renewed.map(Box::new)) })
    }

    /// Withdraws the current user's own pending change. `false` when there is none. The link to the old address stays good:
    /// a thief who withdraws must not disarm it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.email_change.withdraw")]
    pub async fn withdraw(&self, current: &CurrentSession, client: &ClientInfo) -> Result<bool, FlowError> {
        let (user, session, now) = (current.user().id, current.session().id, self.0.clock.now());
        let event = AuditEvent::new(names::EMAIL_CHANGE_WITHDRAWN, now, client).by(user).within(session);
        Ok(self.0.stores.address_changes.withdraw(user, now, Evidence::event(event)).await?)
    }

    /// The pending change of a link, if the session that asked for it is still good.
    async fn live(&self, token: &RawToken, now: Timestamp) -> Result<Option<AddressChange>, FlowError> {
        let found = self.0.stores.address_changes.peek(token.digest(Purpose::CHANGE_EMAIL), now).await?;
        self.of_a_live_session(found, now).await
    }

    async fn of_a_live_session(
        &self,
        found: Option<AddressChange>,
        now: Timestamp,
    ) -> Result<Option<AddressChange>, FlowError> {
        let Some(change) = found else {
            return Ok(None);
        };
        let at_most = self.0.config.sessions.list_at_most;
        let sessions = self.0.stores.sessions.list(change.user, at_most).await?;
        let live = sessions
            .iter()
            .any(|session| session.id == change.session && session.epochs == change.epochs && !session.is_expired(now));
        Ok(live.then_some(change))
    }

    /// Tells both addresses, the old one with a link that undoes; or the new one alone, when nobody has shown that the old one
    /// was theirs.
    fn told(
        &self,
        ChangedAddress { change, user, reclaimed }: &ChangedAddress,
        undo: &RawToken,
        undo_expires_at: Timestamp,
        client: &ClientInfo,
    ) -> Evidence {
        let now = self.0.clock.now();
        let vault = &*self.0.essentials.vault;
        let event = AuditEvent::new(names::EMAIL_CHANGE_SUCCESS, now, client).by(user.id).within(change.session);
        let facts = self.0.notices().facts(client, now, undo_expires_at.since(now));
        let mail = |to, facts| OutgoingMail::seal(vault, MailKind::EMAIL_CHANGED, to, facts, now, undo_expires_at);
        let evidence = with_reclaim(Evidence::event(event), user, *reclaimed, client, now);
        let evidence = evidence.and_mail([mail(&user.email, &facts)]);
        if *reclaimed {
            return evidence;
        }
        let evidence = evidence.and_quarantined(self.0.quarantined(&change.old, Some(user.id), now));
        let to_old = facts.clone().with_token("email_change_cancel", undo);
        evidence.and_mail([mail(&change.old, &to_old)])
    }

    async fn invalid(&self, reason: &'static str, client: &ClientInfo) -> Result<ChangeOutcome, FlowError> {
        let event = AuditEvent::new(names::EMAIL_CHANGE_FAILURE, self.0.clock.now(), client).failed(reason);
        self.0.stores.log.append(Evidence::event(event)).await?;
        Ok(ChangeOutcome::Invalid)
    }
}
