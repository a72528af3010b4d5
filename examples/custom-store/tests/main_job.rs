//! The flows over the store, from registering to signing out, and what is left after a crash.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

use std::fs;
use std::path::Path;

use sigra_core::flows::{LoginOutcome, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_example_custom_store::{KvStore, SessionsApart};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, WRONG_PASSWORD};

const ANN: &str = "ann@example.org";

fn host(file: &Path) -> TestHost<KvStore> {
    let store = KvStore::open(file).unwrap();
    let stores = store.stores();
    TestHost::over(store, stores).build()
}

async fn register_and_sign_in<S>(host: &TestHost<S>) -> SignedIn {
    host.registered(ANN).await;
    assert!(
        matches!(host.login(ANN, PASSWORD).await, LoginOutcome::InvalidCredentials),
        "nobody is there before proof"
    );
    let ann = host.confirmed(ANN).await;
    assert!(matches!(host.login(ANN, WRONG_PASSWORD).await, LoginOutcome::InvalidCredentials));
    host.signed_in(&ann).await
}

async fn the_main_job<S>(host: &TestHost<S>) {
    let session = register_and_sign_in(host).await;
    host.advance(61);
    let current = host.resolve(&session.cookie()).await.expect("the session is good");
    assert_eq!(host.sigra.sessions().list(current.user()).await.unwrap()[0].last_seen_at, host.sigra.clock().now());

    let ann = current.user().clone();
    let stale = host.stale(&ann).await;
    let fresh = host.fresh(&stale).await;
    assert!(host.resolve(&stale.cookie()).await.is_none(), "sudo replaces the token");

    let _ = host.sigra.reset().request(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let outcome = host.sigra.reset().redeem(&link, "a different long password", &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)), "{outcome:?}");
    for ended in [&session, &fresh] {
        assert!(host.resolve(&ended.cookie()).await.is_none(), "a reset ends every session");
    }
    assert!(matches!(host.login(ANN, PASSWORD).await, LoginOutcome::InvalidCredentials));

    let again = SignedIn::of(host.login(ANN, "a different long password").await);
    let current = host.resolve(&again.cookie()).await.expect("the session is good");
    host.sigra.sessions().sign_out(&current, &host.client()).await.unwrap();
    assert!(host.resolve(&again.cookie()).await.is_none());

    let events = host.sigra.stores().audit.page(Some(ann.id), None, 100).await.unwrap();
    for name in ["auth.register.success", "auth.login.success", "auth.login.failure", "auth.logout"] {
        assert!(events.iter().any(|event| event.name == name), "{name} in {events:?}");
    }
}

#[tokio::test]
async fn somebody_registers_and_signs_in_resets_and_signs_out() {
    let folder = tempfile::tempdir().unwrap();
    the_main_job(&host(&folder.path().join("sigra.redb"))).await;
}

#[tokio::test]
async fn the_main_job_works_with_sessions_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = KvStore::open(folder.path().join("sigra.redb")).unwrap();
    let stores = SessionsApart::beside(store.stores());
    the_main_job(&TestHost::over(store, stores).build()).await;
}

/// The copy is taken while the file is open, so it holds what a killed process leaves: nothing was closed or flushed for
/// it. That the disk itself keeps what redb has synced is not tested here.
#[tokio::test]
async fn what_was_acknowledged_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (file, left) = (folder.path().join("sigra.redb"), folder.path().join("left.redb"));
    let before = host(&file);
    let session = register_and_sign_in(&before).await;
    let trail = before.sigra.stores().audit.page(None, None, 100).await.unwrap();
    fs::copy(&file, &left).unwrap();

    let after = host(&left);
    let found = after.resolve(&session.cookie()).await.expect("the session is good");
    assert_eq!((found.session().id, found.user().id), (session.session.id, session.user.id));
    assert_eq!(after.sigra.stores().audit.page(None, None, 100).await.unwrap(), trail);
    assert!(KvStore::open(&file).is_err(), "the file is the first process's still");
}
