//! The audit trail: every name is written by some flow, and no row, log line or printed value holds a secret.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::factor::{FakeFactor, RIGHT};
use common::{ANN, BOB, NEW_PASSWORD, NOBODY, SetGate, magic_link, reset_link};
use sigra_core::audit::{EVENTS, EventName};
use sigra_core::config::Seconds;
use sigra_core::door::{Entry, GateVerdict, Shown, Step};
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::flows::{
    ChallengeOutcome, ChangeOutcome, FactorAnswer, ForcedOutcome, LoginOutcome, MagicLinkOutcome, NewPassword,
    PasswordAttempt, PasswordOutcome, RegistrationForm,
};
use sigra_core::mail::MailKind;
use sigra_core::ports::{Bucket, FactorRequirement, MailState, Quota, Standing};
use sigra_core::registration::{MailedToken, TokenOwner};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::user::User;
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, WRONG_PASSWORD};
use sigra_testing::{KnownBad, UnreachableRateLimiter};

/// Everything a tour leaves behind that anybody could read, and what must not be in it.
#[derive(Default)]
struct Tour {
    printed: String,
    secrets: BTreeSet<String>,
}

impl Tour {
    fn print(&mut self, value: &impl std::fmt::Debug) {
        writeln!(self.printed, "{value:?}").unwrap();
    }

    fn keep(&mut self, session: &SignedIn) {
        self.print(session);
        self.secrets.insert(session.cookie());
        self.secrets.extend(session.device.iter().map(|token| token.expose().to_string()));
    }
}

