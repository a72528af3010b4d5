//! Disowning what a security notice reports.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, NEW_PASSWORD, at_once, magic_link, reset_link, signs_in};
use sigra_core::audit::names;
use sigra_core::flows::ResetOutcome;
use sigra_core::mail::MailKind;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost};

/// Somebody signs in with Ann's password from a new browser; Ann gets the notice.
async fn burgled(host: &TestHost) -> (User, SignedIn, String) {
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    host.advance(60);
    let thief = host.signed_in(&ann).await;
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::NEW_DEVICE, ANN);
    (ann, thief, rescue)
}

async fn redeem(host: &TestHost, token: &str) -> bool {
    host.sigra.not_me().redeem(token, &host.client()).await.unwrap()
}

#[tokio::test]
async fn a_rescue_ends_everything_starts_a_reset_and_signs_nobody_in() {
    let host = TestHost::new();
    let (ann, thief, rescue) = burgled(&host).await;
    let (magic, reset) = (magic_link(&host, ANN).await, reset_link(&host, ANN).await);
    let resets = host.count_mailed(&MailKind::RESET_PASSWORD, ANN);
    let created = count_audited(&host.store, names::SESSION_CREATE, |_| true).await;
    assert!(host.sigra.not_me().peek(&rescue).await.unwrap().is_some());
    assert!(redeem(&host, &rescue).await);

    assert!(host.resolve(&thief.cookie()).await.is_none());
    assert!(host.sigra.magic_link().peek(&magic).await.unwrap().is_none());
    assert!(host.sigra.reset().peek(&reset).await.unwrap().is_none());
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, created);
    assert_audited(&host.store, names::NOT_ME, |event| event.actor == Some(ann.id)).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), resets + 1);
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let outcome = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
}

#[tokio::test]
async fn pw_16_a_disowned_password_opens_nothing_any_more() {
    let host = TestHost::new();
    let (_, thief, rescue) = burgled(&host).await;
    assert!(redeem(&host, &rescue).await);
    assert!(!signs_in(&host, ANN, PASSWORD).await, "the thief knows it");
    let returning = thief.returning(host.client());
    assert!(common::is_refused(&host.login_with(ANN, PASSWORD, &returning).await));
    assert!(!host.store.users()[0].has_password);
}

#[tokio::test]
async fn a_thief_cannot_disarm_the_rescue() {
    let host = TestHost::new();
    let (ann, thief, rescue) = burgled(&host).await;
    // A reset by whoever reads the mailbox too, a new factor, further sign-ins.
    let link = reset_link(&host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    host.store.edit_user(ann.id, |user| user.epochs.factor += 1);
    assert!(host.resolve(&thief.cookie()).await.is_none());
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
    assert!(redeem(&host, &rescue).await);
    assert!(!signs_in(&host, ANN, NEW_PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_03_a_rescue_works_once() {
    let host = TestHost::new();
    let (_, _, rescue) = burgled(&host).await;
    let outcomes = at_once(16, |_| {
        let (host, rescue) = (host.clone(), rescue.clone());
        async move { redeem(&host, &rescue).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|redeemed| **redeemed).count(), 1);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), 1);
    assert!(host.sigra.not_me().peek(&rescue).await.unwrap().is_none());
}

#[tokio::test]
async fn tk_04_a_rescue_is_good_for_72_hours() {
    let host = TestHost::new();
    let (_, thief, rescue) = burgled(&host).await;
    host.advance(72 * 3_600 - 1);
    assert!(host.sigra.not_me().peek(&rescue).await.unwrap().is_some());
    host.advance(1);
    assert!(!redeem(&host, &rescue).await);
    assert_none_audited(&host.store, names::NOT_ME, |_| true).await;
    assert!(thief.session.expires_at < host.sigra.clock().now());
}

#[tokio::test]
async fn au_01_a_rescue_that_fails_is_audited() {
    let host = TestHost::new();
    let (ann, thief, _) = burgled(&host).await;
    for bad in ["", "0", &"A".repeat(43), &thief.cookie()] {
        assert!(!redeem(&host, bad).await);
    }
    assert_eq!(count_audited(&host.store, names::NOT_ME_FAILURE, |_| true).await, 4);
    assert_eq!(host.store.users()[0].epochs, ann.epochs);
    assert!(host.resolve(&thief.cookie()).await.is_some());
}

#[tokio::test]
async fn a_rescue_is_worth_nothing_for_another_address_or_a_disabled_account() {
    let host = TestHost::new();
    let (ann, _, rescue) = burgled(&host).await;
    host.store.edit_user(ann.id, |user| user.email = common::email("ann@elsewhere.example"));
    assert!(!redeem(&host, &rescue).await);
    host.store.edit_user(ann.id, |user| {
        user.email = common::email(ANN);
        user.disabled_at = Some(user.created_at);
    });
    assert!(!redeem(&host, &rescue).await);
}

#[tokio::test]
async fn the_reset_of_a_rescue_knows_no_budget() {
    let host = TestHost::builder().config(|config| config.mail.budget.max = 1).build();
    let (_, _, rescue) = burgled(&host).await;
    for _ in 0..5 {
        let _ = host.sigra.reset().request(ANN, &host.client()).await.unwrap();
    }
    host.run_workers().await;
    let before = host.count_mailed(&MailKind::RESET_PASSWORD, ANN);
    assert_eq!(before, 3, "the confirmation took the budget, the reserve is three");
    assert!(redeem(&host, &rescue).await);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), before + 1);
}
