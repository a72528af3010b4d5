//! Deleting accounts, and taking that back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::error::Error;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use common::{ANN, BOB, at_once, is_refused, signs_in, step_required};
use sigra_core::audit::names;
use sigra_core::config::DeletionStrategy;
use sigra_core::door::{Admission, Step};
use sigra_core::flows::{DeletionScheduled, LoginOutcome, Reactivated, ResetOutcome, SweepOutcome};
use sigra_core::mail::MailKind;
use sigra_core::ports::AccountData;
use sigra_core::secret::RawToken;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost};

const GRACE: u64 = 14 * 86_400;

async fn schedule(host: &TestHost, session: &SignedIn) -> DeletionScheduled {
    let current = host.resolve(&session.cookie()).await.unwrap();
    host.sigra.deletion().schedule(&current, &host.client()).await.unwrap()
}

/// An account whose deletion was scheduled from a session, and that session.
async fn scheduled(host: &TestHost) -> (User, SignedIn) {
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    assert!(matches!(schedule(host, &session).await, DeletionScheduled::For(_)));
    host.run_workers().await;
    (ann, session)
}

/// A sign-in that owes taking the deletion back.
async fn held(host: &TestHost) -> RawToken {
    let LoginOutcome::Admitted(admission) = host.login(ANN, PASSWORD).await else { panic!("the password is right") };
    let held = step_required(admission);
    assert_eq!(held.steps, [Step::REACTIVATE]);
    held.token
}

async fn sweep(host: &TestHost) -> u64 {
    host.sigra.deletion().sweep(100).await.unwrap()
}

async fn undo(host: &TestHost, token: &str) -> bool {
    host.sigra.deletion().undo(token, &host.client()).await.unwrap()
}

#[tokio::test]
async fn lc_01_scheduling_ends_everything_and_says_when() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let (session, other) = (host.signed_in(&ann).await, host.remembered(&ann).await);
    let magic = common::magic_link(&host, ANN).await;
    let due_at = host.sigra.clock().now() + std::time::Duration::from_secs(GRACE);
    assert_eq!(schedule(&host, &session).await, DeletionScheduled::For(due_at));
    for dead in [&session, &other] {
        assert!(host.resolve(&dead.cookie()).await.is_none());
    }
    assert!(host.sigra.magic_link().peek(&magic).await.unwrap().is_none());
    let user = host.store.users().remove(0);
    assert_eq!((user.epochs.security, user.deletion_due_at), (ann.epochs.security + 1, Some(due_at)));
    let event = assert_audited(&host.store, names::DELETION_SCHEDULE, |event| event.actor == Some(ann.id)).await;
    assert_eq!(
        (event.session, event.metadata["due_at"].as_str()),
        (Some(session.session.id), Some(&*due_at.to_string()))
    );
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::DELETION_SCHEDULED, ANN), 1);
}

#[tokio::test]
async fn lc_01_nothing_fires_before_its_microsecond() {
    let host = TestHost::new();
    let (ann, _) = scheduled(&host).await;
    host.advance(GRACE - 1);
    assert_eq!(sweep(&host).await, 0);
    assert!(!host.store.users().is_empty());
    host.advance(1);
    let SweepOutcome::Done(report) = host.sigra.sweeper().run_once().await.unwrap() else {
        panic!("nobody else sweeps")
    };
    let erased = report.kinds.last().unwrap();
    assert_eq!((erased.kind, erased.gone), ("due_deletions", 1));
    assert!(host.store.users().is_empty());
    let event = assert_audited(&host.store, names::DELETION_EXECUTE, |event| event.subject == Some(ann.id)).await;
    assert_eq!((&event.metadata["strategy"], &event.metadata["by"]), (&"hard_delete".into(), &"sweep".into()));
    assert_eq!(event.actor, None);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::DELETION_DONE, ANN), 1);
    assert_eq!(sweep(&host).await, 0);
}

/// The reference's early deletion: what was scheduled first must not fire on what was scheduled again.
#[tokio::test]
async fn lc_01_a_stale_date_deletes_nothing() {
    let host = TestHost::new();
    scheduled(&host).await;
    host.advance(GRACE - 60);
    let Reactivated::Admitted(Admission::Granted(granted)) =
        host.sigra.deletion().reactivate(&held(&host).await, &host.entry()).await.unwrap()
    else {
        panic!("nothing else is owed")
    };
    let current = host.resolve(&granted.token.expose()).await.unwrap();
    let _ = host.sigra.deletion().schedule(&current, &host.client()).await.unwrap();
    host.advance(GRACE - 1);
    assert_eq!(sweep(&host).await, 0);
    host.advance(1);
    assert_eq!(sweep(&host).await, 1);
}