/// Does everything there is to do, right and wrong.
async fn tour(stage: &Stage) -> Tour {
    let Stage { host, gate, factor, services } = stage;
    let mut tour = Tour::default();
    let client = host.client();
    let sigra = &host.sigra;
    for secret in [PASSWORD, WRONG_PASSWORD, NEW_PASSWORD] {
        tour.secrets.insert(secret.to_owned());
    }

    // Registering, for an address that is free and one that is taken, by link and by code.
    let ann = host.confirmed(ANN).await;
    host.registered(BOB).await;
    let code = host.mailed_code(BOB);
    tour.print(&sigra.confirmation().by_code(BOB, "000000", &client).await);
    let _ = sigra.confirmation().resend(BOB, &client).await.unwrap();
    host.run_workers().await;
    tour.secrets.insert(code);
    let code = host.mailed_code(BOB);
    tour.print(&sigra.confirmation().by_code(BOB, &code, &client).await);
    services.silent(true);
    host.registered_with(ANN, NEW_PASSWORD).await;
    services.silent(false);
    tour.print(
        &sigra
            .registration()
            .submit(RegistrationForm { email: "?", password: WRONG_PASSWORD, profile: None, client: &client })
            .await,
    );
    let form = RegistrationForm { email: NOBODY, password: PASSWORD, profile: None, client: &client };
    tour.print(&sigra.registration().prepare(form).await);
    host.mailer.fail_permanently(1);
    host.registered("undeliverable@example.org").await;
    let abandoned = sigra.outbox().page(Some(MailState::Abandoned), None, 10).await.unwrap();
    tour.print(&abandoned);
    tour.print(&sigra.outbox().requeue(abandoned[0].id, &client).await);
    host.run_workers().await;

    // Signing in: right, wrong, unknown, from a new device, with a step, with an old hash.
    host.hasher.next_generation();
    let first = host.signed_in(&ann).await;
    tour.keep(&first);
    for (email, password) in [(NOBODY, PASSWORD), (ANN, WRONG_PASSWORD), ("?", PASSWORD)] {
        let entry = first.returning(host.client());
        tour.print(&entry);
        tour.print(&sigra.login().password(PasswordAttempt { email, password, entry: &entry }).await);
    }
    let session = host.stale(&ann).await;
    tour.keep(&session);
    gate.set(GateVerdict::Require(Step::MFA));
    let outcome = host.login(ANN, PASSWORD).await;
    tour.print(&outcome);
    let LoginOutcome::Admitted(admission) = outcome else { panic!("must owe a step") };
    let pending = common::step_required(admission);
    tour.secrets.insert(pending.token.expose().to_string());
    tour.print(&sigra.door().pending(&pending.token, &host.entry()).await);
    gate.set(GateVerdict::Pass);
    let shown = Some(Shown { methods: Vec::new(), aal: sigra_core::assurance::Aal::One });
    tour.print(&sigra.door().resume(&pending.token, Step::MFA, shown, &host.entry()).await);
    host.locked(ANN).await;
    host.locked(NOBODY).await;

    // Sessions.
    let current = host.resolve(&session.cookie()).await.unwrap();
    tour.print(&current);
    tour.print(&sigra.sudo().password(&current, WRONG_PASSWORD, &client).await);
    let session = host.fresh(&session).await;
    tour.keep(&session);
    let current = host.resolve(&session.cookie()).await.unwrap();
    tour.print(&sigra.sessions().list(&ann).await);
    tour.print(&sigra.profiles().replace(&current, &ann.profile, &ann.profile, &client).await);
    let mut export = sigra.export().begin(&current, &client).await.unwrap();
    tour.print(&export);
    while let Some(piece) = export.next().await.unwrap() {
        tour.printed += &String::from_utf8(piece).unwrap();
    }
    tour.print(&sigra.history().page(&ann, None).await);
    tour.print(&sigra.sessions().revoke(&current, first.session.id, &client).await);
    tour.print(&sigra.sessions().revoke_others(&current, &client).await);
    sigra.sessions().sign_out(&current, &client).await.unwrap();
    host.advance(60);
    let remembered = host.remembered(&ann).await;
    tour.keep(&remembered);
    host.advance(86_400);
    let rotated = host.resolve(&remembered.cookie()).await.unwrap();
    tour.print(&rotated);
    tour.secrets.insert(rotated.rotated().unwrap().expose().to_string());
    host.advance(3_600);
    assert!(host.resolve(&remembered.cookie()).await.is_none());
    host.run_workers().await;

    // Links.
    let link = magic_link(host, ANN).await;
    tour.print(&sigra.magic_link().peek(&link).await);
    for _ in 0..2 {
        tour.print(&sigra.magic_link().redeem(&link, &Entry { remember: true, ..host.entry() }).await);
    }
    let link = reset_link(host, ANN).await;
    for password in ["short", NEW_PASSWORD, NEW_PASSWORD] {
        tour.print(&sigra.reset().redeem(&link, password, &client).await);
    }
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::PASSWORD_CHANGED, ANN);
    for _ in 0..2 {
        tour.print(&sigra.not_me().redeem(&rescue, &client).await);
    }
    // An account that was not proven, and a proof of its mailbox by its registration's link, and by other means.
    let eve = host.confirmed("eve@example.org").await;
    host.store.edit_user(eve.id, |user| user.confirmed_at = None);
    let link = RawToken::random();
    let now = sigra.clock().now();
    let own = MailedToken {
        digest: link.digest(Purpose::CONFIRM_REGISTRATION),
        purpose: Purpose::CONFIRM_REGISTRATION,
        owner: TokenOwner::User { id: eve.id, epochs: Some(eve.epochs) },
        email: eve.email.clone(),
        created_at: now,
        expires_at: now + Duration::from_secs(60),
    };
    sigra.stores().log.append(Evidence::none().and_token(own)).await.unwrap();
    tour.secrets.insert(link.expose().to_string());
    tour.print(&sigra.confirmation().by_token(&link.expose(), &client).await);
    host.store.edit_user(eve.id, |user| user.confirmed_at = None);
    let link = magic_link(host, "eve@example.org").await;
    tour.print(&sigra.magic_link().redeem(&link, &host.entry()).await);
    for _ in 0..12 {
        let _ = sigra.magic_link().request(BOB, &client).await.unwrap();
    }
    host.mailer.fail_temporarily(1);
    host.run_workers().await;

    second_factors(host, factor, &mut tour).await;
    passwords(host, &mut tour).await;
    email_change(host, &mut tour).await;
    endings(host, &mut tour).await;
    limits(host, &mut tour).await;
    dormancy(host, &mut tour).await;

    for message in host.mailer.sent() {
        tour.print(&message);
        for page in
            ["confirm", "magic_link", "reset_password", "not_me", "email_change", "email_change_cancel", "reactivate"]
        {
            let token = host.mailer.token(&message.kind, &message.to, page);
            tour.secrets.extend(token.map(|token| token.expose().to_string()));
        }
        tour.secrets.extend(host.mailer.code(&message.kind, &message.to).map(|code| code.expose().to_string()));
    }
    tour.print(&host.mailer);
    tour.print(&host.store);
    tour.print(&host.store.outbox());
    tour.print(&sigra.stores().accounts.find(ann.id).await);
    tour.print(sigra);
    tour
}

