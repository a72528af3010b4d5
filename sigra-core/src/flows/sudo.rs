//! Authenticating again for sensitive actions.

use std::time::Duration;

use super::CurrentSession;
use super::second_factors::{Asked, Checked, FactorAnswer};
use crate::assurance::{Aal, Method};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::password::Password;
use crate::ports::{AttemptKey, AttemptPolicy, Occasion, Reservation, Reserved, Verified, WorkOrigin};
use crate::secret::{Purpose, RawToken};
use crate::session::Session;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::user::User;

/// Authenticating again for sensitive actions.
#[derive(Clone, Copy)]
pub struct Sudo<'a>(pub(crate) &'a Inner);

/// What somebody authenticates again with.
#[derive(Clone, Copy, Default)]
pub struct SudoAnswer<'a> {
    /// The password, as typed.
    pub password: Option<&'a str>,
    /// A factor.
    pub factor: Option<FactorAnswer<'a>>,
}

/// What came of authenticating again.
#[derive(Debug)]
#[must_use]
pub enum SudoOutcome {
    /// The session is fresh, under a new token; the old one is dead.
    Granted {
        /// The new token, for the cookie.
        token: RawToken,
        /// The session as it is now.
        session: Box<Session>,
    },
    /// The answer is wrong.
    Wrong,
    /// The answer is wrong once too often: the session is over.
    SessionEnded,
    /// Too many second factors were wrong. Right ones are refused too, for so long; `None` until the mailbox was proven by
    /// a reset.
    LockedOut(Option<Duration>),
    /// The answer is right, but the session was changed or ended beside this request. Whoever holds its present token may
    /// go on with that.
    Superseded,
}

impl Sudo<'_> {
    /// As [`Sudo::answer`], with the password alone.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn password(
        &self,
        current: &CurrentSession,
        password: &str,
        client: &ClientInfo,
    ) -> Result<SudoOutcome, FlowError> {
        self.answer(current, SudoAnswer { password: Some(password), factor: None }, client).await
    }

    /// Verifies what is shown, opens the sudo window and replaces the session's token.
    ///
    /// An account that has second factors must show one of them, of any kind; a password that comes along must be right
    /// too. Other accounts show their password, or a factor that is two by itself.
    ///
    /// Answers are counted before they are verified; the last wrong one ends the session. Those with a factor count as
    /// attempts at second factors too.
    ///
    /// # Errors
    ///
    /// When the hashing queue is full (the answer is not counted then) or a port cannot do its work.
    #[operation("sigra.sudo.answer")]
    pub async fn answer(
        &self,
        current: &CurrentSession,
        answer: SudoAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<SudoOutcome, FlowError> {
        let (session, user) = (current.session(), current.user());
        let tries = self.0.config.sessions.sudo_tries;
        let key = self.0.answers_key(session);
        let Some(reserved) = self.0.reserve_answer(&key).await? else {
            return self.end(session, client).await;
        };

        let demanded = self.0.factors.demanded(user).await?;
        let mut proven = Proven::default();
        let password = answer.password.filter(|password| answer.factor.is_none() || !password.is_empty());
        let mut wrong = match answer.factor {
            None if demanded => Some("factor_missing"),
            // Only what signs in by itself can be two factors. Nothing else is used up for an answer that cannot be enough.
            Some(factor) if !demanded && password.is_none() && !self.0.factors.signs_in(factor.method) => {
                Some("password_missing")
            }
            _ => None,
        };
        if let (None, Some(password)) = (wrong, password) {
            match self.0.shows_password(user, password).await {
                Ok(true) => proven.methods.push(Method::PASSWORD),
                Ok(false) => wrong = Some("invalid_password"),
                Err(error) => {
                    self.0.stores.attempts.refund(&key, &reserved).await?;
                    return Err(error);
                }
            }
        }
        if let (None, Some(factor)) = (wrong, answer.factor) {
            let asked = Asked { occasion: Occasion::Session(session.id), known_device: true, client };
            match self.0.second_factors().check(user, factor, asked).await {
                Ok(Checked::Right { methods, multi_factor }) => {
                    // A key that did not verify its user is one factor: what the session was opened with is the other.
                    if !demanded && !multi_factor && proven.methods.is_empty() {
                        wrong = Some("password_missing");
                    }
                    proven.both = multi_factor || !proven.methods.is_empty();
                    proven.methods.extend(methods);
                    proven.second_factor = true;
                }
                Ok(Checked::Wrong) => wrong = Some("invalid_factor"),
                Ok(Checked::NotEnrolled) => wrong = Some("not_enrolled"),
                Ok(Checked::LockedOut(wait)) => {
                    self.0.stores.attempts.refund(&key, &reserved).await?;
                    return Ok(SudoOutcome::LockedOut(wait));
                }
                Err(error) => {
                    self.0.stores.attempts.refund(&key, &reserved).await?;
                    return Err(error);
                }
            }
        }
        if wrong.is_none() && !proven.methods.is_empty() {
            // In this order: once the old token is dead, nothing may keep the new one from the browser.
            self.0.stores.attempts.clear(&[key]).await?;
            return self.elevate(current, proven, client).await;
        }
        let reason = wrong.unwrap_or("nothing_shown");
        let event = AuditEvent::new(names::SUDO_FAILURE, self.0.clock.now(), client)
            .by(session.user)
            .within(session.id)
            .failed(reason);
        self.0.stores.log.append(Evidence::event(event)).await?;
        if reserved.count >= tries { self.end(session, client).await } else { Ok(SudoOutcome::Wrong) }
    }

    async fn elevate(
        &self,
        current: &CurrentSession,
        proven: Proven,
        client: &ClientInfo,
    ) -> Result<SudoOutcome, FlowError> {
        let now = self.0.clock.now();
        let limits = &self.0.config.sessions;
        let mut session = current.session().clone();
        let shown = if proven.second_factor { Aal::Two } else { Aal::One };
        session.assurance.add_methods(proven.methods);
        session.fresh_until = Some(now + limits.sudo_secs.span());
        session.last_seen_at = now;
        session.rotated_at = now;
        let before = session.assurance.aal;
        if before <= shown {
            session.assurance.aal = shown;
            session.assurance.at = now;
        }
        // One factor renews what one factor reached, and both renew what both did; one more factor makes a session stronger,
        // not longer (NIST SP 800-63B-4 §2.2.3).
        if proven.both || (!proven.second_factor && before == Aal::One) {
            session.expires_at =
                now + if session.remembered { limits.remembered_secs } else { limits.absolute_secs }.span();
        }
        session.idle_expires_at = self.0.idle_end(&session, now);

        let token = RawToken::random();
        let event = AuditEvent::new(names::SUDO_ENTER, now, client).by(session.user).within(session.id);
        let elevated = self
            .0
            .stores
            .sessions
            .elevate(&session, current.digest(), token.digest(Purpose::SESSION), Evidence::event(event))
            .await?;
        if elevated {
            Ok(SudoOutcome::Granted { token, session: Box::new(session) })
        } else {
            Ok(SudoOutcome::Superseded)
        }
    }

    async fn end(&self, session: &Session, client: &ClientInfo) -> Result<SudoOutcome, FlowError> {
        self.0.revoke(session.user, session.id, "sudo_failures", client).await?;
        Ok(SudoOutcome::SessionEnded)
    }
}

