//! The door itself.

use std::sync::Arc;

use super::admission::{Admission, Changed, Entry, Granted, PendingView, Refusal, StepRequired};
use super::gate::{Gate, GateContext, GateVerdict, Step};
use super::notice::{NoticeParts, is_strangers_mailbox};
use super::proof::{Proof, Shown};
use super::sign_in_code::Owing;
use crate::assurance::{Assurance, Method};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::config::{Config, Seconds};
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::{DeviceId, PendingId, SessionId};
use crate::mail::MailKind;
use crate::ports::{
    DeviceDescriber, DeviceStore, EvidenceLog, GeoIp, Happened, Hooks, Minted, RateLimiter, SessionStore, SignIn,
    SignInDevice, SignInRecorded, Vault,
};
use crate::secret::{Digest, Purpose, RawToken};
use crate::session::{Device, NewSession, PendingSignIn, Replaces, Session};
use crate::time::{Clock, Timestamp};
use crate::user::User;

/// The one function that mints sessions, with what it needs.
#[derive(Clone)]
pub struct Door {
    pub(super) parts: DoorParts,
    gates: Vec<Arc<dyn Gate>>,
}

/// The ports a door works with.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port its type names")]
pub struct DoorParts {
    pub devices: Arc<dyn DeviceStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub log: Arc<dyn EvidenceLog>,
    pub vault: Arc<dyn Vault>,
    pub describer: Arc<dyn DeviceDescriber>,
    pub geo: Arc<dyn GeoIp>,
    pub hooks: Arc<dyn Hooks>,
    pub mail_budget: Arc<dyn RateLimiter>,
    pub clock: Arc<dyn Clock>,
    pub config: Arc<Config>,
}

impl Door {
    /// A door with gates, judged in the order given.
    #[must_use]
    pub fn new(parts: DoorParts, gates: Vec<Arc<dyn Gate>>) -> Self {
        Self { parts, gates }
    }

    /// Judges a proof and lets its user in, or not.
    ///
    /// # Errors
    ///
    /// When a port or a gate cannot do its work. Nobody is let in then.
    pub async fn admit(&self, proof: Proof, entry: &Entry) -> Result<Admission, FlowError> {
        // Not read anew: whether the account is still as the proof found it is decided where a session or pending sign-in
        // is minted, in the same step, and nowhere else.
        let Proof { way, user, assurance, opens_sudo } = proof;
        let now = self.parts.clock.now();
        tracing::debug!(name: "sigra.door.judged", way = way.name(), "a proof is judged");
        // Asking to be remembered trades freshness for length: such a session opens no sudo window by itself.
        let fresh = opens_sudo && !entry.remember;
        self.proceed(user, assurance, fresh, None, entry, now).await
    }

    /// Looks at a pending sign-in: who, and which steps are owed. `None` when it is unknown or over.
    ///
    /// # Errors
    ///
    /// When a port or a gate cannot do its work.
    pub async fn pending(&self, token: &RawToken, entry: &Entry) -> Result<Option<PendingView>, FlowError> {
        let now = self.parts.clock.now();
        let Some((pending, user)) = self.live_pending(token, now).await? else {
            return Ok(None);
        };
        let known_device = self.known_device(&user, entry, now).await?.is_some();
        match self.judge(&user, &pending.assurance, entry, known_device, now).await? {
            Ok(Judged { steps, .. }) => Ok(Some(PendingView { pending, user, known_device, steps })),
            Err(_) => Ok(None),
        }
    }

    /// Goes on with a pending sign-in after `step` was taken, adding what was shown in it.
    ///
    /// The gates are judged anew. `step` must have been the first outstanding one.
    ///
    /// # Errors
    ///
    /// When a port or a gate cannot do its work. Nobody is let in then.
    pub async fn resume(
        &self,
        token: &RawToken,
        step: Step,
        shown: Option<Shown>,
        entry: &Entry,
    ) -> Result<Admission, FlowError> {
        let now = self.parts.clock.now();
        let Some((pending, user)) = self.live_pending(token, now).await? else {
            return self.refuse(None, Refusal::NoPending, entry, now).await;
        };
        let known = self.known_device(&user, entry, now).await?.is_some();
        if let Ok(Judged { steps, .. }) = self.judge(&user, &pending.assurance, entry, known, now).await?
            && steps.first().is_some_and(|first| *first < step)
        {
            return self.refuse(Some(&user), Refusal::NoPending, entry, now).await;
        }
        self.go_on(pending, user, shown, entry, now).await
    }

