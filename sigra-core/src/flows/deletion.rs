//! Deleting an account, with a way back.

use super::CurrentSession;
use super::reclaim::with_reclaim;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::door::{Admission, Entry, PendingView, Step};
use crate::email::EmailAddress;
use crate::error::{FlowError, StoreError, StoreErrorKind};
use crate::evidence::Evidence;
use crate::id::UserId;
use crate::mail::{Facts, MailKind, OutgoingMail};
use crate::ports::{DueDeletion, Erasure, Happened, LiveToken, Recovered};
use crate::registration::{MailedToken, RequestKind, TokenOwner};
use crate::secret::{Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// Deleting one's account, with a way back.
///
/// From the moment a deletion is scheduled, every credential of the account is dead. Until it is due there are two ways back:
/// signing in, which takes the step [`Step::REACTIVATE`], and the rescue link in the mail, which signs nobody in. Once it is
/// due there is none, whether or not the account has been erased already.
#[derive(Clone, Copy)]
pub struct Deletion<'a>(pub(crate) &'a Inner);

/// What came of scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum DeletionScheduled {
    /// The account will be deleted then. Every session has ended, this one included.
    For(Timestamp),
    /// The account has changed beside this request: the session is over, and nothing was done.
    Superseded,
}

/// A link that takes a deletion back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionUndoView {
    /// The account.
    pub email: EmailAddress,
    /// When its deletion was scheduled.
    pub requested_at: Timestamp,
    /// When it will be deleted.
    pub due_at: Timestamp,
}

/// What came of taking a deletion back while signing in.
#[derive(Debug)]
#[must_use]
pub enum Reactivated {
    /// The account stays. The sign-in goes on, under a new token.
    Admitted(Admission),
    /// There is no pending sign-in that owes this step.
    NoPending,
}

