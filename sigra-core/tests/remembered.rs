//! Remembered sessions: rotation, reuse, and what they lose with time.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, at_once, current, granted};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::{Entry, Proof, WayIn};
use sigra_core::mail::MailKind;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{SignedIn, TestHost};

const DAY: u64 = 86_400;

async fn two_factors(host: &TestHost, user: &User, remember: bool) -> SignedIn {
    let methods = vec![Method::PASSWORD, Method::new("otp")];
    let proof = Proof::new(WayIn::Password, user, Aal::Two, methods, host.sigra.clock().now());
    let entry = Entry { remember, ..host.entry() };
    granted(host.sigra.door().admit(proof, &entry).await.unwrap()).into()
}

/// Uses a session as a browser would: keeps the token it is given.
async fn use_it(host: &TestHost, cookie: &mut String) -> Option<()> {
    let current = host.resolve(cookie).await?;
    if let Some(token) = current.rotated() {
        *cookie = token.expose().to_string();
    }
    Some(())
}

#[tokio::test]
async fn a_remembered_session_has_no_idle_limit_and_lasts_thirty_days() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let mut cookie = host.remembered(&ann).await.cookie();
    host.advance(20 * DAY);
    assert!(use_it(&host, &mut cookie).await.is_some());
    host.advance(10 * DAY - 1);
    assert!(use_it(&host, &mut cookie).await.is_some());
    host.advance(1);
    assert!(use_it(&host, &mut cookie).await.is_none());
}

#[tokio::test]
async fn se_23_the_token_is_replaced_once_a_day() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    host.advance(DAY - 1);
    assert!(current(&host, &session).await.rotated().is_none());
    host.advance(1);
    let token = current(&host, &session).await.rotated().cloned().unwrap();
    let after = host.resolve(&token.expose()).await.unwrap();
    assert!(after.rotated().is_none() && after.session().id == session.session.id);
    assert_eq!(after.session().expires_at, session.session.expires_at, "it lives no longer by that");
    assert_audited(&host.store, names::SESSION_ROTATE, |event| event.session == Some(session.session.id)).await;
}

#[tokio::test]
async fn an_ordinary_session_is_not_rotated() {
    let host =
        TestHost::builder().config(|config| config.sessions.rotate_secs = sigra_core::config::Seconds::new(61)).build();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    host.advance(1_000);
    assert!(current(&host, &session).await.rotated().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn se_23_of_sixteen_requests_one_rotates_and_none_is_turned_away() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    host.advance(DAY);
    let cookie = session.cookie();
    let rotated = at_once(16, |_| {
        let (host, cookie) = (host.clone(), cookie.clone());
        async move { host.resolve(&cookie).await.expect("the old token has its grace").rotated().is_some() }
    })
    .await;
    assert_eq!(rotated.iter().filter(|rotated| **rotated).count(), 1);
    assert_eq!(count_audited(&host.store, names::SESSION_ROTATE, |_| true).await, 1);
}

#[tokio::test]
async fn se_23_the_old_token_has_a_minute_and_then_ends_the_session() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    host.advance(DAY);
    let new = current(&host, &session).await.rotated().cloned().unwrap().expose();
    host.advance(59);
    let graced = current(&host, &session).await;
    assert!(graced.rotated().is_none(), "the old token begets no other");
    assert_none_audited(&host.store, names::SESSION_TOKEN_REUSE, |_| true).await;
    host.advance(1);
    assert!(host.resolve(&session.cookie()).await.is_none());
    assert!(host.resolve(&new).await.is_none(), "whoever holds it");
    let event = assert_audited(&host.store, names::SESSION_TOKEN_REUSE, |_| true).await;
    assert_eq!((event.subject, event.session), (Some(ann.id), Some(session.session.id)));
    host.run_workers().await;
    assert_eq!(host.mailed_token(&MailKind::SESSION_REUSED, ANN).len(), 43);
    for _ in 0..3 {
        assert!(host.resolve(&session.cookie()).await.is_none());
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::SESSION_REUSED, ANN), 1, "told once");
}

#[tokio::test]
async fn se_23_a_token_of_long_ago_ends_the_session_too() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    let mut cookie = session.cookie();
    for _ in 0..5 {
        host.advance(DAY);
        use_it(&host, &mut cookie).await.unwrap();
    }
    host.advance(3_600);
    assert!(host.resolve(&session.cookie()).await.is_none());
    assert!(host.resolve(&cookie).await.is_none());
}

#[tokio::test]
async fn a_token_of_an_ended_session_raises_no_alarm() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    host.advance(DAY);
    current(&host, &session).await;
    host.advance(30 * DAY);
    assert!(host.resolve(&session.cookie()).await.is_none());
    assert_none_audited(&host.store, names::SESSION_TOKEN_REUSE, |_| true).await;
}

#[tokio::test]
async fn se_10_two_factors_of_a_remembered_session_last_a_day() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = two_factors(&host, &ann, true).await;
    let mut cookie = session.cookie();
    for _ in 0..47 {
        host.advance(1_800);
        use_it(&host, &mut cookie).await.unwrap();
    }
    host.advance(1_799);
    assert_eq!(host.resolve(&cookie).await.unwrap().session().assurance.aal, Aal::Two);
    host.advance(1);
    let lowered = host.resolve(&cookie).await.unwrap();
    assert_eq!(lowered.session().assurance.aal, Aal::One);
    let stored = host.sigra.stores().sessions.list(ann.id, 1).await.unwrap();
    assert_eq!(stored[0].assurance.aal, Aal::One, "and for good");
}

#[tokio::test]
async fn se_10_two_factors_of_a_remembered_session_do_not_survive_an_idle_hour() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = two_factors(&host, &ann, true).await;
    host.advance(3_599);
    assert_eq!(current(&host, &session).await.session().assurance.aal, Aal::Two);
    host.advance(3_600);
    assert_eq!(current(&host, &session).await.session().assurance.aal, Aal::One);
    host.advance(1);
    assert_eq!(current(&host, &session).await.session().assurance.aal, Aal::One, "use does not bring it back");
}

#[tokio::test]
async fn se_12_an_ordinary_session_keeps_its_level_until_it_ends() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = two_factors(&host, &ann, false).await;
    host.advance(1_799);
    assert_eq!(current(&host, &session).await.session().assurance.aal, Aal::Two);
    host.advance(1_800);
    assert!(host.resolve(&session.cookie()).await.is_none());
}

#[tokio::test]
async fn se_10_a_lowered_level_that_cannot_be_stored_is_not_shown_either() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = two_factors(&host, &ann, true).await;
    host.advance(3_600);
    host.store.fail_always("sessions.touch");
    assert!(host.sigra.sessions().resolve(&session.cookie(), &host.client()).await.is_err());
}
