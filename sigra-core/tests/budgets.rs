//! How much mail one recipient gets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, BOB, NEW_PASSWORD};
use sigra_core::audit::names;
use sigra_core::mail::MailKind;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::TestHost;

async fn magic_link(host: &TestHost, email: &str) {
    let _ = host.sigra.magic_link().request(email, &host.client()).await.unwrap();
    host.run_workers().await;
}

async fn reset(host: &TestHost, email: &str) {
    let _ = host.sigra.reset().request(email, &host.client()).await.unwrap();
    host.run_workers().await;
}

async fn suppressed(host: &TestHost, kind: &MailKind) -> usize {
    count_audited(&host.store, names::MAIL_SUPPRESSED, |event| event.metadata["kind"] == kind.as_str()).await
}

#[tokio::test]
async fn th_20_a_recipient_gets_eight_mails_an_hour_over_all_kinds() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    for _ in 0..10 {
        magic_link(&host, ANN).await;
    }
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, ANN), 7, "one was the confirmation");
    assert_eq!(suppressed(&host, &MailKind::MAGIC_LINK).await, 3);
    let event = assert_audited(&host.store, names::MAIL_SUPPRESSED, |_| true).await;
    assert_eq!((event.subject, event.reason.as_deref()), (Some(ann.id), Some("budget")));
    host.confirmed(BOB).await;
    host.advance(3_600);
    magic_link(&host, ANN).await;
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, ANN), 8, "the hour is over");
}

#[tokio::test]
async fn th_20_resets_have_a_reserve_beyond_that() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for _ in 0..10 {
        magic_link(&host, ANN).await;
    }
    for _ in 0..5 {
        reset(&host, ANN).await;
    }
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), 3);
    assert_eq!(suppressed(&host, &MailKind::RESET_PASSWORD).await, 2);
}

#[tokio::test]
async fn th_06_variants_of_an_address_share_its_budget() {
    let host = TestHost::new();
    for number in 0..5 {
        host.registered(&format!("a.n.n+{number}@example.org")).await;
        host.registered(&format!("ann+tag{number}@EXAMPLE.org")).await;
    }
    assert_eq!(host.mailer.sent().len(), 8);
    assert_eq!(suppressed(&host, &MailKind::CONFIRM_EMAIL).await, 2);
    let event = assert_audited(&host.store, names::MAIL_SUPPRESSED, |_| true).await;
    assert_eq!(event.subject, None);
    assert!(!format!("{event:?}").contains("example"), "{event:?}");
}

#[tokio::test]
async fn th_20_notices_of_somebody_elses_doing_come_once_a_day() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for _ in 0..3 {
        host.registered_with(ANN, NEW_PASSWORD).await;
    }
    assert_eq!(host.count_mailed(&MailKind::ALREADY_REGISTERED, ANN), 1);
    assert_eq!(suppressed(&host, &MailKind::ALREADY_REGISTERED).await, 2);
    host.locked(ANN).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::ACCOUNT_LOCKED, ANN), 1, "each kind by itself");
    host.advance(86_399);
    host.registered_with(ANN, NEW_PASSWORD).await;
    assert_eq!(host.count_mailed(&MailKind::ALREADY_REGISTERED, ANN), 1);
    host.advance(1);
    host.registered_with(ANN, NEW_PASSWORD).await;
    assert_eq!(host.count_mailed(&MailKind::ALREADY_REGISTERED, ANN), 2);
}

#[tokio::test]
async fn th_20_the_owners_own_doing_is_always_told() {
    let host = TestHost::builder().config(|config| config.mail.budget.max = 1).build();
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    for _ in 0..5 {
        host.signed_in(&ann).await;
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 5);
}
