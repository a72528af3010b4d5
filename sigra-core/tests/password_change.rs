//! Passwords that the next sign-in must replace.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::factor::{Hosted, RIGHT, answer, hosted};
use common::{ANN, BOB, NEW_PASSWORD, granted, is_refused, magic_link, reset_link, signs_in, step_required};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::{Admission, Proof, Refusal, Step, StepRequired, WayIn};
use sigra_core::flows::{ChallengeOutcome, ForcedOutcome, InputFault, LoginOutcome, MagicLinkOutcome, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_core::secret::RawToken;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

async fn require(host: &TestHost, email: &str) {
    let user = host.store.users().into_iter().find(|user| user.email.as_str() == email).unwrap();
    assert!(host.sigra.passwords().require_change(user.id, None, &host.client()).await.unwrap());
}

/// Somebody who gave the password and owes another.
async fn held(host: &TestHost) -> StepRequired {
    match host.login(ANN, PASSWORD).await {
        LoginOutcome::Admitted(admission) => step_required(admission),
        LoginOutcome::InvalidCredentials => panic!("the password is right"),
    }
}

async fn complete(host: &TestHost, token: &RawToken, password: &str) -> ForcedOutcome {
    host.sigra.passwords().complete_forced_change(token, password, &host.entry()).await.unwrap()
}

#[tokio::test]
async fn pw_16_a_password_that_must_change_leads_to_no_session_before_it_is_changed() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let (session, magic) = (host.signed_in(&ann).await, magic_link(&host, ANN).await);
    require(&host, ANN).await;
    assert!(host.resolve(&session.cookie()).await.is_none(), "whoever is signed in is signed out");
    assert!(host.sigra.magic_link().peek(&magic).await.unwrap().is_none());

    let held = held(&host).await;
    assert_eq!(held.steps, [Step::PASSWORD_CHANGE]);
    assert!(host.resolve(&held.token.expose()).await.is_none());
    let outcome = complete(&host, &held.token, NEW_PASSWORD).await;
    let ForcedOutcome::Admitted(admission) = outcome else { panic!("{outcome:?}") };
    let granted = granted(admission);
    assert_eq!(granted.user.password_change_required_at, None);
    assert!(granted.session.is_fresh(host.sigra.clock().now()));
    assert!(host.resolve(&granted.token.expose()).await.is_some());
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await, "once");
    assert!(!signs_in(&host, ANN, PASSWORD).await);
    assert!(matches!(complete(&host, &held.token, PASSWORD).await, ForcedOutcome::NoPending));

    let event = assert_audited(&host.store, names::PASSWORD_CHANGE, |_| true).await;
    assert_eq!((event.actor, &event.metadata["forced"]), (Some(ann.id), &true.into()));
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::PASSWORD_CHANGED, ANN);
    assert!(host.sigra.not_me().peek(&rescue).await.unwrap().is_some());
}

