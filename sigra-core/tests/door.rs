//! The door: gates, steps and pending sign-ins.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{ANN, SecondMethodGate, SetGate, at_once, granted, is_refused, reasons, step_required};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::names;
use sigra_core::door::{Admission, Entry, Gate, GateVerdict, Proof, Refusal, Shown, Step, StepRequired, WayIn};
use sigra_core::flows::LoginOutcome;
use sigra_core::mail::MailKind;
use sigra_core::secret::RawToken;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

const TERMS: Step = Step::new(450, "accept_terms");

fn host_with(gates: &[Arc<dyn Gate>]) -> TestHost {
    gates.iter().fold(TestHost::builder(), |builder, gate| builder.gate(gate.clone())).build()
}

async fn second_factor_host() -> (TestHost, User) {
    let host = host_with(&[Arc::new(SecondMethodGate)]);
    let ann = host.confirmed(ANN).await;
    (host, ann)
}

async fn pending(host: &TestHost) -> StepRequired {
    match host.login(ANN, PASSWORD).await {
        LoginOutcome::Admitted(admission) => step_required(admission),
        LoginOutcome::InvalidCredentials => panic!("must be accepted so far"),
    }
}

fn otp() -> Option<Shown> {
    Some(Shown { methods: vec![Method::new("otp")], aal: Aal::Two })
}

async fn resume(host: &TestHost, token: &RawToken, step: Step, shown: Option<Shown>) -> Admission {
    host.sigra.door().resume(token, step, shown, &host.entry()).await.unwrap()
}

fn is_gone(admission: &Admission) -> bool {
    matches!(admission, Admission::Refused(Refusal::NoPending))
}

#[tokio::test]
async fn a_sign_in_that_owes_a_step_is_no_session() {
    let (host, ann) = second_factor_host().await;
    let pending = pending(&host).await;
    assert_eq!(pending.steps, [Step::MFA]);
    let cookie = pending.token.expose();
    assert!(host.resolve(&cookie).await.is_none(), "another type with another token");
    assert!(host.sigra.sessions().list(&ann).await.unwrap().is_empty());
    assert_eq!(host.store.users()[0].last_sign_in_at, None);
    let event = assert_audited(&host.store, names::LOGIN_STEP_REQUIRED, |_| true).await;
    assert_eq!(event.metadata["steps"], serde_json::json!(["mfa"]));
    let view = host.sigra.door().pending(&pending.token, &host.entry()).await.unwrap().unwrap();
    assert_eq!((view.user.id, view.steps), (ann.id, vec![Step::MFA]));
}

