//! The flows of the core over this store.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use sigra_core::audit::names;
use sigra_core::door::{Admission, Entry};
use sigra_core::flows::{Confirmed, LoginOutcome, MagicLinkOutcome, RegistrationForm, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_core::user::User;
use sigra_store_seaorm::{DurableRateLimiter, SeaOrmStore};
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, WRONG_PASSWORD};

use crate::races::race;
use crate::support::{Fixture, count, statement, sweep};

const ANN: &str = "ann@example.org";
const NEW_PASSWORD: &str = "an entirely different password";
const DAY: u64 = 86_400;

type Host = TestHost<SeaOrmStore>;

/// A host whose mail budgets are in the database too.
pub(crate) fn host_over(store: &SeaOrmStore) -> Host {
    TestHost::over(store.clone(), store.stores()).mail_budget(Arc::new(DurableRateLimiter::new(store.clone()))).build()
}

/// What somebody with an account does: signs in twice, authenticates again, ends the other session, and this one.
pub(crate) async fn visits(host: &Host, user: &User) {
    assert!(is_refused(&host.login(user.email.as_str(), WRONG_PASSWORD).await));
    let (session, other) = (host.signed_in(user).await, host.signed_in(user).await);
    let session = host.fresh(&session).await;
    let current = host.resolve(&session.cookie()).await.unwrap();
    assert_eq!(host.sigra.sessions().list(user).await.unwrap().len(), 2);
    assert!(host.sigra.sessions().revoke(&current, other.session.id, &host.client()).await.unwrap());
    assert!(host.resolve(&other.cookie()).await.is_none());
    host.sigra.sessions().sign_out(&current, &host.client()).await.unwrap();
    assert!(host.resolve(&session.cookie()).await.is_none());
}

fn is_refused(outcome: &LoginOutcome) -> bool {
    matches!(outcome, LoginOutcome::InvalidCredentials)
}

fn is_granted(outcome: &MagicLinkOutcome) -> bool {
    matches!(outcome, MagicLinkOutcome::Admitted(Admission::Granted(_)))
}

async fn link(host: &Host, kind: &MailKind) -> String {
    if *kind == MailKind::MAGIC_LINK {
        let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
    } else {
        let _ = host.sigra.reset().request(ANN, &host.client()).await.unwrap();
    }
    host.run_workers().await;
    host.mailed_token(kind, ANN)
}

/// Sixteen contenders of two hosts, which share the clock and the mail of one.
async fn contend<T, Fut>(f: &Fixture, host: &Host, work: impl Fn(Host, usize) -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let other = SeaOrmStore::new(f.another_pool().await);
    let other = TestHost::over(other.clone(), other.stores())
        .clock(host.clock.clone())
        .mailer(Arc::new(host.mailer.clone()))
        .build();
    let stores = [f.store.clone(), f.store.clone()];
    race(&stores, |_, number| work(if number % 2 == 0 { host.clone() } else { other.clone() }, number)).await
}

pub(crate) async fn an_account_comes_into_being_by_link_and_by_code(f: &Fixture) {
    let host = host_over(&f.store);
    host.registered(ANN).await;
    assert_eq!(count(&f.pool, "sigra_users").await, 0, "nobody exists before the address is proven");
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let outcomes = contend(f, &host, |host, _| {
        let token = token.clone();
        async move { host.sigra.confirmation().by_token(&token, &host.client()).await.unwrap() }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Confirmed::Created(_))).count(), 1);
    let ann = f.store.stores().accounts.find_by_email(&crate::support::email("ANN@example.org")).await.unwrap();
    visits(&host, &ann.unwrap().user).await;

    let bob = "bob@example.org";
    let client = host.client();
    let profile = serde_json::json!({ "name": "Bob ☺ %_'\"" });
    let form = RegistrationForm { email: bob, password: PASSWORD, profile: Some(&profile), client: &client };
    let _ = host.sigra.registration().submit(form).await.unwrap();
    host.run_workers().await;
    let confirmed = host.sigra.confirmation().by_code(bob, &host.mailed_code(bob), &client).await.unwrap();
    let Confirmed::Created(bob) = confirmed else { panic!("{confirmed:?}") };
    assert_eq!(bob.profile, profile);
    visits(&host, &bob).await;
    for name in [names::REGISTER_SUCCESS, names::LOGIN_FAILURE, names::LOGIN_SUCCESS, names::LOGOUT] {
        assert_audited(&f.store, name, |event| event.actor == Some(bob.id) || event.subject == Some(bob.id)).await;
    }
}

