//! Resolving, listing and ending sessions.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, BOB, current, sweep};
use sigra_core::audit::names;
use sigra_core::id::SessionId;
use sigra_core::secret::RawToken;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::TestHost;

#[tokio::test]
async fn se_07_a_token_nobody_minted_is_never_adopted() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    let unknown = RawToken::random().expose();
    for bad in ["", " ", "0", "null", &unknown, &"A".repeat(43), &"A".repeat(10_000)] {
        assert!(host.resolve(bad).await.is_none(), "{bad:.20}");
    }
    assert_eq!(host.sigra.sessions().list(&ann).await.unwrap().len(), 1);
}

#[tokio::test]
async fn se_09_a_session_ends_half_an_hour_after_its_last_use() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    host.advance(1_799);
    assert!(host.resolve(&session.cookie()).await.is_some());
    host.advance(1_799);
    assert!(host.resolve(&session.cookie()).await.is_some(), "use prolongs it");
    host.advance(1_800);
    assert!(host.resolve(&session.cookie()).await.is_none());
}

#[tokio::test]
async fn se_10_a_session_ends_after_a_day_however_much_it_is_used() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    for _ in 0..95 {
        host.advance(900);
        assert!(host.resolve(&session.cookie()).await.is_some());
    }
    host.advance(899);
    assert!(host.resolve(&session.cookie()).await.is_some());
    host.advance(1);
    assert!(host.resolve(&session.cookie()).await.is_none());
}

#[tokio::test]
async fn se_29_a_thousand_reads_in_a_minute_write_once() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    // A read that wrote would fail.
    host.store.fail_always("sessions.touch");
    for _ in 0..1_000 {
        host.clock.advance(std::time::Duration::from_millis(59));
        assert!(host.resolve(&session.cookie()).await.is_some());
    }
    host.store.heal();
    host.advance(1);
    let now = host.sigra.clock().now();
    assert_eq!(current(&host, &session).await.session().last_seen_at, now);
    host.store.fail_always("sessions.touch");
    host.advance(59);
    assert_eq!(current(&host, &session).await.session().last_seen_at, now);
    host.advance(1);
    let found = host.sigra.sessions().resolve(&session.cookie(), &host.client()).await;
    assert!(found.is_err(), "the sixtieth second writes");
}

#[tokio::test]
async fn se_13_after_sign_out_the_token_is_dead() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let (session, other) = (host.signed_in(&ann).await, host.signed_in(&ann).await);
    let resolved = current(&host, &session).await;
    host.sigra.sessions().sign_out(&resolved, &host.client()).await.unwrap();
    assert!(host.resolve(&session.cookie()).await.is_none());
    assert!(host.resolve(&other.cookie()).await.is_some());
    host.sigra.sessions().sign_out(&resolved, &host.client()).await.unwrap();
    assert_eq!(count_audited(&host.store, names::LOGOUT, |_| true).await, 1, "once");
}

#[tokio::test]
async fn se_15_a_raised_epoch_or_a_disabled_account_ends_sessions_at_the_next_use() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    host.store.edit_user(ann.id, |user| user.epochs.factor += 1);
    assert!(host.resolve(&session.cookie()).await.is_none());
    let session = host.signed_in(&ann).await;
    host.store.edit_user(ann.id, |user| user.epochs.security += 1);
    assert!(host.resolve(&session.cookie()).await.is_none());
    let session = host.signed_in(&ann).await;
    host.store.edit_user(ann.id, |user| user.disabled_at = Some(user.created_at));
    assert!(host.resolve(&session.cookie()).await.is_none());
}

#[tokio::test]
async fn se_18_the_list_shows_live_sessions_newest_first() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let bob = host.confirmed(BOB).await;
    host.signed_in(&bob).await;
    let first = host.remembered(&ann).await;
    host.advance(1);
    let idle = host.signed_in(&ann).await;
    host.advance(1_800);
    let last = host.signed_in(&ann).await;
    let listed = host.sigra.sessions().list(&ann).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|session| session.id).collect();
    assert_eq!(ids, [last.session.id, first.session.id], "not the idle one: {}", idle.session.id);
    assert_eq!(listed[0].client, host.client());
    assert_eq!(listed[0].assurance.methods, [sigra_core::assurance::Method::PASSWORD]);

    host.store.edit_user(ann.id, |user| user.epochs.security += 1);
    let ann = host.store.users().into_iter().find(|user| user.id == ann.id).unwrap();
    assert!(host.sigra.sessions().list(&ann).await.unwrap().is_empty(), "dead by epoch");
}