/// Every way in, for every kind of account: none leads past the step, and the second factor comes before it.
#[tokio::test]
async fn pw_16_mf_11_no_way_in_goes_around_the_change() {
    for (factor, way) in [false, true].into_iter().flat_map(|factor| {
        [WayIn::Password, WayIn::MagicLink, WayIn::Passkey, WayIn::Other("host")].map(|way| (factor, way))
    }) {
        let Hosted { host, app, .. } = hosted(false);
        let ann = host.confirmed(ANN).await;
        if factor {
            app.give(&ann);
        }
        require(&host, ANN).await;
        let ann = host.store.users().remove(0);
        let now = host.sigra.clock().now();
        // No wildcard: a further way in does not compile before it has a row here.
        let admission = match way {
            WayIn::Password => match host.login(ANN, PASSWORD).await {
                LoginOutcome::Admitted(admission) => admission,
                LoginOutcome::InvalidCredentials => panic!("{way:?}"),
            },
            WayIn::MagicLink => {
                let link = magic_link(&host, ANN).await;
                match host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap() {
                    MagicLinkOutcome::Admitted(admission) => admission,
                    MagicLinkOutcome::Invalid => panic!("{way:?}"),
                }
            }
            WayIn::Passkey => {
                let methods = vec![Method::new("swk"), Method::MULTI_FACTOR];
                let proof = Proof::new(way, &ann, Aal::Two, methods, now);
                host.sigra.door().admit(proof, &host.entry()).await.unwrap()
            }
            WayIn::Other(_) => {
                let proof = Proof::new(way, &ann, Aal::One, vec![Method::new("host")], now);
                host.sigra.door().admit(proof, &host.entry()).await.unwrap()
            }
        };
        let row = format!("{way:?}, a factor: {factor}");
        let mut held = step_required(admission);
        if factor && way != WayIn::Passkey {
            assert_eq!(held.steps, [Step::MFA, Step::PASSWORD_CHANGE], "{row}");
            // Only the first step is reached.
            assert!(matches!(complete(&host, &held.token, NEW_PASSWORD).await, ForcedOutcome::NoPending), "{row}");
            let answered = answer(&host, &held.token, "totp", RIGHT).await;
            let ChallengeOutcome::Admitted(admission, _) = answered else { panic!("{row}") };
            held = step_required(admission);
        }
        assert_eq!(held.steps, [Step::PASSWORD_CHANGE], "{row}");
        let resumed = host.sigra.door().resume(&held.token, Step::PASSWORD_CHANGE, None, &host.entry()).await.unwrap();
        let again = step_required(resumed);
        assert_eq!(again.steps, [Step::PASSWORD_CHANGE], "{row}: saying so does not take the step");
        let outcome = complete(&host, &again.token, NEW_PASSWORD).await;
        let ForcedOutcome::Admitted(Admission::Granted(granted)) = outcome else { panic!("{row}: {outcome:?}") };
        let level = if factor || way == WayIn::Passkey { Aal::Two } else { Aal::One };
        assert_eq!(granted.session.assurance.aal, level, "{row}");
    }
}

#[tokio::test]
async fn the_present_password_is_refused_and_trying_it_is_counted() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    require(&host, ANN).await;
    let link = magic_link(&host, ANN).await;
    let MagicLinkOutcome::Admitted(admission) = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap()
    else {
        panic!("the link is good")
    };
    let held = step_required(admission);
    let rejected = |outcome| match outcome {
        ForcedOutcome::Rejected(faults) => faults.iter().map(InputFault::code).collect::<Vec<_>>(),
        other => panic!("must be refused: {other:?}"),
    };
    assert_eq!(rejected(complete(&host, &held.token, "short").await), ["too_short"]);
    for _ in 1..5 {
        assert_eq!(rejected(complete(&host, &held.token, PASSWORD).await), ["similar"]);
    }
    assert!(matches!(complete(&host, &held.token, PASSWORD).await, ForcedOutcome::NoPending), "once too often");
    assert!(matches!(complete(&host, &held.token, NEW_PASSWORD).await, ForcedOutcome::NoPending), "it is over");
    assert_eq!(common::reasons(&host, names::PASSWORD_CHANGE_FAILURE), ["same_password"; 5]);
    assert!(!signs_in(&host, ANN, PASSWORD).await, "it must still be changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_forced_changes_one_is_made() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    require(&host, ANN).await;
    let held = held(&host).await;
    let outcomes = common::at_once(16, |number| {
        let (host, token) = (host.clone(), held.token.clone());
        async move { complete(&host, &token, &format!("the new password {number}")).await }
    })
    .await;
    let won = |outcome: &&ForcedOutcome| matches!(outcome, ForcedOutcome::Admitted(_) | ForcedOutcome::Changed);
    assert_eq!(outcomes.iter().filter(won).count(), 1);
    assert_eq!(count_audited(&host.store, names::PASSWORD_CHANGE, |_| true).await, 1);
}

#[tokio::test]
async fn tk_05_a_sign_in_that_was_pending_before_the_requirement_is_over() {
    let Hosted { host, app, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    app.give(&ann);
    let before = held(&host).await;
    require(&host, ANN).await;
    assert!(matches!(answer(&host, &before.token, "totp", RIGHT).await, ChallengeOutcome::NoPending));
    // A requirement that comes while a new one is typed takes that one's place.
    let held = held(&host).await;
    let answered = answer(&host, &held.token, "totp", RIGHT).await;
    let ChallengeOutcome::Admitted(admission, _) = answered else { panic!() };
    let held = step_required(admission);
    require(&host, ANN).await;
    assert!(matches!(complete(&host, &held.token, NEW_PASSWORD).await, ForcedOutcome::NoPending));
}

#[tokio::test]
async fn a_proof_made_before_the_requirement_opens_nothing() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let now = host.sigra.clock().now();
    let proof = Proof::new(WayIn::Password, &ann, Aal::One, vec![Method::PASSWORD], now);
    require(&host, ANN).await;
    let admission = host.sigra.door().admit(proof, &host.entry()).await.unwrap();
    assert!(matches!(admission, Admission::Refused(Refusal::Stale)), "{admission:?}");
}