pub(crate) async fn th_07_parallel_guesses_are_all_counted_and_lock(f: &Fixture) {
    let host = host_over(&f.store);
    let ann = host.confirmed(ANN).await;
    let known = host.signed_in(&ann).await.returning(host.client());
    let outcomes = contend(f, &host, |host, _| async move { host.login(ANN, WRONG_PASSWORD).await }).await;
    assert!(outcomes.iter().all(is_refused));
    let evaluated = |event: &sigra_core::ports::RecordedEvent| event.reason.as_deref() == Some("invalid_password");
    assert_eq!(count_audited(&f.store, names::LOGIN_FAILURE, evaluated).await, 6);
    assert!(is_refused(&host.login(ANN, PASSWORD).await), "locked");
    host.signed_in_with(&ann, &known).await;
    host.advance(60);
    host.signed_in(&ann).await;
    host.locked(ANN).await;
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::ACCOUNT_LOCKED, ANN), 1);
}

pub(crate) async fn tk_03_a_link_signs_one_of_sixteen_in(f: &Fixture) {
    let host = host_over(&f.store);
    let ann = host.confirmed(ANN).await;
    let token = link(&host, &MailKind::MAGIC_LINK).await;
    let outcomes = contend(f, &host, |host, _| {
        let token = token.clone();
        async move { host.sigra.magic_link().redeem(&token, &host.entry()).await.unwrap() }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| is_granted(outcome)).count(), 1);
    assert_eq!(host.sigra.sessions().list(&ann).await.unwrap().len(), 1);
    assert_eq!(count_audited(&f.store, names::SESSION_CREATE, |_| true).await, 1);
}

pub(crate) async fn a_reset_wins_once_and_ends_everything(f: &Fixture) {
    let host = host_over(&f.store);
    let ann = host.confirmed(ANN).await;
    let (session, remembered) = (host.signed_in(&ann).await, host.remembered(&ann).await);
    let magic = link(&host, &MailKind::MAGIC_LINK).await;
    let token = link(&host, &MailKind::RESET_PASSWORD).await;
    let outcomes = contend(f, &host, |host, number| {
        let (token, password) = (token.clone(), format!("{NEW_PASSWORD} {number}"));
        async move { host.sigra.reset().redeem(&token, &password, &host.client()).await.unwrap() }
    })
    .await;
    let winners: Vec<_> = (0..).zip(&outcomes).filter(|(_, won)| matches!(won, ResetOutcome::Done(_))).collect();
    let [(winner, _)] = winners[..] else { panic!("{outcomes:?}") };
    for over in [&session, &remembered] {
        assert!(host.resolve(&over.cookie()).await.is_none());
    }
    assert!(!is_granted(&host.sigra.magic_link().redeem(&magic, &host.entry()).await.unwrap()));
    for number in 0..16 {
        // Known devices are forgotten as well, and guesses of strangers lock after six.
        host.advance(3_600);
        let outcome = host.login(ANN, &format!("{NEW_PASSWORD} {number}")).await;
        assert_eq!(matches!(outcome, LoginOutcome::Admitted(_)), number == winner, "{number}");
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::PASSWORD_CHANGED, ANN), 1);
}

pub(crate) async fn pw_16_a_rescue_ends_everything_and_signs_nobody_in(f: &Fixture) {
    let host = host_over(&f.store);
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    host.advance(60);
    let thief = host.signed_in(&ann).await;
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::NEW_DEVICE, ANN);
    let created = count_audited(&f.store, names::SESSION_CREATE, |_| true).await;
    let redeemed = contend(f, &host, |host, _| {
        let rescue = rescue.clone();
        async move { host.sigra.not_me().redeem(&rescue, &host.client()).await.unwrap() }
    })
    .await;
    assert_eq!(redeemed.iter().filter(|won| **won).count(), 1);
    assert!(host.resolve(&thief.cookie()).await.is_none());
    assert_eq!(count(&f.pool, "sigra_sessions").await, 0);
    assert!(is_refused(&host.login(ANN, PASSWORD).await), "the thief knows it");
    host.run_workers().await;
    let token = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let outcome = host.sigra.reset().redeem(&token, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert_eq!(count_audited(&f.store, names::SESSION_CREATE, |_| true).await, created);
    assert!(matches!(host.login(ANN, NEW_PASSWORD).await, LoginOutcome::Admitted(_)));
}

pub(crate) async fn sudo_opens_once_for_each_proof_and_closes_with_time(f: &Fixture) {
    let host = host_over(&f.store);
    let ann = host.confirmed(ANN).await;
    let stale = host.stale(&ann).await;
    let now = host.sigra.clock().now();
    assert!(!host.resolve(&stale.cookie()).await.unwrap().session().is_fresh(now));
    let fresh = host.fresh(&stale).await;
    assert!(host.resolve(&stale.cookie()).await.is_none(), "the token is another");
    assert!(host.resolve(&fresh.cookie()).await.unwrap().session().is_fresh(now));
    assert_eq!(count_audited(&f.store, names::SUDO_ENTER, |_| true).await, 1);
    host.advance(host.sigra.config().sessions.sudo_secs.get().into());
    let later = host.sigra.clock().now();
    assert!(!host.resolve(&fresh.cookie()).await.unwrap().session().is_fresh(later));
    host.advance(1_801);
    assert!(host.resolve(&fresh.cookie()).await.is_none(), "idle for too long");
}

