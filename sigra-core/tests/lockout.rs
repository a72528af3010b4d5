//! Guessing, and what it costs whom.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use common::{ANN, BOB, NEW_PASSWORD, NOBODY, at_once, is_refused, magic_link, reasons, reset_link, signs_in};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::{Admission, Entry, Gate, GateContext, GateVerdict, Proof, Step, WayIn};
use sigra_core::error::FlowError;
use sigra_core::flows::{LoginOutcome, MagicLinkOutcome, PasswordAttempt, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_core::ports::WorkOrigin;
use sigra_core::time::Clock as _;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost, WRONG_PASSWORD, client};
use sigra_testing::{ManualClock, MemoryStore};

/// Owes a step of everybody.
struct OwesAStep;

#[async_trait]
impl Gate for OwesAStep {
    async fn judge(&self, _: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        Ok(GateVerdict::Require(Step::MFA))
    }
}

async fn wrong(host: &TestHost, email: &str) {
    assert!(is_refused(&host.login(email, WRONG_PASSWORD).await));
}

fn last_reason(host: &TestHost) -> String {
    reasons(host, names::LOGIN_FAILURE).pop().unwrap()
}

/// Uses up what strangers may guess. Moves the time on by days.
async fn exhausted(host: &TestHost, email: &str) {
    for _ in 0..80 {
        wrong(host, email).await;
        assert_ne!(last_reason(host), "locked");
        host.advance(3_600);
    }
}

#[tokio::test]
async fn th_02_th_03_locks_grow_and_come_again_after_each_lapse() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for _ in 0..5 {
        wrong(&host, ANN).await;
    }
    assert_none_audited(&host.store, names::LOCKOUT, |_| true).await;
    for (nth, minutes) in [1, 2, 4, 8, 16, 32, 60, 60, 60].into_iter().enumerate() {
        wrong(&host, ANN).await;
        assert_eq!(last_reason(&host), "invalid_password", "attempt {nth} after a lapse is evaluated");
        host.advance(minutes * 60 - 1);
        assert!(is_refused(&host.login(ANN, PASSWORD).await), "locked for {minutes} minutes");
        assert_eq!(last_reason(&host), "locked");
        host.advance(1);
    }
    assert_eq!(count_audited(&host.store, names::LOCKOUT, |_| true).await, 9);
    assert!(signs_in(&host, ANN, PASSWORD).await, "the lock has lapsed");
}

#[tokio::test]
async fn th_02_success_clears_the_count() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for _ in 0..4 {
        for _ in 0..5 {
            wrong(&host, ANN).await;
        }
        assert!(signs_in(&host, ANN, PASSWORD).await);
    }
}

#[tokio::test]
async fn th_02_a_sign_in_clears_the_count_by_being_recorded() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.store.fail_always("attempts.clear");
    for _ in 0..4 {
        for _ in 0..5 {
            wrong(&host, ANN).await;
        }
        assert!(signs_in(&host, ANN, PASSWORD).await);
        host.advance(1);
    }
}