    /// As [`Door::resume`], after a step whose taking changed the account and raised an epoch.
    ///
    /// That the step was the first outstanding one must have been seen in a [`PendingView`] whose epochs the change was
    /// conditional on.
    ///
    /// # Errors
    ///
    /// When a port or a gate cannot do its work. Nobody is let in then.
    pub async fn resume_changed(
        &self,
        token: &RawToken,
        changed: Changed,
        shown: Option<Shown>,
        entry: &Entry,
    ) -> Result<Admission, FlowError> {
        let now = self.parts.clock.now();
        let Changed { before, user } = changed;
        let found = self.parts.sessions.find_pending(token.digest(Purpose::PENDING)).await?;
        let live = found.filter(|(pending, now_stored)| {
            now < pending.expires_at
                && pending.user == user.id
                && pending.epochs == before
                && now_stored.stands(user.epochs)
        });
        match live {
            Some((pending, user)) => self.go_on(pending, user, shown, entry, now).await,
            None => self.refuse(Some(&user), Refusal::NoPending, entry, now).await,
        }
    }

    async fn go_on(
        &self,
        pending: PendingSignIn,
        user: User,
        shown: Option<Shown>,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Admission, FlowError> {
        let mut assurance = pending.assurance.clone();
        if let Some(shown) = shown {
            assurance.aal = assurance.aal.max(shown.aal);
            assurance.add_methods(shown.methods);
            assurance.at = now;
        }
        let entry = Entry { remember: pending.remember, ..entry.clone() };
        self.proceed(user, assurance, pending.opens_sudo, Some(pending.id), &entry, now).await
    }

    /// Ends a pending sign-in, if the token names one. Idempotent. Whether its owner is told that it was unfinished is the
    /// sweeper's to judge, as if it had been left to expire.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn abandon(&self, token: &RawToken) -> Result<(), FlowError> {
        if let Some((pending, _)) = self.parts.sessions.find_pending(token.digest(Purpose::PENDING)).await? {
            self.parts.sessions.delete_pending(pending.id).await?;
        }
        Ok(())
    }

    async fn live_pending(&self, token: &RawToken, now: Timestamp) -> Result<Option<(PendingSignIn, User)>, FlowError> {
        let found = self.parts.sessions.find_pending(token.digest(Purpose::PENDING)).await?;
        Ok(found.filter(|(pending, user)| now < pending.expires_at && user.stands(pending.epochs)))
    }

    async fn proceed(
        &self,
        user: User,
        assurance: Assurance,
        fresh: bool,
        continues: Option<PendingId>,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Admission, FlowError> {
        if user.disabled_at.is_some() {
            return self.refuse(Some(&user), Refusal::Disabled, entry, now).await;
        }
        let known = self.known_device(&user, entry, now).await?;
        match self.judge(&user, &assurance, entry, known.is_some(), now).await? {
            Err(reason) => self.refuse(Some(&user), Refusal::Gate(reason), entry, now).await,
            Ok(Judged { steps, vouched }) if steps.is_empty() => {
                let fresh = fresh && vouched.is_empty();
                let mut assurance = assurance;
                assurance.add_methods(vouched);
                self.grant(user, assurance, fresh, continues, known, entry, now).await
            }
            // What vouches is asked again when the sign-in goes on.
            Ok(Judged { steps, .. }) => {
                let tell_unfinished = known.is_none() && is_told(&steps, &assurance);
                let progress = Progress { assurance, fresh, continues, tell_unfinished };
                self.hold(user, progress, steps, entry, now).await
            }
        }
    }

    /// What the gates demand; or the reason one of them refuses for.
    async fn judge(
        &self,
        user: &User,
        assurance: &Assurance,
        entry: &Entry,
        known_device: bool,
        now: Timestamp,
    ) -> Result<Result<Judged, &'static str>, FlowError> {
        let trust = entry.trust.as_ref();
        let context = GateContext { user, assurance, client: &entry.client, known_device, trust, now };
        let (mut steps, mut vouched) = (Vec::new(), Vec::new());
        for gate in &self.gates {
            match gate.judge(&context).await? {
                GateVerdict::Pass => {}
                GateVerdict::Vouched(method) => vouched.push(method),
                GateVerdict::Require(step) => steps.push(step),
                GateVerdict::Refuse(reason) => return Ok(Err(reason)),
            }
        }
        steps.sort_unstable();
        steps.dedup();
        Ok(Ok(Judged { steps, vouched }))
    }

