//! Second factors: the gate that demands them, the counter they share, trusted browsers, and what changes leave alive.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::factor::{FakeFactor, Hosted, RIGHT, admitted, answer, answer_trusting, hosted, pending, with_app};
use common::{ANN, BOB, current, granted, magic_link, step_required};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::{Admission, Entry, Proof, Step, WayIn};
use sigra_core::error::FlowError;
use sigra_core::flows::{ChallengeOutcome, FactorAnswer, LoginOutcome, MagicLinkOutcome, SudoAnswer, SudoOutcome};
use sigra_core::mail::MailKind;
use sigra_core::ports::{FactorRequirement, Standing};
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

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
async fn a_requirement_can_be_a_question_about_the_account() {
    struct Only(&'static str);

    #[async_trait]
    impl FactorRequirement for Only {
        async fn required(&self, user: &User) -> Result<bool, FlowError> {
            Ok(user.email.as_str() == self.0)
        }
    }

    let app = FakeFactor::new("totp", Standing::Alone);
    let host = TestHost::builder().factor(Arc::new(app)).factor_requirement(Arc::new(Only(ANN))).build();
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
        // Before the link is used up, so that it can be tried again, and after, for what was added between.
        assert_eq!(*factor.disowned.lock().unwrap(), [(ann.id, at), (ann.id, at)]);
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