#[tokio::test]
async fn lc_01_signing_in_takes_it_back() {
    let host = TestHost::new();
    let (ann, session) = scheduled(&host).await;
    let token = held(&host).await;
    assert!(host.sigra.deletion().view(&token, &host.entry()).await.unwrap().is_some());
    let Reactivated::Admitted(Admission::Granted(granted)) =
        host.sigra.deletion().reactivate(&token, &host.entry()).await.unwrap()
    else {
        panic!("nothing else is owed")
    };
    assert_eq!((granted.user.id, granted.user.deletion_due_at), (ann.id, None));
    assert!(host.resolve(&session.cookie()).await.is_none(), "what was ended stays ended");
    let event = assert_audited(&host.store, names::DELETION_CANCEL, |event| event.actor == Some(ann.id)).await;
    assert_eq!(event.metadata["way"], "sign_in");
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::DELETION_CANCELLED, ANN), 1);
    assert!(!undo(&host, &host.mailed_token(&MailKind::DELETION_SCHEDULED, ANN)).await, "the link went with it");
    assert!(matches!(host.sigra.deletion().reactivate(&token, &host.entry()).await.unwrap(), Reactivated::NoPending));
    host.advance(GRACE);
    assert_eq!(sweep(&host).await, 0);
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test]
async fn lc_01_the_link_restores_and_starts_a_reset() {
    let host = TestHost::new();
    let (ann, _) = scheduled(&host).await;
    let pending = held(&host).await;
    let token = host.mailed_token(&MailKind::DELETION_SCHEDULED, ANN);
    let view = host.sigra.deletion().peek(&token).await.unwrap().unwrap();
    assert_eq!((view.email.as_str(), Some(view.due_at)), (ANN, host.store.users()[0].deletion_due_at));
    let created = count_audited(&host.store, names::SESSION_CREATE, |_| true).await;
    assert!(undo(&host, &token).await);
    assert!(!undo(&host, &token).await);
    assert!(host.sigra.deletion().peek(&token).await.unwrap().is_none());
    let user = host.store.users().remove(0);
    assert_eq!((user.deletion_due_at, user.has_password, user.epochs.security), (None, false, ann.epochs.security + 2));
    assert!(host.sigra.deletion().view(&pending, &host.entry()).await.unwrap().is_none());
    assert!(!signs_in(&host, ANN, PASSWORD).await, "whoever asked for the deletion may know it");
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, created, "nobody is signed in");
    let event = assert_audited(&host.store, names::DELETION_CANCEL, |event| event.actor == Some(ann.id)).await;
    assert_eq!(event.metadata["way"], "link");
    host.run_workers().await;
    let reset = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let outcome = host.sigra.reset().redeem(&reset, common::NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(signs_in(&host, ANN, common::NEW_PASSWORD).await);
}

#[tokio::test]
async fn once_it_is_due_there_is_no_way_back() {
    let host = TestHost::new();
    scheduled(&host).await;
    let token = host.mailed_token(&MailKind::DELETION_SCHEDULED, ANN);
    host.advance(GRACE - 60);
    let pending = held(&host).await;
    host.advance(60);
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    let outcome = host.sigra.deletion().reactivate(&pending, &host.entry()).await.unwrap();
    assert!(matches!(outcome, Reactivated::NoPending));
    assert!(host.sigra.deletion().peek(&token).await.unwrap().is_none());
    assert!(!undo(&host, &token).await);
    assert!(!host.sigra.operator().cancel_deletion(host.store.users()[0].id, &host.client()).await.unwrap());
    assert_none_audited(&host.store, names::DELETION_CANCEL, |_| true).await;
    assert_audited(&host.store, names::DELETION_CANCEL_FAILURE, |event| event.subject.is_none()).await;
    assert_eq!(sweep(&host).await, 1);
}

