//! Deferred confirmation: accounts that exist before their address is proven.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::factor::FakeFactor;
use common::{ANN, BOB, NEW_PASSWORD, current, granted, is_refused, magic_link, step_required, stored};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::config::{ConfirmationMode, Seconds};
use sigra_core::door::{Entry, Step, StepRequired};
use sigra_core::flows::{
    ChangeOutcome, CodeOutcome, CodeRequested, Confirmed, ForcedOutcome, LoginOutcome, Reactivated,
};
use sigra_core::mail::MailKind;
use sigra_core::ports::Standing;
use sigra_core::secret::RawToken;
use sigra_testing::audited::count_audited;
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, client};

const DAY: u64 = 86_400;

fn deferred(within: u32) -> TestHost {
    TestHost::builder()
        .config(|config| {
            config.registration.confirmation = ConfirmationMode::Deferred;
            config.registration.confirm_within_secs = Seconds::new(within);
        })
        .build()
}

async fn by_link(host: &TestHost, email: &str) -> Confirmed {
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, email);
    host.sigra.confirmation().by_token(&token, &host.client()).await.unwrap()
}

/// A sign-in that owes the proof of its address.
async fn held(host: &TestHost) -> StepRequired {
    match host.login(ANN, PASSWORD).await {
        LoginOutcome::Admitted(admission) => step_required(admission),
        other => panic!("the password is right: {other:?}"),
    }
}

async fn mail_code(host: &TestHost, token: &RawToken) -> String {
    let noted = host.sigra.sign_in_confirmation().mail_code(token, &host.entry()).await.unwrap();
    assert_eq!(noted, CodeRequested::Noted);
    host.run_workers().await;
    host.mailed_code_of(&MailKind::CONFIRM_CODE, ANN)
}

async fn enter(host: &TestHost, token: &RawToken, code: &str) -> CodeOutcome {
    host.sigra.sign_in_confirmation().enter_code(token, code, &host.entry()).await.unwrap()
}

#[tokio::test]
async fn the_account_exists_at_once_and_its_own_link_keeps_everything() {
    let host = deferred(259_200);
    host.registered(ANN).await;
    let ann = stored(&host, ANN).await;
    assert!(ann.confirmed_at.is_none() && ann.has_password);
    let session = host.signed_in(&ann).await;
    assert_eq!(session.session.assurance.aal, Aal::One);
    let token = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let view = host.sigra.confirmation().peek(&token).await.unwrap().expect("the link is good");
    assert_eq!((view.email.as_str(), view.submitted_at, view.device), (ANN, ann.created_at, None));
    assert!(host.sigra.confirmation().prepare(&token, &host.client()).await.unwrap().is_none(), "there is an account");
    let Confirmed::Proven(proven) = by_link(&host, ANN).await else { panic!("the link is good") };
    assert_eq!((proven.id, proven.epochs), (ann.id, ann.epochs));
    assert!(proven.confirmed_at.is_some() && proven.has_password);
    assert!(host.resolve(&session.cookie()).await.is_some(), "nobody is signed out");
    assert!(host.sigra.confirmation().peek(&token).await.unwrap().is_none());
    assert_eq!(by_link(&host, ANN).await, Confirmed::Invalid, "a link is good once");
    host.signed_in(&proven).await;
    assert_eq!(count_audited(&host.store, names::ACCOUNT_CONFIRM, |_| true).await, 1);
    assert_eq!(count_audited(&host.store, names::REGISTER_SUCCESS, |_| true).await, 1);
}

