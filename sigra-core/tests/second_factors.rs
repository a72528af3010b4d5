//! Second factors: the gate that demands them, the counter they share, trusted browsers, and what changes leave alive.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use common::factor::{FakeFactor, FakeTrust, RIGHT};
use common::{ANN, BOB, at_once, current, granted, magic_link, reset_link, step_required};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::{Admission, Changed, Entry, Proof, Refusal, Shown, Step, StepRequired, WayIn};
use sigra_core::error::FlowError;
use sigra_core::flows::{
    ChallengeOutcome, CodeOutcome, CodeRequested, FactorAnswer, LoginOutcome, MagicLinkOutcome, SudoAnswer, SudoOutcome,
};
use sigra_core::mail::MailKind;
use sigra_core::ports::{FactorRequirement, Standing};
use sigra_core::secret::RawToken;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

/// A host with an app, backup codes, passkeys and trusted browsers, all of them fakes.
struct Hosted {
    host: TestHost,
    app: FakeFactor,
    backup: FakeFactor,
    passkey: FakeFactor,
}

fn hosted(required: bool) -> Hosted {
    let app = FakeFactor::new("totp", Standing::Alone);
    let backup = FakeFactor::new("backup_code", Standing::Recovery);
    let passkey = FakeFactor::new("passkey", Standing::WithRecovery);
    let host = TestHost::builder()
        .config(|config| config.second_factors.required = required)
        .factor(Arc::new(app.clone()))
        .factor(Arc::new(backup.clone()))
        .factor(Arc::new(passkey.clone()))
        .trusted_browsers(Arc::new(FakeTrust::default()))
        .build();
    Hosted { host, app, backup, passkey }
}

async fn with_app() -> (Hosted, User) {
    let hosted = hosted(false);
    let ann = hosted.host.confirmed(ANN).await;
    hosted.app.give(&ann);
    (hosted, ann)
}

async fn pending(host: &TestHost, email: &str) -> StepRequired {
    match host.login(email, PASSWORD).await {
        LoginOutcome::Admitted(admission) => step_required(admission),
        LoginOutcome::InvalidCredentials => panic!("must be accepted so far"),
    }
}

async fn answer(host: &TestHost, token: &RawToken, method: &str, response: &str) -> ChallengeOutcome {
    answer_trusting(host, token, FactorAnswer { method, response }, false).await
}

async fn answer_trusting(host: &TestHost, token: &RawToken, answer: FactorAnswer<'_>, trust: bool) -> ChallengeOutcome {
    host.sigra.second_factors().answer(token, answer, trust, &host.entry()).await.unwrap()
}

fn admitted(outcome: ChallengeOutcome) -> sigra_core::door::Granted {
    match outcome {
        ChallengeOutcome::Admitted(admission, _) => granted(admission),
        other => panic!("must be let in: {other:?}"),
    }
}

#[tokio::test]
async fn mf_09_a_factor_turns_a_pending_sign_in_into_a_session_of_two_factors() {
    let (Hosted { host, .. }, ann) = with_app().await;
    let held = pending(&host, ANN).await;
    assert_eq!(held.steps, [Step::MFA]);
    let (view, kinds) = host.sigra.second_factors().challenge(&held.token, &host.entry()).await.unwrap().unwrap();
    assert_eq!((view.user.id, kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>()), (ann.id, vec!["totp"]));
    let session = admitted(answer(&host, &held.token, "totp", RIGHT).await);
    assert_eq!(session.session.assurance.aal, Aal::Two);
    let methods: Vec<_> = session.session.assurance.methods.iter().map(Method::name).collect();
    assert_eq!(methods, ["pwd", "totp", "mfa"]);
    assert_audited(&host.store, names::MFA_SUCCESS, |_| true).await;
    assert!(matches!(answer(&host, &held.token, "totp", RIGHT).await, ChallengeOutcome::NoPending), "once");
}

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