#[tokio::test]
async fn th_02_a_right_password_that_owes_a_step_clears_the_count() {
    let host = TestHost::builder().gate(Arc::new(OwesAStep)).build();
    host.confirmed(ANN).await;
    for _ in 0..4 {
        for _ in 0..5 {
            wrong(&host, ANN).await;
        }
        let outcome = host.login(ANN, PASSWORD).await;
        assert!(matches!(outcome, LoginOutcome::Admitted(Admission::StepRequired(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn th_02_a_count_that_a_clock_ahead_has_started_is_cleared_too() {
    let (store, behind) = (MemoryStore::new(), ManualClock::default());
    let ahead = ManualClock::at(behind.now() + Duration::from_secs(30));
    let behind = TestHost::over(store.clone(), store.stores()).clock(behind).build();
    let ahead = TestHost::over(store.clone(), store.stores()).clock(ahead).build();
    behind.confirmed(ANN).await;
    for _ in 0..4 {
        for _ in 0..5 {
            wrong(&ahead, ANN).await;
        }
        assert!(signs_in(&behind, ANN, PASSWORD).await);
    }
}

/// A sign-in by other means than the password and mail.
async fn signed_in_showing(host: &TestHost, methods: Vec<Method>) {
    let user = host.store.users().remove(0);
    let proof = Proof::new(WayIn::MagicLink, &user, Aal::One, methods, host.sigra.clock().now());
    let admission = host.sigra.door().admit(proof, &Entry::default()).await.unwrap();
    assert!(matches!(admission, Admission::Granted(_)), "{admission:?}");
}

#[tokio::test]
async fn th_02_a_sign_in_that_shows_neither_password_nor_mailbox_leaves_the_count() {
    let passkey = || vec![Method::new("hwk"), Method::MULTI_FACTOR];
    for methods in [passkey(), vec![Method::new("swk"), Method::TRUSTED_BROWSER]] {
        let host = TestHost::new();
        host.confirmed(ANN).await;
        for _ in 0..6 {
            wrong(&host, ANN).await;
            host.advance(1);
            signed_in_showing(&host, methods.clone()).await;
            host.advance(1);
        }
        assert!(is_refused(&host.login(ANN, PASSWORD).await), "guessing goes on for free");
        assert_eq!(last_reason(&host), "locked");
    }
}

#[tokio::test]
async fn th_02_a_sign_in_that_shows_the_mailbox_clears_the_count() {
    for method in [Method::MAGIC_LINK, Method::EMAIL_CODE] {
        let host = TestHost::new();
        host.confirmed(ANN).await;
        for _ in 0..6 {
            wrong(&host, ANN).await;
        }
        signed_in_showing(&host, vec![Method::new("hwk"), method]).await;
        host.advance(1);
        assert!(signs_in(&host, ANN, PASSWORD).await);
    }
}

#[tokio::test]
async fn th_04_success_clears_nobody_elses_count() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.confirmed(BOB).await;
    for _ in 0..5 {
        wrong(&host, ANN).await;
    }
    assert!(signs_in(&host, BOB, PASSWORD).await);
    wrong(&host, ANN).await;
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
}

#[tokio::test]
async fn th_06_variants_of_one_address_share_the_count_and_the_client_does_not_matter() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for (number, variant) in
        [ANN, "ANN@example.org", "Ann@EXAMPLE.org", " ann@example.org", "ann@example.org "].iter().enumerate()
    {
        let entry = Entry { client: client(u8::try_from(number).unwrap()), ..Entry::default() };
        assert!(is_refused(&host.login_with(variant, WRONG_PASSWORD, &entry).await));
    }
    wrong(&host, ANN).await;
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
}

#[tokio::test]
async fn th_01_beyond_the_cap_only_a_proof_of_the_mailbox_reopens() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    exhausted(&host, ANN).await;
    host.advance(365 * 86_400);
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    assert_eq!(last_reason(&host), "exhausted");

    let link = magic_link(&host, ANN).await;
    let outcome = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    assert!(matches!(outcome, MagicLinkOutcome::Admitted(Admission::Granted(_))));
    assert!(signs_in(&host, ANN, PASSWORD).await);

    exhausted(&host, ANN).await;
    let link = reset_link(&host, ANN).await;
    let outcome = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
}

#[tokio::test]
async fn th_01_an_account_takes_a_hundred_failures_over_all_lanes() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let device = host.signed_in(&ann).await.returning(host.client());
    exhausted(&host, ANN).await;
    for _ in 0..20 {
        assert!(is_refused(&host.login_with(ANN, WRONG_PASSWORD, &device).await));
        assert_eq!(last_reason(&host), "invalid_password");
        host.advance(3_600);
    }
    for entry in [&device, &host.entry()] {
        assert!(is_refused(&host.login_with(ANN, PASSWORD, entry).await));
        assert_eq!(last_reason(&host), "exhausted");
    }
}

#[tokio::test]
async fn th_05_strangers_cannot_lock_the_owner_out_of_a_known_device() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let device = host.signed_in(&ann).await.returning(host.client());
    exhausted(&host, ANN).await;
    host.hasher.take_jobs();
    let session = host.signed_in_with(&ann, &device).await;
    assert_eq!(host.hasher.take_jobs()[0].origin, WorkOrigin::KnownDevice);
    assert!(session.device.is_none(), "the device it has stays good");
}

#[tokio::test]
async fn th_05_a_known_device_has_a_lane_of_its_own() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let device = host.signed_in(&ann).await.returning(host.client());
    for _ in 0..6 {
        assert!(is_refused(&host.login_with(ANN, WRONG_PASSWORD, &device).await));
    }
    assert!(is_refused(&host.login_with(ANN, PASSWORD, &device).await));
    assert_eq!(last_reason(&host), "locked");
    assert!(signs_in(&host, ANN, PASSWORD).await, "strangers are another lane");
}

#[tokio::test]
async fn th_05_a_copied_device_cookie_gives_a_lane_and_nothing_more() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let bob = host.confirmed(BOB).await;
    let anns = host.signed_in(&ann).await.returning(client(66));
    assert!(is_refused(&host.login_with(ANN, WRONG_PASSWORD, &anns).await));

    // For another account it is a stranger's.
    host.locked(BOB).await;
    host.hasher.take_jobs();
    assert!(is_refused(&host.login_with(BOB, PASSWORD, &anns).await));
    assert_eq!(last_reason(&host), "locked");
    assert_eq!(host.hasher.take_jobs()[0].origin, WorkOrigin::Network(client(66).block()));
    host.advance(60);
    let session = host.signed_in_with(&bob, &anns).await;
    assert!(session.device.is_some(), "bob's browser gets a device of bob's own");
    // For nobody it is nobody's.
    assert!(is_refused(&host.login_with(NOBODY, PASSWORD, &anns).await));
}