#[tokio::test]
async fn se_06_the_step_turns_it_into_a_session_with_a_token_of_its_own() {
    let (host, ann) = second_factor_host().await;
    let pending = pending(&host).await;
    let granted = granted(resume(&host, &pending.token, Step::MFA, otp()).await);
    assert_eq!((granted.user.id, granted.session.assurance.aal), (ann.id, Aal::Two));
    assert_eq!(granted.session.assurance.methods, [Method::PASSWORD, Method::new("otp")]);
    assert!(granted.session.is_fresh(host.sigra.clock().now()));
    assert!(host.resolve(&granted.token.expose()).await.is_some());
    assert!(host.resolve(&pending.token.expose()).await.is_none());
    assert!(is_gone(&resume(&host, &pending.token, Step::MFA, otp()).await), "once");
    let event = assert_audited(&host.store, names::LOGIN_SUCCESS, |_| true).await;
    assert_eq!((&event.metadata["aal"], &event.metadata["methods"]), (&2.into(), &serde_json::json!(["pwd", "otp"])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_03_of_sixteen_promotions_one_leaves_a_session_and_the_others_nothing() {
    let (host, ann) = second_factor_host().await;
    // A second sign-in, so that a new device is told of.
    granted(resume(&host, &pending(&host).await.token, Step::MFA, otp()).await);
    host.advance(60);
    let pending = pending(&host).await;
    let outcomes = at_once(16, |_| {
        let (host, token) = (host.clone(), pending.token.clone());
        async move { resume(&host, &token, Step::MFA, otp()).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Admission::Granted(_))).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is_gone(outcome)).count(), 15);
    assert_eq!(host.sigra.sessions().list(&ann).await.unwrap().len(), 2);
    assert_eq!(count_audited(&host.store, names::LOGIN_SUCCESS, |_| true).await, 2);
    assert_eq!(count_audited(&host.store, names::NEW_DEVICE, |_| true).await, 1);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tk_03_of_sixteen_concurrent_steps_one_goes_on() {
    let terms = SetGate::new(GateVerdict::Require(TERMS));
    let host = host_with(&[Arc::new(SecondMethodGate), Arc::new(terms)]);
    host.confirmed(ANN).await;
    let pending = pending(&host).await;
    let outcomes = at_once(16, |_| {
        let (host, token) = (host.clone(), pending.token.clone());
        async move { resume(&host, &token, Step::MFA, otp()).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Admission::StepRequired(_))).count(), 1);
    assert_eq!(count_audited(&host.store, names::LOGIN_STEP_REQUIRED, |_| true).await, 2);
}

#[tokio::test]
async fn steps_come_in_their_order_and_all_gates_are_judged_at_each() {
    let terms = SetGate::new(GateVerdict::Require(TERMS));
    let later = SetGate::new(GateVerdict::Pass);
    let host = host_with(&[Arc::new(terms.clone()), Arc::new(later.clone()), Arc::new(SecondMethodGate)]);
    host.confirmed(ANN).await;
    let first = pending(&host).await;
    assert_eq!(first.steps, [Step::MFA, TERMS]);
    assert!(is_gone(&resume(&host, &first.token, TERMS, None).await), "not before its turn");
    assert!(is_gone(&resume(&host, &first.token, Step::PASSWORD_CHANGE, None).await));

    let second = step_required(resume(&host, &first.token, Step::MFA, otp()).await);
    assert_eq!(second.steps, [TERMS]);
    assert_eq!(second.pending.assurance.aal, Aal::Two);
    assert!(is_gone(&resume(&host, &first.token, Step::MFA, otp()).await), "the token changes with each step");

    // A gate that has changed its mind meanwhile is heard.
    terms.set(GateVerdict::Pass);
    later.set(GateVerdict::Require(Step::PASSWORD_CHANGE));
    let third = step_required(resume(&host, &second.token, TERMS, None).await);
    assert_eq!(third.steps, [Step::PASSWORD_CHANGE]);
    later.set(GateVerdict::Pass);
    let granted = granted(resume(&host, &third.token, Step::PASSWORD_CHANGE, None).await);
    assert_eq!(granted.session.assurance.aal, Aal::Two);
}

#[tokio::test]
async fn a_step_that_was_not_taken_is_asked_for_again() {
    let (host, _) = second_factor_host().await;
    let first = pending(&host).await;
    let again = step_required(resume(&host, &first.token, Step::MFA, None).await);
    assert_eq!(again.steps, [Step::MFA]);
}

#[tokio::test]
async fn a_refusing_gate_lets_nobody_in_at_any_step() {
    let gate = SetGate::new(GateVerdict::Refuse("closed"));
    let host = host_with(&[Arc::new(gate.clone()), Arc::new(SecondMethodGate)]);
    host.confirmed(ANN).await;
    assert!(is_refused(&host.login(ANN, PASSWORD).await));
    assert_eq!(reasons(&host, names::LOGIN_FAILURE), ["closed"]);
    gate.set(GateVerdict::Pass);
    let pending = pending(&host).await;
    gate.set(GateVerdict::Refuse("closed"));
    assert!(host.sigra.door().pending(&pending.token, &host.entry()).await.unwrap().is_none());
    let refused = resume(&host, &pending.token, Step::MFA, otp()).await;
    assert!(matches!(refused, Admission::Refused(Refusal::Gate("closed"))));
    gate.fail();
    assert!(host.sigra.door().resume(&pending.token, Step::MFA, otp(), &host.entry()).await.is_err());
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, 0);
}

#[tokio::test]
async fn a_gate_that_cannot_judge_lets_nobody_in() {
    let gate = SetGate::new(GateVerdict::Pass);
    let host = host_with(&[Arc::new(gate.clone())]);
    let ann = host.confirmed(ANN).await;
    gate.fail();
    let proof = Proof::new(WayIn::Password, &ann, Aal::One, vec![Method::PASSWORD], host.sigra.clock().now());
    assert!(host.sigra.door().admit(proof, &host.entry()).await.is_err());
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, 0);
}

#[tokio::test]
async fn tk_04_a_pending_sign_in_ends_after_five_minutes() {
    let (host, _) = second_factor_host().await;
    let pending = pending(&host).await;
    host.advance(299);
    assert!(host.sigra.door().pending(&pending.token, &host.entry()).await.unwrap().is_some());
    host.advance(1);
    assert!(host.sigra.door().pending(&pending.token, &host.entry()).await.unwrap().is_none());
    assert!(is_gone(&resume(&host, &pending.token, Step::MFA, otp()).await));
}

#[tokio::test]
async fn tk_05_a_pending_sign_in_is_bound_to_the_epochs_of_its_proof() {
    let (host, ann) = second_factor_host().await;
    let ends: [fn(&mut User); 3] = [
        |user| user.epochs.security += 1,
        |user| user.epochs.factor += 1,
        |user| user.disabled_at = Some(user.created_at),
    ];
    for end in ends {
        let pending = pending(&host).await;
        host.store.edit_user(ann.id, end);
        assert!(is_gone(&resume(&host, &pending.token, Step::MFA, otp()).await));
    }
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, 0);
}

#[tokio::test]
async fn sign_out_ends_a_pending_sign_in() {
    let (host, _) = second_factor_host().await;
    let pending = pending(&host).await;
    host.sigra.door().abandon(&pending.token).await.unwrap();
    host.sigra.door().abandon(&pending.token).await.unwrap();
    assert!(is_gone(&resume(&host, &pending.token, Step::MFA, otp()).await));
}