/// Accounts end: by their owner, who takes it back in both ways, and by an operator.
async fn endings(host: &TestHost, tour: &mut Tour) {
    let (sigra, client) = (&host.sigra, host.client());
    let bob = sigra.stores().accounts.find_by_email(&common::email(BOB)).await.unwrap().unwrap().user;
    let session = host.signed_in(&bob).await;
    tour.keep(&session);
    let current = host.resolve(&session.cookie()).await.unwrap();
    tour.print(&sigra.deletion().schedule(&current, &client).await);
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::DELETION_SCHEDULED, BOB);
    let LoginOutcome::Admitted(admission) = host.login(BOB, PASSWORD).await else { panic!("the password is right") };
    let pending = common::step_required(admission);
    tour.secrets.insert(pending.token.expose().to_string());
    tour.print(&sigra.deletion().view(&pending.token, &host.entry()).await);
    tour.print(&sigra.deletion().reactivate(&pending.token, &host.entry()).await);
    tour.print(&sigra.deletion().undo(&link, &client).await);
    let operator = sigra.operator();
    tour.print(&operator.schedule_deletion(bob.id, &client).await);
    tour.print(&operator.cancel_deletion(bob.id, &client).await);
    tour.print(&operator.disable(bob.id, &client).await);
    tour.print(&operator.enable(bob.id, &client).await);
    tour.print(&operator.schedule_deletion(bob.id, &client).await);
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::DELETION_SCHEDULED, BOB);
    tour.print(&sigra.deletion().peek(&link).await);
    tour.print(&sigra.deletion().undo(&link, &client).await);
    tour.print(&operator.erase(bob.id, &client).await);
    tour.print(&operator.release_address(&bob.email, &client).await);
    host.run_workers().await;
}

/// Nobody can be counted any more.
async fn limits(host: &TestHost, tour: &mut Tour) {
    let bucket = Bucket { name: "login", key: String::from("192.0.2.1"), limit: Quota::new(1, 60) };
    tour.print(&host.sigra.limits().take(&UnreachableRateLimiter, &bucket, &host.client()).await);
}

/// Nobody comes for a year.
async fn dormancy(host: &TestHost, tour: &mut Tour) {
    for _ in 0..2 {
        host.advance(365 * 86_400);
        tour.print(&host.sigra.dormancy().sweep(100).await);
        host.run_workers().await;
    }
}

