//! Authenticating again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{ANN, InterleavingHasher, NEW_PASSWORD, at_once, current, reset_link, signs_in};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::{Proof, WayIn};
use sigra_core::flows::{ResetOutcome, SudoOutcome};
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, WRONG_PASSWORD};

async fn sudo(host: &TestHost, session: &SignedIn, password: &str) -> SudoOutcome {
    let current = current(host, session).await;
    host.sigra.sudo().password(&current, password, &host.client()).await.unwrap()
}

#[tokio::test]
async fn se_06_sudo_opens_the_window_under_a_new_token() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let stale = host.stale(&ann).await;
    let SudoOutcome::Granted { token, session } = sudo(&host, &stale, PASSWORD).await else { panic!("must be fresh") };
    assert!(host.resolve(&stale.cookie()).await.is_none(), "the old token is dead at once");
    let now = host.sigra.clock().now();
    let resolved = host.resolve(&token.expose()).await.unwrap();
    assert_eq!(resolved.session(), &*session);
    assert!(session.is_fresh(now) && session.id == stale.session.id);
    assert_audited(&host.store, names::SUDO_ENTER, |event| event.session == Some(session.id)).await;
}

#[tokio::test]
async fn the_window_is_five_minutes_wide_and_signing_in_opens_it() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    host.advance(299);
    assert!(session.session.is_fresh(host.sigra.clock().now()));
    host.advance(1);
    assert!(!session.session.is_fresh(host.sigra.clock().now()));
    let again = host.fresh(&session).await;
    host.advance(299);
    assert!(current(&host, &again).await.session().is_fresh(host.sigra.clock().now()));
    host.advance(1);
    assert!(!current(&host, &again).await.session().is_fresh(host.sigra.clock().now()));
}

#[tokio::test]
async fn se_24_a_remembered_session_is_never_fresh_by_itself_but_sudo_opens_it() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    assert!(!session.session.is_fresh(host.sigra.clock().now()));
    let fresh = host.fresh(&session).await;
    assert!(fresh.session.is_fresh(host.sigra.clock().now()) && fresh.session.remembered);
}

#[tokio::test]
async fn five_wrong_answers_end_the_session() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let (session, other) = (host.signed_in(&ann).await, host.signed_in(&ann).await);
    for _ in 0..4 {
        assert!(matches!(sudo(&host, &session, WRONG_PASSWORD).await, SudoOutcome::Wrong));
    }
    assert!(matches!(sudo(&host, &session, WRONG_PASSWORD).await, SudoOutcome::SessionEnded));
    assert!(host.resolve(&session.cookie()).await.is_none());
    assert!(host.resolve(&other.cookie()).await.is_some());
    assert_eq!(count_audited(&host.store, names::SUDO_FAILURE, |_| true).await, 5);
    let ended = assert_audited(&host.store, names::SESSION_DELETE, |_| true).await;
    assert_eq!(ended.metadata["why"], "sudo_failures");
    assert!(signs_in(&host, ANN, PASSWORD).await, "the account itself is not locked by it");
}