#[tokio::test]
async fn se_19_the_list_shows_no_token_and_no_digest() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let shown = format!("{:?}", host.sigra.sessions().list(&ann).await.unwrap());
    assert!(!shown.contains(&session.cookie()) && !shown.contains("Digest"), "{shown}");
}

#[tokio::test]
async fn se_18_a_user_ends_any_session_of_their_own() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let (own, other) = (host.signed_in(&ann).await, host.signed_in(&ann).await);
    let resolved = current(&host, &own).await;
    let sessions = host.sigra.sessions();
    assert!(sessions.revoke(&resolved, other.session.id, &host.client()).await.unwrap());
    assert!(host.resolve(&other.cookie()).await.is_none());
    assert!(!sessions.revoke(&resolved, other.session.id, &host.client()).await.unwrap(), "once");
    let event = assert_audited(&host.store, names::SESSION_DELETE, |_| true).await;
    assert_eq!((event.session, &event.metadata["why"]), (Some(other.session.id), &"revoked_by_user".into()));
    assert!(host.resolve(&own.cookie()).await.is_some());
}

#[tokio::test]
async fn se_19_nobody_ends_a_session_of_somebody_else() {
    let host = TestHost::new();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let (anns, bobs) = (host.signed_in(&ann).await, host.signed_in(&bob).await);
    let resolved = current(&host, &anns).await;
    let unknown = SessionId::new(host.sigra.clock().now());
    for id in [bobs.session.id, unknown] {
        assert!(!host.sigra.sessions().revoke(&resolved, id, &host.client()).await.unwrap());
    }
    assert_eq!(host.sigra.sessions().revoke_others(&resolved, &host.client()).await.unwrap(), 0);
    assert!(host.resolve(&bobs.cookie()).await.is_some());
    assert_none_audited(&host.store, names::SESSION_DELETE, |_| true).await;
}

#[tokio::test]
async fn a_user_ends_all_other_sessions() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let own = host.signed_in(&ann).await;
    let others = [host.signed_in(&ann).await, host.remembered(&ann).await];
    let resolved = current(&host, &own).await;
    assert_eq!(host.sigra.sessions().revoke_others(&resolved, &host.client()).await.unwrap(), 2);
    for other in others {
        assert!(host.resolve(&other.cookie()).await.is_none());
    }
    assert!(host.resolve(&own.cookie()).await.is_some());
    let event = assert_audited(&host.store, names::SESSION_REVOKE_ALL, |_| true).await;
    assert_eq!((event.session, &event.metadata["count"]), (Some(own.session.id), &2.into()));
}

#[tokio::test]
async fn se_30_expiry_does_not_wait_for_housekeeping_which_works_in_batches() {
    let host = TestHost::builder().config(|config| config.housekeeping.batch = 2).build();
    let ann = host.confirmed(ANN).await;
    for _ in 0..5 {
        host.signed_in(&ann).await;
    }
    host.advance(1_800);
    assert!(host.sigra.sessions().list(&ann).await.unwrap().is_empty());
    assert_eq!(host.sigra.stores().sessions.list(ann.id, 100).await.unwrap().len(), 5);
    host.advance(1);
    assert_eq!(sweep(&host).await.gone(), 2);
    assert_eq!(sweep(&host).await.gone(), 2);
    let live = host.signed_in(&ann).await;
    assert_eq!(sweep(&host).await.gone(), 1 + 1, "and the counter that signing in has cleared");
    assert_eq!(sweep(&host).await.gone(), 0);
    assert!(host.resolve(&live.cookie()).await.is_some());
}

#[tokio::test]
async fn se_21_an_account_has_as_many_sessions_as_its_host_allows() {
    let host = TestHost::builder().config(|config| config.sessions.at_most = 2).build();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let bobs = host.signed_in(&bob).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        host.advance(1);
        sessions.push(host.signed_in(&ann).await);
    }
    assert!(host.resolve(&sessions[0].cookie()).await.is_none(), "the oldest has ended");
    for session in sessions[1..].iter().chain([&bobs]) {
        assert!(host.resolve(&session.cookie()).await.is_some());
    }
    let ended = sessions[0].session.id;
    assert_audited(&host.store, names::SESSION_DELETE, |event| {
        event.session == Some(ended) && event.metadata["why"] == "crowded_out"
    })
    .await;
    assert_eq!(count_audited(&host.store, names::SESSION_DELETE, |_| true).await, 1);
}

#[tokio::test]
async fn se_21_by_default_sessions_are_not_counted() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    for _ in 0..40 {
        host.signed_in(&ann).await;
    }
    assert_eq!(host.sigra.sessions().list(&ann).await.unwrap().len(), 40);
}
