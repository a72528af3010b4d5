//! Setting up a second factor in the middle of signing in.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::factor::{Hosted, hosted, pending};
use common::{ANN, email, granted, magic_link, step_required};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::config::Seconds;
use sigra_core::door::{Admission, Changed, Refusal, Shown, Step};
use sigra_core::flows::{CodeOutcome, CodeRequested, MagicLinkOutcome};
use sigra_core::mail::MailKind;
use sigra_testing::audited::count_audited;
use sigra_testing::scenario::TestHost;

#[tokio::test]
async fn enrolment_from_an_unknown_device_takes_a_mailed_code() {
    let Hosted { host, .. } = hosted(true);
    let ann = host.confirmed(ANN).await;
    let held = pending(&host, ANN).await;
    assert_eq!(held.steps, [Step::MFA_ENROLLMENT]);
    let enrollment = host.sigra.enrollment();
    assert!(enrollment.view(&held.token, &host.entry()).await.unwrap().unwrap().code_needed);
    let wrong = enrollment.enter_code(&held.token, "000000", &host.entry()).await.unwrap();
    assert!(matches!(wrong, CodeOutcome::Wrong), "none was mailed");
    assert_eq!(enrollment.mail_code(&held.token, &host.entry()).await.unwrap(), CodeRequested::Noted);
    host.run_workers().await;
    let first = host.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
    // A later code replaces it.
    assert_eq!(enrollment.mail_code(&held.token, &host.entry()).await.unwrap(), CodeRequested::Noted);
    host.run_workers().await;
    let code = host.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
    if first != code {
        assert!(matches!(enrollment.enter_code(&held.token, &first, &host.entry()).await.unwrap(), CodeOutcome::Wrong));
    }
    let CodeOutcome::Admitted(admission) = enrollment.enter_code(&held.token, &code, &host.entry()).await.unwrap()
    else {
        panic!("the code is right")
    };
    let held = step_required(admission);
    assert_eq!(held.steps, [Step::MFA_ENROLLMENT], "it is proof of the mailbox and no second factor");
    let view = enrollment.view(&held.token, &host.entry()).await.unwrap().unwrap();
    assert!(!view.code_needed && view.view.pending.assurance.aal == Aal::One);
    // The step changes the account; the sign-in survives that, and only under the epochs it knew.
    let before = view.view.pending.epochs;
    host.store.edit_user(ann.id, |user| user.epochs.factor += 1);
    let user = host.store.users().remove(0);
    let shown = || Some(Shown { methods: vec![Method::new("otp")], aal: Aal::Two });
    let other = Changed { before: user.epochs, user: user.clone() };
    let refused = host.sigra.door().resume_changed(&held.token, other, shown(), &host.entry()).await.unwrap();
    assert!(matches!(refused, Admission::Refused(Refusal::NoPending)));
    let changed = Changed { before, user };
    let admission = host.sigra.door().resume_changed(&held.token, changed, shown(), &host.entry()).await.unwrap();
    assert_eq!(granted(admission).session.assurance.aal, Aal::Two);
}

#[tokio::test]
async fn a_mailed_code_takes_so_many_tries_and_a_known_device_or_a_link_needs_none() {
    let Hosted { host, .. } = hosted(true);
    host.confirmed(ANN).await;
    let held = pending(&host, ANN).await;
    let enrollment = host.sigra.enrollment();
    let _ = enrollment.mail_code(&held.token, &host.entry()).await.unwrap();
    host.run_workers().await;
    let code = host.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for _ in 0..5 {
        let outcome = enrollment.enter_code(&held.token, wrong, &host.entry()).await.unwrap();
        assert!(matches!(outcome, CodeOutcome::Wrong));
    }
    let outcome = enrollment.enter_code(&held.token, &code, &host.entry()).await.unwrap();
    assert!(matches!(outcome, CodeOutcome::Wrong), "its tries are used up");
    assert!(count_audited(&host.store, names::MFA_CODE_FAILURE, |_| true).await == 6);

    let link = magic_link(&host, ANN).await;
    let MagicLinkOutcome::Admitted(admission) = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap()
    else {
        panic!("the link is good")
    };
    let held = step_required(admission);
    assert!(!enrollment.view(&held.token, &host.entry()).await.unwrap().unwrap().code_needed);
}

#[tokio::test]
async fn there_is_time_to_find_an_app_and_none_for_a_code_beyond_that() {
    let Hosted { host, .. } = hosted(true);
    host.confirmed(ANN).await;
    let held = pending(&host, ANN).await;
    let enrollment = host.sigra.enrollment();
    host.advance(899);
    assert!(enrollment.view(&held.token, &host.entry()).await.unwrap().is_some());
    // A code that is mailed now is good for as long as the sign-in is, and says so.
    assert_eq!(enrollment.mail_code(&held.token, &host.entry()).await.unwrap(), CodeRequested::Noted);
    host.run_workers().await;
    let mail = host.mailer.last(&MailKind::ENROLLMENT_CODE, &email(ANN)).unwrap();
    assert!(mail.text.contains("code_valid_secs: 1\n"), "{}", mail.text);
    host.advance(1);
    assert!(enrollment.view(&held.token, &host.entry()).await.unwrap().is_none());
}

#[tokio::test]
async fn mf_12_a_link_and_a_mailed_code_are_one_factor() {
    let Hosted { host, .. } = hosted(true);
    host.confirmed(ANN).await;
    let held = pending(&host, ANN).await;
    let enrollment = host.sigra.enrollment();
    let _ = enrollment.mail_code(&held.token, &host.entry()).await.unwrap();
    host.run_workers().await;
    let code = host.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
    let CodeOutcome::Admitted(admission) = enrollment.enter_code(&held.token, &code, &host.entry()).await.unwrap()
    else {
        panic!("the code is right")
    };
    assert_eq!(step_required(admission).pending.assurance.aal, Aal::One, "a password and a mailbox");
    let link = magic_link(&host, ANN).await;
    let MagicLinkOutcome::Admitted(admission) = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap()
    else {
        panic!("the link is good")
    };
    let held = step_required(admission);
    assert_eq!(held.pending.assurance.aal, Aal::One);
    // The mailbox is shown; showing it once more is not offered, and would lead nowhere.
    assert_eq!(enrollment.mail_code(&held.token, &host.entry()).await.unwrap(), CodeRequested::NoPending);
    let outcome = enrollment.enter_code(&held.token, &code, &host.entry()).await.unwrap();
    assert!(matches!(outcome, CodeOutcome::NoPending), "{outcome:?}");
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes() {
    let Hosted { host, .. } = hosted(true);
    host.confirmed(ANN).await;
    let held = pending(&host, ANN).await;
    let enrollment = host.sigra.enrollment();
    let _ = enrollment.mail_code(&held.token, &host.entry()).await.unwrap();
    host.run_workers().await;
    let code = host.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
    host.advance(600);
    let outcome = enrollment.enter_code(&held.token, &code, &host.entry()).await.unwrap();
    assert!(matches!(outcome, CodeOutcome::Wrong), "{outcome:?}");
}

#[test]
fn the_wait_has_a_limit() {
    for secs in [0, 3_601] {
        let mut config = sigra_core::config::Config::default();
        config.second_factors.enrollment_secs = Seconds::new(secs);
        assert!(config.validate().unwrap_err().to_string().contains("second_factors.enrollment_secs"), "{secs}");
    }
}

#[test]
fn what_is_required_can_be_set_up() {
    let host =
        std::panic::catch_unwind(|| TestHost::builder().config(|config| config.second_factors.required = true).build());
    assert!(host.is_err(), "nobody could sign in");
}