pub(crate) async fn se_23_one_of_sixteen_rotates_and_reuse_ends_the_session(f: &Fixture) {
    let host = host_over(&f.store);
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    host.advance(DAY);
    let cookie = session.cookie();
    let rotated = contend(f, &host, |host, _| {
        let cookie = cookie.clone();
        async move {
            let current = host.resolve(&cookie).await.expect("the old token has its grace");
            current.rotated().map(|token| token.expose().to_string())
        }
    })
    .await;
    let [new] = &rotated.into_iter().flatten().collect::<Vec<_>>()[..] else { panic!("one rotates") };
    assert!(host.resolve(new).await.is_some());
    assert_none_audited(&f.store, names::SESSION_TOKEN_REUSE, |_| true).await;
    host.advance(60);
    assert!(host.resolve(&cookie).await.is_none());
    assert!(host.resolve(new).await.is_none(), "whoever holds it");
    assert_audited(&f.store, names::SESSION_TOKEN_REUSE, |event| event.session == Some(session.session.id)).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::SESSION_REUSED, ANN), 1);
}

pub(crate) async fn se_18_sessions_are_ended_one_by_one_and_together(f: &Fixture) {
    let host = host_over(&f.store);
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed("bob@example.org").await);
    let mut sessions = Vec::<SignedIn>::new();
    for _ in 0..4 {
        sessions.push(host.signed_in(&ann).await);
    }
    let bobs = host.signed_in(&bob).await;
    let current = host.resolve(&sessions[0].cookie()).await.unwrap();
    let client = host.client();
    assert!(!host.sigra.sessions().revoke(&current, bobs.session.id, &client).await.unwrap());
    assert!(host.sigra.sessions().revoke(&current, sessions[1].session.id, &client).await.unwrap());
    assert_eq!(host.sigra.sessions().revoke_others(&current, &client).await.unwrap(), 2);
    let mut alive = Vec::new();
    for session in sessions.iter().chain([&bobs]) {
        alive.push(host.resolve(&session.cookie()).await.is_some());
    }
    assert_eq!(alive, [true, false, false, false, true]);
}

pub(crate) async fn a_disabled_account_is_nobodys(f: &Fixture) {
    let host = host_over(&f.store);
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let disable = "UPDATE sigra_users SET disabled_at = 0, security_epoch = security_epoch + 1 WHERE id = ?";
    f.pool.execute_raw(statement(&f.pool, disable, [ann.id.as_uuid().into()])).await.unwrap();
    assert!(host.resolve(&session.cookie()).await.is_none());
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    let _ = host.sigra.magic_link().request(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, ANN), 0);
}

pub(crate) async fn workers_side_by_side_do_each_thing_once(f: &Fixture) {
    let host = host_over(&f.store);
    for number in 0..20 {
        let (email, client) = (format!("user{number}@example.org"), host.client());
        let form = RegistrationForm { email: &email, password: PASSWORD, profile: None, client: &client };
        let _ = host.sigra.registration().submit(form).await.unwrap();
    }
    contend(f, &host, |host, number| async move {
        if number < 6 {
            host.run_workers().await;
        }
    })
    .await;
    host.run_workers().await;
    let mut recipients: Vec<_> = host.mailer.sent().into_iter().map(|mail| mail.to).collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!((host.mailer.sent().len(), recipients.len()), (20, 20));
    assert_eq!(count(&f.pool, "sigra_requests").await, 0);

    host.mailer.fail_temporarily(1);
    let entry = Entry { remember: true, ..host.entry() };
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, "user7@example.org");
    let Confirmed::Created(user) = host.sigra.confirmation().by_token(&token, &entry.client).await.unwrap() else {
        panic!("the link is good")
    };
    let _ = host.sigra.reset().request(user.email.as_str(), &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, "user7@example.org"), 0, "the server was away");
    host.clock.advance(Duration::from_secs(30));
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, "user7@example.org"), 1);

    host.advance(60 * DAY);
    sweep(&host.sigra).await;
    for table in ["sigra_outbox", "sigra_registrations", "sigra_tokens", "sigra_rate_counters"] {
        assert_eq!(count(&f.pool, table).await, 0, "{table}");
    }
    assert_eq!(count(&f.pool, "sigra_users").await, 1);
}
