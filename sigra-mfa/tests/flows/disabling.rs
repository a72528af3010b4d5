//! Taking an authenticator app away.

use sigra_core::assurance::Aal;
use sigra_core::door::Entry;
use sigra_core::user::User;
use sigra_mfa::{DisableOutcome, MFA_DISABLED, names};
use sigra_testing::audited::assert_audited;
use sigra_testing::scenario::SignedIn;

use crate::support::{ANN, Enrolled, Host, WRONG_BACKUP_CODE, at_once, granted, is_wrong};

async fn disable(host: &Host, user: &User, method: &str, code: &str) -> DisableOutcome {
    host.mfa.disable(&host.sigra, user, method, code, &host.client()).await.unwrap()
}

fn disabled(outcome: DisableOutcome) -> User {
    match outcome {
        DisableOutcome::Disabled { user } => *user,
        other => panic!("must be taken away: {other:?}"),
    }
}

#[tokio::test]
async fn mf_25_the_session_goes_on_with_one_factor_and_the_others_end() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let (other, trust) = host.trusted(&who).await;
    host.advance(30);
    let current = host.current(&who.session).await;
    assert_eq!(current.session().assurance.aal, Aal::Two);
    let user = disabled(disable(&host, current.user(), "totp", &who.app.code(host.now())).await);
    assert_eq!(user.epochs.factor, who.user.epochs.factor + 1);
    let session = host.carry_on(&current, &user, sigra_mfa::lowered(&current.session().assurance)).await;
    assert_eq!(host.current(&session).await.session().assurance.aal, Aal::One);
    assert!(host.resolve(&other.token.expose()).await.is_none() && host.resolve(&who.session.cookie()).await.is_none());

    let status = host.mfa.status(&user).await.unwrap();
    assert_eq!((status.totp_enrolled_at, status.backup_codes_left, status.trusted_browsers), (None, 0, 0));
    assert!(!status.backup_codes_few, "whoever has none on purpose is not warned");
    assert!(host.mfa.list_trusted(&user).await.unwrap().is_empty());
    let entry = Entry { trust: Some(trust.token), ..host.entry() };
    assert_eq!(host.signed_in_with(&user, &entry).await.session.assurance.methods.len(), 1, "nothing to vouch for");
    assert_audited(&host.store, names::DISABLE, |event| event.metadata["method"] == "totp").await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MFA_DISABLED, ANN), 1);
}

#[tokio::test]
async fn a_backup_code_takes_away_too() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let user = disabled(disable(&host, &who.user, "backup_code", &who.backup_codes[7]).await);
    let SignedIn { session, .. } = host.signed_in(&user).await;
    assert_eq!(session.assurance.aal, Aal::One);
    assert_eq!(host.owed(&sigra_mfa::BACKUP_CODE_USED).len(), 0, "one mail says it");
}

#[tokio::test]
async fn a_code_is_not_used_up_where_nothing_was_taken_away() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    host.store.edit_user(who.user.id, |user| user.epochs.security += 1);
    let code = who.app.code(host.now());
    for (method, code) in [("backup_code", &who.backup_codes[0]), ("totp", &code)] {
        assert!(matches!(disable(&host, &who.user, method, code).await, DisableOutcome::Stale), "{method}");
    }
    assert_eq!(host.mfa.status(&who.user).await.unwrap().backup_codes_left, 10);
    granted(host.answer(&host.challenged(&who.user).await.token, "totp", &code).await);

    let host = Host::new();
    let who = host.enrolled(ANN).await;
    host.store.fail_next("totp.disable");
    let failed = host.mfa.disable(&host.sigra, &who.user, "backup_code", &who.backup_codes[0], &host.client()).await;
    assert!(failed.is_err());
    granted(host.answer(&host.challenged(&who.user).await.token, "backup_code", &who.backup_codes[0]).await);
}