    /// How long a sign-in may wait for the first of these steps.
    fn waits_for(&self, steps: &[Step]) -> Seconds {
        let Config { registration, sessions, second_factors, .. } = &*self.parts.config;
        match steps.first() {
            Some(&Step::CONFIRM_EMAIL) => registration.code_secs.max(sessions.pending_secs),
            Some(&Step::MFA_ENROLLMENT) => second_factors.enrollment_secs.max(sessions.pending_secs),
            _ => sessions.pending_secs,
        }
    }

    async fn hold(
        &self,
        user: User,
        progress: Progress,
        steps: Vec<Step>,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Admission, FlowError> {
        let Progress { assurance, fresh, continues, tell_unfinished } = progress;
        let token = RawToken::random();
        let pending = PendingSignIn {
            id: PendingId::new(now),
            user: user.id,
            assurance,
            epochs: user.epochs,
            remember: entry.remember,
            opens_sudo: fresh,
            tell_unfinished,
            client: entry.client.clone(),
            created_at: now,
            expires_at: now + self.waits_for(&steps).span(),
        };
        let names: Vec<_> = steps.iter().map(Step::name).collect();
        let event = AuditEvent::new(names::LOGIN_STEP_REQUIRED, now, &entry.client).by(user.id).with("steps", names);
        let mut evidence = Evidence::event(event);
        if steps.first() == Some(&Step::CONFIRM_EMAIL) {
            let owing = Owing { user: &user, token: &token, until: pending.expires_at, client: &entry.client };
            evidence = self.with_sign_in_code(evidence, owing, now).await?;
        }
        let digest = token.digest(Purpose::PENDING);
        match self.parts.sessions.insert_pending(&pending, digest, continues, evidence).await? {
            Minted::Done(()) => Ok(Admission::StepRequired(Box::new(StepRequired { pending, token, steps }))),
            Minted::Stale => self.refuse(Some(&user), Refusal::Stale, entry, now).await,
            Minted::PendingGone => self.refuse(Some(&user), Refusal::NoPending, entry, now).await,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the last link of one private chain")]
    async fn grant(
        &self,
        user: User,
        assurance: Assurance,
        fresh: bool,
        continues: Option<PendingId>,
        known: Option<Device>,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Admission, FlowError> {
        let session = self.session(&user, assurance, fresh, entry, now);
        let token = RawToken::random();
        let device_until = now + self.parts.config.devices.known_secs.span();
        let (device, device_token) = match known {
            Some(device) => (SignInDevice::Known { id: device.id, expires_at: device_until }, None),
            None => {
                let token = RawToken::random();
                (new_device(&token, &user, now, device_until), Some(token))
            }
        };
        let clears_attempts = session.assurance.methods.iter().any(Method::clears_attempts);
        let sign_in = SignIn { user: user.id, epochs: user.epochs, at: now, clears_attempts, device };
        let replaces = Replaces { pending: continues, session: entry.session };
        let at_most = self.parts.config.sessions.at_most;
        let at_most = (at_most > 0).then_some(at_most as usize);
        let new = NewSession::new(session.clone(), token.digest(Purpose::SESSION), replaces, sign_in, at_most);
        let evidence = |recorded: &SignInRecorded| {
            self.sign_in_evidence(recorded, &session, device_token.is_some(), &entry.client, now)
        };
        let recorded = match self.parts.sessions.insert(&new, &evidence).await? {
            Minted::Done(recorded) => recorded,
            Minted::Stale => return self.refuse(Some(&user), Refusal::Stale, entry, now).await,
            Minted::PendingGone => return self.refuse(Some(&user), Refusal::NoPending, entry, now).await,
        };
        let granted = Granted { user: recorded.user, session, token, device: device_token };
        self.tell(&granted).await;
        Ok(Admission::Granted(Box::new(granted)))
    }

    /// Tells the host, after the commit.
    async fn tell(&self, granted: &Granted) {
        let happened = Happened::SignedIn(&granted.user, granted.session.id);
        if let Err(error) = self.parts.hooks.after_commit(&happened).await {
            tracing::error!(
                name: "sigra.hooks.failed",
                error = &*error as &dyn std::error::Error,
                "an after-commit hook failed"
            );
        }
    }

    fn session(&self, user: &User, assurance: Assurance, fresh: bool, entry: &Entry, now: Timestamp) -> Session {
        let limits = &self.parts.config.sessions;
        let expires_at = now + if entry.remember { limits.remembered_secs } else { limits.absolute_secs }.span();
        let idle_expires_at = if entry.remember { expires_at } else { expires_at.min(now + limits.idle_secs.span()) };
        Session {
            id: SessionId::new(now),
            user: user.id,
            assurance,
            epochs: user.epochs,
            remembered: entry.remember,
            fresh_until: fresh.then(|| now + limits.sudo_secs.span()),
            created_at: now,
            last_seen_at: now,
            rotated_at: now,
            idle_expires_at,
            expires_at,
            client: entry.client.clone(),
            place: self.notices().place(&entry.client),
        }
    }

    fn sign_in_evidence(
        &self,
        recorded: &SignInRecorded,
        session: &Session,
        new_device: bool,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Evidence {
        let user = &recorded.user;
        let methods: Vec<_> = session.assurance.methods.iter().map(|method| method.name().to_owned()).collect();
        let created = AuditEvent::new(names::SESSION_CREATE, now, client)
            .by(user.id)
            .within(session.id)
            .with("remembered", session.remembered);
        let evidence = Evidence::event(created).and_event(
            AuditEvent::new(names::LOGIN_SUCCESS, now, client)
                .by(user.id)
                .within(session.id)
                .with("methods", methods)
                .with("aal", u8::from(session.assurance.aal)),
        );
        let evidence = recorded.crowded_out.iter().fold(evidence, |evidence, ended| {
            let event = AuditEvent::new(names::SESSION_DELETE, now, client).by(user.id).within(*ended);
            evidence.and_event(event.with("why", "crowded_out"))
        });
        if !new_device || recorded.previous_sign_in_at.is_none() {
            return evidence;
        }
        let evidence =
            evidence.and_event(AuditEvent::new(names::NEW_DEVICE, now, client).about(user.id).within(session.id));
        if is_strangers_mailbox(&self.parts.config, user) {
            return evidence;
        }
        self.notices().add_to(evidence, &MailKind::NEW_DEVICE, user, client, now)
    }

    async fn known_device(&self, user: &User, entry: &Entry, now: Timestamp) -> Result<Option<Device>, FlowError> {
        let Some(token) = &entry.device else {
            return Ok(None);
        };
        let found = self.parts.devices.find(token.digest(Purpose::DEVICE), now).await?;
        Ok(found.filter(|device| device.user == user.id))
    }

    pub(super) fn notices(&self) -> NoticeParts<'_> {
        NoticeParts {
            vault: &*self.parts.vault,
            describer: &*self.parts.describer,
            geo: &*self.parts.geo,
            rescue_for: self.parts.config.reset.rescue_secs.span(),
        }
    }

    async fn refuse(
        &self,
        user: Option<&User>,
        refusal: Refusal,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Admission, FlowError> {
        let mut event = AuditEvent::new(names::LOGIN_FAILURE, now, &entry.client).failed(refusal.reason());
        if let Some(user) = user {
            event = event.about(user.id);
        }
        self.parts.log.append(Evidence::event(event)).await?;
        Ok(Admission::Refused(refusal))
    }
}

/// Whether giving up at the first of these steps says that somebody knows a password and no more than that.
fn is_told(steps: &[Step], assurance: &Assurance) -> bool {
    steps.first() == Some(&Step::MFA) && assurance.methods.contains(&Method::PASSWORD)
}

/// How far a sign-in that owes a step has got.
struct Progress {
    assurance: Assurance,
    fresh: bool,
    continues: Option<PendingId>,
    tell_unfinished: bool,
}

/// What the gates made of a sign-in that none of them refuses.
struct Judged {
    /// The steps they demand, in order.
    steps: Vec<Step>,
    /// The methods on whose strength they demand no more.
    vouched: Vec<Method>,
}

fn new_device(token: &RawToken, user: &User, now: Timestamp, expires_at: Timestamp) -> SignInDevice {
    let digest: Digest = token.digest(Purpose::DEVICE);
    let id = DeviceId::new(now);
    SignInDevice::New { digest, device: Device { id, user: user.id, created_at: now, last_seen_at: now, expires_at } }
}
