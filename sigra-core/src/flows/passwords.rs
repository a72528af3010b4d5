//! Changing passwords, setting first ones, and demanding that they are changed.

use super::{CurrentSession, InputFault, Renewed, Sessions};
use crate::audit::{AuditEvent, EventName, names};
use crate::client::ClientInfo;
use crate::door::{Admission, Changed, Entry, PendingView, Step};
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::UserId;
use crate::mail::MailKind;
use crate::password::{Password, PasswordHash};
use crate::ports::{AttemptKey, Happened, Replaced, Replacement, WorkOrigin};
use crate::registration::RequestKind;
use crate::secret::{Purpose, RawToken};
use crate::session::PendingSignIn;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::{Epochs, User};

/// Changing passwords, setting first ones, and demanding that they are changed.
///
/// Every change ends what was handed out under the old password: other sessions, pending sign-ins, links, trusted browsers,
/// and every known device but the one it is made on. The owner is told by mail, with a link that disowns it.
#[derive(Clone, Copy)]
pub struct Passwords<'a>(pub(crate) &'a Inner);

/// A password to be.
#[derive(Clone, Copy)]
pub struct NewPassword<'a> {
    /// As typed.
    pub password: &'a str,
    /// The device token the browser presented. The device stays known.
    pub device: Option<&'a RawToken>,
    /// Facts about the client.
    pub client: &'a ClientInfo,
}

/// What came of changing a password in a session.
#[derive(Debug)]
#[must_use]
pub enum PasswordOutcome {
    /// The password is replaced.
    Done {
        /// The account as it is now.
        user: Box<User>,
        /// The session that goes on, under a new token. `None` when it could not: it is over, and the change stands.
        renewed: Option<Box<Renewed>>,
    },
    /// The new password is refused.
    Rejected(Vec<InputFault>),
    /// The present password is wrong.
    Wrong,
    /// It is wrong once too often: the session is over.
    SessionEnded,
    /// The session must authenticate again first.
    NotFresh,
    /// There is a password, so this would not be the first.
    AlreadySet,
    /// The account has changed beside this request. Whoever holds a session that outlived that may go on with it.
    Superseded,
}

/// What came of the password that a sign-in demanded.
#[derive(Debug)]
#[must_use]
pub enum ForcedOutcome {
    /// The password is replaced, and the sign-in goes on.
    Admitted(Admission),
    /// The password is replaced, and the sign-in is over: it could not go on.
    Changed,
    /// The new password is refused.
    Rejected(Vec<InputFault>),
    /// There is no pending sign-in that owes this step first, or it was over when the password was to be replaced.
    NoPending,
}