impl Deletion<'_> {
    /// Schedules the deletion of the account of a session, and ends everything that is signed in to it.
    ///
    /// The caller has seen that the session is fresh.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.deletion.schedule")]
    pub async fn schedule(
        &self,
        current: &CurrentSession,
        client: &ClientInfo,
    ) -> Result<DeletionScheduled, FlowError> {
        let (session, user) = (current.session(), current.user());
        let due_at = self.due_at();
        let event = AuditEvent::new(names::DELETION_SCHEDULE, self.0.clock.now(), client);
        let event = event.by(user.id).within(session.id);
        let evidence = |user: &User| self.scheduled(event.clone(), user, due_at, client);
        let lifecycle = &self.0.stores.lifecycle;
        let scheduled = lifecycle.schedule_deletion(user.id, Some(session.epochs), due_at, &evidence).await?;
        let Some(user) = scheduled else {
            return Ok(DeletionScheduled::Superseded);
        };
        self.after_scheduling(&user, client).await;
        Ok(DeletionScheduled::For(due_at))
    }

    /// The pending sign-in that owes taking the deletion back. `None` when there is none.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn view(&self, token: &RawToken, entry: &Entry) -> Result<Option<PendingView>, FlowError> {
        let view = self.0.door.pending(token, entry).await?;
        Ok(view.filter(|view| view.owes_first(Step::REACTIVATE)))
    }

    /// Takes the deletion back in the middle of signing in.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.deletion.reactivate")]
    pub async fn reactivate(&self, token: &RawToken, entry: &Entry) -> Result<Reactivated, FlowError> {
        let Some(PendingView { pending, user, .. }) = self.view(token, entry).await? else {
            return Ok(Reactivated::NoPending);
        };
        let now = self.0.clock.now();
        let evidence = |user: &User| {
            let event = AuditEvent::new(names::DELETION_CANCEL, now, &entry.client).by(user.id).with("way", "sign_in");
            self.cancelled(event, user, &entry.client)
        };
        let lifecycle = &self.0.stores.lifecycle;
        let Some(user) = lifecycle.cancel_deletion(user.id, Some(pending.epochs), now, &evidence).await? else {
            return Ok(Reactivated::NoPending);
        };
        self.0.happened(Happened::DeletionCancelled(&user)).await;
        Ok(Reactivated::Admitted(self.0.door.resume(token, Step::REACTIVATE, None, entry).await?))
    }

    /// Looks at a link without consuming it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek(&self, token: &str) -> Result<Option<DeletionUndoView>, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return Ok(None);
        };
        let now = self.0.clock.now();
        let live = self.0.stores.tokens.peek(token.digest(Purpose::REACTIVATE), now).await?;
        Ok(live.and_then(|LiveToken { token, user, .. }| {
            let due_at = user?.deletion_due_at.filter(|due_at| now < *due_at)?;
            Some(DeletionUndoView { email: token.email, requested_at: token.created_at, due_at })
        }))
    }

    /// Redeems a link. `false` when it is unknown, used or too late.
    ///
    /// The account stays. Its password goes and a reset by mail is started, because whoever asked for the deletion may know
    /// it. Nobody is signed in. An account that is not proven is [reclaimed](crate::ports::AccountStore#reclaiming).
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.deletion.undo")]
    pub async fn undo(&self, token: &str, client: &ClientInfo) -> Result<bool, FlowError> {
        let now = self.0.clock.now();
        let request = |user: &User| self.0.address_request(RequestKind::RescueReset, &user.email, client);
        let evidence = |Recovered { user, reclaimed }: &Recovered| {
            let event = AuditEvent::new(names::DELETION_CANCEL, now, client).by(user.id).with("way", "link");
            with_reclaim(self.cancelled(event, user, client), user, *reclaimed, client, now)
        };
        let undone = match RawToken::parse(token) {
            Some(token) => {
                let digest = token.digest(Purpose::REACTIVATE);
                self.0.stores.lifecycle.undo_deletion(digest, now, &request, &evidence).await?
            }
            None => None,
        };
        let Some(Recovered { user, reclaimed }) = undone else {
            let event = AuditEvent::new(names::DELETION_CANCEL_FAILURE, now, client).failed("invalid_token");
            self.0.stores.log.append(Evidence::event(event)).await?;
            return Ok(false);
        };
        if reclaimed {
            self.0.follow_up(self.0.reclaimed(&user, client).await);
        }
        self.0.follow_up(self.0.end_all_sessions(&user, client).await);
        self.0.happened(Happened::DeletionCancelled(&user)).await;
        Ok(true)
    }

    /// Erases accounts whose deletion is due, at most `limit`, each in a transaction of its own. Answers how many.
    ///
    /// Any number of hosts may do so at once. An account that cannot be erased now is logged and left for the next time; it
    /// keeps no other from its turn.
    ///
    /// # Errors
    ///
    /// When the store cannot tell which are due.
    #[operation("sigra.deletion.sweep", DEBUG)]
    pub async fn sweep(&self, limit: u32) -> Result<u64, FlowError> {
        const PAGE: u32 = 50;
        let (mut erased, mut after) = (0, None);
        while erased < u64::from(limit) {
            let left = u32::try_from(u64::from(limit) - erased).unwrap_or(PAGE);
            let page = self.0.stores.lifecycle.due_deletions(self.0.clock.now(), after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for DueDeletion { user, .. } in page {
                let event = AuditEvent::new(names::DELETION_EXECUTE, self.0.clock.now(), &ClientInfo::default())
                    .with("by", "sweep");
                match self.erase(user, true, event).await {
                    Ok(gone) => erased += u64::from(gone),
                    Err(error) => {
                        tracing::error!(
                            name: "sigra.deletion.failed",
                            error = &error as &dyn std::error::Error,
                            %user,
                            "an account could not be erased now"
                        );
                    }
                }
            }
        }
        Ok(erased)
    }

    /// Erases one account, with `event` as what the trail says of it. `false` when there is none, or its deletion is not due
    /// and must be.
    pub(super) async fn erase(&self, id: UserId, only_if_due: bool, event: AuditEvent) -> Result<bool, FlowError> {
        let (now, strategy) = (event.at, self.0.config.deletion.strategy);
        let erasure = Erasure { user: id, only_if_due, strategy, at: now };
        if !self.0.account_data.is_empty() {
            let Some(record) = self.0.stores.accounts.find(id).await? else {
                return Ok(false);
            };
            if !erasure.applies_to(&record.user) {
                return Ok(false);
            }
            for data in &self.0.account_data {
                let erased = data.erase(&record.user, strategy).await;
                erased.map_err(|error| StoreError::new(StoreErrorKind::Hook, "AccountData::erase").because(error))?;
            }
        }
        let event = event.about(id).with("strategy", strategy.as_str());
        let evidence = |user: &User| {
            let leaves_address =
                erasure.leaves(user).is_some_and(|left| left.email.identity() == user.email.identity());
            // Whoever never showed the mailbox must not keep its owner out.
            let frees = !leaves_address && user.confirmed_at.is_some();
            let quarantined = frees.then(|| self.0.quarantined(&user.email, None, now)).flatten();
            let span = self.0.config.mail.notice_secs.span();
            let due_at = quarantined.as_ref().map(|quarantined| quarantined.until);
            let facts = Facts { at: Some(now), due_at, ..Facts::default() };
            let vault = &*self.0.essentials.vault;
            let mail = OutgoingMail::seal(vault, MailKind::DELETION_DONE, &user.email, &facts, now, now + span);
            Evidence::event(event.clone()).and_mail([mail]).and_quarantined(quarantined)
        };
        let Some(user) = self.0.stores.lifecycle.erase(&erasure, &evidence).await? else {
            return Ok(false);
        };
        // What is counted and kept elsewhere. Whoever gets the address next inherits nothing.
        self.0.follow_up(self.0.end_all_sessions(&user, &ClientInfo::default()).await);
        self.0.follow_up(self.0.reopen(&user).await);
        self.0.follow_up(self.forget_factor_attempts(&user).await);
        self.0.happened(Happened::Deleted(&user)).await;
        Ok(true)
    }

    /// When what is scheduled now is due.
    pub(super) fn due_at(&self) -> Timestamp {
        self.0.clock.now() + self.0.config.deletion.grace_secs.span()
    }

    /// What scheduling leaves behind: the event, and the mail with the way back.
    pub(super) fn scheduled(&self, event: AuditEvent, user: &User, due_at: Timestamp, client: &ClientInfo) -> Evidence {
        let now = event.at;
        let undo = RawToken::random();
        let facts = self.0.notices().facts(client, now, due_at.since(now));
        let facts = Facts { due_at: Some(due_at), ..facts }.with_token(Purpose::REACTIVATE.name(), &undo);
        let vault = &*self.0.essentials.vault;
        let mail = OutgoingMail::seal(vault, MailKind::DELETION_SCHEDULED, &user.email, &facts, now, due_at);
        Evidence::event(event.with("due_at", due_at.to_string())).and_mail([mail]).and_token(MailedToken {
            digest: undo.digest(Purpose::REACTIVATE),
            purpose: Purpose::REACTIVATE,
            owner: TokenOwner::User { id: user.id, epochs: None },
            email: user.email.clone(),
            created_at: now,
            expires_at: due_at,
        })
    }

    pub(super) async fn after_scheduling(&self, user: &User, client: &ClientInfo) {
        self.0.follow_up(self.0.end_all_sessions(user, client).await);
        self.0.happened(Happened::DeletionScheduled(user)).await;
    }

    /// What taking a deletion back leaves behind: the event, and the mail.
    pub(super) fn cancelled(&self, event: AuditEvent, user: &User, client: &ClientInfo) -> Evidence {
        let now = event.at;
        self.0.notices().add_to(Evidence::event(event), &MailKind::DELETION_CANCELLED, user, client, now)
    }

    async fn forget_factor_attempts(&self, user: &User) -> Result<(), FlowError> {
        Ok(self.0.stores.attempts.clear(&self.0.second_factor_keys(user)).await?)
    }
}