/// A thief with a fresh session asks for the deletion. The owner has notices of their own from before.
#[tokio::test]
async fn a_rescue_takes_a_deletion_back_as_well() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    host.advance(60);
    let thief = host.signed_in(&ann).await;
    let _ = schedule(&host, &thief).await;
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::NEW_DEVICE, ANN);
    assert!(host.sigra.not_me().redeem(&rescue, &host.client()).await.unwrap());
    assert_eq!(host.store.users()[0].deletion_due_at, None);
    let event = assert_audited(&host.store, names::DELETION_CANCEL, |event| event.actor == Some(ann.id)).await;
    assert_eq!(event.metadata["way"], "not_me");
    host.advance(GRACE);
    assert_eq!(sweep(&host).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lc_03_many_at_once_schedule_and_erase_once() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let mut sessions = Vec::new();
    for _ in 0..16 {
        let session = host.signed_in(&ann).await;
        sessions.push(host.resolve(&session.cookie()).await.unwrap());
    }
    let outcomes = at_once(16, |n| {
        let (host, current) = (host.clone(), sessions[n].clone());
        async move { host.sigra.deletion().schedule(&current, &host.client()).await.unwrap() }
    })
    .await;
    let scheduled = outcomes.iter().filter(|outcome| matches!(outcome, DeletionScheduled::For(_))).count();
    assert_eq!(scheduled, 1);
    host.run_workers().await;
    host.advance(GRACE);
    let swept = at_once(16, |_| {
        let host = host.clone();
        async move { sweep(&host).await }
    })
    .await;
    assert_eq!(swept.iter().sum::<u64>(), 1);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::DELETION_SCHEDULED, ANN), 1);
    assert_eq!(host.count_mailed(&MailKind::DELETION_DONE, ANN), 1);
    assert_eq!(count_audited(&host.store, names::DELETION_EXECUTE, |_| true).await, 1);
}

#[tokio::test]
async fn each_strategy_leaves_what_it_says() {
    for strategy in [DeletionStrategy::HardDelete, DeletionStrategy::Anonymize, DeletionStrategy::SoftDelete] {
        let host = TestHost::builder().config(|config| config.deletion.strategy = strategy).build();
        let (ann, _) = scheduled(&host).await;
        host.advance(GRACE);
        assert_eq!(sweep(&host).await, 1, "{strategy:?}");
        assert!(is_refused(&host.login(ANN, PASSWORD).await));
        let left = host.store.users();
        match strategy {
            DeletionStrategy::HardDelete => assert!(left.is_empty()),
            _ => assert!(left[0].id == ann.id && left[0].disabled_at.is_some() && !left[0].has_password),
        }
        host.run_workers().await;
        assert_eq!(host.count_mailed(&MailKind::DELETION_DONE, ANN), 1, "{strategy:?}: to the address as it was");
        let free = strategy != DeletionStrategy::SoftDelete;
        host.registered(ANN).await;
        assert_eq!(host.store.users().iter().any(|user| user.email.as_str() == ANN), !free);
        if free {
            assert_ne!(host.confirmed(ANN).await.id, ann.id, "LC-02");
        }
        assert_eq!(sweep(&host).await, 0);
    }
}

