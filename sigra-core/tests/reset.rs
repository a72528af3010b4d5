//! Replacing a forgotten password.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, NEW_PASSWORD, NOBODY, at_once, is_refused, magic_link, reasons, reset_link, signs_in};
use sigra_core::audit::names;
use sigra_core::flows::{InputFault, Requested, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_core::password::Password;
use sigra_core::ports::PasswordFault;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

async fn redeem(host: &TestHost, token: &str, password: &str) -> ResetOutcome {
    host.sigra.reset().redeem(token, password, &host.client()).await.unwrap()
}

fn is_done(outcome: &ResetOutcome) -> bool {
    matches!(outcome, ResetOutcome::Done(_))
}

#[tokio::test]
async fn tk_09_tk_10_a_reset_replaces_the_password_ends_everything_and_signs_nobody_in() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let sessions = [host.signed_in(&ann).await, host.remembered(&ann).await];
    let magic = magic_link(&host, ANN).await;
    let device = sessions[0].returning(host.client());
    let created = count_audited(&host.store, names::SESSION_CREATE, |_| true).await;

    let link = reset_link(&host, ANN).await;
    let ResetOutcome::Done(user) = redeem(&host, &link, NEW_PASSWORD).await else { panic!("must be done") };
    assert_eq!(user.epochs.security, ann.epochs.security + 1);
    for session in &sessions {
        assert!(host.resolve(&session.cookie()).await.is_none());
    }
    assert!(host.sigra.sessions().list(&user).await.unwrap().is_empty());
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, created);
    let ended = assert_audited(&host.store, names::SESSION_REVOKE_ALL, |_| true).await;
    assert_eq!(ended.metadata["count"], 2);
    assert!(host.sigra.magic_link().peek(&magic).await.unwrap().is_none());
    assert!(!signs_in(&host, ANN, PASSWORD).await);
    let again = host.login_with(ANN, NEW_PASSWORD, &device).await;
    let again = sigra_testing::scenario::SignedIn::of(again);
    assert!(again.device.is_some(), "the device was forgotten and is given another token");
}

#[tokio::test]
async fn tk_09_the_owner_is_told_with_a_way_to_disown_it() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    assert!(is_done(&redeem(&host, &link, NEW_PASSWORD).await));
    host.run_workers().await;
    let notice = host.mailer.last(&MailKind::PASSWORD_CHANGED, &common::email(ANN)).unwrap();
    assert!(notice.text.contains("not_me: ") && notice.text.contains("device: Firefox on Linux"), "{}", notice.text);
    assert!(!notice.text.contains(NEW_PASSWORD));
    let rescue = host.mailed_token(&MailKind::PASSWORD_CHANGED, ANN);
    assert!(host.sigra.not_me().peek(&rescue).await.unwrap().is_some());
}

#[tokio::test]
async fn tk_05_a_link_works_once() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    assert!(is_done(&redeem(&host, &link, NEW_PASSWORD).await));
    assert_eq!(redeem(&host, &link, PASSWORD).await, ResetOutcome::Invalid);
    assert_eq!(reasons(&host, names::PASSWORD_RESET_FAILURE), ["invalid_token"]);
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_03_of_sixteen_redemptions_one_counts() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    let outcomes = at_once(16, |number| {
        let (host, link) = (host.clone(), link.clone());
        async move { is_done(&redeem(&host, &link, &format!("the new password {number}")).await) }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|done| **done).count(), 1);
    let winner = outcomes.iter().position(|done| *done).unwrap();
    assert!(signs_in(&host, ANN, &format!("the new password {winner}")).await);
    assert_eq!(host.store.users()[0].epochs.security, ann.epochs.security + 1);
}

#[tokio::test]
async fn tk_04_a_link_ends_with_the_second_it_expires() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    host.advance(3_599);
    assert!(host.sigra.reset().peek(&link).await.unwrap().is_some());
    host.advance(1);
    assert!(host.sigra.reset().peek(&link).await.unwrap().is_none());
    assert_eq!(redeem(&host, &link, NEW_PASSWORD).await, ResetOutcome::Invalid);
}

