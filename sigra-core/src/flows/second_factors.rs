//! Showing a second factor: one counter and one way for all kinds of them.

use std::time::Duration;

use crate::assurance::{Aal, Method};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::door::{Admission, Entry, PendingView, Shown, Step};
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::mail::MailKind;
use crate::ports::{
    AttemptKey, AttemptOwner, FactorCheck, FactorKind, FactorVerdict, Notice, Notices, Occasion, Reservation, Reserved,
    TrustToken,
};
use crate::secret::RawToken;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::user::User;

/// Showing a second factor.
///
/// All kinds share the counters of an account, apart from those of passwords: an attempt is reserved before anything is
/// verified, and cleared by success. Strangers and known devices are counted each for themselves, so that whoever learned
/// a password cannot lock its owner out of their own browser.
#[derive(Clone, Copy)]
pub struct SecondFactors<'a>(pub(crate) &'a Inner);

/// What somebody shows.
#[derive(Clone, Copy)]
pub struct FactorAnswer<'a> {
    /// The name of the kind.
    pub method: &'a str,
    /// What was typed or sent.
    pub response: &'a str,
}

/// What came of showing a second factor in a sign-in.
#[derive(Debug)]
#[must_use]
pub enum ChallengeOutcome {
    /// It is right: let in, or another step is owed. With a token when the browser is trusted from now on.
    Admitted(Admission, Option<TrustToken>),
    /// It is wrong.
    Wrong,
    /// Too many were wrong. Right ones are refused too, for so long; `None` until the mailbox was proven by a reset.
    LockedOut(Option<Duration>),
    /// The account has no factor of this kind.
    NotEnrolled,
    /// There is no pending sign-in, or it does not owe this step first.
    NoPending,
}

/// An attempt that is counted and may be evaluated.
///
/// Whoever holds one evaluates and tells how it ended: [`SecondFactors::right`], [`SecondFactors::wrong`] or
/// [`SecondFactors::refund`]. Dropped, it stays counted.
#[derive(Debug)]
#[must_use]
pub struct FactorAttempt {
    key: AttemptKey,
    reserved: Reserved,
    cap: u32,
}

/// Whether an attempt may be evaluated.
#[derive(Debug)]
#[must_use]
pub enum Attempting {
    /// It may.
    Granted(FactorAttempt),
    /// Not now: for so long, or until the mailbox was proven by a reset.
    LockedOut(Option<Duration>),
}

const STRANGER: &str = "second_factor.stranger";
const KNOWN_DEVICE: &str = "second_factor.known_device";

