//! What operators do to accounts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ANN, BOB, is_refused, magic_link, signs_in, step_required};
use sigra_core::audit::names;
use sigra_core::flows::{LoginOutcome, MagicLinkOutcome};
use sigra_core::id::UserId;
use sigra_core::mail::MailKind;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

const GRACE: u64 = 14 * 86_400;

#[tokio::test]
async fn se_15_disabling_ends_everything_at_once() {
    let host = TestHost::new();
    let (ann, root) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let (session, remembered) = (host.signed_in(&ann).await, host.remembered(&ann).await);
    let link = magic_link(&host, ANN).await;
    let operator = host.sigra.operator().acting(root.id);
    assert!(operator.disable(ann.id, &host.client()).await.unwrap());
    for dead in [&session, &remembered] {
        assert!(host.resolve(&dead.cookie()).await.is_none());
    }
    assert!(host.sigra.stores().sessions.list(ann.id, 10).await.unwrap().is_empty(), "the rows are gone too");
    assert!(is_refused(&host.login(ANN, PASSWORD).await), "LC-08: as if the password were wrong");
    let outcome = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    assert!(matches!(outcome, MagicLinkOutcome::Invalid));
    let event = assert_audited(&host.store, names::ACCOUNT_DISABLE, |event| event.subject == Some(ann.id)).await;
    assert_eq!((event.actor, event.metadata["by"].as_str()), (Some(root.id), Some("operator")));
    assert!(!operator.disable(ann.id, &host.client()).await.unwrap(), "it is disabled already");

    assert!(operator.enable(ann.id, &host.client()).await.unwrap());
    assert!(!operator.enable(ann.id, &host.client()).await.unwrap());
    assert!(host.resolve(&session.cookie()).await.is_none(), "what was ended stays ended");
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_eq!(count_audited(&host.store, names::ACCOUNT_ENABLE, |_| true).await, 1);
}

#[tokio::test]
async fn a_disabled_account_cannot_take_its_deletion_back() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let operator = host.sigra.operator();
    assert!(operator.schedule_deletion(ann.id, &host.client()).await.unwrap());
    assert!(operator.disable(ann.id, &host.client()).await.unwrap());
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::DELETION_SCHEDULED, ANN);
    assert!(!host.sigra.deletion().undo(&link, &host.client()).await.unwrap());
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    host.advance(GRACE);
    assert_eq!(host.sigra.deletion().sweep(10).await.unwrap(), 1);
}

#[tokio::test]
async fn an_operator_schedules_cancels_and_erases() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let (operator, client) = (host.sigra.operator(), host.client());
    assert!(operator.schedule_deletion(ann.id, &client).await.unwrap());
    assert!(!operator.schedule_deletion(ann.id, &client).await.unwrap());
    assert!(host.resolve(&session.cookie()).await.is_none());
    let LoginOutcome::Admitted(admission) = host.login(ANN, PASSWORD).await else { panic!("the password is right") };
    let _ = step_required(admission);
    assert!(operator.cancel_deletion(ann.id, &client).await.unwrap());
    assert!(!operator.cancel_deletion(ann.id, &client).await.unwrap());
    assert!(signs_in(&host, ANN, PASSWORD).await);
    host.run_workers().await;
    for kind in [MailKind::DELETION_SCHEDULED, MailKind::DELETION_CANCELLED] {
        assert_eq!(host.count_mailed(&kind, ANN), 1, "{kind}");
    }

    assert!(operator.erase(ann.id, &client).await.unwrap(), "without waiting");
    assert!(!operator.erase(ann.id, &client).await.unwrap());
    assert!(host.store.users().is_empty());
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::DELETION_DONE, ANN), 1);
    let event = assert_audited(&host.store, names::DELETION_EXECUTE, |event| event.subject == Some(ann.id)).await;
    assert_eq!(event.metadata["by"], "operator");
    let nobody = UserId::new(ann.created_at);
    assert!(!operator.disable(nobody, &client).await.unwrap() && !operator.enable(nobody, &client).await.unwrap());
}

/// The trail of an erased account names it by its id alone.
#[tokio::test]
async fn lc_01_the_trail_of_an_erased_account_is_pseudonymous() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    assert!(host.sigra.operator().erase(ann.id, &host.client()).await.unwrap());
    let events = host.store.events();
    assert!(events.iter().filter(|event| event.subject == Some(ann.id)).count() >= 3);
    let told = format!("{events:?}");
    assert!(!told.contains(ANN) && !told.contains("ann@"), "{told}");
}
