//! Proving the address of a registration.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, BOB, NOBODY, at_once, reasons, signs_in};
use sigra_core::audit::names;
use sigra_core::flows::{Confirmed, Requested};
use sigra_core::mail::MailKind;
use sigra_testing::audited::{assert_audited, assert_none_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

async fn by_token(host: &TestHost, token: &str) -> Confirmed {
    host.sigra.confirmation().by_token(token, &host.client()).await.unwrap()
}

async fn by_code(host: &TestHost, email: &str, code: &str) -> Confirmed {
    host.sigra.confirmation().by_code(email, code, &host.client()).await.unwrap()
}

async fn resend(host: &TestHost, email: &str) {
    assert_eq!(host.sigra.confirmation().resend(email, &host.client()).await.unwrap(), Requested::Noted);
    host.run_workers().await;
}

/// A code that is not this one.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..5])
}

#[tokio::test]
async fn tk_07_looking_at_a_link_consumes_nothing() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    for _ in 0..3 {
        let view = host.sigra.confirmation().peek(&token).await.unwrap().unwrap();
        assert_eq!((view.email.as_str(), view.device.as_deref()), (ANN, Some("Firefox on Linux")));
        assert_eq!(view.submitted_at, host.sigra.clock().now());
    }
    assert!(matches!(by_token(&host, &token).await, Confirmed::Created(_)));
    assert!(host.sigra.confirmation().peek(&token).await.unwrap().is_none());
}

#[tokio::test]
async fn a_link_works_once_and_signs_nobody_in() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    assert!(matches!(by_token(&host, &token).await, Confirmed::Created(_)));
    assert_eq!(by_token(&host, &token).await, Confirmed::Invalid);
    assert_none_audited(&host.store, names::SESSION_CREATE, |_| true).await;
    let event = assert_audited(&host.store, names::CONFIRMATION_SUCCESS, |_| true).await;
    assert_eq!(event.metadata["method"], "link");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_03_of_sixteen_redemptions_one_creates_the_account() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let (token, code) = (host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN), host.mailed_code(ANN));
    let outcomes = at_once(16, |number| {
        let (host, token, code) = (host.clone(), token.clone(), code.clone());
        async move { if number % 2 == 0 { by_token(&host, &token).await } else { by_code(&host, ANN, &code).await } }
    })
    .await;
    let created = outcomes.iter().filter(|outcome| matches!(outcome, Confirmed::Created(_))).count();
    assert_eq!((created, host.store.users().len()), (1, 1));
    assert_eq!(reasons(&host, names::REGISTER_SUCCESS).len(), 1);
}

#[tokio::test]
async fn tk_04_a_link_ends_with_the_second_it_expires() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    host.advance(48 * 3_600 - 1);
    assert!(host.sigra.confirmation().peek(&token).await.unwrap().is_some());
    host.advance(1);
    assert!(host.sigra.confirmation().peek(&token).await.unwrap().is_none());
    assert_eq!(by_token(&host, &token).await, Confirmed::Invalid);
}

#[tokio::test]
async fn tk_06_what_is_no_token_is_invalid() {
    let host = TestHost::new();
    host.registered(ANN).await;
    for bad in ["", " ", "0", "null", "[]", "{}", "%", &"A".repeat(43), &"A".repeat(10_000)] {
        assert_eq!(by_token(&host, bad).await, Confirmed::Invalid, "{bad:.20}");
    }
    assert_eq!(reasons(&host, names::CONFIRMATION_FAILURE).len(), 9);
}

#[tokio::test]
async fn a_code_confirms_within_its_ten_minutes() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let code = host.mailed_code(ANN);
    host.advance(599);
    assert!(matches!(by_code(&host, " ANN@example.org ", &code).await, Confirmed::Created(_)));
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_eq!(by_code(&host, ANN, &code).await, Confirmed::Invalid);

    host.registered(BOB).await;
    let code = host.mailed_code(BOB);
    host.advance(600);
    assert_eq!(by_code(&host, BOB, &code).await, Confirmed::Invalid);
}

#[tokio::test]
async fn tk_12_a_code_is_worth_nothing_for_another_address() {
    let host = TestHost::new();
    host.registered(ANN).await;
    host.registered(BOB).await;
    let (anns, bobs) = (host.mailed_code(ANN), host.mailed_code(BOB));
    if anns != bobs {
        assert_eq!(by_code(&host, BOB, &anns).await, Confirmed::Invalid);
        assert_eq!(by_code(&host, ANN, &bobs).await, Confirmed::Invalid);
    }
    assert!(matches!(by_code(&host, ANN, &anns).await, Confirmed::Created(_)));
}

#[tokio::test]
async fn tk_12_a_code_takes_five_tries() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let code = host.mailed_code(ANN);
    for _ in 0..5 {
        assert_eq!(by_code(&host, ANN, &other_than(&code)).await, Confirmed::Invalid);
    }
    assert_eq!(by_code(&host, ANN, &code).await, Confirmed::Invalid, "used up");
    resend(&host, ANN).await;
    assert!(matches!(by_code(&host, ANN, &host.mailed_code(ANN)).await, Confirmed::Created(_)));
}

#[tokio::test]
async fn tk_12_the_fifth_try_may_be_right() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let code = host.mailed_code(ANN);
    for _ in 0..4 {
        assert_eq!(by_code(&host, ANN, &other_than(&code)).await, Confirmed::Invalid);
    }
    assert!(matches!(by_code(&host, ANN, &code).await, Confirmed::Created(_)));
}