#[tokio::test]
async fn a_wrong_code_is_one_attempt_and_takes_nothing_away() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    for _ in 0..2 {
        let wrong = who.app.wrong_code(host.now());
        assert!(matches!(disable(&host, &who.user, "totp", &wrong).await, DisableOutcome::Wrong));
        assert!(matches!(disable(&host, &who.user, "backup_code", WRONG_BACKUP_CODE).await, DisableOutcome::Wrong));
        assert!(matches!(disable(&host, &who.user, "sms", "123456").await, DisableOutcome::NotEnrolled));
    }
    // Four were counted: one more is free, and then the right one still is looked at.
    assert!(matches!(disable(&host, &who.user, "totp", &who.backup_codes[0]).await, DisableOutcome::Wrong));
    assert!(host.resolve(&who.session.cookie()).await.is_some());
    disabled(disable(&host, &who.user, "backup_code", &who.backup_codes[0]).await);
}

#[tokio::test]
async fn a_right_code_that_came_too_late_is_no_wrong_one() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    host.store.edit_user(who.user.id, |user| user.epochs.security += 1);
    for _ in 0..7 {
        let outcome = disable(&host, &who.user, "backup_code", &who.backup_codes[0]).await;
        assert!(matches!(outcome, DisableOutcome::Stale), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_right_code_starts_the_count_over() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    for _ in 0..5 {
        assert!(matches!(disable(&host, &who.user, "backup_code", WRONG_BACKUP_CODE).await, DisableOutcome::Wrong));
    }
    let user = disabled(disable(&host, &who.user, "backup_code", &who.backup_codes[0]).await);
    let app = host.begin(&user).await;
    let (user, _) = host.confirm(&user, &app).await;
    host.advance(30);
    granted(host.answer(&host.challenged(&user).await.token, "totp", &app.code(host.now())).await);
}

#[tokio::test]
async fn there_must_be_something_to_take_away() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    let app = host.begin(&user).await;
    let outcome = disable(&host, &user, "totp", &app.code(host.now())).await;
    assert!(matches!(outcome, DisableOutcome::NotEnrolled), "{outcome:?}");
}

#[tokio::test]
async fn mf_24_what_was_set_up_again_has_another_secret() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let user = disabled(disable(&host, &who.user, "totp", &who.app.code(host.now())).await);
    let app = host.begin(&user).await;
    let (user, codes) = host.confirm(&user, &app).await;
    host.advance(30);
    let pending = host.challenged(&user).await;
    assert!(is_wrong(&host.answer(&pending.token, "totp", &who.app.code(host.now())).await));
    assert!(is_wrong(&host.answer(&pending.token, "backup_code", &who.backup_codes[0]).await));
    granted(host.answer(&pending.token, "totp", &app.code(host.now())).await);
    assert_eq!(codes.len(), 10);
}

#[tokio::test]
async fn mf_24_a_sign_in_under_way_ends_with_the_factor() {
    let host = Host::new();
    let Enrolled { user, app, backup_codes, .. } = host.enrolled(ANN).await;
    let pending = host.challenged(&user).await;
    disabled(disable(&host, &user, "backup_code", &backup_codes[0]).await);
    let outcome = host.answer(&pending.token, "totp", &app.code(host.now())).await;
    assert!(matches!(outcome, sigra_core::flows::ChallengeOutcome::NoPending), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_with_one_code_and_one_takes_away() {
    let host = Host::with(|config, _| config.lockout.known_devices.free = 20);
    let who = host.enrolled(ANN).await;
    let code = who.app.code(host.now());
    let outcomes = at_once(16, |_| {
        let (host, user, code) = (host.clone(), who.user.clone(), code.clone());
        async move { disable(&host, &user, "totp", &code).await }
    })
    .await;
    let done = outcomes.iter().filter(|outcome| matches!(outcome, DisableOutcome::Disabled { .. })).count();
    assert_eq!((done, host.owed(&MFA_DISABLED).len()), (1, 1));
}