#[tokio::test]
async fn a_refused_password_and_a_full_queue_leave_the_link_alive() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    let short = InputFault::Password(PasswordFault::TooShort { minimum: 15 });
    assert_eq!(redeem(&host, &link, "short").await, ResetOutcome::Rejected(vec![short]));
    let long = "x".repeat(Password::MAX_BYTES + 1);
    let too_long = InputFault::Password(PasswordFault::TooLong);
    assert_eq!(redeem(&host, &link, &long).await, ResetOutcome::Rejected(vec![too_long]));
    host.hasher.overload(1);
    assert!(host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.is_err());
    assert!(signs_in(&host, ANN, PASSWORD).await, "nothing has changed");
    assert!(is_done(&redeem(&host, &link, NEW_PASSWORD).await));
}

#[tokio::test]
async fn tk_11_asking_changes_nothing() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let before = host.store.users();
    let _ = reset_link(&host, ANN).await;
    assert_eq!(host.store.users(), before);
    assert!(host.resolve(&session.cookie()).await.is_some());
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test]
async fn a_newer_link_leaves_the_older_one_fifteen_minutes() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let oldest = reset_link(&host, ANN).await;
    host.advance(60);
    let older = reset_link(&host, ANN).await;
    host.advance(899);
    let newest = reset_link(&host, ANN).await;
    for link in [&oldest, &older, &newest] {
        assert!(host.sigra.reset().peek(link).await.unwrap().is_some());
    }
    host.advance(1);
    assert!(host.sigra.reset().peek(&oldest).await.unwrap().is_none(), "nobody extends it by asking again");
    assert!(host.sigra.reset().peek(&older).await.unwrap().is_some());
    host.advance(899);
    assert!(host.sigra.reset().peek(&older).await.unwrap().is_none());
    assert!(is_done(&redeem(&host, &newest, NEW_PASSWORD).await));
}

#[tokio::test]
async fn a_used_link_takes_its_siblings_with_it() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let older = reset_link(&host, ANN).await;
    let newer = reset_link(&host, ANN).await;
    assert!(is_done(&redeem(&host, &newer, NEW_PASSWORD).await));
    assert_eq!(redeem(&host, &older, PASSWORD).await, ResetOutcome::Invalid);
}

#[tokio::test]
async fn tk_05_a_disabled_account_or_another_address_kills_a_link() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let link = reset_link(&host, ANN).await;
    host.store.edit_user(ann.id, |user| user.email = common::email("ann@elsewhere.example"));
    assert_eq!(redeem(&host, &link, NEW_PASSWORD).await, ResetOutcome::Invalid);
    host.store.edit_user(ann.id, |user| {
        user.email = common::email(ANN);
        user.disabled_at = Some(user.created_at);
    });
    assert_eq!(redeem(&host, &link, NEW_PASSWORD).await, ResetOutcome::Invalid);
    assert_none_audited(&host.store, names::PASSWORD_RESET_COMPLETE, |_| true).await;
}

#[tokio::test]
async fn a_reset_reopens_a_locked_account_and_gives_a_password_to_one_without() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.store.edit_user(ann.id, |user| user.confirmed_at = None);
    host.locked(ANN).await;
    let link = reset_link(&host, ANN).await;
    assert!(is_done(&redeem(&host, &link, NEW_PASSWORD).await));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
    let user = &host.store.users()[0];
    assert!(user.has_password && user.confirmed_at.is_some(), "the mailbox is proven by it");
}

#[tokio::test]
async fn th_18_unknown_addresses_are_answered_alike() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for email in [ANN, NOBODY] {
        let requested = host.sigra.reset().request(email, &host.client()).await.unwrap();
        assert_eq!(requested, Requested::Noted);
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), 1);
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, NOBODY), 0);
    assert!(is_refused(&host.login(NOBODY, PASSWORD).await));
}