#[tokio::test]
async fn the_code_does_too_within_its_tries() {
    let host = deferred(0);
    host.registered(ANN).await;
    let by_code =
        async |email, code: &str| host.sigra.confirmation().by_code(email, code, &host.client()).await.unwrap();
    let code = host.mailed_code(ANN);
    let wrong = if code == "111111" { "222222" } else { "111111" };
    assert_eq!(by_code(BOB, &code).await, Confirmed::Invalid, "a code is its address's");
    for _ in 0..5 {
        assert_eq!(by_code(ANN, wrong).await, Confirmed::Invalid);
    }
    assert_eq!(by_code(ANN, &code).await, Confirmed::Invalid, "TK-12: five tries a code");
    let _ = host.sigra.confirmation().resend(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    let later = host.mailed_code(ANN);
    if later != code {
        assert_eq!(by_code(ANN, &code).await, Confirmed::Invalid, "a later code replaces it");
    }
    host.advance(599);
    assert!(matches!(by_code(ANN, &later).await, Confirmed::Proven(_)));
    assert_eq!(by_code(ANN, &later).await, Confirmed::Invalid, "a code is good once");
}

#[tokio::test]
async fn a_code_ends_after_ten_minutes_and_ten_tries_a_day_are_all() {
    let host = deferred(0);
    host.registered(ANN).await;
    let code = host.mailed_code(ANN);
    host.advance(600);
    let by_code = async |code: &str| host.sigra.confirmation().by_code(ANN, code, &host.client()).await.unwrap();
    assert_eq!(by_code(&code).await, Confirmed::Invalid, "TK-04");
    for _ in 0..9 {
        assert_eq!(by_code("000000").await, Confirmed::Invalid);
    }
    let _ = host.sigra.confirmation().resend(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    let code = host.mailed_code(ANN);
    assert_eq!(by_code(&code).await, Confirmed::Invalid, "TK-12: ten tries an address and day");
    assert!(matches!(by_link(&host, ANN).await, Confirmed::Proven(_)), "which nobody can use up for a link");
}

#[tokio::test]
async fn a_taken_address_gives_its_owner_a_notice_proven_or_not() {
    let host = deferred(259_200);
    host.registered(ANN).await;
    let ann = stored(&host, ANN).await;
    host.registered_with(ANN, NEW_PASSWORD).await;
    assert_eq!(stored(&host, ANN).await, ann, "the first keeps the address");
    assert!(is_refused(&host.login(ANN, NEW_PASSWORD).await));
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 1);
    assert_eq!(host.count_mailed(&MailKind::ALREADY_REGISTERED, ANN), 1);
    let _ = by_link(&host, ANN).await;
    let _ = host.sigra.confirmation().resend(ANN, &host.client()).await.unwrap();
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 1, "there is nothing left to prove");
}

#[tokio::test]
async fn of_rival_submissions_one_becomes_the_account() {
    let host = deferred(259_200);
    let client = host.client();
    for password in [PASSWORD, NEW_PASSWORD] {
        let form = sigra_core::flows::RegistrationForm { email: ANN, password, profile: None, client: &client };
        let _ = host.sigra.registration().submit(form).await.unwrap();
    }
    host.run_workers().await;
    assert_eq!(host.store.users().len(), 1);
    assert!(!is_refused(&host.login(ANN, PASSWORD).await) && is_refused(&host.login(ANN, NEW_PASSWORD).await));
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 1);
}

#[tokio::test]
async fn a_worker_that_died_between_account_and_mail_is_replaced() {
    let host = deferred(259_200);
    host.store.fail_next("requests.resolve");
    host.registered(ANN).await;
    assert_eq!((host.store.users().len(), host.count_mailed(&MailKind::CONFIRM_EMAIL, ANN)), (1, 0));
    host.advance(30);
    host.run_workers().await;
    assert!(matches!(by_link(&host, ANN).await, Confirmed::Proven(_)), "its own mail, not a notice");
    assert_eq!(host.count_mailed(&MailKind::ALREADY_REGISTERED, ANN), 0);
}

#[tokio::test]
async fn when_the_time_is_over_signing_in_owes_the_proof() {
    let host = deferred(3 * 86_400);
    host.registered(ANN).await;
    let ann = stored(&host, ANN).await;
    host.advance(3 * DAY - 1);
    host.signed_in(&ann).await;
    host.advance(1);
    let owed = held(&host).await;
    assert_eq!(owed.steps, [Step::CONFIRM_EMAIL]);
    assert_eq!(owed.pending.expires_at.since(owed.pending.created_at).as_secs(), 600, "as long as its code");
    let code = mail_code(&host, &owed.token).await;
    let CodeOutcome::Admitted(admission) = enter(&host, &owed.token, &code).await else { panic!("the code is right") };
    let granted = granted(admission);
    assert!(granted.user.confirmed_at.is_some());
    assert_eq!(granted.session.assurance.methods, [Method::PASSWORD, Method::EMAIL_CODE]);
    assert_eq!(granted.session.assurance.aal, Aal::One);
    let signed_in: SignedIn = granted.into();
    assert!(host.resolve(&signed_in.cookie()).await.is_some());
    assert!(!is_refused(&host.login(ANN, PASSWORD).await), "the password is kept");
    host.signed_in(&ann).await;
}