#[tokio::test]
async fn se_07_a_token_nobody_minted_resumes_nothing() {
    let (host, ann) = second_factor_host().await;
    let pending = pending(&host).await;
    let session = granted(resume(&host, &pending.token, Step::MFA, otp()).await);
    for token in [&RawToken::random(), &session.token, session.device.as_ref().unwrap()] {
        assert!(is_gone(&resume(&host, token, Step::MFA, otp()).await));
        assert!(host.sigra.door().pending(token, &host.entry()).await.unwrap().is_none());
    }
    assert_eq!(host.sigra.sessions().list(&ann).await.unwrap().len(), 1);
}

#[tokio::test]
async fn being_remembered_is_asked_once_and_kept_over_the_steps() {
    let (host, _) = second_factor_host().await;
    let entry = Entry { remember: true, ..host.entry() };
    let LoginOutcome::Admitted(admission) = host.login_with(ANN, PASSWORD, &entry).await else { panic!() };
    let pending = step_required(admission);
    let granted = granted(resume(&host, &pending.token, Step::MFA, otp()).await);
    assert!(granted.session.remembered && granted.session.fresh_until.is_none());
}

#[tokio::test]
async fn a_proof_of_old_epochs_or_of_nobody_is_refused() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let now = host.sigra.clock().now();
    host.store.edit_user(ann.id, |user| user.epochs.security += 1);
    let stale = Proof::new(WayIn::Password, &ann, Aal::One, vec![Method::PASSWORD], now);
    let refused = host.sigra.door().admit(stale, &host.entry()).await.unwrap();
    assert!(matches!(refused, Admission::Refused(Refusal::Stale)));
    let nobody = User { id: sigra_core::id::UserId::new(now), ..ann };
    let proof = Proof::new(WayIn::Password, &nobody, Aal::One, vec![Method::PASSWORD], now);
    let refused = host.sigra.door().admit(proof, &host.entry()).await.unwrap();
    assert!(matches!(refused, Admission::Refused(Refusal::Stale)));
    assert_eq!(reasons(&host, names::LOGIN_FAILURE), ["stale_proof", "stale_proof"]);
}

#[tokio::test]
async fn se_24_a_proof_that_is_not_fresh_opens_no_window() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let proof =
        Proof::new(WayIn::Other("oauth"), &ann, Aal::One, vec![Method::new("oauth:test")], host.sigra.clock().now())
            .not_fresh();
    let granted = granted(host.sigra.door().admit(proof, &host.entry()).await.unwrap());
    assert!(granted.session.fresh_until.is_none());
}

#[tokio::test]
async fn se_24_a_step_does_not_freshen_a_proof_that_is_not_fresh() {
    let gate = SetGate::new(GateVerdict::Require(Step::REACTIVATE));
    let host = host_with(&[Arc::new(gate.clone())]);
    let ann = host.confirmed(ANN).await;
    let proof =
        Proof::new(WayIn::Other("oauth"), &ann, Aal::One, vec![Method::new("oauth:test")], host.sigra.clock().now())
            .not_fresh();
    let Admission::StepRequired(held) = host.sigra.door().admit(proof, &host.entry()).await.unwrap() else {
        panic!("the gate demands a step");
    };
    gate.set(GateVerdict::Pass);
    let admission = host.sigra.door().resume(&held.token, Step::REACTIVATE, None, &host.entry()).await.unwrap();
    assert!(granted(admission).session.fresh_until.is_none());
}

#[tokio::test]
async fn se_13_revoking_the_other_sessions_ends_pending_sign_ins_too() {
    let gate = SetGate::new(GateVerdict::Pass);
    let host = host_with(&[Arc::new(gate.clone())]);
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    gate.set(GateVerdict::Require(Step::MFA));
    let pending = pending(&host).await;
    let current = host.resolve(&session.cookie()).await.unwrap();
    host.sigra.sessions().revoke_others(&current, &host.client()).await.unwrap();
    gate.set(GateVerdict::Pass);
    assert!(is_gone(&resume(&host, &pending.token, Step::MFA, otp()).await));
}

#[tokio::test]
async fn tk_08_neither_a_reset_nor_a_link_gets_around_the_second_factor() {
    let (host, _) = second_factor_host().await;
    let link = common::magic_link(&host, ANN).await;
    let outcome = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    let sigra_core::flows::MagicLinkOutcome::Admitted(admission) = outcome else { panic!("must be accepted so far") };
    assert_eq!(step_required(admission).steps, [Step::MFA]);

    let link = common::reset_link(&host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, common::NEW_PASSWORD, &host.client()).await.unwrap();
    let LoginOutcome::Admitted(admission) = host.login(ANN, common::NEW_PASSWORD).await else { panic!() };
    assert_eq!(step_required(admission).steps, [Step::MFA]);
    assert_eq!(count_audited(&host.store, names::SESSION_CREATE, |_| true).await, 0);
}
