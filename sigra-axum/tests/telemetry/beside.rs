//! What no scenario over HTTP reaches: what operators and background work do, and what goes wrong unseen.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use serde_json::json;
use sigra_axum::CurrentUser;
use sigra_core::Sigra;
use sigra_core::door::Admission;
use sigra_core::email::EmailAddress;
use sigra_core::flows::{ChallengeOutcome, FactorAnswer, LoginOutcome, RegistrationForm};
use sigra_core::id::MailId;
use sigra_core::mail::{ComposeError, Composer, Facts, MailError, MailKind, Mailer, Message};
use sigra_core::ports::{Happened, Hooks, Overloaded, WorkOrigin};
use sigra_core::secret::RawToken;
use sigra_core::time::Clock as _;
use sigra_core::user::User;
use sigra_crypto::{HashPool, PoolConfig};
use sigra_mail::{Sender, SmtpMailer};
use sigra_mfa::{BeginOutcome, ConfirmOutcome, Mfa, MfaConfig};
use sigra_passkeys::PasskeyConfig;
use sigra_testing::golden::Subject as _;
use sigra_testing::scenario::{PASSWORD, SoftApp, TestHost};
use sigra_testing::{KnownBad, ManualClock, MemoryStore};

use crate::secrets::Secrets;
use crate::support::Axum;

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const CID: &str = "cid@example.org";
const DAN: &str = "dan@example.org";

/// Does all of it, tells what of it is secret, and hands back whose trail is to be looked through.
pub(crate) async fn the_rest(secrets: &Secrets) -> Vec<Sigra> {
    secrets.add("password", PASSWORD);
    let services = Arc::new(KnownBad::new([]));
    let builder = TestHost::builder().hooks(Arc::new(Refusing)).breached_passwords(services.clone());
    let builder = builder.config(|config| config.lifecycle.dormancy.warn_after_secs = config.sessions.remembered_secs);
    let (builder, mfa) = builder.mfa(MfaConfig { issuer: String::from("Beside"), ..MfaConfig::default() });
    let (builder, _passkeys) = builder.passkeys(PasskeyConfig::for_public_url("https://app.example.org").unwrap());
    let host = builder.build();
    let ann = host.confirmed(ANN).await;
    services.silent(true);
    host.registered(BOB).await;
    services.silent(false);
    mail(&host).await;
    trusted_browsers(&host, &mfa, &ann, secrets).await;
    giving_up(&host).await;
    disowning(&host, secrets).await;
    operators(&host, &ann).await;
    profiles(&host).await;
    sweeping(&host).await;
    let others = [not_composed().await, sent_late().await];
    outside_of_any_host(secrets).await;
    [host.sigra].into_iter().chain(others).collect()
}

/// Every way a mail or a request can end but the right one.
async fn mail(host: &TestHost) {
    let (sigra, client) = (&host.sigra, host.client());
    host.mailer.fail_temporarily(1);
    let _ = sigra.reset().request(ANN, &client).await.unwrap();
    host.run_workers().await;
    host.advance(3_600);
    host.run_workers().await;
    host.mailer.fail_permanently(1);
    let _ = sigra.magic_link().request(ANN, &client).await.unwrap();
    host.run_workers().await;
    let mails = sigra.outbox().page(None, None, 50).await.unwrap();
    for mail in mails {
        let _ = sigra.outbox().requeue(mail.id, &client).await.unwrap();
    }
    host.store.fail_next("outbox.sent");
    host.run_workers().await;
    host.store.fail_next("requests.resolve");
    let _ = sigra.reset().request(ANN, &client).await.unwrap();
    host.run_workers().await;
    host.advance(3_600);
    host.run_workers().await;
}

/// A browser is trusted on the second try, and its use noted on the second.
async fn trusted_browsers(host: &TestHost, mfa: &Mfa, ann: &User, secrets: &Secrets) {
    let (sigra, client) = (&host.sigra, host.client());
    let BeginOutcome::Begun(setup) = mfa.begin_totp(ann, &client).await.unwrap() else { panic!("nothing is set up") };
    secrets.add("totp secret", setup.secret.as_str());
    let app = SoftApp::with_secret(&setup.secret);
    let confirmed = mfa.confirm_totp(sigra, ann, &app.code(host.clock.now()), &client).await.unwrap();
    let ConfirmOutcome::Enrolled { user, .. } = confirmed else { panic!("{confirmed:?}") };
    host.store.fail_next("trusted.insert");
    let mut trust = None;
    while trust.is_none() {
        host.advance(60);
        let pending = pending(host).await;
        let code = app.code(host.clock.now());
        secrets.add("code", &code);
        let answer = FactorAnswer { method: "totp", response: &code };
        let shown = sigra.second_factors().answer(&pending, answer, true, &host.entry()).await.unwrap();
        let ChallengeOutcome::Admitted(Admission::Granted(_), token) = shown else { panic!("{shown:?}") };
        trust = token;
    }
    host.advance(61);
    host.store.fail_next("trusted.touch");
    let mut entry = host.entry();
    entry.trust = trust.map(|trust| trust.token);
    secrets.add("cookie", &entry.trust.as_ref().unwrap().expose());
    let outcome = host.login_with(ANN, PASSWORD, &entry).await;
    assert!(matches!(outcome, LoginOutcome::Admitted(Admission::Granted(_))), "{outcome:?}");
    assert_eq!(mfa.revoke_all_trusted(&user, &client).await.unwrap(), 1);
}

async fn pending(host: &TestHost) -> RawToken {
    match host.login(ANN, PASSWORD).await {
        LoginOutcome::Admitted(Admission::StepRequired(required)) => required.token,
        other => panic!("{other:?}"),
    }
}