impl SecondFactors<'_> {
    /// The kinds of which the account has one it could show now, in the order they were added to the host.
    ///
    /// # Errors
    ///
    /// When a factor cannot tell.
    pub async fn held(&self, user: &User) -> Result<Vec<FactorKind>, FlowError> {
        self.0.factors.held(user.id).await
    }

    /// Whether every sign-in of the account takes a second factor.
    ///
    /// # Errors
    ///
    /// When a factor cannot tell.
    pub async fn demanded(&self, user: &User) -> Result<bool, FlowError> {
        self.0.factors.demanded(user).await
    }

    /// The pending sign-in that owes a second factor, with the kinds its user can show. `None` when there is none.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn challenge(
        &self,
        token: &RawToken,
        entry: &Entry,
    ) -> Result<Option<(PendingView, Vec<FactorKind>)>, FlowError> {
        let Some(view) = self.0.door.pending(token, entry).await?.filter(|view| view.owes_first(Step::MFA)) else {
            return Ok(None);
        };
        let kinds = self.0.factors.held(view.user.id).await?;
        Ok(Some((view, kinds)))
    }

    /// Shows a second factor in a pending sign-in, and trusts the browser afterwards if `trust_browser` says so.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work. Nobody is let in then.
    #[operation("sigra.second_factors.answer")]
    pub async fn answer(
        &self,
        token: &RawToken,
        answer: FactorAnswer<'_>,
        trust_browser: bool,
        entry: &Entry,
    ) -> Result<ChallengeOutcome, FlowError> {
        let Some((view, kinds)) = self.challenge(token, entry).await? else {
            return Ok(ChallengeOutcome::NoPending);
        };
        let Some(kind) = kinds.into_iter().find(|kind| kind.name() == answer.method) else {
            return Ok(ChallengeOutcome::NotEnrolled);
        };
        let asked = Asked {
            occasion: Occasion::SignIn(view.pending.id),
            known_device: view.known_device,
            client: &entry.client,
        };
        let shown = match self.check(&view.user, answer, asked).await? {
            Checked::Right { methods, .. } => Shown { methods, aal: Aal::Two },
            Checked::Wrong => return Ok(ChallengeOutcome::Wrong),
            Checked::LockedOut(wait) => return Ok(ChallengeOutcome::LockedOut(wait)),
            Checked::NotEnrolled => return Ok(ChallengeOutcome::NotEnrolled),
        };
        let admission = self.0.door.resume(token, Step::MFA, Some(shown), entry).await?;
        let trust = match &admission {
            Admission::Granted(granted) if trust_browser => self.trust(&granted.user, kind, &entry.client).await,
            _ => None,
        };
        Ok(ChallengeOutcome::Admitted(admission, trust))
    }

    /// Counts an attempt at a second factor within a session of `user`, before it is evaluated.
    ///
    /// It falls under the count of known devices: a session is proof of more than that.
    ///
    /// # Errors
    ///
    /// When the counter cannot be reached. The attempt must not be evaluated then.
    pub async fn reserve(&self, user: &User, client: &ClientInfo) -> Result<Attempting, FlowError> {
        self.reserve_in(user, true, client).await
    }

    async fn reserve_in(&self, user: &User, known_device: bool, client: &ClientInfo) -> Result<Attempting, FlowError> {
        let lockout = &self.0.config.lockout;
        let [strangers, known_devices] = self.0.second_factor_keys(user);
        let (key, policy) =
            if known_device { (known_devices, &lockout.known_devices) } else { (strangers, &lockout.strangers) };
        let now = self.0.clock.now();
        let owner = Some(AttemptOwner::Account(user.id));
        let (reason, wait) = match self.0.stores.attempts.reserve(&key, policy, owner, now).await? {
            Reservation::Granted(reserved) => {
                return Ok(Attempting::Granted(FactorAttempt { key, reserved, cap: policy.cap }));
            }
            Reservation::Locked(until) => ("locked", Some(until.since(now))),
            Reservation::Exhausted => ("exhausted", None),
        };
        let event = AuditEvent::new(names::MFA_FAILURE, now, client).about(user.id).failed(reason);
        self.0.stores.log.append(Evidence::event(event)).await?;
        Ok(Attempting::LockedOut(wait))
    }

    /// The attempt of this user was right: both counts start over. The response is used up by then and what it was shown for
    /// goes on, so a counter that cannot be reached is for the log; the next right answer clears it.
    pub async fn right(&self, user: &User, attempt: FactorAttempt) {
        let FactorAttempt { .. } = attempt;
        let cleared = self.0.stores.attempts.clear(&self.0.second_factor_keys(user)).await;
        self.0.follow_up(cleared.map_err(FlowError::from));
    }

    /// The attempt was not evaluated.
    ///
    /// # Errors
    ///
    /// When the counter cannot be reached.
    pub async fn refund(&self, attempt: FactorAttempt) -> Result<(), FlowError> {
        Ok(self.0.stores.attempts.refund(&attempt.key, &attempt.reserved).await?)
    }

    /// The attempt was wrong: it stays counted, and its owner learns of a lock by mail.
    ///
    /// # Errors
    ///
    /// When the failure cannot be recorded.
    pub async fn wrong(
        &self,
        attempt: FactorAttempt,
        user: &User,
        kind: FactorKind,
        client: &ClientInfo,
    ) -> Result<(), FlowError> {
        let now = self.0.clock.now();
        let event = AuditEvent::new(names::MFA_FAILURE, now, client).about(user.id).failed("wrong");
        let mut evidence = Evidence::event(event.with("method", kind.name()));
        if attempt.reserved.locked_until.is_some() || attempt.reserved.count >= attempt.cap {
            let lockout = AuditEvent::new(names::MFA_LOCKOUT, now, client).about(user.id).failed("threshold_reached");
            evidence = evidence.and_event(lockout.with("attempts", attempt.reserved.count));
            let limit = self.0.config.mail.notices;
            if self.0.may_mail(&user.email, limit, "notice.mfa_locked", now).await? {
                evidence = self.0.notices().add_to(evidence, &MailKind::MFA_LOCKED, user, client, now);
            }
            tracing::info!(
                name: "sigra.mfa.lockout",
                user = %user.id,
                attempts = attempt.reserved.count,
                "attempts at second factors were locked"
            );
        }
        Ok(self.0.stores.log.append(evidence).await?)
    }

    /// Adds a security notice to the evidence of a change, with the link that disowns it.
    ///
    /// `what` and `left` are shown where the mail has a place for them; see [`Facts`](crate::mail::Facts).
    pub fn notice(&self, evidence: Evidence, notice: &Notice<'_>) -> Evidence {
        let Notice { kind, user, client, at, what, left } = *notice;
        self.0.notices().add_with(evidence, kind, user, client, at, |facts| {
            facts.what = what.map(str::to_owned);
            facts.left = left;
        })
    }

    /// How many ways the account could still be signed in to by, if its passkeys and the like were `without` fewer: its
    /// password, and every factor that signs in by itself.
    ///
    /// Mail is not counted. It is how a lost way in is replaced, not one to be left with.
    ///
    /// # Errors
    ///
    /// When a factor cannot tell.
    pub async fn ways_in(&self, user: &User) -> Result<u32, FlowError> {
        let mut ways = u32::from(user.has_password);
        for factor in self.0.factors.iter().filter(|factor| factor.signs_in()) {
            ways += factor.count(user.id).await?;
        }
        Ok(ways)
    }

    /// Verifies a response of a user's factor, counted.
    pub(crate) async fn check(
        &self,
        user: &User,
        answer: FactorAnswer<'_>,
        Asked { occasion, known_device, client }: Asked<'_>,
    ) -> Result<Checked, FlowError> {
        let Some(factor) = self.0.factors.named(answer.method) else {
            return Ok(Checked::NotEnrolled);
        };
        if factor.count(user.id).await? == 0 {
            return Ok(Checked::NotEnrolled);
        }
        let attempt = match self.reserve_in(user, known_device, client).await? {
            Attempting::Granted(attempt) => attempt,
            Attempting::LockedOut(wait) => return Ok(Checked::LockedOut(wait)),
        };
        let now = self.0.clock.now();
        let check = FactorCheck { user, response: answer.response, occasion, client, now, notices: self };
        let verdict = match factor.check(&check).await {
            Ok(verdict) => verdict,
            Err(error) => {
                // No guess was answered, so none is counted.
                self.0.follow_up(self.refund(attempt).await);
                return Err(error);
            }
        };
        match verdict {
            FactorVerdict::Accepted { mut methods, multi_factor } => {
                self.right(user, attempt).await;
                methods.push(Method::MULTI_FACTOR);
                let event = AuditEvent::new(names::MFA_SUCCESS, now, client).by(user.id);
                self.0.stores.log.append(Evidence::event(event.with("method", factor.kind().name()))).await?;
                Ok(Checked::Right { methods, multi_factor })
            }
            FactorVerdict::Rejected => {
                self.wrong(attempt, user, factor.kind(), client).await?;
                Ok(Checked::Wrong)
            }
        }
    }

    /// Trusts the browser. The sign-in stands if that fails, so its failure is for the log.
    async fn trust(&self, user: &User, kind: FactorKind, client: &ClientInfo) -> Option<TrustToken> {
        let trusted = self.0.trusted.as_ref()?;
        match trusted.trust(user, kind, client, self.0.clock.now()).await {
            Ok(token) => Some(token),
            Err(error) => {
                tracing::error!(
                    name: "sigra.mfa.trust.failed",
                    error = &error as &dyn std::error::Error,
                    "a browser could not be trusted"
                );
                None
            }
        }
    }
}

impl Notices for SecondFactors<'_> {
    fn add_notice(&self, evidence: Evidence, notice: &Notice<'_>) -> Evidence {
        self.notice(evidence, notice)
    }
}

/// What a response is asked for, and of whom.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) occasion: Occasion,
    /// Whether the browser is one the account has signed in from.
    pub(crate) known_device: bool,
    pub(crate) client: &'a ClientInfo,
}

/// What came of a response.
pub(crate) enum Checked {
    Right { methods: Vec<Method>, multi_factor: bool },
    Wrong,
    LockedOut(Option<Duration>),
    NotEnrolled,
}

impl Inner {
    /// The counters of strangers and of known devices, in this order.
    pub(crate) fn second_factor_keys(&self, user: &User) -> [AttemptKey; 2] {
        let whom = self.essentials.vault.mac("attempts.user", user.id.as_uuid().as_bytes());
        [STRANGER, KNOWN_DEVICE].map(|counter| AttemptKey { counter, whom })
    }
}
