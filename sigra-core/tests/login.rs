//! Signing in with a password.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, InterleavingHasher, NEW_PASSWORD, NOBODY, at_once, is_refused, reasons, reset_link, signs_in};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::Entry;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::flows::{LoginOutcome, PasswordAttempt, ResetOutcome};
use sigra_core::id::UserId;
use sigra_core::password::Password;
use sigra_core::ports::{NewAccount, WorkOrigin};
use sigra_testing::audited::{assert_audited, assert_none_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, WRONG_PASSWORD};
use sigra_testing::{Job, JobKind};
use std::sync::Arc;

#[tokio::test]
async fn the_right_password_signs_in_at_aal_1() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    assert_eq!(session.session.assurance.aal, Aal::One);
    assert_eq!(session.session.assurance.methods, [Method::PASSWORD]);
    assert_eq!(session.user.last_sign_in_at, Some(host.sigra.clock().now()));
    assert!(!session.session.remembered && session.session.is_fresh(host.sigra.clock().now()));
    let current = host.resolve(&session.cookie()).await.unwrap();
    assert_eq!((current.user().id, current.session().id), (ann.id, session.session.id));
    let event = assert_audited(&host.store, names::LOGIN_SUCCESS, |_| true).await;
    assert_eq!((event.actor, event.session), (Some(ann.id), Some(session.session.id)));
    assert_audited(&host.store, names::SESSION_CREATE, |event| event.session == Some(session.session.id)).await;
}

#[tokio::test]
async fn addresses_are_one_in_any_case() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    assert!(signs_in(&host, " ANN@Example.ORG ", PASSWORD).await);
}

async fn passwordless(host: &TestHost, email: &str) {
    let now = host.sigra.clock().now();
    let account = NewAccount {
        id: UserId::new(now),
        email: common::email(email),
        password: None,
        profile: serde_json::json!({}),
        confirmed_at: Some(now),
        created_at: now,
        quarantine: Vec::new(),
    };
    assert!(host.sigra.stores().accounts.create(&account, Evidence::none()).await.unwrap());
}

#[tokio::test]
async fn th_15_th_16_every_refusal_is_alike_and_costs_one_verification() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.registered("pending@example.org").await;
    passwordless(&host, "passwordless@example.org").await;
    host.confirmed("locked@example.org").await;
    host.locked("locked@example.org").await;
    let disabled = host.confirmed("disabled@example.org").await;
    host.store.edit_user(disabled.id, |user| user.disabled_at = Some(user.created_at));
    host.locked(NOBODY).await;
    host.hasher.take_jobs();

    let long = "x".repeat(Password::MAX_BYTES + 1);
    let huge = "x".repeat(1 << 20);
    for (email, password, reason) in [
        (ANN, WRONG_PASSWORD, "invalid_password"),
        (ANN, "", "invalid_password"),
        (ANN, &long, "over_long_password"),
        (ANN, &huge, "over_long_password"),
        ("unknown@example.org", PASSWORD, "unknown_address"),
        ("unknown@example.org", &long, "unknown_address"),
        ("no address at all", PASSWORD, "unknown_address"),
        ("pending@example.org", PASSWORD, "unknown_address"),
        ("passwordless@example.org", PASSWORD, "no_password"),
        ("passwordless@example.org", "", "no_password"),
        ("locked@example.org", PASSWORD, "locked"),
        ("locked@example.org", &long, "locked"),
        (NOBODY, PASSWORD, "locked"),
        ("disabled@example.org", PASSWORD, "disabled"),
    ] {
        host.advance(1);
        let before = host.store.events().len();
        assert!(is_refused(&host.login(email, password).await), "{email} {reason}");
        let job = Job { kind: JobKind::Verify, origin: WorkOrigin::Network(host.client().block()) };
        assert_eq!(host.hasher.take_jobs(), [job], "{email} {reason}");
        assert_eq!(host.store.events().len(), before + 1, "{email} {reason}");
        assert_eq!(reasons(&host, names::LOGIN_FAILURE).last().unwrap(), reason, "{email}");
    }
}

#[tokio::test]
async fn au_07_a_refusal_of_an_unknown_address_names_nobody() {
    let host = TestHost::new();
    assert!(is_refused(&host.login(NOBODY, PASSWORD).await));
    let event = assert_audited(&host.store, names::LOGIN_FAILURE, |_| true).await;
    assert_eq!((event.actor, event.subject), (None, None));
    assert!(!format!("{event:?}").contains("nobody"));
}

