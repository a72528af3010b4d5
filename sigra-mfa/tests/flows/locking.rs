//! Guessing at second factors.

use std::time::Duration;

use sigra_core::audit::names as core;
use sigra_core::flows::{ChallengeOutcome, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_mfa::{DisableOutcome, RegenerateOutcome};
use sigra_testing::audited::assert_audited;
use sigra_testing::scenario::PASSWORD;

use crate::support::{ANN, Enrolled, Host, WRONG_BACKUP_CODE, at_once, granted, is_wrong, step_required};

/// Wrong answers, alternately of both kinds, each in a sign-in of its own.
async fn guess(host: &Host, who: &Enrolled, count: usize) {
    for number in 0..count {
        let pending = host.challenged(&who.user).await;
        let outcome = if number % 2 == 0 {
            host.answer(&pending.token, "totp", &who.app.wrong_code(host.now())).await
        } else {
            host.answer(&pending.token, "backup_code", WRONG_BACKUP_CODE).await
        };
        assert!(is_wrong(&outcome), "{number}: {outcome:?}");
    }
}

fn locked_for(outcome: &ChallengeOutcome) -> Option<u64> {
    match outcome {
        ChallengeOutcome::LockedOut(Some(wait)) => Some(wait.as_secs()),
        _ => None,
    }
}

#[tokio::test]
async fn mf_07_kinds_share_one_count_over_all_sign_ins_and_right_ones_are_refused_while_locked() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    guess(&host, &who, 6).await;
    let pending = host.challenged(&who.user).await;
    let code = who.app.code(host.now());
    assert_eq!(locked_for(&host.answer(&pending.token, "totp", &code).await), Some(60));
    assert_eq!(locked_for(&host.answer(&pending.token, "backup_code", &who.backup_codes[0]).await), Some(60));
    assert_eq!(host.mfa.status(&who.user).await.unwrap().backup_codes_left, 10, "not used up");
    assert_audited(&host.store, core::MFA_LOCKOUT, |event| event.metadata["attempts"] == 6).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MFA_LOCKED, ANN), 1);

    host.advance(60);
    granted(host.answer(&pending.token, "totp", &who.app.code(host.now())).await);
    guess(&host, &who, 5).await;
    let pending = host.challenged(&who.user).await;
    host.advance(30);
    granted(host.answer(&pending.token, "totp", &who.app.code(host.now())).await);
}

#[tokio::test]
async fn mf_07_a_lock_that_lapsed_is_armed_again_for_longer() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    guess(&host, &who, 6).await;
    for wait in [60, 120, 240] {
        let pending = host.challenged(&who.user).await;
        let code = who.app.code(host.now());
        assert_eq!(locked_for(&host.answer(&pending.token, "totp", &code).await), Some(wait));
        host.advance(wait);
        guess(&host, &who, 1).await;
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MFA_LOCKED, ANN), 1, "told once a day");
}

#[tokio::test]
async fn mf_07_what_changes_factors_counts_too() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let own = host.known(&who).await;
    let (client, wrong) = (host.client(), who.app.wrong_code(host.now()));
    for _ in 0..2 {
        let outcome = host.mfa.disable(&host.sigra, &who.user, "totp", &wrong, &client).await.unwrap();
        assert!(matches!(outcome, DisableOutcome::Wrong));
        let outcome =
            host.mfa.disable(&host.sigra, &who.user, "backup_code", WRONG_BACKUP_CODE, &client).await.unwrap();
        assert!(matches!(outcome, DisableOutcome::Wrong));
        let outcome =
            host.mfa.regenerate_backup_codes(&host.sigra, &who.user, Some(&wrong), true, &client).await.unwrap();
        assert!(matches!(outcome, RegenerateOutcome::Wrong));
    }
    let code = who.app.code(host.now());
    let minute = Some(Duration::from_secs(60));
    let outcome = host.mfa.disable(&host.sigra, &who.user, "totp", &code, &client).await.unwrap();
    assert!(matches!(outcome, DisableOutcome::LockedOut(wait) if wait == minute), "{outcome:?}");
    let outcome = host.mfa.regenerate_backup_codes(&host.sigra, &who.user, Some(&code), true, &client).await.unwrap();
    assert!(matches!(outcome, RegenerateOutcome::LockedOut(wait) if wait == minute), "{outcome:?}");
    // A session is proof of more than a known device, and is counted with those.
    let pending = host.challenged_with(&who.user, &own).await;
    assert_eq!(locked_for(&host.answer_with(&pending.token, "totp", &code, false, &own).await), Some(60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mf_07_of_thirty_two_guesses_at_once_six_are_evaluated() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let wrong = who.app.wrong_code(host.now());
    let mut pending = Vec::new();
    for _ in 0..32 {
        pending.push(host.challenged(&who.user).await.token);
    }
    let outcomes = at_once(32, |number| {
        let (host, token, wrong) = (host.clone(), pending[number].clone(), wrong.clone());
        async move { host.answer(&token, "totp", &wrong).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| is_wrong(outcome)).count(), 6);
    assert_eq!(outcomes.iter().filter(|outcome| locked_for(outcome).is_some()).count(), 26);
}

#[tokio::test]
async fn mf_08_passwords_and_second_factors_are_counted_apart() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    guess(&host, &who, 6).await;
    // The password still opens the first step: whoever has it learns nothing new, and strangers locked nobody.
    step_required(host.login(ANN, PASSWORD).await);

    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let pending = host.challenged(&who.user).await;
    host.locked(ANN).await;
    granted(host.answer(&pending.token, "totp", &who.app.code(host.now())).await);
}

#[tokio::test]
async fn mf_07_whoever_learned_the_password_locks_nobody_out_of_their_own_browser() {
    let host = Host::new();
    let who = host.enrolled(ANN).await;
    let own = host.known(&who).await;
    guess(&host, &who, 6).await;
    let pending = host.challenged_with(&who.user, &own).await;
    granted(host.answer_with(&pending.token, "totp", &who.app.code(host.now()), false, &own).await);
}

#[tokio::test]
async fn mf_07_after_the_last_attempt_only_a_reset_opens_again() {
    let host = Host::with(|config, _| config.lockout.strangers.cap = 6);
    let who = host.enrolled(ANN).await;
    guess(&host, &who, 6).await;
    host.advance(86_400);
    let pending = host.challenged(&who.user).await;
    let outcome = host.answer(&pending.token, "totp", &who.app.code(host.now())).await;
    assert!(matches!(outcome, ChallengeOutcome::LockedOut(None)), "{outcome:?}");

    let _ = host.sigra.reset().request(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let outcome = host.sigra.reset().redeem(&link, PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)), "{outcome:?}");
    // The mailbox opens the count, not the account: the factor is demanded as before.
    let pending = host.challenged(&who.user).await;
    granted(host.answer(&pending.token, "totp", &who.app.code(host.now())).await);
}
