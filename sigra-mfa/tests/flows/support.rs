//! What the tests share: a host with second factors, and a person with an authenticator app.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::audit::EventName;
use sigra_core::client::ClientInfo;
use sigra_core::config::Config;
use sigra_core::door::{Admission, Entry, Granted, Step, StepRequired};
use sigra_core::error::FlowError;
use sigra_core::flows::{ChallengeOutcome, CurrentSession, FactorAnswer, LoginOutcome, Renewed};
use sigra_core::id::UserId;
use sigra_core::mail::{Facts, MailKind};
use sigra_core::ports::{Factor, FactorCheck, FactorKind, FactorVerdict, NoGeoIp, Notices, Standing, TrustToken};
use sigra_core::secret::RawToken;
use sigra_core::time::{Clock as _, Timestamp};
use sigra_core::user::User;
use sigra_core::{Essentials, MemoryRateLimiter, Sigra};
use sigra_mfa::{BeginOutcome, ConfirmOutcome, Mfa, MfaConfig, MfaParts};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost};
use sigra_testing::{CaptureMailer, ManualClock, MemoryStore, MinLengthPolicy, PlainComposer, PlainHasher, TestVault};
use totp_rs::{Builder, Secret};

pub(crate) const ANN: &str = "ann@example.org";
pub(crate) const BOB: &str = "bob@example.org";
pub(crate) const WRONG_BACKUP_CODE: &str = "00000-00000";

/// A host with second factors.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) host: TestHost,
    pub(crate) mfa: Mfa,
}

impl Deref for Host {
    type Target = TestHost;

    fn deref(&self) -> &TestHost {
        &self.host
    }
}

/// An account with an authenticator app.
pub(crate) struct Enrolled {
    pub(crate) user: User,
    pub(crate) app: App,
    pub(crate) backup_codes: Vec<String>,
    /// The session it was set up in.
    pub(crate) session: SignedIn,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    pub(crate) fn with(tweak: impl FnOnce(&mut Config, &mut MfaConfig)) -> Self {
        Self::with_factors(tweak, Vec::new())
    }

    /// A host with further factors.
    pub(crate) fn with_factors(tweak: impl FnOnce(&mut Config, &mut MfaConfig), factors: Vec<Arc<dyn Factor>>) -> Self {
        let (store, clock, mailer) = (MemoryStore::new(), ManualClock::default(), CaptureMailer::new());
        let (hasher, vault) = (PlainHasher::new(), TestVault::default());
        let (mut config, mut mfa_config) =
            (Config::default(), MfaConfig { issuer: "Acme".to_owned(), ..MfaConfig::default() });
        tweak(&mut config, &mut mfa_config);
        let stored = Arc::new(store.clone());
        let parts = MfaParts {
            totp: stored.clone(),
            backup_codes: stored.clone(),
            trusted: stored.clone(),
            vault: Arc::new(vault.clone()),
            clock: Arc::new(clock.clone()),
            log: stored,
            geo: Arc::new(NoGeoIp),
        };
        let mfa = Mfa::new(parts, mfa_config).unwrap();
        let essentials = Essentials {
            hasher: Arc::new(hasher.clone()),
            policy: Arc::new(MinLengthPolicy(15)),
            vault: Arc::new(vault.clone()),
            composer: Arc::new(PlainComposer),
            mailer: Arc::new(mailer.clone()),
            mail_budget: Arc::new(MemoryRateLimiter::default()),
        };
        let builder = Sigra::builder(store.stores(), essentials)
            .config(config)
            .clock(Arc::new(clock.clone()))
            .factor(mfa.totp_factor())
            .factor(mfa.backup_code_factor())
            .trusted_browsers(mfa.trusted_browsers());
        let builder = factors.into_iter().fold(builder, |builder, factor| builder.factor(factor));
        let host = TestHost { sigra: builder.build().unwrap(), store, clock, mailer, hasher, vault };
        Self { host, mfa }
    }

    /// An account with an authenticator app. Moves the time on, so that its next code is good.
    pub(crate) async fn enrolled(&self, email: &str) -> Enrolled {
        let user = self.confirmed(email).await;
        let current = self.current(&self.signed_in(&user).await).await;
        let app = self.begin(current.user()).await;
        let (user, backup_codes) = self.confirm(current.user(), &app).await;
        let raised = sigra_mfa::raised(&current.session().assurance, self.now());
        let session = self.carry_on(&current, &user, raised).await;
        self.advance(30);
        Enrolled { user, app, backup_codes, session }
    }

    pub(crate) async fn begin(&self, user: &User) -> App {
        match self.mfa.begin_totp(user, &self.client()).await.unwrap() {
            BeginOutcome::Begun(setup) => App(setup.secret.to_string()),
            other => panic!("must begin: {other:?}"),
        }
    }

    pub(crate) async fn confirm(&self, user: &User, app: &App) -> (User, Vec<String>) {
        match self.confirm_with(user, &app.code(self.clock.now())).await {
            ConfirmOutcome::Enrolled { user, backup_codes } => {
                (*user, backup_codes.iter().map(|code| code.expose().to_string()).collect())
            }
            other => panic!("must enrol: {other:?}"),
        }
    }

    pub(crate) async fn confirm_with(&self, user: &User, code: &str) -> ConfirmOutcome {
        self.mfa.confirm_totp(&self.sigra, user, code, &self.client()).await.unwrap()
    }

