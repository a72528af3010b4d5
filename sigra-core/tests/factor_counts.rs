//! How often second factors may be tried, by whom, and what is counted.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::factor::{FAULT, Hosted, RIGHT, admitted, answer, hosted, pending, with_app};
use common::{ANN, NEW_PASSWORD, at_once, current, reset_link, step_required};
use sigra_core::assurance::Aal;
use sigra_core::audit::names;
use sigra_core::door::{Entry, StepRequired};
use sigra_core::flows::{ChallengeOutcome, FactorAnswer, LoginOutcome, SudoAnswer, SudoOutcome};
use sigra_core::mail::MailKind;
use sigra_testing::audited::assert_audited;
use sigra_testing::scenario::{PASSWORD, TestHost};

#[tokio::test]
async fn mf_07_all_kinds_share_one_counter_and_a_lock_refuses_what_is_right() {
    let (Hosted { host, backup, .. }, ann) = with_app().await;
    backup.give(&ann);
    let held = pending(&host, ANN).await;
    for round in 0..6 {
        let method = if round % 2 == 0 { "totp" } else { "backup_code" };
        assert!(matches!(answer(&host, &held.token, method, "wrong").await, ChallengeOutcome::Wrong), "{round}");
    }
    // Another challenge is no other counter, and no other kind is one.
    let held = pending(&host, ANN).await;
    for method in ["totp", "backup_code"] {
        let ChallengeOutcome::LockedOut(Some(wait)) = answer(&host, &held.token, method, RIGHT).await else {
            panic!("a right answer must be refused while it is locked")
        };
        assert!(wait <= Duration::from_secs(60) && !wait.is_zero(), "{wait:?}");
    }
    assert_audited(&host.store, names::MFA_LOCKOUT, |event| event.subject == Some(ann.id)).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MFA_LOCKED, ANN), 1);
    // MF-08: passwords are counted apart.
    let held = pending(&host, ANN).await;
    host.advance(60);
    // The lock re-arms after each further failure, for longer, and the mail does not come again that day.
    assert!(matches!(answer(&host, &held.token, "totp", "wrong").await, ChallengeOutcome::Wrong));
    host.advance(60);
    assert!(matches!(answer(&host, &held.token, "totp", RIGHT).await, ChallengeOutcome::LockedOut(_)));
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MFA_LOCKED, ANN), 1);
    host.advance(60);
    admitted(answer(&host, &held.token, "totp", RIGHT).await);
    // Success clears the count.
    let held = pending(&host, ANN).await;
    for _ in 0..5 {
        assert!(matches!(answer(&host, &held.token, "totp", "wrong").await, ChallengeOutcome::Wrong));
    }
    admitted(answer(&host, &held.token, "totp", RIGHT).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mf_07_parallel_guesses_do_not_slip_past_the_limit() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = Arc::new(pending(&host, ANN).await);
    let outcomes = at_once(16, |_| {
        let (host, held) = (host.clone(), held.clone());
        async move { matches!(answer(&host, &held.token, "totp", "wrong").await, ChallengeOutcome::Wrong) }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|evaluated| **evaluated).count(), 6, "five free ones and the one that locks");
}

#[tokio::test]
async fn a_reset_by_mail_reopens_what_was_used_up() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = pending(&host, ANN).await;
    for _ in 0..6 {
        let _ = answer(&host, &held.token, "totp", "wrong").await;
    }
    let link = reset_link(&host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, "an entirely different password", &host.client()).await.unwrap();
    let LoginOutcome::Admitted(admission) = host.login(ANN, "an entirely different password").await else { panic!() };
    admitted(answer(&host, &step_required(admission).token, "totp", RIGHT).await);
}

/// A sign-in from a browser that is known to the account, which must owe a factor.
async fn pending_at(host: &TestHost, entry: &Entry) -> StepRequired {
    match host.login_with(ANN, PASSWORD, entry).await {
        LoginOutcome::Admitted(admission) => step_required(admission),
        LoginOutcome::InvalidCredentials => panic!("must be accepted so far"),
    }
}

async fn answer_at(host: &TestHost, held: &StepRequired, response: &str, entry: &Entry) -> ChallengeOutcome {
    let answer = FactorAnswer { method: "totp", response };
    host.sigra.second_factors().answer(&held.token, answer, false, entry).await.unwrap()
}