/// Somebody who must have a second factor sets one up, mistypes it, uses it, changes it, and gives up at it.
async fn second_factors(host: &TestHost, factor: &FakeFactor, tour: &mut Tour) {
    let (sigra, client) = (&host.sigra, host.client());
    let cleo = host.confirmed(CLEO).await;
    let held = |outcome| match outcome {
        LoginOutcome::Admitted(admission) => common::step_required(admission),
        LoginOutcome::InvalidCredentials => panic!("the password is right"),
    };
    let pending = held(host.login(CLEO, PASSWORD).await);
    tour.secrets.insert(pending.token.expose().to_string());
    tour.print(&sigra.enrollment().view(&pending.token, &host.entry()).await);
    tour.print(&sigra.enrollment().mail_code(&pending.token, &host.entry()).await);
    host.run_workers().await;
    tour.print(&sigra.enrollment().enter_code(&pending.token, "12345x", &host.entry()).await);

    factor.give(&cleo);
    let pending = held(host.login(CLEO, PASSWORD).await);
    for response in ["wrong"; 7] {
        let answer = FactorAnswer { method: "totp", response };
        tour.print(&sigra.second_factors().answer(&pending.token, answer, false, &host.entry()).await);
    }
    host.advance(60);
    let answer = FactorAnswer { method: "totp", response: RIGHT };
    let outcome = sigra.second_factors().answer(&pending.token, answer, false, &host.entry()).await.unwrap();
    tour.print(&outcome);
    let ChallengeOutcome::Admitted(admission, _) = outcome else { panic!("the factor is right") };
    let granted = common::granted(admission);
    tour.secrets.insert(granted.token.expose().to_string());
    let current = host.resolve(&granted.token.expose()).await.unwrap();
    host.store.edit_user(cleo.id, |user| user.epochs.factor += 1);
    let user = host.store.users().into_iter().find(|user| user.id == cleo.id).unwrap();
    let renewed = sigra.sessions().carry_on(&current, &user, None, &client).await.unwrap().unwrap();
    tour.print(&renewed);
    tour.secrets.insert(renewed.token.expose().to_string());

    let given_up = held(host.login(CLEO, PASSWORD).await);
    tour.secrets.insert(given_up.token.expose().to_string());
    host.advance(300);
    tour.print(&sigra.sweeper().run_once().await);
    host.run_workers().await;
}

/// Somebody changes a password, is made to change it, and sets one after it was taken away.
async fn passwords(host: &TestHost, tour: &mut Tour) {
    let (sigra, client) = (&host.sigra, host.client());
    let dora = host.confirmed(DORA).await;
    let session = host.signed_in(&dora).await;
    tour.keep(&session);
    let current = host.resolve(&session.cookie()).await.unwrap();
    let new = NewPassword { password: NEW_PASSWORD, device: session.device.as_ref(), client: &client };
    tour.print(&sigra.passwords().change(&current, WRONG_PASSWORD, new).await);
    let outcome = sigra.passwords().change(&current, PASSWORD, new).await;
    tour.print(&outcome);
    let Ok(PasswordOutcome::Done { renewed: Some(renewed), .. }) = outcome else { panic!("the password is right") };
    tour.secrets.insert(renewed.token.expose().to_string());

    for _ in 0..2 {
        tour.print(&sigra.passwords().require_change(dora.id, None, &client).await);
        tour.print(&sigra.passwords().clear_required_change(dora.id, None, &client).await);
    }
    tour.print(&sigra.passwords().require_change(dora.id, None, &client).await);
    let LoginOutcome::Admitted(admission) = host.login(DORA, NEW_PASSWORD).await else { panic!("must owe a step") };
    let pending = common::step_required(admission);
    tour.secrets.insert(pending.token.expose().to_string());
    for password in [NEW_PASSWORD, PASSWORD] {
        let outcome = sigra.passwords().complete_forced_change(&pending.token, password, &host.entry()).await.unwrap();
        tour.print(&outcome);
        if let ForcedOutcome::Admitted(admission) = outcome {
            let granted = common::granted(admission);
            tour.secrets.insert(granted.token.expose().to_string());
        }
    }

    tour.print(&sigra.passwords().withdraw(dora.id, None, &client).await);
    host.run_workers().await;
    let link = magic_link(host, DORA).await;
    let outcome = sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    let MagicLinkOutcome::Admitted(admission) = outcome else { panic!("the link is good") };
    let session = SignedIn::from(common::granted(admission));
    tour.keep(&session);
    let current = host.resolve(&session.cookie()).await.unwrap();
    let outcome = sigra.passwords().set_first(&current, new).await;
    tour.print(&outcome);
    let Ok(PasswordOutcome::Done { renewed: Some(renewed), .. }) = outcome else { panic!("there is none") };
    tour.secrets.insert(renewed.token.expose().to_string());
    host.run_workers().await;
}