#[tokio::test]
async fn an_attempt_that_found_no_room_is_not_counted() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for _ in 0..5 {
        wrong(&host, ANN).await;
    }
    let entry = host.entry();
    for _ in 0..100 {
        host.hasher.overload(1);
        let attempt = PasswordAttempt { email: ANN, password: WRONG_PASSWORD, entry: &entry };
        let error = host.sigra.login().password(attempt).await.unwrap_err();
        assert!(matches!(error, FlowError::Overloaded { .. }));
    }
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn th_07_of_thirty_two_simultaneous_guesses_six_are_evaluated() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    at_once(32, |_| {
        let host = host.clone();
        async move { wrong(&host, ANN).await }
    })
    .await;
    let reasons = reasons(&host, names::LOGIN_FAILURE);
    assert_eq!(reasons.iter().filter(|reason| *reason == "invalid_password").count(), 6);
    assert_eq!(reasons.iter().filter(|reason| *reason == "locked").count(), 26);
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn th_07_the_right_password_among_parallel_guesses_earns_no_more_of_them() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let outcomes = at_once(32, |number| {
        let host = host.clone();
        async move { host.login(ANN, if number == 16 { PASSWORD } else { WRONG_PASSWORD }).await }
    })
    .await;
    let granted = outcomes.iter().filter(|outcome| matches!(outcome, LoginOutcome::Admitted(_))).count();
    let evaluated = reasons(&host, names::LOGIN_FAILURE).iter().filter(|reason| *reason == "invalid_password").count();
    assert!(granted <= 1 && evaluated <= 6 * (granted + 1), "{granted} granted, {evaluated} evaluated");
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, granted);
}

#[tokio::test]
async fn th_22_the_owner_hears_of_locks_once_a_day() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.locked(ANN).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::ACCOUNT_LOCKED, ANN), 1);
    assert_eq!(host.mailed_token(&MailKind::ACCOUNT_LOCKED, ANN).len(), 43);
    host.advance(3_600);
    wrong(&host, ANN).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::ACCOUNT_LOCKED, ANN), 1);
    let event = assert_audited(&host.store, names::MAIL_SUPPRESSED, |_| true).await;
    assert_eq!((event.subject, &event.metadata["kind"]), (Some(ann.id), &"account_locked".into()));
    host.advance(86_400);
    wrong(&host, ANN).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::ACCOUNT_LOCKED, ANN), 2);
}

#[tokio::test]
async fn th_15_locking_an_unknown_address_looks_the_same_and_mails_nobody() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let mut traces = Vec::new();
    for email in [ANN, NOBODY] {
        host.advance(1);
        let before = host.store.events().len();
        host.locked(email).await;
        let now = host.sigra.clock().now();
        let requests = host.sigra.stores().requests.lease(100, now, now).await.unwrap().len();
        let mut names: Vec<_> = host.store.events()[before..].iter().map(|event| event.name.clone()).collect();
        names.sort();
        traces.push((requests, names));
        host.mailer.take();
        host.run_workers().await;
    }
    assert_eq!(traces[0], traces[1]);
    assert_eq!(traces[0].0, 1, "the notice is a request like any other");
    assert_eq!(host.mailer.sent().len(), 0);
    let event = assert_audited(&host.store, names::LOCKOUT, |event| event.subject.is_none()).await;
    assert_eq!(event.metadata["attempts"], 6);
}

#[tokio::test]
async fn reaching_a_cap_that_no_lock_precedes_is_told_too() {
    let host = TestHost::builder().config(|config| config.lockout.strangers.cap = 5).build();
    host.confirmed(ANN).await;
    for _ in 0..5 {
        wrong(&host, ANN).await;
    }
    assert_audited(&host.store, names::LOCKOUT, |_| true).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::ACCOUNT_LOCKED, ANN), 1);
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
}

#[tokio::test]
async fn what_is_no_address_is_counted_and_tells_nobody() {
    let host = TestHost::new();
    for _ in 0..7 {
        wrong(&host, "no address").await;
    }
    assert_eq!(last_reason(&host), "locked");
    let now = host.sigra.clock().now();
    assert!(host.sigra.stores().requests.lease(10, now, now).await.unwrap().is_empty());
}

#[tokio::test]
async fn guesses_at_nobody_are_forgotten_after_a_month_and_those_at_an_account_never() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    for address in [ANN, NOBODY] {
        exhausted(&host, address).await;
        wrong(&host, address).await;
        assert_eq!(last_reason(&host), "exhausted", "{address}");
    }
    host.advance(30 * 24 * 3_600);
    wrong(&host, NOBODY).await;
    assert_eq!(last_reason(&host), "unknown_address");
    host.advance(365 * 24 * 3_600);
    wrong(&host, ANN).await;
    assert_eq!(last_reason(&host), "exhausted", "time alone gives no further guesses");
}
