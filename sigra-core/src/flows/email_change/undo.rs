//! Undoing a change of address from the old mailbox.

use super::EmailChange;
use crate::address_change::UndoneChange;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::flows::reclaim::with_reclaim;
use crate::ports::Happened;
use crate::registration::RequestKind;
use crate::secret::{Purpose, RawToken};
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// What a live link that undoes a change of address tells before it is redeemed.
#[derive(Clone, Debug)]
pub struct UndoView {
    /// The address the account would have.
    pub email: EmailAddress,
    /// Whether the account has another one now.
    pub changed: bool,
    /// When the change was asked for.
    pub requested_at: Timestamp,
    /// When the link expires.
    pub expires_at: Timestamp,
}

impl EmailChange<'_> {
    /// Looks at a link that undoes without consuming it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek_undo(&self, token: &str) -> Result<Option<UndoView>, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return Ok(None);
        };
        let undo = token.digest(Purpose::UNDO_EMAIL_CHANGE);
        let found = self.0.stores.address_changes.peek_undo(undo, self.0.clock.now()).await?;
        Ok(found.map(|undoable| UndoView {
            changed: undoable.user.email.identity() != undoable.change.old.identity(),
            email: undoable.change.old,
            requested_at: undoable.change.requested_at,
            expires_at: undoable.expires_at,
        }))
    }

    /// Redeems a link that undoes, and answers the account as it is then. `None` when the link is unknown, used or expired.
    ///
    /// The link is a rescue token: epochs do not kill it, nor does what replaces or withdraws the change, so a thief cannot
    /// disarm it. Redeeming it brings the old address back, ends every session and credential, the password included, removes
    /// the factors that were added since the change was asked for, forgets the devices, starts a reset by mail to the old
    /// address, and signs nobody in. An account that is not proven is [reclaimed](crate::ports::AccountStore#reclaiming).
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.email_change.undo")]
    pub async fn undo(&self, token: &str, client: &ClientInfo) -> Result<Option<User>, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return self.nothing_undone(client).await;
        };
        let now = self.0.clock.now();
        let undo = token.digest(Purpose::UNDO_EMAIL_CHANGE);
        let Some(undoable) = self.0.stores.address_changes.peek_undo(undo, now).await? else {
            return self.nothing_undone(client).await;
        };
        let since = undoable.change.requested_at;
        // Before the link is used up, so that what fails here can be tried again.
        self.0.disown_factors(&undoable.user, since, client).await?;
        let request = |user: &User| self.0.address_request(RequestKind::RescueReset, &user.email, client);
        let evidence = |undone: &UndoneChange| {
            let event = AuditEvent::new(names::EMAIL_CHANGE_UNDONE, now, client).by(undone.user.id);
            let evidence = Evidence::event(event.with("reverted", undone.reverted_from.is_some()));
            let left = undone.reverted_from.as_ref();
            let evidence =
                evidence.and_quarantined(left.and_then(|left| self.0.quarantined(left, Some(undone.user.id), now)));
            with_reclaim(evidence, &undone.user, undone.reclaimed, client, now)
        };
        let undone = self.0.stores.address_changes.undo(undo, now, &request, &evidence).await?;
        let Some(UndoneChange { user, reverted_from, reclaimed }) = undone else {
            return self.nothing_undone(client).await;
        };
        if reclaimed {
            self.0.follow_up(self.0.reclaimed(&user, client).await);
        }
        // What was added between the two. Nothing can be any more: it would be under the epochs from before.
        self.0.follow_up(self.0.disown_factors(&user, since, client).await);
        self.0.follow_up(self.0.end_all_sessions(&user, client).await);
        if let Some(other) = &reverted_from {
            self.0.happened(Happened::EmailChanged(&user, other)).await;
        }
        self.0.happened(Happened::Rescued(&user)).await;
        Ok(Some(user))
    }

    async fn nothing_undone(&self, client: &ClientInfo) -> Result<Option<User>, FlowError> {
        let event = AuditEvent::new(names::EMAIL_CHANGE_UNDO_FAILURE, self.0.clock.now(), client);
        self.0.stores.log.append(Evidence::event(event.failed("invalid_token"))).await?;
        Ok(None)
    }
}
