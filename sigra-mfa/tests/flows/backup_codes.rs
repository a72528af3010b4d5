//! Backup codes.

use sigra_core::assurance::Aal;
use sigra_core::door::Admission;
use sigra_core::flows::{ChallengeOutcome, FactorAnswer};
use sigra_core::mail::MailKind;
use sigra_mfa::{BACKUP_CODE_USED, BACKUP_CODES_REGENERATED, RegenerateOutcome, names};
use sigra_testing::audited::assert_audited;

use crate::support::{
    ANN, BOB, Enrolled, Host, SomePasskeys, WRONG_BACKUP_CODE, aal, at_once, granted, is_wrong, methods,
};

async fn regenerate(host: &Host, who: &Enrolled, code: Option<&str>) -> RegenerateOutcome {
    host.mfa.regenerate_backup_codes(&host.sigra, &who.user, code, false, &host.client()).await.unwrap()
}

#[tokio::test]
async fn mf_17_mf_18_a_code_is_good_once_and_its_use_is_told_with_what_is_left() {
    let host = Host::new();
    let Enrolled { user, backup_codes, .. } = host.enrolled(ANN).await;
    for (used, code) in (1_u32..).zip(&backup_codes) {
        let typed = code.to_uppercase().replace('-', " ");
        let outcome = granted(host.answer(&host.challenged(&user).await.token, "backup_code", &typed).await);
        assert_eq!((aal(&outcome), methods(&outcome)), (Aal::Two, vec!["pwd", "backup_code", "mfa"]));
        let left = 10 - used;
        assert_eq!(host.owed(&BACKUP_CODE_USED).last().unwrap().left, Some(left));
        assert_audited(&host.store, names::BACKUP_CODE_USED, |event| event.metadata["left"] == left).await;
        let status = host.mfa.status(&user).await.unwrap();
        assert_eq!((status.backup_codes_left, status.backup_codes_few), (left, left <= 3));
        let again = host.answer(&host.challenged(&user).await.token, "backup_code", code).await;
        assert!(if left > 0 { is_wrong(&again) } else { matches!(again, ChallengeOutcome::NotEnrolled) }, "{again:?}");
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&BACKUP_CODE_USED, ANN), 10);
}

#[tokio::test]
async fn mf_17_codes_are_their_owners_alone() {
    let host = Host::new();
    let (ann, bob) = (host.enrolled(ANN).await, host.enrolled(BOB).await);
    let code = &bob.backup_codes[0];
    assert!(is_wrong(&host.answer(&host.challenged(&ann.user).await.token, "backup_code", code).await));
    granted(host.answer(&host.challenged(&bob.user).await.token, "backup_code", code).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mf_17_sixteen_sign_ins_with_one_code_and_one_succeeds() {
    let host = Host::with(|config, _| config.lockout.strangers.free = 20);
    let Enrolled { user, backup_codes, .. } = host.enrolled(ANN).await;
    let mut pending = Vec::new();
    for _ in 0..16 {
        pending.push(host.challenged(&user).await.token);
    }
    let outcomes = at_once(16, |number| {
        let (host, token, code) = (host.clone(), pending[number].clone(), backup_codes[0].clone());
        async move { host.answer(&token, "backup_code", &code).await }
    })
    .await;
    let admitted =
        |outcome: &&ChallengeOutcome| matches!(outcome, ChallengeOutcome::Admitted(Admission::Granted(_), _));
    assert_eq!(outcomes.iter().filter(admitted).count(), 1);
    assert_eq!((host.owed(&BACKUP_CODE_USED).len(), host.audited(names::BACKUP_CODE_USED)), (1, 1));
    assert_eq!(host.mfa.status(&user).await.unwrap().backup_codes_left, 9);
}

#[tokio::test]
async fn mf_17_new_codes_kill_the_old_set() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let RegenerateOutcome::Regenerated { codes } = regenerate(&host, &who, Some(&who.app.code(host.now()))).await
    else {
        panic!("new codes must be made");
    };
    assert_eq!(codes.len(), 10);
    for old in &who.backup_codes[..3] {
        assert!(is_wrong(&host.answer(&host.challenged(&who.user).await.token, "backup_code", old).await));
    }
    granted(host.answer(&host.challenged(&who.user).await.token, "backup_code", &codes[0].expose()).await);
    assert_audited(&host.store, names::BACKUP_CODES_REGENERATED, |event| event.metadata["count"] == 10).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&BACKUP_CODES_REGENERATED, ANN), 1);
    assert!(host.resolve(&who.session.cookie()).await.is_some(), "no factor came or went: sessions live on");
}

