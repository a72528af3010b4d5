//! Changing passwords and setting first ones.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::factor::{Hosted, hosted, pending};
use common::{ANN, InterleavingHasher, NEW_PASSWORD, at_once, current, granted, magic_link, reset_link, signs_in};
use sigra_core::audit::names;
use sigra_core::door::{Admission, Step};
use sigra_core::flows::{
    CurrentSession, FactorAnswer, InputFault, LoginOutcome, MagicLinkOutcome, NewPassword, PasswordOutcome, Renewed,
    ResetOutcome, SudoAnswer, SudoOutcome,
};
use sigra_core::mail::MailKind;
use sigra_core::ports::PasswordFault;
use sigra_core::user::User;
use sigra_testing::KnownBad;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, WRONG_PASSWORD};

async fn change(host: &TestHost, session: &CurrentSession, present: &str, password: &str) -> PasswordOutcome {
    let client = host.client();
    let new = NewPassword { password, device: None, client: &client };
    host.sigra.passwords().change(session, present, new).await.unwrap()
}

async fn set_first(host: &TestHost, session: &CurrentSession, password: &str) -> PasswordOutcome {
    let client = host.client();
    host.sigra.passwords().set_first(session, NewPassword { password, device: None, client: &client }).await.unwrap()
}

fn done(outcome: PasswordOutcome) -> (User, Renewed) {
    match outcome {
        PasswordOutcome::Done { user, renewed: Some(renewed) } => (*user, *renewed),
        other => panic!("must be done: {other:?}"),
    }
}

/// An account without a password, and a fresh session of it.
async fn passwordless(host: &TestHost) -> (User, SignedIn) {
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    host.run_workers().await;
    let rescue = rescue(host).await;
    assert!(host.sigra.not_me().redeem(&rescue, &host.client()).await.unwrap());
    let link = magic_link(host, ANN).await;
    let outcome = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    let MagicLinkOutcome::Admitted(admission) = outcome else { panic!("{outcome:?}") };
    let session = SignedIn::from(granted(admission));
    assert!(!session.user.has_password);
    (session.user.clone(), session)
}

async fn rescue(host: &TestHost) -> String {
    let link = reset_link(host, ANN).await;
    let reset = host.sigra.reset().redeem(&link, PASSWORD, &host.client()).await.unwrap();
    assert!(matches!(reset, ResetOutcome::Done(_)));
    host.run_workers().await;
    host.mailed_token(&MailKind::PASSWORD_CHANGED, ANN)
}

#[tokio::test]
async fn se_16_a_change_leaves_only_the_session_that_made_it_under_a_new_token() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let (mine, other, remembered) =
        (host.signed_in(&ann).await, host.signed_in(&ann).await, host.remembered(&ann).await);
    let magic = magic_link(&host, ANN).await;
    let reset = reset_link(&host, ANN).await;
    host.run_workers().await;
    let rescue = host.mailed_token(&MailKind::NEW_DEVICE, ANN);

    let session = current(&host, &mine).await;
    let client = host.client();
    let new = NewPassword { password: NEW_PASSWORD, device: mine.device.as_ref(), client: &client };
    let (user, renewed) = done(host.sigra.passwords().change(&session, PASSWORD, new).await.unwrap());
    assert_eq!(user.epochs.security, ann.epochs.security + 1);
    assert_eq!(user.password_changed_at, Some(host.sigra.clock().now()));
    assert_eq!(renewed.session.id, mine.session.id);
    assert!(host.resolve(&renewed.token.expose()).await.is_some());
    for dead in [&mine, &other, &remembered] {
        assert!(host.resolve(&dead.cookie()).await.is_none());
    }
    assert_eq!(host.sigra.sessions().list(&user).await.unwrap().len(), 1);
    assert!(host.sigra.magic_link().peek(&magic).await.unwrap().is_none(), "TK-05");
    assert!(host.sigra.reset().peek(&reset).await.unwrap().is_none(), "TK-05");
    assert!(host.sigra.not_me().peek(&rescue).await.unwrap().is_some(), "a thief cannot disarm it");
    assert!(!signs_in(&host, ANN, PASSWORD).await && signs_in(&host, ANN, NEW_PASSWORD).await);

    // The browser it was done in is known as before; the others are not.
    for (session, known) in [(&mine, true), (&other, false)] {
        let entry = session.returning(host.client());
        let again = SignedIn::of(host.login_with(ANN, NEW_PASSWORD, &entry).await);
        assert_eq!(again.device.is_none(), known);
    }
    let event = assert_audited(&host.store, names::PASSWORD_CHANGE, |_| true).await;
    assert_eq!((event.actor, event.session), (Some(ann.id), Some(mine.session.id)));
    assert_eq!(event.metadata["forced"], false);
}

