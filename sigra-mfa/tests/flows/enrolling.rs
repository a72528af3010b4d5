//! Setting up an authenticator app.

use sigra_core::assurance::Aal;
use sigra_core::flows::LoginOutcome;
use sigra_mfa::{BeginOutcome, ConfirmOutcome, MFA_ENABLED, names};
use sigra_testing::audited::assert_audited;
use sigra_testing::scenario::PASSWORD;

use crate::support::{ANN, BOB, Host, at_once, is_wrong};

#[tokio::test]
async fn mf_13_nothing_is_demanded_before_the_first_code() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let app = host.begin(&user).await;
    assert_eq!(host.mfa.status(&user).await.unwrap().totp_enrolled_at, None);
    assert!(host.sigra.second_factors().held(&user).await.unwrap().is_empty());
    let session = host.signed_in(&user).await;
    assert_eq!(session.session.assurance.aal, Aal::One);

    assert!(matches!(host.confirm_with(&user, &app.wrong_code(host.now())).await, ConfirmOutcome::Wrong));
    assert_audited(&host.store, names::ENROLL_FAILURE, |event| event.subject == Some(user.id)).await;
    assert_eq!(host.signed_in(&user).await.session.assurance.aal, Aal::One);
    assert!(host.owed(&MFA_ENABLED).is_empty());
}

#[tokio::test]
async fn mf_13_the_first_code_sets_up_tells_the_owner_and_ends_other_sessions() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let other = host.signed_in(&user).await;
    let current = host.current(&host.signed_in(&user).await).await;
    let app = host.begin(&user).await;
    let (enrolled, codes) = host.confirm(&user, &app).await;
    assert_eq!(enrolled.epochs.factor, user.epochs.factor + 1);
    assert_eq!(codes.len(), 10);

    let raised = sigra_mfa::raised(&current.session().assurance, host.now());
    let session = host.carry_on(&current, &enrolled, raised).await;
    let session = host.current(&session).await;
    assert_eq!(session.session().assurance.aal, Aal::Two);
    let methods: Vec<_> = session.session().assurance.methods.iter().map(|method| method.name()).collect();
    assert_eq!(methods, ["pwd", "otp", "mfa"]);
    assert!(host.resolve(&other.cookie()).await.is_none(), "the other session is over");

    assert_audited(&host.store, names::ENROLL, |event| event.actor == Some(user.id)).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MFA_ENABLED, ANN), 1);
    let status = host.mfa.status(&enrolled).await.unwrap();
    assert_eq!(status.totp_enrolled_at, Some(host.now()));
    assert_eq!((status.backup_codes_left, status.backup_codes_few), (10, false));
}

#[tokio::test]
async fn mf_15_an_address_that_is_not_proven_enrols_nothing() {
    let host = Host::new();
    let mut user = host.confirmed(ANN).await;
    host.store.edit_user(user.id, |user| user.confirmed_at = None);
    user.confirmed_at = None;
    assert!(matches!(host.mfa.begin_totp(&user, &host.client()).await, Ok(BeginOutcome::Unconfirmed)));
    assert_eq!(host.audited(names::BEGIN), 0);
    assert!(matches!(host.confirm_with(&user, "123456").await, ConfirmOutcome::NotPending));
}

#[tokio::test]
async fn mf_16_a_secret_is_shown_once_and_beginning_again_makes_another() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let first = host.begin(&user).await;
    let second = host.begin(&user).await;
    assert_ne!(first.0, second.0);
    assert!(matches!(host.confirm_with(&user, &first.code(host.now())).await, ConfirmOutcome::Wrong));
    let (user, _) = host.confirm(&user, &second).await;
    assert!(matches!(host.mfa.begin_totp(&user, &host.client()).await, Ok(BeginOutcome::AlreadyEnrolled)));
    assert!(matches!(host.confirm_with(&user, "123456").await, ConfirmOutcome::AlreadyEnrolled));
    let everything = format!("{:?} {:?}", host.mfa.status(&user).await.unwrap(), host.mfa);
    assert!(!everything.contains(&second.0));
}

#[tokio::test]
async fn a_secret_waits_ten_minutes_for_its_code() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let app = host.begin(&user).await;
    host.advance(599);
    assert!(matches!(host.confirm_with(&user, &app.wrong_code(host.now())).await, ConfirmOutcome::Wrong));
    host.advance(1);
    assert!(matches!(host.confirm_with(&user, &app.code(host.now())).await, ConfirmOutcome::NotPending));
}

#[tokio::test]
async fn mf_03_the_code_that_set_up_signs_nobody_in() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let app = host.begin(&user).await;
    let code = app.code(host.now());
    let (user, _) = host.confirm(&user, &app).await;
    let pending = host.challenged(&user).await;
    assert!(is_wrong(&host.answer(&pending.token, "totp", &code).await));
}

#[tokio::test]
async fn what_was_decided_under_old_epochs_sets_nothing_up() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let app = host.begin(&user).await;
    host.store.edit_user(user.id, |user| user.epochs.security += 1);
    assert!(matches!(host.confirm_with(&user, &app.code(host.now())).await, ConfirmOutcome::Stale));
    assert_eq!(host.mfa.status(&user).await.unwrap().totp_enrolled_at, None);
    assert!(host.owed(&MFA_ENABLED).is_empty(), "no change, no mail");
}

#[tokio::test]
async fn another_accounts_code_sets_nothing_up() {
    let host = Host::new();
    let [ann, bob] = [host.confirmed(ANN).await, host.confirmed(BOB).await];
    let app = host.begin(&ann).await;
    host.begin(&bob).await;
    assert!(matches!(host.confirm_with(&bob, &app.code(host.now())).await, ConfirmOutcome::Wrong));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_first_codes_set_up_once() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let code = host.begin(&user).await.code(host.now());
    let outcomes = at_once(16, |_| {
        let (host, user, code) = (host.clone(), user.clone(), code.clone());
        async move { host.confirm_with(&user, &code).await }
    })
    .await;
    let enrolled = outcomes.iter().filter(|outcome| matches!(outcome, ConfirmOutcome::Enrolled { .. })).count();
    assert_eq!(enrolled, 1);
    assert_eq!((host.owed(&MFA_ENABLED).len(), host.audited(names::ENROLL)), (1, 1));
    let known = [ConfirmOutcome::AlreadyEnrolled, ConfirmOutcome::Stale].map(|outcome| format!("{outcome:?}"));
    let others = outcomes.iter().filter(|outcome| !matches!(outcome, ConfirmOutcome::Enrolled { .. }));
    assert!(others.map(|outcome| format!("{outcome:?}")).all(|outcome| known.contains(&outcome)));
}

#[tokio::test]
async fn a_store_that_fails_sets_nothing_up() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let app = host.begin(&user).await;
    host.store.fail_next("totp.activate");
    assert!(host.mfa.confirm_totp(&host.sigra, &user, &app.code(host.now()), &host.client()).await.is_err());
    assert!(matches!(host.login(ANN, PASSWORD).await, LoginOutcome::Admitted(_)));
    assert!(host.mfa.status(&user).await.unwrap().totp_enrolled_at.is_none());
    host.confirm(&user, &app).await;
}