#[tokio::test]
async fn time_gives_no_more_answers_and_the_right_one_starts_over() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    for _ in 0..4 {
        assert!(matches!(sudo(&host, &session, WRONG_PASSWORD).await, SudoOutcome::Wrong));
        host.advance(3 * 3_600);
    }
    let session = host.fresh(&session).await;
    for _ in 0..4 {
        assert!(matches!(sudo(&host, &session, WRONG_PASSWORD).await, SudoOutcome::Wrong));
    }
    assert!(matches!(sudo(&host, &session, &"x".repeat(2_000)).await, SudoOutcome::SessionEnded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn th_07_parallel_answers_are_five_at_most() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let resolved = current(&host, &session).await;
    host.hasher.take_jobs();
    at_once(32, |_| {
        let (host, resolved) = (host.clone(), resolved.clone());
        async move {
            let outcome = host.sigra.sudo().password(&resolved, WRONG_PASSWORD, &host.client()).await.unwrap();
            assert!(!matches!(outcome, SudoOutcome::Granted { .. }));
        }
    })
    .await;
    assert_eq!(host.hasher.take_jobs().len(), 5);
    assert!(host.resolve(&session.cookie()).await.is_none());
    let late = host.sigra.sudo().password(&resolved, PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(late, SudoOutcome::SessionEnded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_right_answers_one_gets_the_token() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let resolved = current(&host, &session).await;
    let outcomes = at_once(5, |_| {
        let (host, resolved) = (host.clone(), resolved.clone());
        async move { host.sigra.sudo().password(&resolved, PASSWORD, &host.client()).await.unwrap() }
    })
    .await;
    let granted = outcomes.iter().filter(|outcome| matches!(outcome, SudoOutcome::Granted { .. })).count();
    assert_eq!(granted, 1);
    let superseded = outcomes.iter().filter(|outcome| matches!(outcome, SudoOutcome::Superseded)).count();
    assert_eq!(superseded, 4, "a double click signs nobody out");
    assert_eq!(count_audited(&host.store, names::SUDO_ENTER, |_| true).await, 1);
}

#[tokio::test]
async fn an_answer_that_found_no_room_is_not_counted() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let resolved = current(&host, &session).await;
    for _ in 0..10 {
        host.hasher.overload(1);
        assert!(host.sigra.sudo().password(&resolved, WRONG_PASSWORD, &host.client()).await.is_err());
    }
    assert!(matches!(sudo(&host, &session, PASSWORD).await, SudoOutcome::Granted { .. }));
}

#[tokio::test]
async fn a_reset_that_overtakes_sudo_wins() {
    let hasher = InterleavingHasher::default();
    let host = TestHost::builder().hasher(Arc::new(hasher.clone())).build();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let link = reset_link(&host, ANN).await;
    let meanwhile = host.clone();
    hasher.meanwhile(async move {
        let outcome = meanwhile.sigra.reset().redeem(&link, NEW_PASSWORD, &meanwhile.client()).await.unwrap();
        assert!(matches!(outcome, ResetOutcome::Done(_)));
    });
    assert!(matches!(sudo(&host, &session, PASSWORD).await, SudoOutcome::Superseded));
    assert_none_audited(&host.store, names::SUDO_ENTER, |_| true).await;
}

#[tokio::test]
async fn se_11_sudo_restarts_both_timers_of_a_session_it_proves_in_full() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    host.advance(1_000);
    let again = host.fresh(&session).await;
    let now = host.sigra.clock().now();
    assert_eq!(again.session.expires_at.since(now).as_secs(), 86_400);
    assert_eq!(again.session.idle_expires_at.since(now).as_secs(), 1_800);
    assert_eq!(again.session.assurance.at, now);
    assert_eq!(again.session.created_at, session.session.created_at);
}

#[tokio::test]
async fn se_10_se_12_a_password_alone_neither_raises_nor_prolongs_two_factors() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let methods = vec![Method::PASSWORD, Method::new("otp")];
    let entry = sigra_core::door::Entry { remember: true, ..host.entry() };
    let proof = Proof::new(WayIn::Password, &ann, Aal::Two, methods, host.sigra.clock().now());
    let session: SignedIn = common::granted(host.sigra.door().admit(proof, &entry).await.unwrap()).into();
    for _ in 0..47 {
        host.advance(1_800);
        current(&host, &session).await;
    }
    host.advance(1_799);
    let again = host.fresh(&session).await;
    assert_eq!(again.session.assurance.aal, Aal::Two);
    assert!(again.session.is_fresh(host.sigra.clock().now()));
    assert_eq!(again.session.expires_at, session.session.expires_at, "the last full authentication counts");
    host.advance(1);
    assert_eq!(current(&host, &again).await.session().assurance.aal, Aal::One, "its day is over");
    let lowered = host.fresh(&again).await;
    assert_eq!(lowered.session.assurance.aal, Aal::One);
}

#[tokio::test]
async fn a_session_by_mail_stays_at_aal_1_when_the_password_is_added() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    let link = common::magic_link(&host, ANN).await;
    let outcome = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    let sigra_core::flows::MagicLinkOutcome::Admitted(admission) = outcome else { panic!("must be let in") };
    let session: SignedIn = common::granted(admission).into();
    let again = host.fresh(&session).await;
    assert_eq!(again.session.assurance.methods, [Method::MAGIC_LINK, Method::PASSWORD]);
    assert_eq!(again.session.assurance.aal, Aal::One, "mail and password make no two factors");
}