#[tokio::test]
async fn tk_12_an_address_takes_ten_tries_a_day_over_all_its_codes() {
    let host = TestHost::new();
    host.registered(ANN).await;
    for _ in 0..2 {
        for _ in 0..5 {
            let wrong = other_than(&host.mailed_code(ANN));
            assert_eq!(by_code(&host, ANN, &wrong).await, Confirmed::Invalid);
        }
        resend(&host, ANN).await;
    }
    assert_eq!(by_code(&host, ANN, &host.mailed_code(ANN)).await, Confirmed::Invalid, "ten are used up");
    host.advance(86_400 - 1);
    resend(&host, ANN).await;
    assert_eq!(by_code(&host, ANN, &host.mailed_code(ANN)).await, Confirmed::Invalid, "the day is not over");
    let link = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    assert!(host.sigra.confirmation().peek(&link).await.unwrap().is_some(), "the link does not care");
    host.advance(1);
    assert!(matches!(by_code(&host, ANN, &host.mailed_code(ANN)).await, Confirmed::Created(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_12_parallel_guesses_share_the_tries_of_a_code() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let wrong = other_than(&host.mailed_code(ANN));
    at_once(32, |_| {
        let (host, wrong) = (host.clone(), wrong.clone());
        async move { assert_eq!(by_code(&host, ANN, &wrong).await, Confirmed::Invalid) }
    })
    .await;
    let reasons = reasons(&host, names::CONFIRMATION_FAILURE);
    assert_eq!(reasons.iter().filter(|reason| *reason == "invalid_code").count(), 10);
    assert_eq!(reasons.iter().filter(|reason| *reason == "exhausted").count(), 22);
}

#[tokio::test]
async fn tk_12_unknown_exhausted_expired_confirmed_and_wrong_answer_alike() {
    let host = TestHost::new();
    host.registered(ANN).await;
    host.confirmed(BOB).await;
    let code = host.mailed_code(ANN);
    for (address, code) in [(NOBODY, "123456"), (BOB, "123456"), (ANN, &other_than(&code)), (ANN, "12345x"), ("?", "1")]
    {
        assert_eq!(by_code(&host, address, code).await, Confirmed::Invalid);
    }
    let event = assert_audited(&host.store, names::CONFIRMATION_FAILURE, |_| true).await;
    assert_eq!((event.actor, event.subject), (None, None));
}

#[tokio::test]
async fn a_resend_leaves_links_alive_and_replaces_the_code() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let (link, code) = (host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN), host.mailed_code(ANN));
    resend(&host, ANN).await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 2);
    if code != host.mailed_code(ANN) {
        assert_eq!(by_code(&host, ANN, &code).await, Confirmed::Invalid);
    }
    assert!(matches!(by_token(&host, &link).await, Confirmed::Created(_)));
}

#[tokio::test]
async fn a_resend_answers_each_waiting_registration_and_nobody_else() {
    let host = TestHost::new();
    for number in 0..4 {
        host.registered_with(ANN, &format!("the password number {number}")).await;
    }
    host.advance(3_600);
    host.mailer.take();
    resend(&host, ANN).await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 3, "at most so many");
    resend(&host, NOBODY).await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, NOBODY), 0);
    let odd = host.sigra.confirmation().resend("not an address", &host.client()).await.unwrap();
    assert_eq!(odd, Requested::InvalidEmail);
}

#[tokio::test]
async fn a_registration_overtaken_by_an_account_is_invalid_and_gone() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let (token, code) = (host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN), host.mailed_code(ANN));
    let account = sigra_core::ports::NewAccount {
        id: sigra_core::id::UserId::new(host.sigra.clock().now()),
        email: common::email(ANN),
        password: None,
        profile: serde_json::json!({}),
        confirmed_at: Some(host.sigra.clock().now()),
        created_at: host.sigra.clock().now(),
        quarantine: Vec::new(),
    };
    let evidence = sigra_core::evidence::Evidence::none();
    assert!(host.sigra.stores().accounts.create(&account, evidence).await.unwrap());
    assert_eq!(by_token(&host, &token).await, Confirmed::Invalid);
    assert_eq!(by_code(&host, ANN, &code).await, Confirmed::Invalid);
    assert_eq!(reasons(&host, names::CONFIRMATION_FAILURE), ["address_taken", "invalid_code"]);
    assert!(!signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test]
async fn th_02_a_right_code_clears_the_count_of_its_address() {
    let host = TestHost::new();
    host.registered(ANN).await;
    let code = host.mailed_code(ANN);
    for _ in 0..4 {
        assert_eq!(by_code(&host, ANN, &other_than(&code)).await, Confirmed::Invalid);
    }
    assert!(matches!(by_code(&host, ANN, &code).await, Confirmed::Created(_)));
    for _ in 0..10 {
        assert_eq!(by_code(&host, ANN, &code).await, Confirmed::Invalid);
    }
    assert!(!reasons(&host, names::CONFIRMATION_FAILURE).contains(&"exhausted".to_owned()));
}

#[tokio::test]
async fn a_code_is_not_said_to_outlive_its_registration() {
    let host = TestHost::new();
    host.registered(ANN).await;
    host.advance(48 * 3_600 - 300);
    resend(&host, ANN).await;
    let mail = host.mailer.last(&MailKind::CONFIRM_EMAIL, &common::email(ANN)).unwrap();
    assert!(mail.text.contains("code_valid_secs: 300\n"), "{}", mail.text);
}
