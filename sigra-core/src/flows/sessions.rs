//! Resolving, listing and ending sessions.

use crate::assurance::{Aal, Assurance};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::door::NoticeParts;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::{SessionId, UserId};
use crate::mail::MailKind;
use crate::ports::{FoundSession, Happened};
use crate::principal::Scope;
use crate::secret::{Digest, Purpose, RawToken};
use crate::session::Session;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// Resolving, listing and ending sessions.
#[derive(Clone, Copy)]
pub struct Sessions<'a>(pub(crate) &'a Inner);

/// A session that was presented and is good, with its user.
#[derive(Clone, Debug)]
pub struct CurrentSession {
    session: Session,
    user: User,
    digest: Digest,
    rotated: Option<RawToken>,
}

impl CurrentSession {
    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Its user.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// A token that replaces the presented one, for the cookie.
    #[must_use]
    pub const fn rotated(&self) -> Option<&RawToken> {
        self.rotated.as_ref()
    }

    /// Who acts, and within what.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of_user(self.user.id, self.session.id, self.session.assurance.clone())
    }

    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }
}

/// A session that goes on under a new token.
#[derive(Debug)]
#[must_use]
pub struct Renewed {
    /// The session as it is now.
    pub session: Session,
    /// Its token, for the cookie.
    pub token: RawToken,
}