const DORA: &str = "dora@example.org";

/// Somebody asks for other addresses, withdraws, changes, and undoes it.
async fn email_change(host: &TestHost, tour: &mut Tour) {
    let (flow, client) = (host.sigra.email_change(), host.client());
    let eda = host.confirmed(EDA).await;
    let session = host.signed_in(&eda).await;
    tour.keep(&session);
    let current = host.resolve(&session.cookie()).await.unwrap();
    for email in ["?", BOB, "eda0@example.org"] {
        tour.print(&flow.request(&current, email, &client).await);
        host.run_workers().await;
    }
    tour.print(&flow.pending(&current).await);
    tour.print(&flow.withdraw(&current, &client).await);
    tour.print(&flow.request(&current, "eda2@example.org", &client).await);
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::EMAIL_CHANGE_CONFIRM, "eda2@example.org");
    tour.print(&flow.peek(&link).await);
    for _ in 0..2 {
        let outcome = flow.redeem(&link, Some(&current), &client).await.unwrap();
        tour.print(&outcome);
        if let ChangeOutcome::Changed(_, Some(renewed)) = outcome {
            tour.secrets.insert(renewed.token.expose().to_string());
        }
    }
    host.run_workers().await;
    let undo = host.mailed_token(&MailKind::EMAIL_CHANGED, EDA);
    tour.print(&flow.peek_undo(&undo).await);
    for _ in 0..2 {
        tour.print(&flow.undo(&undo, &client).await);
    }
    host.run_workers().await;
}

const EDA: &str = "eda@example.org";
const CLEO: &str = "cleo@example.org";

struct Cleo;

#[async_trait]
impl FactorRequirement for Cleo {
    async fn required(&self, user: &User) -> Result<bool, FlowError> {
        Ok(user.email.as_str() == CLEO)
    }
}

/// A host, with what a tour sets in it.
struct Stage {
    host: TestHost,
    gate: SetGate,
    factor: FakeFactor,
    services: KnownBad,
}

fn stage() -> Stage {
    let gate = SetGate::new(GateVerdict::Pass);
    let factor = FakeFactor::new("totp", Standing::Alone);
    let services = KnownBad::default();
    let builder = TestHost::builder()
        .config(|config| {
            config.lifecycle.dormancy.warn_after_secs = Seconds::new(365 * 86_400);
            config.lifecycle.address_quarantine_secs = Seconds::new(86_400);
        })
        .breached_passwords(Arc::new(services.clone()))
        .mail_domains(Arc::new(services.clone()))
        .gate(Arc::new(gate.clone()))
        .factor(Arc::new(factor.clone()));
    Stage { host: builder.factor_requirement(Arc::new(Cleo)).build(), gate, factor, services }
}

#[tokio::test]
async fn au_01_au_12_every_name_of_the_catalogue_is_written_and_no_other() {
    let stage = stage();
    let host = &stage.host;
    tour(&stage).await;
    let written: BTreeSet<_> = host.store.events().into_iter().map(|event| event.name).collect();
    let listed: BTreeSet<_> = EVENTS.iter().map(|name| EventName::as_str(name).to_owned()).collect();
    assert_eq!(written, listed);
}