#[tokio::test]
async fn what_an_account_does_not_have_is_not_enrolled() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = pending(&host, ANN).await;
    for method in ["backup_code", "passkey", "carrier_pigeon", ""] {
        assert!(matches!(answer(&host, &held.token, method, RIGHT).await, ChallengeOutcome::NotEnrolled), "{method}");
    }
    assert_eq!(count_audited(&host.store, names::MFA_FAILURE, |_| true).await, 0, "nothing was tried");
}

/// Every way in, for every kind of account: where it ends, and at which level.
#[tokio::test]
async fn mf_11_no_way_in_goes_around_the_second_factor() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Account {
        Plain,
        App,
        PasskeyOnly,
        PasskeyAndCodes,
        CodesOnly,
    }
    use Account::*;
    for required in [false, true] {
        for account in [Plain, App, PasskeyOnly, PasskeyAndCodes, CodesOnly] {
            for way in [WayIn::Password, WayIn::MagicLink, WayIn::Passkey, WayIn::Other("host")] {
                let Hosted { host, app, backup, passkey } = hosted(required);
                let ann = host.confirmed(ANN).await;
                match account {
                    Plain => {}
                    App => app.give(&ann),
                    PasskeyOnly => passkey.give(&ann),
                    PasskeyAndCodes => {
                        passkey.give(&ann);
                        backup.give(&ann);
                    }
                    CodesOnly => backup.give(&ann),
                }
                let now = host.sigra.clock().now();
                // No wildcard: a further way in does not compile before it has a row here.
                let (admission, two_factors) = match way {
                    WayIn::Password => match host.login(ANN, PASSWORD).await {
                        LoginOutcome::Admitted(admission) => (admission, false),
                        LoginOutcome::InvalidCredentials => panic!("{way:?}"),
                    },
                    WayIn::MagicLink => {
                        let link = magic_link(&host, ANN).await;
                        match host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap() {
                            MagicLinkOutcome::Admitted(admission) => (admission, false),
                            MagicLinkOutcome::Invalid => panic!("{way:?}"),
                        }
                    }
                    // With user verification it is two factors by itself.
                    WayIn::Passkey => {
                        let methods = vec![Method::new("swk"), Method::MULTI_FACTOR];
                        let proof = Proof::new(way, &ann, Aal::Two, methods, now);
                        (host.sigra.door().admit(proof, &host.entry()).await.unwrap(), true)
                    }
                    WayIn::Other(_) => {
                        let proof = Proof::new(way, &ann, Aal::One, vec![Method::new("host")], now);
                        (host.sigra.door().admit(proof, &host.entry()).await.unwrap(), false)
                    }
                };
                let row = format!("{way:?}, {account:?}, required: {required}");
                let demanded = matches!(account, App | PasskeyAndCodes);
                match admission {
                    Admission::Granted(granted) => {
                        assert!(two_factors || (!demanded && !required), "{row}");
                        let level = if two_factors { Aal::Two } else { Aal::One };
                        assert_eq!(granted.session.assurance.aal, level, "{row}");
                    }
                    Admission::StepRequired(held) => {
                        let step = if demanded { Step::MFA } else { Step::MFA_ENROLLMENT };
                        assert_eq!(held.steps, [step], "{row}");
                        assert!(!two_factors, "{row}");
                        assert!(host.resolve(&held.token.expose()).await.is_none(), "{row}");
                    }
                    Admission::Refused(why) => panic!("{row}: {why:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn mf_19_a_trusted_browser_signs_in_at_level_one_and_never_fresh() {
    let (Hosted { host, app, .. }, ann) = with_app().await;
    let bob = host.confirmed(BOB).await;
    app.give(&bob);
    let held = pending(&host, ANN).await;
    let right = FactorAnswer { method: "totp", response: RIGHT };
    let ChallengeOutcome::Admitted(_, Some(trust)) = answer_trusting(&host, &held.token, right, true).await else {
        panic!("the browser must be trusted")
    };
    let trusting = Entry { trust: Some(trust.token.clone()), ..host.entry() };
    let signs_in = |email: &'static str| {
        let (host, trusting) = (host.clone(), trusting.clone());
        async move {
            let attempt = sigra_core::flows::PasswordAttempt { email, password: PASSWORD, entry: &trusting };
            match host.sigra.login().password(attempt).await.unwrap() {
                LoginOutcome::Admitted(admission) => admission,
                LoginOutcome::InvalidCredentials => panic!("the password is right"),
            }
        }
    };
    let session = granted(signs_in(ANN).await).session;
    assert_eq!(session.assurance.aal, Aal::One);
    assert_eq!(session.assurance.methods, [Method::PASSWORD, Method::TRUSTED_BROWSER]);
    assert!(!session.is_fresh(host.sigra.clock().now()));
    // Somebody else's browser, other epochs, a factor that is gone: worth nothing.
    assert_eq!(step_required(signs_in(BOB).await).steps, [Step::MFA]);
    host.store.edit_user(ann.id, |user| user.epochs.factor += 1);
    assert_eq!(step_required(signs_in(ANN).await).steps, [Step::MFA]);
    host.store.edit_user(ann.id, |user| user.epochs.factor -= 1);
    granted(signs_in(ANN).await);
    host.store.edit_user(ann.id, |user| user.epochs.security += 1);
    assert_eq!(step_required(signs_in(ANN).await).steps, [Step::MFA]);
}

#[tokio::test]
async fn mf_14_sudo_demands_the_factor_of_whoever_has_one() {
    let (Hosted { host, .. }, ann) = with_app().await;
    let held = pending(&host, ANN).await;
    let session = admitted(answer(&host, &held.token, "totp", RIGHT).await);
    let session = host.resolve(&session.token.expose()).await.unwrap();
    let sudo = |answer| {
        let (host, session) = (host.clone(), session.clone());
        async move { host.sigra.sudo().answer(&session, answer, &host.client()).await.unwrap() }
    };
    let factor = |response| Some(FactorAnswer { method: "totp", response });
    // Neither the password alone, nor a wrong one beside the right factor, nor nothing.
    for answer in [
        SudoAnswer { password: Some(PASSWORD), factor: None },
        SudoAnswer { password: Some("wrong"), factor: factor(RIGHT) },
        SudoAnswer { password: Some(PASSWORD), factor: factor("wrong") },
        SudoAnswer::default(),
    ] {
        assert!(matches!(sudo(answer).await, SudoOutcome::Wrong));
    }
    host.advance(600);
    let SudoOutcome::Granted { session, .. } = sudo(SudoAnswer { password: None, factor: factor(RIGHT) }).await else {
        panic!("the factor suffices")
    };
    assert!(session.is_fresh(host.sigra.clock().now()));
    assert_eq!((session.user, session.assurance.aal), (ann.id, Aal::Two));
}

#[tokio::test]
async fn sudo_raises_a_session_and_a_code_alone_is_no_two_factors_of_its_own() {
    let Hosted { host, app, backup, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    // A recovery factor alone demands nothing, and does not stand in for the password.
    backup.give(&ann);
    let session = current(&host, &session).await;
    let answer = SudoAnswer { password: None, factor: Some(FactorAnswer { method: "backup_code", response: RIGHT }) };
    assert!(matches!(host.sigra.sudo().answer(&session, answer, &host.client()).await.unwrap(), SudoOutcome::Wrong));
    app.give(&ann);
    let answer = SudoAnswer { password: None, factor: Some(FactorAnswer { method: "totp", response: RIGHT }) };
    let SudoOutcome::Granted { session, .. } =
        host.sigra.sudo().answer(&session, answer, &host.client()).await.unwrap()
    else {
        panic!("must be granted")
    };
    let methods: Vec<_> = session.assurance.methods.iter().map(Method::name).collect();
    assert_eq!((session.assurance.aal, methods), (Aal::Two, vec!["pwd", "totp", "mfa"]));
}

#[tokio::test]
async fn mf_25_a_change_of_factors_leaves_only_the_session_that_made_it() {
    let Hosted { host, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    let (mine, other) = (host.signed_in(&ann).await, host.signed_in(&ann).await);
    let session = current(&host, &mine).await;
    host.store.edit_user(ann.id, |user| user.epochs.factor += 1);
    let user = host.store.users().remove(0);
    let renewed = host.sigra.sessions().carry_on(&session, &user, None, &host.client()).await.unwrap().unwrap();
    assert!(host.resolve(&renewed.token.expose()).await.is_some());
    assert!(host.resolve(&mine.cookie()).await.is_none(), "under a new token");
    assert!(host.resolve(&other.cookie()).await.is_none());
    assert_eq!(host.sigra.sessions().list(&user).await.unwrap().len(), 1);
    // Twice with one session, or after a further change: dead.
    assert!(host.sigra.sessions().carry_on(&session, &user, None, &host.client()).await.unwrap().is_none());
    let session = host.resolve(&renewed.token.expose()).await.unwrap();
    host.store.edit_user(ann.id, |user| user.epochs.security += 1);
    assert!(host.sigra.sessions().carry_on(&session, &user, None, &host.client()).await.unwrap().is_none());
}

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
async fn a_requirement_can_be_a_question_about_the_account() {
    struct Only(&'static str);

    #[async_trait]
    impl FactorRequirement for Only {
        async fn required(&self, user: &User) -> Result<bool, FlowError> {
            Ok(user.email.as_str() == self.0)
        }
    }

    let host = TestHost::builder().factor_requirement(Arc::new(Only(ANN))).build();
    host.confirmed(ANN).await;
    host.confirmed(BOB).await;
    assert_eq!(pending(&host, ANN).await.steps, [Step::MFA_ENROLLMENT]);
    assert!(matches!(host.login(BOB, PASSWORD).await, LoginOutcome::Admitted(Admission::Granted(_))));
}

#[tokio::test]
async fn disowning_a_notice_removes_the_factors_added_since() {
    let Hosted { host, app, passkey, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    let thief = Entry { client: sigra_testing::scenario::client(9), ..Entry::default() };
    let attempt = sigra_core::flows::PasswordAttempt { email: ANN, password: PASSWORD, entry: &thief };
    let at = host.sigra.clock().now();
    let _ = host.sigra.login().password(attempt).await.unwrap();
    app.give(&ann);
    passkey.give(&ann);
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::NEW_DEVICE, ANN);
    assert!(!host.sigra.not_me().redeem("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &host.client()).await.unwrap());
    assert!(app.disowned.lock().unwrap().is_empty(), "a link that is not good removes nothing");
    assert!(host.sigra.not_me().redeem(&link, &host.client()).await.unwrap());
    for factor in [&app, &passkey] {
        assert_eq!(*factor.disowned.lock().unwrap(), [(ann.id, at)]);
    }
}

#[tokio::test]
async fn wa_15_ways_in_are_counted_over_all_factors_and_mail_is_none() {
    let Hosted { host, passkey, app, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    assert_eq!(host.sigra.second_factors().ways_in(&ann).await.unwrap(), 1, "the password");
    passkey.give(&ann);
    app.give(&ann);
    assert_eq!(host.sigra.second_factors().ways_in(&ann).await.unwrap(), 2, "an app signs nobody in");
    let passwordless = User { has_password: false, ..ann };
    assert_eq!(host.sigra.second_factors().ways_in(&passwordless).await.unwrap(), 1);
}

#[test]
fn a_kind_of_factor_is_added_once() {
    let factor = || Arc::new(FakeFactor::new("totp", Standing::Alone));
    let host = std::panic::catch_unwind(|| TestHost::builder().factor(factor()).factor(factor()).build());
    assert!(host.is_err());
}