/// Whoever gets the address next is not locked out for what was tried before.
#[tokio::test]
async fn lc_02_nothing_is_inherited() {
    let host = TestHost::new();
    let (ann, _) = scheduled(&host).await;
    host.locked(ANN).await;
    host.advance(GRACE);
    assert_eq!(sweep(&host).await, 1);
    let again = host.confirmed(ANN).await;
    assert_ne!(again.id, ann.id);
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

/// What is kept elsewhere.
#[derive(Default)]
struct Elsewhere {
    refuses: Mutex<Vec<String>>,
    erased: Mutex<Vec<String>>,
}

#[async_trait]
impl AccountData for Elsewhere {
    async fn erase(&self, user: &User, _: DeletionStrategy) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.refuses.lock().unwrap().contains(&user.email.to_string()) {
            return Err("not now".into());
        }
        self.erased.lock().unwrap().push(user.email.to_string());
        Ok(())
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_erased_waits_and_keeps_no_other_from_its_turn() {
    let elsewhere = Arc::new(Elsewhere::default());
    let host = TestHost::builder().account_data(elsewhere.clone()).build();
    elsewhere.refuses.lock().unwrap().push(ANN.to_owned());
    scheduled(&host).await;
    host.advance(60);
    let bob = host.confirmed(BOB).await;
    assert!(host.sigra.operator().schedule_deletion(bob.id, &host.client()).await.unwrap());
    host.advance(GRACE);
    assert_eq!(host.sigra.deletion().sweep(1).await.unwrap(), 1);
    assert_eq!(*elsewhere.erased.lock().unwrap(), [BOB]);
    assert_eq!(host.store.users()[0].email.as_str(), ANN);
    elsewhere.refuses.lock().unwrap().clear();
    assert_eq!(sweep(&host).await, 1);
    assert!(host.store.users().is_empty());
}

#[tokio::test]
async fn a_sweep_is_bounded() {
    let host = TestHost::new();
    for n in 0..5 {
        let user = host.confirmed(&format!("user{n}@example.org")).await;
        assert!(host.sigra.operator().schedule_deletion(user.id, &host.client()).await.unwrap());
    }
    host.advance(GRACE);
    let sweep = async || host.sigra.deletion().sweep(2).await.unwrap();
    assert_eq!([sweep().await, sweep().await, sweep().await, sweep().await], [2, 2, 1, 0]);
}

#[tokio::test]
async fn au_14_a_store_that_fails_ends_nothing_and_erases_nothing() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let current = host.resolve(&session.cookie()).await.unwrap();
    for fault in ["lifecycle.schedule_deletion", "evidence"] {
        host.store.fail_next(fault);
        assert!(host.sigra.deletion().schedule(&current, &host.client()).await.is_err(), "{fault}");
        assert!(host.resolve(&session.cookie()).await.is_some(), "{fault}");
    }
    // Deleting the dead rows is tidying: that it fails changes nothing.
    host.store.fail_next("sessions.revoke_all");
    assert!(matches!(schedule(&host, &session).await, DeletionScheduled::For(_)));
    assert!(host.resolve(&session.cookie()).await.is_none());
    host.run_workers().await;

    let token = held(&host).await;
    for fault in ["lifecycle.cancel_deletion", "evidence"] {
        host.store.fail_next(fault);
        assert!(host.sigra.deletion().reactivate(&token, &host.entry()).await.is_err(), "{fault}");
        assert!(host.store.users()[0].deletion_due_at.is_some(), "{fault}");
    }
    let link = host.mailed_token(&MailKind::DELETION_SCHEDULED, ANN);
    for fault in ["lifecycle.undo_deletion", "evidence"] {
        host.store.fail_next(fault);
        assert!(host.sigra.deletion().undo(&link, &host.client()).await.is_err(), "{fault}");
        assert!(host.sigra.deletion().peek(&link).await.unwrap().is_some(), "{fault}: the link stays good");
    }

    host.advance(GRACE);
    for fault in ["lifecycle.erase", "evidence"] {
        host.store.fail_next(fault);
        assert_eq!(sweep(&host).await, 0, "{fault}");
        assert_eq!(host.store.users().len(), 1, "{fault}: it waits for the next sweep");
    }
    host.store.fail_next("lifecycle.due_deletions");
    let SweepOutcome::Done(report) = host.sigra.sweeper().run_once().await.unwrap() else {
        panic!("nobody else sweeps")
    };
    let failed: Vec<_> = report.kinds.iter().filter(|swept| swept.failed).map(|swept| swept.kind).collect();
    assert_eq!(failed, ["due_deletions"]);
    assert_eq!(sweep(&host).await, 1);
}

/// The account stays once that has committed, whatever becomes of the sign-in.
#[tokio::test]
async fn a_sign_in_that_breaks_after_the_deletion_was_taken_back_can_be_done_again() {
    let host = TestHost::new();
    scheduled(&host).await;
    let token = held(&host).await;
    host.store.fail_next("sessions.insert");
    assert!(host.sigra.deletion().reactivate(&token, &host.entry()).await.is_err());
    assert_eq!(host.store.users()[0].deletion_due_at, None);
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

/// Sixteen take it back in one pending sign-in, and by the link: it is taken back once, and one is signed in at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lc_03_many_at_once_take_it_back_once() {
    let host = TestHost::new();
    scheduled(&host).await;
    let (token, link) = (held(&host).await, host.mailed_token(&MailKind::DELETION_SCHEDULED, ANN));
    let won = at_once(16, |number| {
        let (host, token, link) = (host.clone(), token.clone(), link.clone());
        async move {
            if number % 4 == 0 {
                return undo(&host, &link).await;
            }
            let outcome = host.sigra.deletion().reactivate(&token, &host.entry()).await.unwrap();
            matches!(outcome, Reactivated::Admitted(Admission::Granted(_)))
        }
    })
    .await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(count_audited(&host.store, names::DELETION_CANCEL, |_| true).await, 1);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::DELETION_CANCELLED, ANN), 1);
}

/// Takes the deletion back in the middle of a sweep, as another host might.
struct Meanwhile(Mutex<Option<sigra_testing::MemoryStore>>);

#[async_trait]
impl AccountData for Meanwhile {
    async fn erase(&self, user: &User, _: DeletionStrategy) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(store) = self.0.lock().unwrap().take() {
            store.edit_user(user.id, |user| user.deletion_due_at = None);
        }
        Ok(())
    }
}

#[tokio::test]
async fn lc_01_what_is_taken_back_while_a_sweep_is_under_way_stays() {
    let meanwhile = Arc::new(Meanwhile(Mutex::default()));
    let host = TestHost::builder().account_data(meanwhile.clone()).build();
    let (ann, _) = scheduled(&host).await;
    host.advance(GRACE);
    *meanwhile.0.lock().unwrap() = Some(host.store.clone());
    assert_eq!(sweep(&host).await, 0);
    assert_eq!(host.store.users()[0].id, ann.id);
    assert_none_audited(&host.store, names::DELETION_EXECUTE, |_| true).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::DELETION_DONE, ANN), 0);
}