#[tokio::test]
async fn tk_05_a_change_ends_pending_sign_ins_and_trusted_browsers() {
    let Hosted { host, app, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    app.give(&ann);
    let held = pending(&host, ANN).await;
    let thief = pending(&host, ANN).await;
    let right = FactorAnswer { method: "totp", response: common::factor::RIGHT };
    let answered = host.sigra.second_factors().answer(&held.token, right, true, &host.entry()).await.unwrap();
    let sigra_core::flows::ChallengeOutcome::Admitted(_, Some(trust)) = answered else { panic!("{answered:?}") };
    let _ = done(change(&host, &current(&host, &session).await, PASSWORD, NEW_PASSWORD).await);

    assert!(host.sigra.door().pending(&thief.token, &host.entry()).await.unwrap().is_none());
    let resumed = host.sigra.door().resume(&thief.token, Step::MFA, None, &host.entry()).await.unwrap();
    assert!(matches!(resumed, Admission::Refused(_)));
    let entry = sigra_core::door::Entry { trust: Some(trust.token), ..host.entry() };
    let outcome = host.login_with(ANN, NEW_PASSWORD, &entry).await;
    assert!(matches!(outcome, LoginOutcome::Admitted(Admission::StepRequired(_))), "{outcome:?}");
}

#[tokio::test]
async fn the_owner_is_told_with_a_way_to_disown_it() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    let (_, renewed) = done(change(&host, &current(&host, &session).await, PASSWORD, NEW_PASSWORD).await);
    host.run_workers().await;
    let notice = host.mailer.last(&MailKind::PASSWORD_CHANGED, &common::email(ANN)).unwrap();
    assert!(notice.text.contains("not_me: ") && notice.text.contains("device: Firefox on Linux"), "{}", notice.text);
    assert!(!notice.text.contains(NEW_PASSWORD));
    let rescue = host.mailed_token(&MailKind::PASSWORD_CHANGED, ANN);
    assert!(host.sigra.not_me().redeem(&rescue, &host.client()).await.unwrap());
    assert!(host.resolve(&renewed.token.expose()).await.is_none(), "whoever changed it is out");
    assert!(!signs_in(&host, ANN, NEW_PASSWORD).await);
}

/// A thief with a session and no password.
#[tokio::test]
async fn pw_18_a_session_without_the_password_changes_nothing_and_ends_by_guessing() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let stolen = host.signed_in(&ann).await;
    for guess in 1..=5 {
        let session = current(&host, &stolen).await;
        let outcome = change(&host, &session, WRONG_PASSWORD, NEW_PASSWORD).await;
        match guess {
            5 => assert!(matches!(outcome, PasswordOutcome::SessionEnded), "{outcome:?}"),
            _ => assert!(matches!(outcome, PasswordOutcome::Wrong), "{outcome:?}"),
        }
    }
    assert!(host.resolve(&stolen.cookie()).await.is_none());
    assert!(signs_in(&host, ANN, PASSWORD).await);
    assert_eq!(common::reasons(&host, names::PASSWORD_CHANGE_FAILURE), ["invalid_password"; 5]);
    assert_none_audited(&host.store, names::PASSWORD_CHANGE, |_| true).await;
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::PASSWORD_CHANGED, ANN), 0);
}

/// Guesses here and at authenticating again are one count.
#[tokio::test]
async fn pw_18_wrong_answers_count_with_those_of_sudo() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = current(&host, &host.signed_in(&ann).await).await;
    for _ in 0..2 {
        assert!(matches!(change(&host, &session, WRONG_PASSWORD, NEW_PASSWORD).await, PasswordOutcome::Wrong));
        let outcome = host.sigra.sudo().password(&session, WRONG_PASSWORD, &host.client()).await.unwrap();
        assert!(matches!(outcome, SudoOutcome::Wrong));
    }
    let outcome = change(&host, &session, WRONG_PASSWORD, NEW_PASSWORD).await;
    assert!(matches!(outcome, PasswordOutcome::SessionEnded), "{outcome:?}");
    // The right one comes too late.
    let outcome = change(&host, &session, PASSWORD, NEW_PASSWORD).await;
    assert!(matches!(outcome, PasswordOutcome::SessionEnded), "{outcome:?}");
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn th_07_parallel_guesses_are_five_at_most() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = current(&host, &host.signed_in(&ann).await).await;
    let _ = host.hasher.take_jobs();
    at_once(32, |_| {
        let (host, session) = (host.clone(), session.clone());
        async move { drop(change(&host, &session, WRONG_PASSWORD, NEW_PASSWORD).await) }
    })
    .await;
    assert_eq!(host.hasher.take_jobs().len(), 5);
}