#[tokio::test]
async fn au_01_events_say_who_when_and_from_where() {
    let stage = stage();
    let host = &stage.host;
    tour(&stage).await;
    for event in host.store.events() {
        let by_itself = event.name.starts_with("mail.abandoned") || event.metadata.get("by") == Some(&"sweep".into());
        let follows = event.name == "session.revoke_all" && event.actor.is_some();
        assert!(by_itself || follows || event.client.ip.is_some(), "{event:?}");
        let failed = event.outcome == sigra_core::audit::Outcome::Failure;
        assert_eq!(failed, event.reason.is_some(), "{event:?}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The shapes a secret can be read back from.
fn shapes(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let bytes = format!("{:?}", secret.as_bytes());
    vec![secret.to_owned(), URL_SAFE_NO_PAD.encode(secret), STANDARD_NO_PAD.encode(secret), hex, bytes]
}

fn assert_free_of(text: &str, secrets: &BTreeSet<String>, what: &str) {
    for secret in secrets {
        if secret.len() == 6 {
            // A code is digits, which stand in ids and times too; by itself it would be a word.
            let found = text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == secret);
            assert!(!found, "a code in {what}");
            continue;
        }
        for shape in shapes(secret) {
            assert!(!text.contains(&shape), "{shape} in {what}");
        }
    }
    assert!(!text.contains("$plain$"), "a password hash in {what}");
}

#[tokio::test]
async fn au_07_pw_30_no_row_no_log_line_and_no_printed_value_holds_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // While there is one subscriber only, what another test's thread passes first is off for this thread, too.
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let guard = tracing::subscriber::set_default(subscriber);
    let stage = stage();
    let host = &stage.host;
    let tour = tour(&stage).await;
    host.store.fail_all();
    let failed = host.sigra.sessions().resolve(&"A".repeat(43), &host.client()).await;
    drop(guard);

    assert!(tour.secrets.len() > 20, "{}", tour.secrets.len());
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("sigra.login.password"), "something was logged");
    assert_free_of(&logged, &tour.secrets, "the log");
    assert_free_of(&tour.printed, &tour.secrets, "what is printed");
    assert_free_of(&format!("{failed:?}"), &tour.secrets, "an error");
    for event in host.store.events() {
        let row = format!("{event:?} {}", serde_json::Value::Object(event.metadata.clone()));
        assert_free_of(&row, &tour.secrets, "the audit trail");
        assert!(!row.contains("example.org"), "an address in {row}");
    }
    assert!(!logged.contains("example.org"), "an address in the log");
}

#[tokio::test]
async fn the_canary_would_be_found() {
    let secrets = BTreeSet::from([PASSWORD.to_owned(), "424242".to_owned()]);
    for text in [PASSWORD, "code 424242.", "61206c6f6e6720656e6f7567682070617373776f7264"] {
        let secrets = secrets.clone();
        let found = std::panic::catch_unwind(move || assert_free_of(text, &secrets, "a test"));
        assert!(found.is_err(), "{text}");
    }
    assert_free_of("019b7424242ca5 .4242421Z", &secrets, "a test");
}

/// What is left behind by one request by address, ids and times aside.
async fn traces(host: &TestHost, kind: &str, email: &str) -> String {
    host.advance(1);
    let (before, client) = (host.store.events().len(), host.client());
    let answer = match kind {
        "resend" => host.sigra.confirmation().resend(email, &client).await,
        "magic" => host.sigra.magic_link().request(email, &client).await,
        _ => host.sigra.reset().request(email, &client).await,
    };
    let now = host.sigra.clock().now();
    let rows = host.sigra.stores().requests.lease(100, now, now).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.request.kind, row.request.expires_at.since(now))).collect();
    let events: Vec<_> = host.store.events()[before..]
        .iter()
        .map(|event| (event.name.clone(), event.actor, event.subject, event.reason.clone(), event.metadata.clone()))
        .collect();
    let traces = format!("{answer:?} {rows:?} {events:?} {:?}", host.hasher.take_jobs());
    host.run_workers().await;
    traces
}

#[tokio::test]
async fn th_18_a_request_by_address_leaves_one_identical_row_for_everybody() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.registered(BOB).await;
    let disabled = host.confirmed("disabled@example.org").await;
    host.store.edit_user(disabled.id, |user| user.disabled_at = Some(user.created_at));
    let _ = host.hasher.take_jobs();
    for kind in ["resend", "magic", "reset"] {
        let known = traces(&host, kind, ANN).await;
        for email in [BOB, NOBODY, "disabled@example.org"] {
            assert_eq!(traces(&host, kind, email).await, known, "{kind} {email}");
        }
    }
}
