//! A factor whose holders and right answers the test sets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sigra_core::assurance::Method;
use sigra_core::client::ClientInfo;
use sigra_core::door::{Granted, StepRequired};
use sigra_core::error::FlowError;
use sigra_core::flows::{ChallengeOutcome, FactorAnswer, LoginOutcome};
use sigra_core::id::UserId;
use sigra_core::ports::{
    Factor, FactorCheck, FactorKind, FactorVerdict, Notices, Standing, TrustToken, TrustedBrowsers,
};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_testing::scenario::{PASSWORD, TestHost};

use super::{ANN, granted, step_required};

pub(crate) const RIGHT: &str = "right";
/// What makes the check fail without a verdict.
pub(crate) const FAULT: &str = "fault";

/// Accepts [`RIGHT`] from whoever was given it.
#[derive(Clone)]
pub(crate) struct FakeFactor {
    kind: FactorKind,
    standing: Standing,
    held: Arc<Mutex<HashMap<UserId, u32>>>,
    pub(crate) disowned: Arc<Mutex<Vec<(UserId, Timestamp)>>>,
    /// How often it was asked what an account has.
    pub(crate) asked: Arc<AtomicU32>,
    /// How often it was given a response.
    pub(crate) checked: Arc<AtomicU32>,
}

impl FakeFactor {
    pub(crate) fn new(kind: &'static str, standing: Standing) -> Self {
        Self {
            kind: FactorKind::new(kind),
            standing,
            held: Arc::default(),
            disowned: Arc::default(),
            asked: Arc::default(),
            checked: Arc::default(),
        }
    }

    pub(crate) fn give(&self, user: &User) {
        self.held.lock().unwrap().insert(user.id, 1);
    }

    /// Uses up the last one of what stays set up.
    pub(crate) fn exhaust(&self, user: &User) {
        self.held.lock().unwrap().insert(user.id, 0);
    }

    pub(crate) fn take(&self, user: &User) {
        self.held.lock().unwrap().remove(&user.id);
    }
}

#[async_trait]
impl Factor for FakeFactor {
    fn kind(&self) -> FactorKind {
        self.kind
    }

    fn standing(&self) -> Standing {
        self.standing
    }

    fn signs_in(&self) -> bool {
        self.standing == Standing::WithRecovery
    }

    async fn count(&self, user: UserId) -> Result<u32, FlowError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.held.lock().unwrap().get(&user).copied().unwrap_or_default())
    }

    async fn is_set_up(&self, user: &User) -> Result<bool, FlowError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.held.lock().unwrap().contains_key(&user.id))
    }

    async fn check(&self, check: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError> {
        self.checked.fetch_add(1, Ordering::SeqCst);
        if check.response == FAULT {
            return Err(FlowError::Overloaded { retry_after: Duration::from_secs(1) });
        }
        Ok(if check.response == RIGHT {
            FactorVerdict::Accepted { methods: vec![Method::new(self.kind.name())], multi_factor: self.signs_in() }
        } else {
            FactorVerdict::Rejected
        })
    }

    async fn disown(&self, user: &User, since: Timestamp, _: &ClientInfo, _: &dyn Notices) -> Result<(), FlowError> {
        self.take(user);
        self.disowned.lock().unwrap().push((user.id, since));
        Ok(())
    }
}

/// Trusts in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeTrust(Arc<Mutex<Vec<Trusted>>>);

/// Whose, under which epochs, after what was shown, by which digest.
type Trusted = (UserId, Epochs, FactorKind, [u8; 32]);

const PURPOSE: Purpose = Purpose::new("trust_of_a_test");

#[async_trait]
impl TrustedBrowsers for FakeTrust {
    async fn vouches(
        &self,
        user: &User,
        held: &[FactorKind],
        token: &RawToken,
        _: Timestamp,
    ) -> Result<bool, FlowError> {
        let digest = *token.digest(PURPOSE).as_bytes();
        let trusted = self.0.lock().unwrap();
        Ok(trusted.iter().any(|(id, epochs, kind, known)| {
            *id == user.id && *epochs == user.epochs && held.contains(kind) && *known == digest
        }))
    }

    async fn trust(
        &self,
        user: &User,
        shown: FactorKind,
        _: &ClientInfo,
        now: Timestamp,
    ) -> Result<TrustToken, FlowError> {
        let token = RawToken::random();
        self.0.lock().unwrap().push((user.id, user.epochs, shown, *token.digest(PURPOSE).as_bytes()));
        Ok(TrustToken { token, expires_at: now + Duration::from_secs(60) })
    }
}

/// A host with an app, backup codes, passkeys and trusted browsers, all of them fakes.
pub(crate) struct Hosted {
    pub(crate) host: TestHost,
    pub(crate) app: FakeFactor,
    pub(crate) backup: FakeFactor,
    pub(crate) passkey: FakeFactor,
}

pub(crate) fn hosted(required: bool) -> Hosted {
    let app = FakeFactor::new("totp", Standing::Alone);
    let backup = FakeFactor::new("backup_code", Standing::Recovery);
    let passkey = FakeFactor::new("passkey", Standing::WithRecovery);
    let host = TestHost::builder()
        .config(|config| config.second_factors.required = required)
        .factor(Arc::new(app.clone()))
        .factor(Arc::new(backup.clone()))
        .factor(Arc::new(passkey.clone()))
        .trusted_browsers(Arc::new(FakeTrust::default()))
        .build();
    Hosted { host, app, backup, passkey }
}

pub(crate) async fn with_app() -> (Hosted, User) {
    let hosted = hosted(false);
    let ann = hosted.host.confirmed(ANN).await;
    hosted.app.give(&ann);
    (hosted, ann)
}

pub(crate) async fn pending(host: &TestHost, email: &str) -> StepRequired {
    match host.login(email, PASSWORD).await {
        LoginOutcome::Admitted(admission) => step_required(admission),
        LoginOutcome::InvalidCredentials => panic!("must be accepted so far"),
    }
}

pub(crate) async fn answer(host: &TestHost, token: &RawToken, method: &str, response: &str) -> ChallengeOutcome {
    answer_trusting(host, token, FactorAnswer { method, response }, false).await
}

pub(crate) async fn answer_trusting(
    host: &TestHost,
    token: &RawToken,
    answer: FactorAnswer<'_>,
    trust: bool,
) -> ChallengeOutcome {
    host.sigra.second_factors().answer(token, answer, trust, &host.entry()).await.unwrap()
}

pub(crate) fn admitted(outcome: ChallengeOutcome) -> Granted {
    match outcome {
        ChallengeOutcome::Admitted(admission, _) => granted(admission),
        other => panic!("must be let in: {other:?}"),
    }
}