impl Sessions<'_> {
    /// Finds the session a cookie names, if it is good: known, not over, its epochs the user's, the user not disabled.
    ///
    /// Costs one indexed read. Writes at most once within the activity interval; for a remembered session, replaces
    /// the token once within the rotation interval, and ends it when a token that was replaced is used again.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work. Nobody is recognized then.
    pub async fn resolve(&self, cookie: &str, client: &ClientInfo) -> Result<Option<CurrentSession>, FlowError> {
        let Some(token) = RawToken::parse(cookie) else {
            return Ok(None);
        };
        let digest = token.digest(Purpose::SESSION);
        let Some(found) = self.0.stores.sessions.find(digest).await? else {
            return Ok(None);
        };
        let now = self.0.clock.now();
        let FoundSession { mut session, user, retired_at } = found;
        if !user.stands(session.epochs) || session.is_expired(now) {
            return Ok(None);
        }
        if let Some(retired_at) = retired_at
            && now >= retired_at + self.0.config.sessions.rotation_grace_secs.span()
        {
            self.reused(&session, &user, client, now).await?;
            return Ok(None);
        }
        self.note_activity(&mut session, now).await?;
        let rotated = if retired_at.is_none() { self.rotate(&mut session, digest, client, now).await? } else { None };
        let digest = rotated.as_ref().map_or(digest, |token| token.digest(Purpose::SESSION));
        Ok(Some(CurrentSession { session, user, digest, rotated }))
    }

    /// The user's live sessions, newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn list(&self, user: &User) -> Result<Vec<Session>, FlowError> {
        let now = self.0.clock.now();
        let mut sessions = self.0.stores.sessions.list(user.id, self.0.config.sessions.list_at_most).await?;
        sessions.retain(|session| session.epochs == user.epochs && !session.is_expired(now));
        Ok(sessions)
    }

    /// Ends one session of the current user. `false` when the user has no such session.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.sessions.revoke")]
    pub async fn revoke(
        &self,
        current: &CurrentSession,
        id: SessionId,
        client: &ClientInfo,
    ) -> Result<bool, FlowError> {
        self.0.revoke(current.user.id, id, "revoked_by_user", client).await
    }

    /// Ends every session of the current user but the current one. Answers how many.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.sessions.revoke_others")]
    pub async fn revoke_others(&self, current: &CurrentSession, client: &ClientInfo) -> Result<u64, FlowError> {
        let now = self.0.clock.now();
        let (user, session) = (current.user.id, current.session.id);
        let evidence = |count: &u64| {
            Evidence::event(
                AuditEvent::new(names::SESSION_REVOKE_ALL, now, client).by(user).within(session).with("count", *count),
            )
        };
        Ok(self.0.stores.sessions.revoke_all(user, Some(session), &evidence).await?)
    }

    /// Signs out: ends the current session.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.sessions.sign_out")]
    pub async fn sign_out(&self, current: &CurrentSession, client: &ClientInfo) -> Result<(), FlowError> {
        let now = self.0.clock.now();
        let (user, id) = (current.user.id, current.session.id);
        let evidence = |existed: &bool| {
            if *existed {
                Evidence::event(AuditEvent::new(names::LOGOUT, now, client).by(user).within(id))
            } else {
                Evidence::none()
            }
        };
        if self.0.stores.sessions.revoke(user, id, &evidence).await? {
            self.0.happened(Happened::SignedOut(&current.user, id)).await;
        }
        Ok(())
    }

    /// Lets the session that made a change go on after the change raised its user's epochs: under those, with a new token.
    /// Everything else that carries the old ones is dead.
    ///
    /// `user` is the account as the change left it. `assurance` replaces the session's when it is given. `None` when the
    /// session was changed or ended beside this request, or the account has changed again: it is dead then too.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work. The change stands and the session is dead.
    pub async fn carry_on(
        &self,
        current: &CurrentSession,
        user: &User,
        assurance: Option<Assurance>,
        client: &ClientInfo,
    ) -> Result<Option<Renewed>, FlowError> {
        let now = self.0.clock.now();
        let mut session = current.session.clone();
        session.epochs = user.epochs;
        session.last_seen_at = now;
        session.rotated_at = now;
        if let Some(assurance) = assurance {
            session.assurance = assurance;
        }
        let token = RawToken::random();
        let event = AuditEvent::new(names::SESSION_RENEW, now, client).by(user.id).within(session.id);
        let (old, new) = (current.digest, token.digest(Purpose::SESSION));
        if !self.0.stores.sessions.elevate(&session, old, new, Evidence::event(event)).await? {
            return Ok(None);
        }
        let others = |count: &u64| match *count {
            0 => Evidence::none(),
            count => Evidence::event(
                AuditEvent::new(names::SESSION_REVOKE_ALL, now, client)
                    .by(user.id)
                    .within(session.id)
                    .with("count", count),
            ),
        };
        let deleted = self.0.stores.sessions.revoke_all(user.id, Some(session.id), &others).await;
        self.0.follow_up(deleted.map(drop).map_err(FlowError::from));
        Ok(Some(Renewed { session, token }))
    }

    /// Writes activity, coalesced, and lowers what a remembered session has outlived.
    async fn note_activity(&self, session: &mut Session, now: Timestamp) -> Result<(), FlowError> {
        let limits = &self.0.config.sessions;
        let unused = now.since(session.last_seen_at);
        let outlived = session.remembered
            && (unused >= limits.remembered_idle_secs.span()
                || now.since(session.assurance.at) >= limits.remembered_full_secs.span());
        let lowered = (outlived && session.assurance.aal > Aal::One)
            .then(|| Assurance { aal: Aal::One, ..session.assurance.clone() });
        if unused < limits.activity_secs.span() && lowered.is_none() {
            return Ok(());
        }
        let idle_expires_at = self.0.idle_end(session, now);
        self.0.stores.sessions.touch(session.id, now, idle_expires_at, lowered.as_ref()).await?;
        session.last_seen_at = now;
        session.idle_expires_at = idle_expires_at;
        if let Some(lowered) = lowered {
            session.assurance = lowered;
        }
        Ok(())
    }

    async fn rotate(
        &self,
        session: &mut Session,
        old: Digest,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<Option<RawToken>, FlowError> {
        if !session.remembered || now.since(session.rotated_at) < self.0.config.sessions.rotate_secs.span() {
            return Ok(None);
        }
        let token = RawToken::random();
        let event = AuditEvent::new(names::SESSION_ROTATE, now, client).by(session.user).within(session.id);
        let new = token.digest(Purpose::SESSION);
        let won = self.0.stores.sessions.rotate(session.id, old, new, now, Evidence::event(event)).await?;
        if !won {
            // A request beside this one rotated first and carries the new token; the old one has its grace.
            return Ok(None);
        }
        session.rotated_at = now;
        Ok(Some(token))
    }

    /// A replaced token came back: two browsers hold one session, and one of them stole it.
    async fn reused(
        &self,
        session: &Session,
        user: &User,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        let evidence = |existed: &bool| {
            if !*existed {
                return Evidence::none();
            }
            let event = AuditEvent::new(names::SESSION_TOKEN_REUSE, now, client)
                .about(user.id)
                .within(session.id)
                .failed("reuse");
            self.0.notices().add_to(Evidence::event(event), &MailKind::SESSION_REUSED, user, client, now)
        };
        if self.0.stores.sessions.revoke(user.id, session.id, &evidence).await? {
            tracing::warn!(
                name: "sigra.sessions.token_reuse",
                user = %user.id,
                session = %session.id,
                "a replaced token came back, and its session ended"
            );
        }
        Ok(())
    }
}

impl Inner {
    /// Ends one session of a user, for a reason. `false` when there is none.
    pub(crate) async fn revoke(
        &self,
        user: UserId,
        id: SessionId,
        why: &'static str,
        client: &ClientInfo,
    ) -> Result<bool, FlowError> {
        let now = self.clock.now();
        let evidence = |existed: &bool| {
            if !*existed {
                return Evidence::none();
            }
            Evidence::event(AuditEvent::new(names::SESSION_DELETE, now, client).by(user).within(id).with("why", why))
        };
        Ok(self.stores.sessions.revoke(user, id, &evidence).await?)
    }

    /// When a session used at `now` ends if it is not used again.
    pub(crate) fn idle_end(&self, session: &Session, now: Timestamp) -> Timestamp {
        if session.remembered {
            session.expires_at
        } else {
            session.expires_at.min(now + self.config.sessions.idle_secs.span())
        }
    }

    /// What notices are worded with.
    pub(crate) fn notices(&self) -> NoticeParts<'_> {
        NoticeParts {
            vault: &*self.essentials.vault,
            describer: &*self.describer,
            geo: &*self.geo,
            rescue_for: self.config.reset.rescue_secs.span(),
        }
    }
}
