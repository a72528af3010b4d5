//! Authenticating again for sensitive actions.

use super::CurrentSession;
use crate::assurance::{Aal, Method};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::password::Password;
use crate::ports::{AttemptKey, AttemptPolicy, Reservation, Verified, WorkOrigin};
use crate::secret::{Purpose, RawToken};
use crate::session::Session;
use crate::sigra::Inner;

/// Authenticating again for sensitive actions.
#[derive(Clone, Copy)]
pub struct Sudo<'a>(pub(crate) &'a Inner);

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
    /// The answer is right, but the session was changed or ended beside this request. Whoever holds its present token may
    /// go on with that.
    Superseded,
}

impl Sudo<'_> {
    /// Verifies the password of the session's user, opens the sudo window and replaces the session's token.
    ///
    /// Answers are counted before they are verified; the last wrong one ends the session.
    ///
    /// # Errors
    ///
    /// When the hashing queue is full (the answer is not counted then) or a port cannot do its work.
    #[tracing::instrument(name = "sigra.sudo.password", skip_all)]
    pub async fn password(
        &self,
        current: &CurrentSession,
        password: &str,
        client: &ClientInfo,
    ) -> Result<SudoOutcome, FlowError> {
        let now = self.0.clock.now();
        let session = current.session();
        let tries = self.0.config.sessions.sudo_tries;
        let key = AttemptKey {
            counter: "sudo",
            whom: self.0.essentials.vault.mac("attempts.session", session.id.as_uuid().as_bytes()),
        };
        // Reaching the cap ends the session, so there is nothing to lock. The count outlives every session that could be
        // guessed at, so time gives no further tries; after that it can be thrown away.
        let limits = &self.0.config.sessions;
        let window = limits.absolute_secs.max(limits.remembered_secs).get();
        let policy =
            AttemptPolicy { free: tries, cap: tries, lock_secs: 1, max_lock_secs: 1, window_secs: Some(window) };
        let Reservation::Granted(reserved) = self.0.stores.attempts.reserve(&key, &policy, None, now).await? else {
            return self.end(session, client).await;
        };

        let record = self.0.stores.accounts.find(session.user).await?;
        let hash = record.as_ref().and_then(|record| record.password.as_ref());
        let parsed = Password::parse(password).ok();
        let verified = match self.0.essentials.hasher.verify(parsed.as_ref(), hash, WorkOrigin::KnownDevice).await {
            Ok(verified) => verified,
            Err(overloaded) => {
                self.0.stores.attempts.refund(&key, &reserved).await?;
                return Err(overloaded.into());
            }
        };
        match verified {
            Verified::Match { .. } => {
                // In this order: once the old token is dead, nothing may keep the new one from the browser.
                self.0.stores.attempts.clear(&[key]).await?;
                self.elevate(current, client).await
            }
            Verified::Mismatch => {
                let event = AuditEvent::new(names::SUDO_FAILURE, now, client)
                    .by(session.user)
                    .within(session.id)
                    .failed("invalid_password");
                self.0.stores.log.append(Evidence::event(event)).await?;
                if reserved.count >= tries { self.end(session, client).await } else { Ok(SudoOutcome::Wrong) }
            }
        }
    }

    async fn elevate(&self, current: &CurrentSession, client: &ClientInfo) -> Result<SudoOutcome, FlowError> {
        let now = self.0.clock.now();
        let limits = &self.0.config.sessions;
        let mut session = current.session().clone();
        if !session.assurance.methods.contains(&Method::PASSWORD) {
            session.assurance.methods.push(Method::PASSWORD);
        }
        session.fresh_until = Some(now + limits.sudo_secs.span());
        session.last_seen_at = now;
        session.rotated_at = now;
        // One factor renews what one factor reached; the time of two runs on (NIST SP 800-63B-4 §2.2.3).
        if session.assurance.aal == Aal::One {
            session.assurance.at = now;
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