#[tokio::test]
async fn a_code_of_a_sign_in_is_that_sign_ins_for_five_tries_and_ten_minutes() {
    let host = deferred(0);
    host.registered(ANN).await;
    let (one, other) = (held(&host).await, held(&host).await);
    let code = mail_code(&host, &one.token).await;
    let wrong = if code == "111111" { "222222" } else { "111111" };
    assert!(matches!(enter(&host, &other.token, &code).await, CodeOutcome::Wrong), "another sign-in");
    assert!(matches!(enter(&host, &RawToken::random(), &code).await, CodeOutcome::NoPending));
    let anybody = host.sigra.confirmation().by_code(ANN, &code, &host.client()).await.unwrap();
    assert_eq!(anybody, Confirmed::Invalid, "it takes the password too");
    for _ in 0..5 {
        assert!(matches!(enter(&host, &one.token, wrong).await, CodeOutcome::Wrong));
    }
    assert!(matches!(enter(&host, &one.token, &code).await, CodeOutcome::Wrong), "TK-12: its tries are used up");
    let third = held(&host).await;
    let code = mail_code(&host, &third.token).await;
    host.advance(600);
    assert!(matches!(enter(&host, &third.token, &code).await, CodeOutcome::NoPending), "TK-04");
    let fourth = held(&host).await;
    let code = mail_code(&host, &fourth.token).await;
    for _ in 0..3 {
        assert!(matches!(enter(&host, &fourth.token, wrong).await, CodeOutcome::Wrong));
    }
    assert!(matches!(enter(&host, &fourth.token, &code).await, CodeOutcome::Wrong), "ten an account and day");
    host.advance(DAY);
    let fifth = held(&host).await;
    let code = mail_code(&host, &fifth.token).await;
    assert!(matches!(enter(&host, &fifth.token, &code).await, CodeOutcome::Admitted(_)));
}

#[tokio::test]
async fn a_sign_in_goes_on_when_the_link_proved_the_address_meanwhile() {
    let host = deferred(0);
    host.registered(ANN).await;
    let owed = held(&host).await;
    let _ = by_link(&host, ANN).await;
    let CodeOutcome::Admitted(admission) = enter(&host, &owed.token, "").await else { panic!("nothing is owed") };
    assert_eq!(granted(admission).session.assurance.methods, [Method::PASSWORD]);
}

#[tokio::test]
async fn th_06_mail_with_codes_keeps_to_the_budget() {
    let host = deferred(0);
    host.registered(ANN).await;
    let owed = held(&host).await;
    for _ in 0..20 {
        let _ = host.sigra.sign_in_confirmation().mail_code(&owed.token, &host.entry()).await.unwrap();
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_CODE, ANN), 7, "one of eight was the registration's");
    assert!(count_audited(&host.store, names::MAIL_SUPPRESSED, |_| true).await > 0);
}

#[tokio::test]
async fn th_06_signing_in_does_not_fill_a_strangers_mailbox() {
    let host = deferred(259_200);
    host.registered(ANN).await;
    let ann = stored(&host, ANN).await;
    for number in 0..20 {
        host.signed_in_with(&ann, &Entry { client: client(number), ..Entry::default() }).await;
    }
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 0);
    let _ = by_link(&host, ANN).await;
    host.signed_in_with(&ann, &Entry { client: client(99), ..Entry::default() }).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 1);
}

#[tokio::test]
async fn tk_16_a_pending_sign_in_dies_with_the_password() {
    let host = deferred(0);
    host.registered(ANN).await;
    let mallory = held(&host).await;
    let code = mail_code(&host, &mallory.token).await;
    let link = magic_link(&host, ANN).await;
    let _ = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    assert!(matches!(enter(&host, &mallory.token, &code).await, CodeOutcome::NoPending));
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
}

