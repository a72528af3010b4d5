//! What several flow tests need beyond `sigra_testing`.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod factor;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sigra_core::door::{Admission, Gate, GateContext, GateVerdict, Granted, Step, StepRequired};
use sigra_core::email::EmailAddress;
use sigra_core::error::FlowError;
use sigra_core::flows::{CurrentSession, LoginOutcome, PasswordAttempt, SweepOutcome, SweepReport};
use sigra_core::mail::MailKind;
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher, Overloaded, Verified, WorkOrigin};
use sigra_core::user::User;
use sigra_testing::PlainHasher;
use sigra_testing::scenario::{SignedIn, TestHost};

pub(crate) const ANN: &str = "ann@example.org";
pub(crate) const BOB: &str = "bob@example.org";
pub(crate) const NOBODY: &str = "nobody@example.org";
pub(crate) const NEW_PASSWORD: &str = "an entirely different password";

pub(crate) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn is_refused(outcome: &LoginOutcome) -> bool {
    matches!(outcome, LoginOutcome::InvalidCredentials)
}

pub(crate) fn granted(admission: Admission) -> Granted {
    match admission {
        Admission::Granted(granted) => *granted,
        other => panic!("must be granted: {other:?}"),
    }
}

pub(crate) fn step_required(admission: Admission) -> StepRequired {
    match admission {
        Admission::StepRequired(step) => *step,
        other => panic!("must owe a step: {other:?}"),
    }
}

pub(crate) async fn current(host: &TestHost, session: &SignedIn) -> CurrentSession {
    host.resolve(&session.cookie()).await.expect("the session must be good")
}

/// The account of an address.
pub(crate) async fn stored(host: &TestHost, address: &str) -> User {
    let found = host.sigra.stores().accounts.find_by_email(&email(address)).await.unwrap();
    found.expect("there is an account").user
}

/// A sweep nobody stands in the way of.
pub(crate) async fn sweep(host: &TestHost) -> SweepReport {
    match host.sigra.sweeper().run_once().await.unwrap() {
        SweepOutcome::Done(report) => report,
        SweepOutcome::HeldElsewhere => panic!("nobody else sweeps"),
    }
}

/// Asks for a reset link by mail and takes it out of the mail.
pub(crate) async fn reset_link(host: &TestHost, email: &str) -> String {
    let _ = host.sigra.reset().request(email, &host.client()).await.unwrap();
    host.run_workers().await;
    host.mailed_token(&MailKind::RESET_PASSWORD, email)
}

/// Asks for a sign-in link by mail and takes it out of the mail.
pub(crate) async fn magic_link(host: &TestHost, email: &str) -> String {
    let _ = host.sigra.magic_link().request(email, &host.client()).await.unwrap();
    host.run_workers().await;
    host.mailed_token(&MailKind::MAGIC_LINK, email)
}

/// The reasons recorded under a name, oldest first.
pub(crate) fn reasons(host: &TestHost, name: sigra_core::audit::EventName) -> Vec<String> {
    let mut events = host.store.events();
    events.retain(|event| event.name == name.as_str());
    events.sort_by_key(|event| event.at);
    events.into_iter().map(|event| event.reason.unwrap_or_default()).collect()
}

/// Runs `count` copies of a piece of work at once and collects what came of them.
pub(crate) async fn at_once<T, F>(count: usize, work: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(work(number))).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

type Between = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A hasher that lets something happen while a verification is under way.
#[derive(Clone, Default)]
pub(crate) struct InterleavingHasher {
    pub(crate) plain: PlainHasher,
    between: Arc<Mutex<Option<Between>>>,
}

impl InterleavingHasher {
    /// What happens after the next verification has its result and before anybody learns it.
    pub(crate) fn meanwhile(&self, between: impl Future<Output = ()> + Send + 'static) {
        *self.between.lock().unwrap() = Some(Box::pin(between));
    }
}

#[async_trait]
impl Hasher for InterleavingHasher {
    async fn hash(&self, password: &Password, origin: WorkOrigin) -> Result<PasswordHash, Overloaded> {
        self.plain.hash(password, origin).await
    }

    async fn verify(
        &self,
        password: Option<&Password>,
        hash: Option<&PasswordHash>,
        origin: WorkOrigin,
    ) -> Result<Verified, Overloaded> {
        let verified = self.plain.verify(password, hash, origin).await;
        let between = self.between.lock().unwrap().take();
        if let Some(between) = between {
            between.await;
        }
        verified
    }
}

/// A gate whose verdict the test sets.
#[derive(Clone)]
pub(crate) struct SetGate(Arc<Mutex<Result<GateVerdict, ()>>>);

impl SetGate {
    pub(crate) fn new(verdict: GateVerdict) -> Self {
        Self(Arc::new(Mutex::new(Ok(verdict))))
    }

    pub(crate) fn set(&self, verdict: GateVerdict) {
        *self.0.lock().unwrap() = Ok(verdict);
    }

    pub(crate) fn fail(&self) {
        *self.0.lock().unwrap() = Err(());
    }
}

#[async_trait]
impl Gate for SetGate {
    async fn judge(&self, _: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        self.0
            .lock()
            .unwrap()
            .clone()
            .map_err(|()| FlowError::Overloaded { retry_after: std::time::Duration::from_secs(1) })
    }
}

/// A gate that demands a second method before anything else.
pub(crate) struct SecondMethodGate;

#[async_trait]
impl Gate for SecondMethodGate {
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        let shown = context.assurance.methods.len() > 1;
        Ok(if shown { GateVerdict::Pass } else { GateVerdict::Require(Step::MFA) })
    }
}

/// Whether a password signs in.
pub(crate) async fn signs_in(host: &TestHost, email: &str, password: &str) -> bool {
    let entry = host.entry();
    let attempt = PasswordAttempt { email, password, entry: &entry };
    matches!(host.sigra.login().password(attempt).await, Ok(LoginOutcome::Admitted(Admission::Granted(_))))
}