    /// The session a browser holds, as the surface resolves it before it does anything.
    pub(crate) async fn current(&self, session: &SignedIn) -> CurrentSession {
        self.resolve(&session.cookie()).await.expect("the session must be good")
    }

    /// What the surface does after a change: the session goes on, under the account as it is now.
    pub(crate) async fn carry_on(&self, current: &CurrentSession, user: &User, assurance: Assurance) -> SignedIn {
        let renewed = self.sigra.sessions().carry_on(current, user, Some(assurance), &self.client()).await.unwrap();
        let Renewed { session, token } = renewed.expect("the session must go on");
        SignedIn { user: user.clone(), session, token, device: None }
    }

    /// A sign-in by password that stopped at the second factor.
    pub(crate) async fn challenged(&self, user: &User) -> StepRequired {
        self.challenged_with(user, &self.entry()).await
    }

    pub(crate) async fn challenged_with(&self, user: &User, entry: &Entry) -> StepRequired {
        let outcome = self.login_with(user.email.as_str(), PASSWORD, entry).await;
        let required = step_required(outcome);
        assert_eq!(required.steps, [Step::MFA]);
        required
    }

    pub(crate) async fn answer(&self, pending: &RawToken, method: &str, response: &str) -> ChallengeOutcome {
        self.answer_with(pending, method, response, false, &self.entry()).await
    }

    pub(crate) async fn answer_with(
        &self,
        pending: &RawToken,
        method: &str,
        response: &str,
        trust: bool,
        entry: &Entry,
    ) -> ChallengeOutcome {
        let answer = FactorAnswer { method, response };
        self.sigra.second_factors().answer(pending, answer, trust, entry).await.unwrap()
    }

    /// A browser the account has signed in from. Moves the time on, so that the next code is good.
    pub(crate) async fn known(&self, who: &Enrolled) -> Entry {
        let pending = self.challenged(&who.user).await;
        let device = granted(self.answer(&pending.token, "totp", &who.app.code(self.now())).await).device;
        self.advance(30);
        Entry { device, ..self.entry() }
    }

    /// Signs in with password and code, and trusts the browser.
    pub(crate) async fn trusted(&self, who: &Enrolled) -> (Granted, TrustToken) {
        let pending = self.challenged(&who.user).await;
        let code = who.app.code(self.clock.now());
        match self.answer_with(&pending.token, "totp", &code, true, &self.entry()).await {
            ChallengeOutcome::Admitted(Admission::Granted(granted), Some(token)) => (*granted, token),
            other => panic!("must be trusted: {other:?}"),
        }
    }

    /// What was mailed last of a kind, whether or not it was sent yet.
    pub(crate) fn owed(&self, kind: &MailKind) -> Vec<Facts> {
        let outbox = self.store.outbox();
        outbox.iter().filter(|row| row.mail.kind == *kind).map(|row| row.mail.open(&self.vault).unwrap()).collect()
    }

    pub(crate) fn audited(&self, name: EventName) -> usize {
        self.store.events().iter().filter(|event| event.name == name.as_str()).count()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// An authenticator app: a program that has nothing but the secret.
#[derive(Clone)]
pub(crate) struct App(pub(crate) String);

impl App {
    /// The code it shows at a time.
    pub(crate) fn code(&self, at: Timestamp) -> String {
        let secs = u64::try_from(at.as_micros() / 1_000_000).unwrap();
        let secret = Secret::try_from_base32(&self.0).unwrap();
        Builder::new().with_secret(secret).build().unwrap().generate(secs).to_string()
    }

    /// A code it does not show around a time.
    pub(crate) fn wrong_code(&self, at: Timestamp) -> String {
        let near = [-90, -60, -30, 0, 30, 60]
            .map(|secs: i64| self.code(Timestamp::from_micros(at.as_micros() + secs * 1_000_000)));
        (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

pub(crate) fn step_required(outcome: LoginOutcome) -> StepRequired {
    match outcome {
        LoginOutcome::Admitted(Admission::StepRequired(required)) => *required,
        other => panic!("must owe a step: {other:?}"),
    }
}

pub(crate) fn granted(outcome: ChallengeOutcome) -> Granted {
    match outcome {
        ChallengeOutcome::Admitted(Admission::Granted(granted), _) => *granted,
        other => panic!("must be granted: {other:?}"),
    }
}

pub(crate) fn is_wrong(outcome: &ChallengeOutcome) -> bool {
    matches!(outcome, ChallengeOutcome::Wrong)
}

pub(crate) fn methods(granted: &Granted) -> Vec<&str> {
    granted.session.assurance.methods.iter().map(Method::name).collect()
}

pub(crate) fn aal(granted: &Granted) -> Aal {
    granted.session.assurance.aal
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

/// A factor that every account has and that nobody can show: stands for the passkeys of another crate.
pub(crate) struct SomePasskeys;

#[async_trait]
impl Factor for SomePasskeys {
    fn kind(&self) -> FactorKind {
        FactorKind::new("passkey")
    }

    fn standing(&self) -> Standing {
        Standing::WithRecovery
    }

    fn signs_in(&self) -> bool {
        true
    }

    async fn count(&self, _: UserId) -> Result<u32, FlowError> {
        Ok(1)
    }

    async fn check(&self, _: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError> {
        Ok(FactorVerdict::Rejected)
    }

    async fn disown(&self, _: &User, _: Timestamp, _: &ClientInfo, _: &dyn Notices) -> Result<(), FlowError> {
        Ok(())
    }
}
