//! What a host hears of after commits, and in which order.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use common::{ANN, NEW_PASSWORD, current, is_refused, reset_link};
use sigra_core::config::DeletionStrategy;
use sigra_core::flows::NewPassword;
use sigra_core::mail::MailKind;
use sigra_core::ports::{AccountData, AccountRecord, Happened, Hooks};
use sigra_core::user::User;
use sigra_core::{Stores, flows};
use sigra_testing::MemoryStore;
use sigra_testing::scenario::{PASSWORD, TestHost, WRONG_PASSWORD};
use tokio::sync::Notify;

type Heard = Result<(), Box<dyn Error + Send + Sync>>;

/// Writes down what it hears and whether the storage says so already, and fails each time.
struct Recorder {
    stores: Stores,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    async fn stored(&self, user: &User) -> Option<AccountRecord> {
        self.stores.accounts.find(user.id).await.unwrap()
    }
}

#[async_trait]
impl Hooks for Recorder {
    async fn after_commit(&self, happened: &Happened<'_>) -> Heard {
        let (what, user) = match happened {
            Happened::Registered(user) => ("Registered", *user),
            Happened::SignedIn(user, session) => {
                let sessions = self.stores.sessions.list(user.id, 10).await.unwrap();
                assert!(sessions.iter().any(|stored| stored.id == *session));
                ("SignedIn", *user)
            }
            Happened::SignedOut(user, session) => {
                let sessions = self.stores.sessions.list(user.id, 10).await.unwrap();
                assert!(sessions.iter().all(|stored| stored.id != *session));
                ("SignedOut", *user)
            }
            Happened::PasswordReset(user) => ("PasswordReset", *user),
            Happened::PasswordChanged(user) => ("PasswordChanged", *user),
            Happened::Rescued(user) => ("Rescued", *user),
            Happened::DeletionScheduled(user) => ("DeletionScheduled", *user),
            Happened::DeletionCancelled(user) => ("DeletionCancelled", *user),
            Happened::Disabled(user) => ("Disabled", *user),
            Happened::Enabled(user) => ("Enabled", *user),
            Happened::Deleted(user) => {
                assert!(self.stored(user).await.is_none(), "it is gone");
                self.heard.lock().unwrap().push("Deleted".to_owned());
                return Err("a hook that always fails".into());
            }
            // `email_change.rs` has that of addresses.
            _ => panic!("nobody did that: {happened:?}"),
        };
        let stored = self.stored(user).await.expect("it is committed").user;
        assert_eq!(&stored, user, "{what} shows the account as it was committed");
        self.heard.lock().unwrap().push(what.to_owned());
        Err("a hook that always fails".into())
    }
}

#[async_trait]
impl AccountData for Recorder {
    async fn erase(&self, user: &User, _: DeletionStrategy) -> Heard {
        assert!(self.stored(user).await.is_some(), "the account is there until its data is gone");
        self.heard.lock().unwrap().push("AccountData".to_owned());
        Ok(())
    }
}