#[tokio::test]
async fn mf_07_whoever_learned_the_password_locks_nobody_out_of_their_own_browser() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = pending(&host, ANN).await;
    let own = admitted(answer(&host, &held.token, "totp", RIGHT).await);
    let own = Entry { device: own.device, ..host.entry() };
    let stranger = pending(&host, ANN).await;
    for _ in 0..6 {
        assert!(matches!(answer(&host, &stranger.token, "totp", "wrong").await, ChallengeOutcome::Wrong));
    }
    assert!(matches!(answer(&host, &stranger.token, "totp", RIGHT).await, ChallengeOutcome::LockedOut(Some(_))));
    // The owner, at a browser the account has signed in from, is counted apart, and by the same rules.
    let held = pending_at(&host, &own).await;
    for _ in 0..5 {
        assert!(matches!(answer_at(&host, &held, "wrong", &own).await, ChallengeOutcome::Wrong));
    }
    admitted(answer_at(&host, &held, RIGHT, &own).await);
    // A right answer clears both.
    admitted(answer(&host, &stranger.token, "totp", RIGHT).await);
}

#[tokio::test]
async fn mf_07_known_devices_and_strangers_have_a_hundred_attempts_together() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = pending(&host, ANN).await;
    let own = admitted(answer(&host, &held.token, "totp", RIGHT).await);
    let own = Entry { device: own.device, ..host.entry() };
    let mut evaluated = 0;
    for entry in [&host.entry(), &own] {
        loop {
            let held = pending_at(&host, entry).await;
            match answer_at(&host, &held, "wrong", entry).await {
                ChallengeOutcome::Wrong => evaluated += 1,
                ChallengeOutcome::LockedOut(Some(wait)) => host.advance(wait.as_secs()),
                ChallengeOutcome::LockedOut(None) => break,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(evaluated, 100);
}

#[tokio::test]
async fn a_mailbox_reopens_the_count_once_a_day() {
    let (Hosted { host, .. }, _) = with_app().await;
    let mut passwords = [NEW_PASSWORD, "yet another long password", "and one more of the kind"].into_iter();
    let mut password = PASSWORD;
    let mut reopened = Vec::new();
    for wait in [0, 60, 86_400] {
        host.advance(wait);
        let LoginOutcome::Admitted(admission) = host.login(ANN, password).await else { panic!() };
        let held = step_required(admission);
        loop {
            let outcome = answer(&host, &held.token, "totp", "wrong").await;
            if matches!(outcome, ChallengeOutcome::LockedOut(_)) {
                break;
            }
        }
        let link = reset_link(&host, ANN).await;
        password = passwords.next().unwrap();
        let _ = host.sigra.reset().redeem(&link, password, &host.client()).await.unwrap();
        let LoginOutcome::Admitted(admission) = host.login(ANN, password).await else { panic!() };
        let held = step_required(admission);
        reopened.push(matches!(answer(&host, &held.token, "totp", "wrong").await, ChallengeOutcome::Wrong));
    }
    assert_eq!(reopened, [true, false, true]);
}

#[tokio::test]
async fn what_was_not_evaluated_is_not_counted() {
    let (Hosted { host, app, .. }, ann) = with_app().await;
    let held = pending(&host, ANN).await;
    for _ in 0..20 {
        let fault = FactorAnswer { method: "totp", response: FAULT };
        assert!(host.sigra.second_factors().answer(&held.token, fault, false, &host.entry()).await.is_err());
    }
    let session = admitted(answer(&host, &held.token, "totp", RIGHT).await);
    let session = host.resolve(&session.token.expose()).await.unwrap();
    for _ in 0..20 {
        let answer = SudoAnswer { password: None, factor: Some(FactorAnswer { method: "totp", response: FAULT }) };
        assert!(host.sigra.sudo().answer(&session, answer, &host.client()).await.is_err());
    }
    assert_eq!(app.checked.load(Ordering::SeqCst), 41);
    assert_eq!(host.sigra.sessions().list(&ann).await.unwrap().len(), 1, "the session was not ended for it");
}

#[tokio::test]
async fn a_right_answer_stands_though_its_count_cannot_be_cleared() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = pending(&host, ANN).await;
    host.store.fail_next("attempts.clear");
    admitted(answer(&host, &held.token, "totp", RIGHT).await);
}

#[tokio::test]
async fn mf_12_what_cannot_be_enough_is_not_used_up() {
    let Hosted { host, app, backup, passkey } = hosted(false);
    let ann = host.confirmed(ANN).await;
    backup.give(&ann);
    let session = host.signed_in(&ann).await;
    let session = current(&host, &session).await;
    let sudo = |answer| {
        let (host, session) = (host.clone(), session.clone());
        async move { host.sigra.sudo().answer(&session, answer, &host.client()).await.unwrap() }
    };
    let code = Some(FactorAnswer { method: "backup_code", response: RIGHT });
    assert!(matches!(sudo(SudoAnswer { password: None, factor: code }).await, SudoOutcome::Wrong));
    // Nor beside a password that is wrong, whatever the account has.
    assert!(matches!(sudo(SudoAnswer { password: Some("wrong"), factor: code }).await, SudoOutcome::Wrong));
    app.give(&ann);
    assert!(matches!(sudo(SudoAnswer { password: Some("wrong"), factor: code }).await, SudoOutcome::Wrong));
    for factor in [&app, &backup, &passkey] {
        assert_eq!(factor.checked.load(Ordering::SeqCst), 0);
    }
    assert!(matches!(sudo(SudoAnswer { password: Some(PASSWORD), factor: code }).await, SudoOutcome::Granted { .. }));
}

#[tokio::test]
async fn one_more_factor_makes_a_session_stronger_and_both_make_it_longer() {
    let (Hosted { host, app, .. }, ann) = with_app().await;
    app.take(&ann);
    let session = host.signed_in(&ann).await;
    app.give(&ann);
    let until = session.session.expires_at;
    host.advance(600);
    let session = current(&host, &session).await;
    let factor = Some(FactorAnswer { method: "totp", response: RIGHT });
    let alone = SudoAnswer { password: None, factor };
    let SudoOutcome::Granted { session: raised, token } =
        host.sigra.sudo().answer(&session, alone, &host.client()).await.unwrap()
    else {
        panic!("the factor suffices")
    };
    assert_eq!((raised.assurance.aal, raised.expires_at), (Aal::Two, until));
    let session = host.resolve(&token.expose()).await.unwrap();
    let both = SudoAnswer { password: Some(PASSWORD), factor };
    let SudoOutcome::Granted { session: renewed, .. } =
        host.sigra.sudo().answer(&session, both, &host.client()).await.unwrap()
    else {
        panic!("both suffice")
    };
    assert_eq!(renewed.expires_at, until + Duration::from_secs(600));
}

#[tokio::test]
async fn what_is_used_up_goes_on_demanding() {
    let Hosted { host, backup, passkey, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    passkey.give(&ann);
    backup.give(&ann);
    assert!(host.sigra.second_factors().demanded(&ann).await.unwrap());
    backup.exhaust(&ann);
    assert!(host.sigra.second_factors().demanded(&ann).await.unwrap());
    let held = host.sigra.second_factors().held(&ann).await.unwrap();
    assert_eq!(held.iter().map(|kind| kind.name()).collect::<Vec<_>>(), ["passkey"], "what could be shown");
    backup.take(&ann);
    assert!(!host.sigra.second_factors().demanded(&ann).await.unwrap());
}

#[tokio::test]
async fn a_sign_in_asks_no_more_factors_than_it_takes_to_tell() {
    let Hosted { host, app, backup, passkey } = hosted(false);
    let ann = host.confirmed(ANN).await;
    let asked = || [&app, &passkey, &backup].map(|factor| factor.asked.swap(0, Ordering::SeqCst));
    host.signed_in(&ann).await;
    assert_eq!(asked(), [1, 1, 0], "codes alone demand nothing");
    passkey.give(&ann);
    host.signed_in(&ann).await;
    assert_eq!(asked(), [1, 1, 1]);
    app.give(&ann);
    pending(&host, ANN).await;
    assert_eq!(asked(), [1, 0, 0]);
}