#[tokio::test]
async fn mf_14_a_backup_code_or_nothing_makes_no_new_ones() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    for code in [None, Some(""), Some(who.backup_codes[0].as_str()), Some("000000 0")] {
        assert!(matches!(regenerate(&host, &who, code).await, RegenerateOutcome::Wrong), "{code:?}");
    }
    assert_eq!(host.mfa.status(&who.user).await.unwrap().backup_codes_left, 10);
    granted(host.answer(&host.challenged(&who.user).await.token, "backup_code", &who.backup_codes[0]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mf_17_one_code_makes_one_new_set() {
    let host = Host::with(|config, _| config.lockout.strangers.free = 20);
    let who = host.enrolled(ANN).await;
    let code = who.app.code(host.now());
    let outcomes = at_once(16, |_| {
        let (host, user, code) = (host.clone(), who.user.clone(), code.clone());
        async move {
            host.mfa.regenerate_backup_codes(&host.sigra, &user, Some(&code), false, &host.client()).await.unwrap()
        }
    })
    .await;
    let made = outcomes.iter().filter(|outcome| matches!(outcome, RegenerateOutcome::Regenerated { .. })).count();
    assert_eq!((made, host.owed(&BACKUP_CODES_REGENERATED).len()), (1, 1));
}

#[tokio::test]
async fn new_codes_are_not_made_for_an_account_that_has_changed() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    host.store.edit_user(who.user.id, |user| user.epochs.security += 1);
    assert!(matches!(regenerate(&host, &who, Some(&who.app.code(host.now()))).await, RegenerateOutcome::Stale));
    assert!(host.owed(&BACKUP_CODES_REGENERATED).is_empty());
}

#[tokio::test]
async fn without_a_factor_there_is_nothing_to_stand_in_for() {
    let host = Host::new();
    let user = host.confirmed(ANN).await;
    for proven in [false, true] {
        let outcome = host.mfa.regenerate_backup_codes(&host.sigra, &user, None, proven, &host.client()).await.unwrap();
        assert!(matches!(outcome, RegenerateOutcome::NotEnrolled), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_account_with_passkeys_alone_makes_codes_in_a_session_of_two_factors() {
    let host = Host::with_factors(|_, _| {}, vec![std::sync::Arc::new(SomePasskeys)]);
    let user = host.confirmed(ANN).await;
    assert!(!host.sigra.second_factors().demanded(&user).await.unwrap());
    let make = |proven| {
        let (host, user) = (host.clone(), user.clone());
        async move {
            let client = host.client();
            host.mfa.regenerate_backup_codes(&host.sigra, &user, None, proven, &client).await.unwrap()
        }
    };
    assert!(matches!(make(false).await, RegenerateOutcome::Wrong));
    let RegenerateOutcome::Regenerated { codes } = make(true).await else { panic!("must be made") };
    // Now losing the passkeys locks nobody out, so they are demanded.
    assert!(host.sigra.second_factors().demanded(&user).await.unwrap());
    granted(host.answer(&host.challenged(&user).await.token, "backup_code", &codes[3].expose()).await);
}

#[tokio::test]
async fn mf_18_a_use_that_could_not_be_told_is_no_use() {
    let host = Host::new();
    let Enrolled { user, backup_codes, .. } = host.enrolled(ANN).await;
    let pending = host.challenged(&user).await;
    host.store.fail_next("backup_codes.consume");
    let answer = FactorAnswer { method: "backup_code", response: &backup_codes[0] };
    assert!(host.sigra.second_factors().answer(&pending.token, answer, false, &host.entry()).await.is_err());
    assert_eq!(host.mfa.status(&user).await.unwrap().backup_codes_left, 10);
    assert!(is_wrong(&host.answer(&pending.token, "backup_code", WRONG_BACKUP_CODE).await));
    granted(host.answer(&pending.token, "backup_code", &backup_codes[0]).await);
    assert!(host.owed(&MailKind::MFA_LOCKED).is_empty());
}