impl Passwords<'_> {
    /// Whether the session must authenticate again before its password can be changed.
    ///
    /// Setting a first password takes a fresh session. Changing one takes the present one, which is as good; but where a
    /// second factor is demanded, one factor must not change another.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn must_be_fresh(&self, current: &CurrentSession) -> Result<bool, FlowError> {
        if current.session().is_fresh(self.0.clock.now()) {
            return Ok(false);
        }
        Ok(!current.user().has_password || self.0.factors.demanded(current.user()).await?)
    }

    /// Replaces the password of whoever shows the present one. Only the session that does it goes on, under a new token.
    ///
    /// Answers are counted before they are verified, together with those of [`Sudo`](super::Sudo); the last wrong one ends
    /// the session.
    ///
    /// # Errors
    ///
    /// When the hashing queue is full or a check that the configuration demands cannot be made (nothing is changed, and no
    /// answer counted, then), or a port cannot do its work.
    #[operation("sigra.passwords.change")]
    pub async fn change(
        &self,
        current: &CurrentSession,
        present: &str,
        new: NewPassword<'_>,
    ) -> Result<PasswordOutcome, FlowError> {
        if self.must_be_fresh(current).await? && current.user().has_password {
            return Ok(PasswordOutcome::NotFresh);
        }
        let (session, user, client) = (current.session(), current.user(), new.client);
        let key = self.0.answers_key(session);
        let Some(reserved) = self.0.reserve_answer(&key).await? else {
            return self.end(current, client).await;
        };
        match self.0.shows_password(user, present).await {
            Ok(true) => self.0.stores.attempts.clear(&[key]).await?,
            Ok(false) => {
                let event = AuditEvent::new(names::PASSWORD_CHANGE_FAILURE, self.0.clock.now(), client)
                    .by(user.id)
                    .within(session.id)
                    .failed("invalid_password");
                self.0.stores.log.append(Evidence::event(event)).await?;
                let last = reserved.count >= self.0.config.sessions.sudo_tries;
                return if last { self.end(current, client).await } else { Ok(PasswordOutcome::Wrong) };
            }
            Err(error) => {
                self.0.stores.attempts.refund(&key, &reserved).await?;
                return Err(error);
            }
        }
        if is_same(present, new.password) {
            return Ok(PasswordOutcome::Rejected(vec![InputFault::SamePassword]));
        }
        self.replace(current, new, false).await
    }

    /// Sets the first password of an account that has none, in a fresh session. Only that session goes on, under a new token.
    ///
    /// # Errors
    ///
    /// As for [`Passwords::change`].
    #[operation("sigra.passwords.set_first")]
    pub async fn set_first(
        &self,
        current: &CurrentSession,
        new: NewPassword<'_>,
    ) -> Result<PasswordOutcome, FlowError> {
        if !current.session().is_fresh(self.0.clock.now()) {
            return Ok(PasswordOutcome::NotFresh);
        }
        if current.user().has_password {
            return Ok(PasswordOutcome::AlreadySet);
        }
        self.replace(current, new, true).await
    }

    /// The pending sign-in that owes a new password. `None` when there is none.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn owed(&self, token: &RawToken, entry: &Entry) -> Result<Option<PendingView>, FlowError> {
        let view = self.0.door.pending(token, entry).await?;
        Ok(view.filter(|view| view.owes_first(Step::PASSWORD_CHANGE)))
    }

    /// Takes the new password that a sign-in demands, and goes on with it.
    ///
    /// The present password is refused. Trying it is counted, or somebody who came in without it could find it out here; the
    /// last try ends the sign-in.
    ///
    /// # Errors
    ///
    /// As for [`Passwords::change`].
    #[operation("sigra.passwords.complete_forced_change")]
    pub async fn complete_forced_change(
        &self,
        token: &RawToken,
        password: &str,
        entry: &Entry,
    ) -> Result<ForcedOutcome, FlowError> {
        let Some(PendingView { pending, user, .. }) = self.owed(token, entry).await? else {
            return Ok(ForcedOutcome::NoPending);
        };
        let new = NewPassword { password, device: entry.device.as_ref(), client: &entry.client };
        let mut faults = Vec::new();
        let Some(parsed) = self.judged(&user, new, &mut faults).await? else {
            return Ok(ForcedOutcome::Rejected(faults));
        };
        let key = self.pending_key(&pending);
        let Some(reserved) = self.0.reserve_answer(&key).await? else {
            return self.abandon(token).await;
        };
        match self.0.shows_password(&user, password).await {
            Ok(false) => self.0.stores.attempts.refund(&key, &reserved).await?,
            Ok(true) => {
                let event = AuditEvent::new(names::PASSWORD_CHANGE_FAILURE, self.0.clock.now(), new.client);
                let event = event.about(user.id).failed("same_password");
                self.0.stores.log.append(Evidence::event(event)).await?;
                if reserved.count >= self.0.config.sessions.sudo_tries {
                    return self.abandon(token).await;
                }
                return Ok(ForcedOutcome::Rejected(vec![InputFault::SamePassword]));
            }
            Err(error) => {
                self.0.stores.attempts.refund(&key, &reserved).await?;
                return Err(error);
            }
        }
        let hash = self.0.essentials.hasher.hash(&parsed, WorkOrigin::KnownDevice).await?;
        let before = pending.epochs;
        let event = |now| AuditEvent::new(names::PASSWORD_CHANGE, now, new.client).by(user.id).with("forced", true);
        let Replaced::Done(user) = self.store(user.id, before, false, &hash, new, &event).await? else {
            return Ok(ForcedOutcome::NoPending);
        };
        let changed = Changed { before, user: *user };
        match self.0.door.resume_changed(token, changed, None, entry).await {
            Ok(Admission::Refused(_)) => Ok(ForcedOutcome::Changed),
            Ok(admission) => Ok(ForcedOutcome::Admitted(admission)),
            Err(error) => {
                self.0.follow_up(Err(error));
                Ok(ForcedOutcome::Changed)
            }
        }
    }

    /// Makes the next sign-in of an account replace its password before it leads to a session, whatever the way in, and ends
    /// every session, pending sign-in and link of it. A reset by mail satisfies it too.
    ///
    /// Whoever knows the present password can choose the next one. One that a stranger may know is better
    /// [withdrawn](Passwords::withdraw). `actor` is who demands it, for the audit trail. `false` when there is no such account
    /// or it has no password.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.passwords.require_change")]
    pub async fn require_change(
        &self,
        user: UserId,
        actor: Option<UserId>,
        client: &ClientInfo,
    ) -> Result<bool, FlowError> {
        let now = self.0.clock.now();
        let evidence = |user: &User| acted(names::PASSWORD_CHANGE_REQUIRE, user, actor, client, now);
        let Some(user) = self.0.stores.passwords.require_change(user, now, &evidence).await? else {
            return Ok(false);
        };
        self.0.follow_up(self.0.end_all_sessions(&user, client).await);
        Ok(true)
    }

    /// Takes a password away that somebody else may know, ends every session, pending sign-in, link and known device of the
    /// account, and starts a reset by mail. `false` when there is no such account or it has no password.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.passwords.withdraw")]
    pub async fn withdraw(&self, user: UserId, actor: Option<UserId>, client: &ClientInfo) -> Result<bool, FlowError> {
        let now = self.0.clock.now();
        let request = |user: &User| self.0.address_request(RequestKind::RescueReset, &user.email, client);
        let evidence = |user: &User| acted(names::PASSWORD_WITHDRAW, user, actor, client, now);
        let Some(user) = self.0.stores.passwords.withdraw(user, &request, &evidence).await? else {
            return Ok(false);
        };
        self.0.follow_up(self.0.end_all_sessions(&user, client).await);
        Ok(true)
    }

    /// Takes back that a password must be replaced. `false` when nothing was demanded of the account.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.passwords.clear_required_change")]
    pub async fn clear_required_change(
        &self,
        user: UserId,
        actor: Option<UserId>,
        client: &ClientInfo,
    ) -> Result<bool, FlowError> {
        let now = self.0.clock.now();
        let evidence = |user: &User| acted(names::PASSWORD_CHANGE_WAIVE, user, actor, client, now);
        Ok(self.0.stores.passwords.clear_required_change(user, &evidence).await?.is_some())
    }

    /// Replaces the password of a session's user, and lets that session go on.
    async fn replace(
        &self,
        current: &CurrentSession,
        new: NewPassword<'_>,
        first: bool,
    ) -> Result<PasswordOutcome, FlowError> {
        let (user, session) = (current.user(), current.session());
        let mut faults = Vec::new();
        let Some(password) = self.judged(user, new, &mut faults).await? else {
            return Ok(PasswordOutcome::Rejected(faults));
        };
        let hash = self.0.essentials.hasher.hash(&password, WorkOrigin::KnownDevice).await?;
        let event = |now| {
            let event = |name: EventName| AuditEvent::new(name, now, new.client).by(user.id).within(session.id);
            if first { event(names::PASSWORD_SET) } else { event(names::PASSWORD_CHANGE).with("forced", false) }
        };
        let user = match self.store(user.id, session.epochs, first, &hash, new, &event).await? {
            Replaced::Done(user) => user,
            Replaced::Stale => return Ok(PasswordOutcome::Superseded),
            Replaced::AlreadySet => return Ok(PasswordOutcome::AlreadySet),
        };
        let renewed = match Sessions(self.0).carry_on(current, &user, None, new.client).await {
            Ok(renewed) => renewed.map(Box::new),
            Err(error) => {
                self.0.follow_up(Err(error));
                None
            }
        };
        Ok(PasswordOutcome::Done { user, renewed })
    }

    /// The new password, if it keeps every rule.
    async fn judged(
        &self,
        user: &User,
        new: NewPassword<'_>,
        faults: &mut Vec<InputFault>,
    ) -> Result<Option<Password>, FlowError> {
        self.0.new_password(new.password, Some(&user.email), new.client, WorkOrigin::KnownDevice, faults).await
    }

    async fn store(
        &self,
        user: UserId,
        epochs: Epochs,
        first: bool,
        password: &PasswordHash,
        new: NewPassword<'_>,
        event: &(dyn Fn(Timestamp) -> AuditEvent + Send + Sync),
    ) -> Result<Replaced, FlowError> {
        let now = self.0.clock.now();
        let device = new.device.map(|token| token.digest(Purpose::DEVICE));
        let replacement = Replacement { user, epochs, first, password, device, now };
        let evidence = |user: &User| {
            let evidence = Evidence::event(event(now));
            self.0.notices().add_to(evidence, &MailKind::PASSWORD_CHANGED, user, new.client, now)
        };
        let replaced = self.0.stores.passwords.replace(&replacement, &evidence).await?;
        if let Replaced::Done(user) = &replaced {
            self.0.happened(Happened::PasswordChanged(user)).await;
        }
        Ok(replaced)
    }

    async fn end(&self, current: &CurrentSession, client: &ClientInfo) -> Result<PasswordOutcome, FlowError> {
        let session = current.session();
        self.0.revoke(session.user, session.id, "sudo_failures", client).await?;
        Ok(PasswordOutcome::SessionEnded)
    }

    async fn abandon(&self, token: &RawToken) -> Result<ForcedOutcome, FlowError> {
        self.0.door.abandon(token).await?;
        Ok(ForcedOutcome::NoPending)
    }

    fn pending_key(&self, pending: &PendingSignIn) -> AttemptKey {
        let whom = self.0.essentials.vault.mac("attempts.pending", pending.id.as_uuid().as_bytes());
        AttemptKey { counter: "password_change", whom }
    }
}

fn acted(name: EventName, user: &User, actor: Option<UserId>, client: &ClientInfo, now: Timestamp) -> Evidence {
    let event = AuditEvent::new(name, now, client).about(user.id);
    Evidence::event(AuditEvent { actor, ..event })
}

/// Whether both are one password once they are normalized. One of them was shown to be right, and whoever typed them knows
/// both, so the time this takes tells nobody anything.
fn is_same(present: &str, new: &str) -> bool {
    matches!((Password::parse(present), Password::parse(new)), (Ok(present), Ok(new)) if present.expose() == new.expose())
}