struct Heeding {
    host: TestHost,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Heeding {
    fn new() -> Self {
        let store = MemoryStore::new();
        let heard = Arc::default();
        let recorder = Arc::new(Recorder { stores: store.stores(), heard: Arc::clone(&heard) });
        let stores = store.stores();
        let host = TestHost::over(store, stores).hooks(recorder.clone()).account_data(recorder).build();
        Self { host, heard }
    }

    /// What was heard since the last time.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

#[tokio::test]
async fn hooks_hear_of_what_has_committed_once_and_stop_nothing() {
    let heeding = Heeding::new();
    let host = &heeding.host;
    let client = host.client();
    let ann = host.confirmed(ANN).await;
    assert_eq!(heeding.heard(), ["Registered"]);

    let session = host.signed_in(&ann).await;
    assert_eq!(heeding.heard(), ["SignedIn"]);
    let now = current(host, &session).await;
    host.sigra.sessions().sign_out(&now, &client).await.unwrap();
    host.sigra.sessions().sign_out(&now, &client).await.unwrap();
    assert_eq!(heeding.heard(), ["SignedOut"]);

    let link = reset_link(host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, NEW_PASSWORD, &client).await.unwrap();
    let _ = host.sigra.reset().redeem(&link, PASSWORD, &client).await.unwrap();
    assert_eq!(heeding.heard(), ["PasswordReset"]);
    let link = reset_link(host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, PASSWORD, &client).await.unwrap();
    let session = host.signed_in(&ann).await;
    heeding.heard();

    let now = current(host, &session).await;
    let new = || NewPassword { password: NEW_PASSWORD, device: None, client: &client };
    let _ = host.sigra.passwords().change(&now, WRONG_PASSWORD, new()).await.unwrap();
    assert_eq!(heeding.heard(), [""; 0]);
    let _ = host.sigra.passwords().change(&now, PASSWORD, new()).await.unwrap();
    assert_eq!(heeding.heard(), ["PasswordChanged"]);

    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::PASSWORD_CHANGED, ANN);
    assert!(host.sigra.not_me().redeem(&rescue, &client).await.unwrap());
    assert!(!host.sigra.not_me().redeem(&rescue, &client).await.unwrap());
    assert_eq!(heeding.heard(), ["Rescued"]);
}

#[tokio::test]
async fn hooks_hear_how_an_account_is_disabled_and_deleted() {
    let heeding = Heeding::new();
    let host = &heeding.host;
    let client = host.client();
    let ann = host.confirmed(ANN).await;
    heeding.heard();
    let operator = host.sigra.operator();

    for changed in [true, false] {
        assert_eq!(operator.disable(ann.id, &client).await.unwrap(), changed);
    }
    assert_eq!(heeding.heard(), ["Disabled"]);
    for changed in [true, false] {
        assert_eq!(operator.enable(ann.id, &client).await.unwrap(), changed);
    }
    assert_eq!(heeding.heard(), ["Enabled"]);

    assert!(operator.schedule_deletion(ann.id, &client).await.unwrap());
    assert_eq!(heeding.heard(), ["DeletionScheduled"]);
    assert!(operator.cancel_deletion(ann.id, &client).await.unwrap());
    assert_eq!(heeding.heard(), ["DeletionCancelled"]);

    let session = host.signed_in(&ann).await;
    let now = current(host, &session).await;
    heeding.heard();
    let scheduled = host.sigra.deletion().schedule(&now, &client).await.unwrap();
    assert!(matches!(scheduled, flows::DeletionScheduled::For(_)));
    assert_eq!(heeding.heard(), ["DeletionScheduled"]);
    host.advance(host.sigra.config().deletion.grace_secs.get().into());
    assert_eq!(host.sigra.deletion().sweep(10).await.unwrap(), 1);
    assert_eq!(host.sigra.deletion().sweep(10).await.unwrap(), 0);
    assert_eq!(heeding.heard(), ["AccountData", "Deleted"]);
}

/// Whoever does not get in makes the host do nothing.
#[tokio::test]
async fn hooks_hear_nothing_of_what_strangers_try() {
    let heeding = Heeding::new();
    let host = &heeding.host;
    let client = host.client();
    host.confirmed(ANN).await;
    heeding.heard();
    for email in [ANN, common::NOBODY] {
        assert!(is_refused(&host.login(email, WRONG_PASSWORD).await));
        let _ = host.sigra.reset().request(email, &client).await.unwrap();
        let _ = host.sigra.magic_link().request(email, &client).await.unwrap();
        host.registered(email).await;
        host.run_workers().await;
    }
    assert_eq!(heeding.heard(), [""; 0]);
}

/// Says that it was called, and never ends.
struct Asleep(Arc<Notify>);

#[async_trait]
impl Hooks for Asleep {
    async fn after_commit(&self, _: &Happened<'_>) -> Heard {
        self.0.notify_one();
        std::future::pending().await
    }
}

/// A caller that goes away takes the hook along, and not what was committed.
#[tokio::test]
async fn what_was_committed_stands_when_its_hook_is_given_up() {
    let called = Arc::new(Notify::new());
    let host = TestHost::builder().hooks(Arc::new(Asleep(called.clone()))).build();
    host.registered(ANN).await;
    let link = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let (confirmation, client) = (host.sigra.confirmation(), host.client());
    tokio::select! {
        _ = confirmation.by_token(&link, &client) => panic!("its hook never ends"),
        () = called.notified() => {}
    }
    assert_eq!(host.store.users().len(), 1);
}

#[test]
fn the_guide_has_a_row_for_everything_that_happens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("../docs/guides/hooks.md")).unwrap();
    let source = std::fs::read_to_string(root.join("src/ports/surroundings.rs")).unwrap();
    let (_, variants) = source.split_once("pub enum Happened<'a> {").unwrap();
    let (variants, _) = variants.split_once("\n}").unwrap();
    let names: Vec<_> = variants.lines().filter_map(|line| line.trim().split_once('(')).map(|(name, _)| name).collect();
    let names: Vec<_> = names.into_iter().filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric())).collect();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        assert!(guide.contains(&format!("\n| `{name}` | ")), "{name} has no row in the guide to hooks");
    }
}