#[tokio::test]
async fn a_reset_by_mail_satisfies_it_and_a_rescue_takes_it_with_the_password() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    require(&host, ANN).await;
    let link = reset_link(&host, ANN).await;
    let reset = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(reset, ResetOutcome::Done(_)));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::PASSWORD_CHANGED, ANN);
    require(&host, ANN).await;
    assert!(host.sigra.not_me().redeem(&rescue, &host.client()).await.unwrap());
    assert_eq!(host.store.users()[0].password_change_required_at, None);
    assert!(is_refused(&host.login(ANN, NEW_PASSWORD).await));
}

/// A password that a stranger knows: nobody can choose the next one with it.
#[tokio::test]
async fn pw_16_a_withdrawn_password_opens_nothing_and_only_mail_sets_another() {
    let host = TestHost::new();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let session = host.signed_in(&ann).await;
    require(&host, ANN).await;
    let held = held(&host).await;
    let (passwords, client) = (host.sigra.passwords(), host.client());
    assert!(passwords.withdraw(ann.id, Some(bob.id), &client).await.unwrap());
    assert!(!passwords.withdraw(ann.id, Some(bob.id), &client).await.unwrap(), "there is none any more");
    assert!(matches!(complete(&host, &held.token, NEW_PASSWORD).await, ForcedOutcome::NoPending));
    assert!(host.resolve(&session.cookie()).await.is_none());
    let entry = session.returning(host.client());
    assert!(is_refused(&host.login_with(ANN, PASSWORD, &entry).await));
    let event = assert_audited(&host.store, names::PASSWORD_WITHDRAW, |_| true).await;
    assert_eq!((event.actor, event.subject), (Some(bob.id), Some(ann.id)));
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let reset = host.sigra.reset().redeem(&link, NEW_PASSWORD, &client).await.unwrap();
    assert!(matches!(reset, ResetOutcome::Done(_)));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await && signs_in(&host, BOB, PASSWORD).await);
}

#[tokio::test]
async fn a_requirement_can_be_taken_back_and_names_who_did_what() {
    let host = TestHost::new();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let (passwords, client) = (host.sigra.passwords(), host.client());
    assert!(!passwords.clear_required_change(ann.id, Some(bob.id), &client).await.unwrap());
    assert!(passwords.require_change(ann.id, Some(bob.id), &client).await.unwrap());
    assert!(signs_in(&host, BOB, PASSWORD).await, "nobody else's");
    assert!(!signs_in(&host, ANN, PASSWORD).await);
    assert!(passwords.clear_required_change(ann.id, Some(bob.id), &client).await.unwrap());
    assert!(signs_in(&host, ANN, PASSWORD).await);
    for name in [names::PASSWORD_CHANGE_REQUIRE, names::PASSWORD_CHANGE_WAIVE] {
        let event = assert_audited(&host.store, name, |_| true).await;
        assert_eq!((event.actor, event.subject), (Some(bob.id), Some(ann.id)));
    }
}

#[tokio::test]
async fn what_has_no_password_cannot_be_made_to_change_it() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    host.store.edit_user(ann.id, |user| user.has_password = false);
    assert!(!host.sigra.passwords().require_change(ann.id, None, &host.client()).await.unwrap());
    assert_eq!(host.store.users()[0].epochs, ann.epochs);
}

/// The change stands even where the sign-in that made it cannot go on.
#[tokio::test]
async fn a_sign_in_that_cannot_go_on_leaves_the_change() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    require(&host, ANN).await;
    let held = held(&host).await;
    host.store.fail_next("sessions.insert");
    assert!(matches!(complete(&host, &held.token, NEW_PASSWORD).await, ForcedOutcome::Changed));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
}