/// Sixteen sessions that all show the same password.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_changes_one_is_made_and_only_its_session_lives() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(current(&host, &host.signed_in(&ann).await).await);
    }
    let outcomes = at_once(16, |number| {
        let (host, session) = (host.clone(), sessions[number].clone());
        async move { change(&host, &session, PASSWORD, &format!("the new password {number}")).await }
    })
    .await;
    let winners: Vec<_> = (0..16).filter(|n| matches!(outcomes[*n], PasswordOutcome::Done { .. })).collect();
    assert_eq!(winners.len(), 1);
    // A loser's password was verified before the winner's change, and then came too late; or after it, and was wrong.
    let lost = |outcome: &&PasswordOutcome| matches!(outcome, PasswordOutcome::Superseded | PasswordOutcome::Wrong);
    assert_eq!(outcomes.iter().filter(lost).count(), 15);
    assert!(signs_in(&host, ANN, &format!("the new password {}", winners[0])).await);
    assert_eq!(host.store.users()[0].epochs.security, ann.epochs.security + 1);
    assert_eq!(count_audited(&host.store, names::PASSWORD_CHANGE, |_| true).await, 1);
}

/// An old session beside the change: its password was right when it was verified.
#[tokio::test]
async fn a_change_that_was_overtaken_by_another_or_a_reset_is_not_made() {
    for by_reset in [false, true] {
        let hasher = InterleavingHasher::default();
        let host = TestHost::builder().hasher(Arc::new(hasher.clone())).build();
        let ann = host.confirmed(ANN).await;
        let (owner, thief) = (host.signed_in(&ann).await, host.signed_in(&ann).await);
        let (owner, thief) = (current(&host, &owner).await, current(&host, &thief).await);
        let link = reset_link(&host, ANN).await;
        let between = host.clone();
        hasher.meanwhile(async move {
            if by_reset {
                let reset = between.sigra.reset().redeem(&link, NEW_PASSWORD, &between.client()).await.unwrap();
                assert!(matches!(reset, ResetOutcome::Done(_)));
            } else {
                let _ = done(change(&between, &owner, PASSWORD, NEW_PASSWORD).await);
            }
        });
        let outcome = change(&host, &thief, PASSWORD, "the password of a thief").await;
        assert!(matches!(outcome, PasswordOutcome::Superseded), "{outcome:?}");
        assert!(signs_in(&host, ANN, NEW_PASSWORD).await);
    }
}

#[tokio::test]
async fn the_new_password_is_judged_and_is_not_the_present_one() {
    let services = KnownBad::new([NEW_PASSWORD]);
    let host = TestHost::builder().breached_passwords(Arc::new(services)).build();
    let ann = host.confirmed(ANN).await;
    let session = current(&host, &host.signed_in(&ann).await).await;
    let rejected = |outcome| match outcome {
        PasswordOutcome::Rejected(faults) => faults.iter().map(InputFault::code).collect::<Vec<_>>(),
        other => panic!("must be refused: {other:?}"),
    };
    assert_eq!(rejected(change(&host, &session, PASSWORD, "short").await), ["too_short"]);
    assert_eq!(rejected(change(&host, &session, PASSWORD, PASSWORD).await), ["similar"]);
    let long = "x".repeat(2_000);
    assert_eq!(rejected(change(&host, &session, PASSWORD, &long).await), ["too_long"]);
    assert_eq!(rejected(change(&host, &session, PASSWORD, NEW_PASSWORD).await), ["breached"]);
    // The same one, typed in another normal form.
    let (_, renewed) = done(change(&host, &session, PASSWORD, "a cafe\u{301} with many tables").await);
    let session = host.resolve(&renewed.token.expose()).await.unwrap();
    let outcome = change(&host, &session, "a caf\u{e9} with many tables", "a cafe\u{301} with many tables").await;
    assert_eq!(rejected(outcome), ["similar"]);
    assert!(host.resolve(&renewed.token.expose()).await.is_some(), "a refused one ends nothing");
    assert_eq!(InputFault::SamePassword.field(), InputFault::Password(PasswordFault::Similar).field());
}