/// A notice is disowned, with the passkeys added since; what follows fails.
async fn disowning(host: &TestHost, secrets: &Secrets) {
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::NEW_DEVICE, ANN);
    secrets.add("link", &link);
    host.store.fail_next("sessions.revoke_all");
    assert!(host.sigra.not_me().redeem(&link, &host.client()).await.unwrap());
}

async fn operators(host: &TestHost, ann: &User) {
    let (operator, passwords, client) = (host.sigra.operator(), host.sigra.passwords(), host.client());
    let bob = host.mailed_token(&MailKind::CONFIRM_EMAIL, BOB);
    let _ = host.sigra.confirmation().by_token(&bob, &client).await.unwrap();
    let cid = host.confirmed(CID).await;
    assert!(passwords.require_change(cid.id, None, &client).await.unwrap());
    assert!(passwords.clear_required_change(cid.id, None, &client).await.unwrap());
    assert!(passwords.withdraw(cid.id, None, &client).await.unwrap());
    assert!(operator.disable(ann.id, &client).await.unwrap());
    assert!(operator.enable(ann.id, &client).await.unwrap());
    assert!(operator.schedule_deletion(ann.id, &client).await.unwrap());
    assert!(operator.cancel_deletion(ann.id, &client).await.unwrap());
    assert!(operator.schedule_deletion(ann.id, &client).await.unwrap());
    assert!(operator.erase(cid.id, &client).await.unwrap());
    assert!(!operator.release_address(&cid.email, &client).await.unwrap(), "nothing is kept");
}

async fn profiles(host: &TestHost) {
    let dan = host.confirmed(DAN).await;
    let cookie = host.signed_in(&dan).await.cookie();
    let (empty, named, client) = (json!({}), json!({ "display_name": "Dan" }), host.client());
    let current = host.resolve(&cookie).await.unwrap();
    let _ = host.sigra.profiles().replace(&current, &empty, &named, &client).await.unwrap();
    let _ = host.sigra.operator().replace_profile(dan.id, &named, &empty, &client).await.unwrap();
}

/// A sign-in is given up at its second factor, and its owner told on the second try.
async fn giving_up(host: &TestHost) {
    pending(host).await;
    host.advance(300);
    host.store.fail_next("sessions.end_unfinished");
    for _ in 0..2 {
        let _ = host.sigra.sweeper().run_once().await.unwrap();
    }
    host.run_workers().await;
}

/// One sweep in which everything fails that may, and one in which nothing does.
async fn sweeping(host: &TestHost) {
    host.advance(60 * 86_400);
    host.store.fail_next("dormancy.look");
    host.store.fail_next("housekeeping.purge");
    host.store.fail_next("lifecycle.erase");
    host.store.fail_next("leases.release");
    let _ = host.sigra.sweeper().run_once().await.unwrap();
    host.advance(3_600);
    let _ = host.sigra.sweeper().run_once().await.unwrap();
}

/// A mail whose kind has no words.
async fn not_composed() -> Sigra {
    let host = TestHost::builder().composer(Arc::new(Speechless)).build();
    host.registered(ANN).await;
    host.sigra
}

/// A mail that takes so long that another worker has it by then.
async fn sent_late() -> Sigra {
    let store = MemoryStore::new();
    let clock = ManualClock::at(sigra_core::time::Timestamp::from_secs(1_800_000_000));
    let slow = Arc::new(Slow { store: store.clone(), clock: clock.clone(), once: AtomicBool::new(true) });
    let stores = store.stores();
    let host = TestHost::over(store, stores).clock(clock).mailer(slow).build();
    let client = host.client();
    let form = RegistrationForm { email: ANN, password: PASSWORD, profile: None, client: &client };
    let _ = host.sigra.registration().submit(form).await.unwrap();
    let _ = host.sigra.workers().run_once().await.unwrap();
    host.sigra
}

/// What is told by parts that stand alone.
async fn outside_of_any_host(secrets: &Secrets) {
    let pool = HashPool::new(&PoolConfig { threads: Some(1), ..PoolConfig::default() }).unwrap();
    let answer: Result<(), Overloaded> = pool.run(WorkOrigin::KnownDevice, || panic!("on purpose")).await;
    assert!(answer.is_err());
    secrets.add("password", "canarypassword");
    let sender = Sender::new("Beside", EmailAddress::parse(ANN).unwrap());
    let url = "smtp://canaryuser:canarypassword@mail.example.org:25?tls=opportunistic";
    SmtpMailer::new(url.parse().unwrap(), sender).unwrap();
    let never_mounted = Router::new().route("/me", get(|user: CurrentUser| async move { user.email.to_string() }));
    let answer = Axum(never_mounted).call(Request::get("/me").body(Bytes::new()).unwrap(), None).await;
    assert_eq!(answer.status(), 500);
}

struct Refusing;

#[async_trait]
impl Hooks for Refusing {
    async fn after_commit(&self, _: &Happened<'_>) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err("the test said no".into())
    }
}

struct Speechless;

impl Composer for Speechless {
    fn compose(&self, _: MailId, kind: &MailKind, _: &EmailAddress, _: &Facts) -> Result<Message, ComposeError> {
        Err(ComposeError { kind: kind.to_string(), source: None })
    }
}

struct Slow {
    store: MemoryStore,
    clock: ManualClock,
    once: AtomicBool,
}

#[async_trait]
impl Mailer for Slow {
    async fn send(&self, _: &Message) -> Result<(), MailError> {
        if self.once.swap(false, Ordering::SeqCst) {
            self.clock.advance(Duration::from_secs(600));
            let now = self.clock.now();
            let taken = self.store.stores().outbox.lease(10, now, now + Duration::from_secs(60)).await.unwrap();
            assert!(!taken.is_empty());
        }
        Ok(())
    }
}