#[tokio::test]
async fn pw_15_passwords_do_not_age() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.advance(10 * 366 * 86_400);
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test]
async fn pw_22_a_stale_hash_is_rewritten_by_the_right_password_only() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.hasher.next_generation();
    assert!(is_refused(&host.login(ANN, WRONG_PASSWORD).await));
    assert_none_audited(&host.store, names::HASH_UPGRADED, |_| true).await;
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_audited(&host.store, names::HASH_UPGRADED, |event| event.actor == Some(ann.id)).await;
    host.hasher.take_jobs();
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_eq!(host.hasher.take_jobs().len(), 1, "not again");
    assert_eq!(reasons(&host, names::HASH_UPGRADED).len(), 1);
    let user = &host.store.users()[0];
    assert_eq!(user.epochs, ann.epochs, "nothing is ended by it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pw_22_concurrent_sign_ins_rewrite_once() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.hasher.next_generation();
    let signed_in = at_once(16, |_| {
        let host = host.clone();
        async move { signs_in(&host, ANN, PASSWORD).await }
    })
    .await;
    assert!(reasons(&host, names::HASH_UPGRADED).len() == 1, "{signed_in:?}");
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

fn interleaving() -> (TestHost, InterleavingHasher) {
    let hasher = InterleavingHasher::default();
    (TestHost::builder().hasher(Arc::new(hasher.clone())).build(), hasher)
}

#[tokio::test]
async fn pw_22_an_upgrade_that_finds_no_room_does_not_stop_the_sign_in() {
    let (host, hasher) = interleaving();
    host.confirmed(ANN).await;
    hasher.plain.next_generation();
    let plain = hasher.plain.clone();
    hasher.meanwhile(async move { plain.overload(1) });
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_none_audited(&host.store, names::HASH_UPGRADED, |_| true).await;
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_eq!(reasons(&host, names::HASH_UPGRADED).len(), 1);
}

#[tokio::test]
async fn tk_09_a_reset_that_overtakes_a_sign_in_with_the_old_password_wins() {
    let (host, hasher) = interleaving();
    host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    hasher.plain.next_generation();
    let meanwhile = host.clone();
    hasher.meanwhile(async move {
        let outcome = meanwhile.sigra.reset().redeem(&link, NEW_PASSWORD, &meanwhile.client()).await.unwrap();
        assert!(matches!(outcome, ResetOutcome::Done(_)));
    });
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    assert_eq!(reasons(&host, names::LOGIN_FAILURE), ["stale_proof"]);
    assert_none_audited(&host.store, names::HASH_UPGRADED, |_| true).await;
    assert_none_audited(&host.store, names::LOGIN_SUCCESS, |_| true).await;
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await, "the old password's hash was not written back");
}

#[tokio::test]
async fn se_15_an_account_disabled_during_a_sign_in_is_not_let_in() {
    let (host, hasher) = interleaving();
    let ann = host.confirmed(ANN).await;
    let store = host.store.clone();
    hasher.meanwhile(async move { store.edit_user(ann.id, |user| user.disabled_at = Some(user.created_at)) });
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    assert_none_audited(&host.store, names::SESSION_CREATE, |_| true).await;
}

#[tokio::test]
async fn th_14_overload_is_said_and_grants_nothing() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.hasher.overload(2);
    let entry = host.entry();
    for email in [ANN, NOBODY] {
        let attempt = PasswordAttempt { email, password: PASSWORD, entry: &entry };
        let error = host.sigra.login().password(attempt).await.unwrap_err();
        assert!(matches!(error, FlowError::Overloaded { .. }));
    }
    assert_none_audited(&host.store, names::SESSION_CREATE, |_| true).await;
}

#[tokio::test]
async fn se_06_the_session_the_browser_held_ends_with_the_new_one() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let first = host.signed_in(&ann).await;
    let entry = Entry { session: Some(first.session.id), device: first.device.clone(), ..host.entry() };
    let second = host.signed_in_with(&ann, &entry).await;
    assert_ne!(first.cookie(), second.cookie());
    assert!(host.resolve(&first.cookie()).await.is_none());
    assert!(host.resolve(&second.cookie()).await.is_some());
    // Not so after a refusal.
    let entry = Entry { session: Some(second.session.id), ..host.entry() };
    assert!(is_refused(&host.login_with(ANN, WRONG_PASSWORD, &entry).await));
    assert!(host.resolve(&second.cookie()).await.is_some());
}

#[tokio::test]
async fn a_sign_in_shows_its_methods_to_the_host() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let outcome: LoginOutcome = host.login(ANN, PASSWORD).await;
    let session = SignedIn::of(outcome);
    let scope = host.resolve(&session.cookie()).await.unwrap().scope();
    assert_eq!(scope.principal, sigra_core::principal::Principal::User(ann.id));
    assert_eq!(scope.session, Some(session.session.id));
}