#[tokio::test]
async fn steps_come_in_their_order_and_the_mailbox_is_shown_before_a_password_is_chosen() {
    let host = deferred(0);
    host.registered(ANN).await;
    let ann = stored(&host, ANN).await;
    assert!(host.sigra.passwords().require_change(ann.id, None, &host.client()).await.unwrap());
    assert!(host.sigra.operator().schedule_deletion(ann.id, &host.client()).await.unwrap());
    let owed = held(&host).await;
    assert_eq!(owed.steps, [Step::REACTIVATE, Step::CONFIRM_EMAIL, Step::PASSWORD_CHANGE]);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_CODE, ANN), 0, "not before it is its turn");
    let (confirmation, passwords) = (host.sigra.sign_in_confirmation(), host.sigra.passwords());
    assert!(confirmation.view(&owed.token, &host.entry()).await.unwrap().is_none());

    let Reactivated::Admitted(admission) = host.sigra.deletion().reactivate(&owed.token, &host.entry()).await.unwrap()
    else {
        panic!("it can be taken back")
    };
    let owed = step_required(admission);
    assert_eq!(owed.steps, [Step::CONFIRM_EMAIL, Step::PASSWORD_CHANGE]);
    let forced = passwords.complete_forced_change(&owed.token, NEW_PASSWORD, &host.entry()).await.unwrap();
    assert!(matches!(forced, ForcedOutcome::NoPending), "who has not shown the mailbox chooses no password");
    host.run_workers().await;
    let code = host.mailed_code_of(&MailKind::CONFIRM_CODE, ANN);

    let CodeOutcome::Admitted(admission) = enter(&host, &owed.token, &code).await else { panic!("the code is right") };
    let owed = step_required(admission);
    assert_eq!(owed.steps, [Step::PASSWORD_CHANGE]);
    let forced = passwords.complete_forced_change(&owed.token, NEW_PASSWORD, &host.entry()).await.unwrap();
    let ForcedOutcome::Admitted(admission) = forced else { panic!("{forced:?}") };
    let granted = granted(admission);
    assert!(granted.user.confirmed_at.is_some() && granted.user.deletion_due_at.is_none());
    assert!(!is_refused(&host.login(ANN, NEW_PASSWORD).await));
}

#[tokio::test]
async fn who_must_set_a_second_factor_up_shows_the_mailbox_before_that() {
    let app = FakeFactor::new("totp", Standing::Alone);
    let host = TestHost::builder()
        .config(|config| {
            config.registration.confirmation = ConfirmationMode::Deferred;
            config.second_factors.required = true;
        })
        .factor(Arc::new(app))
        .build();
    host.registered(ANN).await;
    let owed = held(&host).await;
    assert_eq!(owed.steps, [Step::CONFIRM_EMAIL, Step::MFA_ENROLLMENT], "an unproven account gets no factor");
    host.run_workers().await;
    let code = host.mailed_code_of(&MailKind::CONFIRM_CODE, ANN);
    let CodeOutcome::Admitted(admission) = enter(&host, &owed.token, &code).await else { panic!("the code is right") };
    let owed = step_required(admission);
    assert_eq!(owed.steps, [Step::MFA_ENROLLMENT]);
    let view = host.sigra.enrollment().view(&owed.token, &host.entry()).await.unwrap().expect("it is owed");
    assert!(!view.code_needed, "one mailed code is enough");
}

#[tokio::test]
async fn an_address_that_is_reserved_gets_no_account_at_once_either() {
    let host = deferred(259_200);
    let bob = host.confirmed(BOB).await;
    let session = host.signed_in(&bob).await;
    let current = current(&host, &session).await;
    let _ = host.sigra.email_change().request(&current, "other@example.org", &host.client()).await.unwrap();
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::EMAIL_CHANGE_CONFIRM, "other@example.org");
    let changed = host.sigra.email_change().redeem(&link, None, &host.client()).await.unwrap();
    assert!(matches!(changed, ChangeOutcome::Changed(..)));
    let asked = host.count_mailed(&MailKind::CONFIRM_EMAIL, BOB);
    host.registered(BOB).await;
    assert_eq!(host.store.users().len(), 1, "the owner can still have it back");
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, BOB), asked);
}

#[tokio::test]
async fn with_required_confirmation_an_unproven_account_owes_nothing_at_the_door() {
    let host = TestHost::new();
    host.registered(ANN).await;
    assert!(host.store.users().is_empty());
    let Confirmed::Created(ann) = by_link(&host, ANN).await else { panic!("the link creates the account") };
    host.store.edit_user(ann.id, |user| user.confirmed_at = None);
    host.advance(30 * DAY);
    host.signed_in(&ann).await;
}