impl Inner {
    /// What wrong answers of a session are counted by, whatever was asked for.
    pub(crate) fn answers_key(&self, session: &Session) -> AttemptKey {
        let whom = self.essentials.vault.mac("attempts.session", session.id.as_uuid().as_bytes());
        AttemptKey { counter: "sudo", whom }
    }

    /// Counts an answer. `None` when there are no tries left.
    pub(crate) async fn reserve_answer(&self, key: &AttemptKey) -> Result<Option<Reserved>, FlowError> {
        // Reaching the cap ends the session, so there is nothing to lock. The count outlives every session that could be
        // guessed at, so time gives no further tries; after that it can be thrown away.
        let limits = &self.config.sessions;
        let (tries, window) = (limits.sudo_tries, limits.absolute_secs.max(limits.remembered_secs).get());
        let policy =
            AttemptPolicy { free: tries, cap: tries, lock_secs: 1, max_lock_secs: 1, window_secs: Some(window) };
        Ok(match self.stores.attempts.reserve(key, &policy, None, self.clock.now()).await? {
            Reservation::Granted(reserved) => Some(reserved),
            Reservation::Locked(_) | Reservation::Exhausted => None,
        })
    }

    /// Whether this is the user's password. The caller has counted the answer.
    pub(crate) async fn shows_password(&self, user: &User, password: &str) -> Result<bool, FlowError> {
        let record = self.stores.accounts.find(user.id).await?;
        let hash = record.as_ref().and_then(|record| record.password.as_ref());
        let parsed = Password::parse(password).ok();
        let verified = self.essentials.hasher.verify(parsed.as_ref(), hash, WorkOrigin::KnownDevice).await?;
        Ok(matches!(verified, Verified::Match { .. }))
    }
}

/// What was shown.
#[derive(Default)]
struct Proven {
    methods: Vec<Method>,
    second_factor: bool,
    /// Whether it was two factors.
    both: bool,
}