#[tokio::test]
async fn without_room_to_hash_nothing_is_counted_or_changed() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = current(&host, &host.signed_in(&ann).await).await;
    let client = host.client();
    let new = NewPassword { password: NEW_PASSWORD, device: None, client: &client };
    for _ in 0..6 {
        host.hasher.overload(1);
        assert!(host.sigra.passwords().change(&session, PASSWORD, new).await.is_err());
    }
    assert_eq!(host.store.users()[0].epochs, ann.epochs);
    let _ = done(change(&host, &session, PASSWORD, NEW_PASSWORD).await);
}

/// One factor must not change another: where a second one is demanded, it was shown lately.
#[tokio::test]
async fn se_20_a_password_alone_does_not_change_it_where_a_second_factor_is_demanded() {
    let Hosted { host, app, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    let session = host.stale(&ann).await;
    assert!(!host.sigra.passwords().must_be_fresh(&current(&host, &session).await).await.unwrap());
    app.give(&ann);
    let session = current(&host, &session).await;
    assert!(host.sigra.passwords().must_be_fresh(&session).await.unwrap());
    let outcome = change(&host, &session, PASSWORD, NEW_PASSWORD).await;
    assert!(matches!(outcome, PasswordOutcome::NotFresh), "{outcome:?}");
    let factor = Some(FactorAnswer { method: "totp", response: common::factor::RIGHT });
    let answer = SudoAnswer { password: None, factor };
    let SudoOutcome::Granted { token, .. } = host.sigra.sudo().answer(&session, answer, &host.client()).await.unwrap()
    else {
        panic!("the factor suffices")
    };
    let session = host.resolve(&token.expose()).await.unwrap();
    let _ = done(change(&host, &session, PASSWORD, NEW_PASSWORD).await);
}

#[tokio::test]
async fn a_first_password_takes_a_fresh_session_and_no_password() {
    let host = TestHost::new();
    let (ann, session) = passwordless(&host).await;
    let mut other = None;
    for _ in 0..2 {
        let link = magic_link(&host, ANN).await;
        other = Some(host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap());
    }
    let Some(MagicLinkOutcome::Admitted(other)) = other else { panic!() };
    let (session, other) = (current(&host, &session).await, granted(other));
    // There is none to show.
    assert!(matches!(change(&host, &session, "", NEW_PASSWORD).await, PasswordOutcome::Wrong));
    assert!(matches!(set_first(&host, &session, "short").await, PasswordOutcome::Rejected(_)));
    let (user, renewed) = done(set_first(&host, &session, NEW_PASSWORD).await);
    assert!(user.has_password && user.epochs.security == ann.epochs.security + 1);
    assert!(host.resolve(&other.token.expose()).await.is_none());
    let session = host.resolve(&renewed.token.expose()).await.unwrap();
    assert!(matches!(set_first(&host, &session, PASSWORD).await, PasswordOutcome::AlreadySet));
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await && !signs_in(&host, ANN, PASSWORD).await);
    assert_audited(&host.store, names::PASSWORD_SET, |_| true).await;
    let mails = host.count_mailed(&MailKind::PASSWORD_CHANGED, ANN);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::PASSWORD_CHANGED, ANN), mails + 1);
}

#[tokio::test]
async fn se_20_a_first_password_is_not_set_in_a_session_that_is_not_fresh() {
    let host = TestHost::new();
    let (_, session) = passwordless(&host).await;
    host.advance(300);
    let session = current(&host, &session).await;
    assert!(matches!(set_first(&host, &session, NEW_PASSWORD).await, PasswordOutcome::NotFresh));
    assert!(!signs_in(&host, ANN, NEW_PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_first_passwords_one_is_set() {
    let host = TestHost::new();
    let (_, session) = passwordless(&host).await;
    let session = current(&host, &session).await;
    let outcomes = at_once(16, |number| {
        let (host, session) = (host.clone(), session.clone());
        async move { set_first(&host, &session, &format!("the new password {number}")).await }
    })
    .await;
    let winners: Vec<_> = (0..16).filter(|n| matches!(outcomes[*n], PasswordOutcome::Done { .. })).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, PasswordOutcome::AlreadySet)).count(), 15);
    assert!(signs_in(&host, ANN, &format!("the new password {}", winners[0])).await);
}

/// A change stands even where the session that made it cannot go on.
#[tokio::test]
async fn a_change_whose_session_cannot_go_on_stands() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = current(&host, &host.signed_in(&ann).await).await;
    host.store.fail_next("sessions.elevate");
    let outcome = change(&host, &session, PASSWORD, NEW_PASSWORD).await;
    assert!(matches!(outcome, PasswordOutcome::Done { renewed: None, .. }), "{outcome:?}");
    assert!(signs_in(&host, ANN, NEW_PASSWORD).await && !signs_in(&host, ANN, PASSWORD).await);
}
