//! When a port fails: no decision, nothing granted, nothing half done.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{ANN, BOB, NEW_PASSWORD, SecondMethodGate, magic_link, reset_link, step_required};
use sigra_core::assurance::{Aal, Method};
use sigra_core::audit::EventName;
use sigra_core::audit::names::{
    CONFIRMATION_SUCCESS, EMAIL_CHANGE_REQUEST, EMAIL_CHANGE_SUCCESS, EMAIL_CHANGE_UNDONE, EMAIL_CHANGE_WITHDRAWN,
    LOGIN_SUCCESS, LOGOUT, NOT_ME, PASSWORD_CHANGE, PASSWORD_RESET_COMPLETE, PROFILE_CHANGE, REGISTER_SUCCESS,
    SUDO_ENTER,
};
use sigra_core::door::{Admission, Shown, Step};
use sigra_core::error::FlowError;
use sigra_core::flows::{
    ChangeOutcome, ChangeRequested, Confirmed, CurrentSession, ForcedOutcome, LoginOutcome, MagicLinkOutcome,
    NewPassword, PasswordAttempt, PasswordOutcome, ProfileOutcome, RegistrationForm, Requested, ResetOutcome,
    Submitted, SudoOutcome,
};
use sigra_core::mail::MailKind;
use sigra_core::secret::RawToken;
use sigra_core::session::Session;
use sigra_core::user::User;
use sigra_testing::MemoryStore;
use sigra_testing::scenario::{PASSWORD, SignedIn, TestHost, WRONG_PASSWORD};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    Register,
    ConfirmByLink,
    ConfirmByCode,
    Resend,
    Login,
    LoginWithStaleHash,
    LoginWrong,
    LoginThatLocks,
    LoginLocked,
    Resume,
    MagicRequest,
    MagicRedeem,
    ResetRequest,
    ResetRedeem,
    NotMe,
    Sudo,
    SudoWrong,
    ChangePassword,
    ChangePasswordWrong,
    ForcedChange,
    ChangeProfile,
    Use,
    Rotate,
    Reuse,
    SignOut,
    Revoke,
    RevokeOthers,
    ChangeRequest,
    ChangeRedeem,
    ChangeUndo,
    ChangeWithdraw,
}

const FLOWS: &[Flow] = &[
    Flow::Register,
    Flow::ConfirmByLink,
    Flow::ConfirmByCode,
    Flow::Resend,
    Flow::Login,
    Flow::LoginWithStaleHash,
    Flow::LoginWrong,
    Flow::LoginThatLocks,
    Flow::LoginLocked,
    Flow::Resume,
    Flow::MagicRequest,
    Flow::MagicRedeem,
    Flow::ResetRequest,
    Flow::ResetRedeem,
    Flow::NotMe,
    Flow::Sudo,
    Flow::SudoWrong,
    Flow::ChangePassword,
    Flow::ChangePasswordWrong,
    Flow::ForcedChange,
    Flow::ChangeProfile,
    Flow::Use,
    Flow::Rotate,
    Flow::Reuse,
    Flow::SignOut,
    Flow::Revoke,
    Flow::RevokeOthers,
    Flow::ChangeRequest,
    Flow::ChangeRedeem,
    Flow::ChangeUndo,
    Flow::ChangeWithdraw,
];

/// A host on which a flow is about to run.
struct Stage {
    host: TestHost,
    link: String,
    session: Option<SignedIn>,
    current: Option<CurrentSession>,
    pending: Option<RawToken>,
}

impl Stage {
    async fn set(flow: Flow) -> Self {
        let gates = flow == Flow::Resume;
        let builder = TestHost::builder();
        let host = if gates { builder.gate(Arc::new(SecondMethodGate)) } else { builder }.build();
        let mut stage = Self { host, link: String::new(), session: None, current: None, pending: None };
        let host = &stage.host;
        match flow {
            Flow::Register => {}
            Flow::ConfirmByLink | Flow::ConfirmByCode | Flow::Resend => {
                host.registered(ANN).await;
                stage.link = host.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
            }
            _ => stage.with_account(flow).await,
        }
        stage
    }

    async fn with_account(&mut self, flow: Flow) {
        let host = &self.host;
        let ann = host.confirmed(ANN).await;
        match flow {
            Flow::Resume => {
                let LoginOutcome::Admitted(admission) = host.login(ANN, PASSWORD).await else { panic!() };
                self.pending = Some(step_required(admission).token);
                return;
            }
            Flow::ForcedChange => {
                assert!(host.sigra.passwords().require_change(ann.id, None, &host.client()).await.unwrap());
                let LoginOutcome::Admitted(admission) = host.login(ANN, PASSWORD).await else { panic!() };
                self.pending = Some(step_required(admission).token);
            }
            Flow::LoginWithStaleHash => host.hasher.next_generation(),
            Flow::LoginThatLocks => {
                for _ in 0..5 {
                    let _ = host.login(ANN, WRONG_PASSWORD).await;
                }
            }
            Flow::LoginLocked => host.locked(ANN).await,
            Flow::MagicRedeem => self.link = magic_link(host, ANN).await,
            Flow::ResetRedeem => {
                host.signed_in(&ann).await;
                self.link = reset_link(host, ANN).await;
            }
            Flow::NotMe => {
                host.signed_in(&ann).await;
                host.signed_in(&ann).await;
                host.run_workers().await;
                self.link = host.mailed_token(&MailKind::NEW_DEVICE, ANN);
            }
            _ => {}
        }
        let in_session =
            matches!(flow, Flow::Sudo | Flow::SudoWrong | Flow::ChangePassword | Flow::ChangePasswordWrong);
        if in_session || matches!(flow, Flow::SignOut | Flow::Revoke | Flow::RevokeOthers | Flow::ChangeProfile) {
            host.signed_in(&ann).await;
            let session = host.signed_in(&ann).await;
            self.current = host.resolve(&session.cookie()).await;
        }
        if matches!(flow, Flow::ChangeRequest | Flow::ChangeRedeem | Flow::ChangeUndo | Flow::ChangeWithdraw) {
            let session = host.signed_in(&ann).await;
            let current = host.resolve(&session.cookie()).await.unwrap();
            if flow != Flow::ChangeRequest {
                let _ = host.sigra.email_change().request(&current, BOB, &host.client()).await.unwrap();
                host.run_workers().await;
                let (kind, to) = match flow {
                    Flow::ChangeUndo => (MailKind::EMAIL_CHANGE_NOTICE, ANN),
                    _ => (MailKind::EMAIL_CHANGE_CONFIRM, BOB),
                };
                self.link = host.mailed_token(&kind, to);
            }
            self.current = Some(current);
        }
        if matches!(flow, Flow::Use | Flow::Rotate | Flow::Reuse) {
            let session = host.remembered(&ann).await;
            host.advance(if flow == Flow::Use { 100 } else { 86_400 });
            if flow == Flow::Reuse {
                assert!(host.resolve(&session.cookie()).await.unwrap().rotated().is_some());
                host.advance(60);
            }
            self.session = Some(session);
        }
    }

    /// Runs the flow. When a decision is reached, it is the right one.
    async fn run(&self, flow: Flow) -> Result<(), FlowError> {
        let (sigra, client, entry) = (&self.host.sigra, self.host.client(), self.host.entry());
        let attempt = |password| PasswordAttempt { email: ANN, password, entry: &entry };
        match flow {
            Flow::Register => {
                let form = RegistrationForm { email: ANN, password: PASSWORD, profile: None, client: &client };
                assert_eq!(sigra.registration().submit(form).await?, Submitted::Accepted);
            }
            Flow::ConfirmByLink => {
                let confirmed = sigra.confirmation().by_token(&self.link, &client).await?;
                assert!(matches!(confirmed, Confirmed::Created(_)));
            }
            Flow::ConfirmByCode => {
                let code = self.host.mailed_code(ANN);
                let confirmed = sigra.confirmation().by_code(ANN, &code, &client).await?;
                assert!(matches!(confirmed, Confirmed::Created(_)));
            }
            Flow::Resend => assert_eq!(sigra.confirmation().resend(ANN, &client).await?, Requested::Noted),
            Flow::Login | Flow::LoginWithStaleHash => {
                let outcome = sigra.login().password(attempt(PASSWORD)).await?;
                assert!(matches!(outcome, LoginOutcome::Admitted(Admission::Granted(_))));
            }
            Flow::LoginWrong | Flow::LoginThatLocks => {
                assert!(common::is_refused(&sigra.login().password(attempt(WRONG_PASSWORD)).await?));
            }
            Flow::LoginLocked => assert!(common::is_refused(&sigra.login().password(attempt(PASSWORD)).await?)),
            Flow::Resume => {
                let shown = Some(Shown { methods: vec![Method::new("otp")], aal: Aal::Two });
                let token = self.pending.as_ref().unwrap();
                let admission = sigra.door().resume(token, Step::MFA, shown, &entry).await?;
                assert!(matches!(admission, Admission::Granted(_)));
            }
            Flow::MagicRequest => assert_eq!(sigra.magic_link().request(ANN, &client).await?, Requested::Noted),
            Flow::MagicRedeem => {
                let outcome = sigra.magic_link().redeem(&self.link, &entry).await?;
                assert!(matches!(outcome, MagicLinkOutcome::Admitted(Admission::Granted(_))));
            }
            Flow::ResetRequest => assert_eq!(sigra.reset().request(ANN, &client).await?, Requested::Noted),
            Flow::ResetRedeem => {
                let outcome = sigra.reset().redeem(&self.link, NEW_PASSWORD, &client).await?;
                assert!(matches!(outcome, ResetOutcome::Done(_)));
            }
            Flow::NotMe => assert!(sigra.not_me().redeem(&self.link, &client).await?),
            Flow::Sudo => {
                let outcome = sigra.sudo().password(self.current.as_ref().unwrap(), PASSWORD, &client).await?;
                assert!(matches!(outcome, SudoOutcome::Granted { .. }));
            }
            Flow::SudoWrong => {
                let outcome = sigra.sudo().password(self.current.as_ref().unwrap(), WRONG_PASSWORD, &client).await?;
                assert!(matches!(outcome, SudoOutcome::Wrong));
            }
            Flow::ChangePassword | Flow::ChangePasswordWrong => {
                let new = NewPassword { password: NEW_PASSWORD, device: None, client: &client };
                let present = if flow == Flow::ChangePassword { PASSWORD } else { WRONG_PASSWORD };
                let outcome = sigra.passwords().change(self.current.as_ref().unwrap(), present, new).await?;
                match flow {
                    Flow::ChangePassword => assert!(matches!(outcome, PasswordOutcome::Done { .. })),
                    _ => assert!(matches!(outcome, PasswordOutcome::Wrong)),
                }
            }
            Flow::ForcedChange => {
                let token = self.pending.as_ref().unwrap();
                let outcome = sigra.passwords().complete_forced_change(token, NEW_PASSWORD, &entry).await?;
                assert!(matches!(outcome, ForcedOutcome::Admitted(Admission::Granted(_)) | ForcedOutcome::Changed));
            }
            Flow::ChangeProfile => {
                let (current, profile) = (self.current.as_ref().unwrap(), serde_json::json!({ "name": "Ann" }));
                let seen = &current.user().profile;
                let outcome = sigra.profiles().replace(current, seen, &profile, &client).await?;
                assert!(matches!(outcome, ProfileOutcome::Done(_)));
            }
            Flow::Use | Flow::Rotate | Flow::Reuse => {
                let found = sigra.sessions().resolve(&self.session.as_ref().unwrap().cookie(), &client).await?;
                assert_eq!(found.is_none(), flow == Flow::Reuse);
                assert_eq!(found.is_some_and(|found| found.rotated().is_some()), flow == Flow::Rotate);
            }
            Flow::SignOut => sigra.sessions().sign_out(self.current.as_ref().unwrap(), &client).await?,
            Flow::Revoke => {
                let current = self.current.as_ref().unwrap();
                assert!(sigra.sessions().revoke(current, current.session().id, &client).await?);
            }
            Flow::RevokeOthers => {
                assert_eq!(sigra.sessions().revoke_others(self.current.as_ref().unwrap(), &client).await?, 1);
            }
            Flow::ChangeRequest => {
                let asked = sigra.email_change().request(self.current.as_ref().unwrap(), BOB, &client).await?;
                assert_eq!(asked, ChangeRequested::Noted);
            }
            Flow::ChangeRedeem => {
                let outcome = sigra.email_change().redeem(&self.link, self.current.as_ref(), &client).await?;
                assert!(matches!(outcome, ChangeOutcome::Changed(..)));
            }
            Flow::ChangeUndo => assert!(sigra.email_change().undo(&self.link, &client).await?.is_some()),
            Flow::ChangeWithdraw => {
                assert!(sigra.email_change().withdraw(self.current.as_ref().unwrap(), &client).await?);
            }
        }
        Ok(())
    }

    /// What must not have changed when no decision was reached.
    async fn state(&self) -> State {
        let users = self.host.store.users();
        let mut sessions = Vec::new();
        for user in &users {
            sessions.extend(self.host.sigra.stores().sessions.list(user.id, 100).await.unwrap());
        }
        for session in &mut sessions {
            // A touch by itself grants nothing.
            session.last_seen_at = session.created_at;
        }
        let events = self.host.store.events();
        let successes = events.iter().filter(|event| SUCCESSES.iter().any(|name| name.as_str() == event.name)).count();
        State { users, sessions, mails: self.host.store.outbox().len(), successes }
    }
}

#[derive(Debug, PartialEq)]
struct State {
    users: Vec<User>,
    sessions: Vec<Session>,
    mails: usize,
    successes: usize,
}

/// Events that say a flow has done what it is there for.
const SUCCESSES: &[EventName] = &[
    CONFIRMATION_SUCCESS,
    EMAIL_CHANGE_REQUEST,
    EMAIL_CHANGE_SUCCESS,
    EMAIL_CHANGE_UNDONE,
    EMAIL_CHANGE_WITHDRAWN,
    LOGIN_SUCCESS,
    LOGOUT,
    NOT_ME,
    PASSWORD_CHANGE,
    PASSWORD_RESET_COMPLETE,
    PROFILE_CHANGE,
    REGISTER_SUCCESS,
    SUDO_ENTER,
];

#[tokio::test]
async fn every_flow_runs_when_nothing_fails() {
    for flow in FLOWS {
        let stage = Stage::set(*flow).await;
        stage.run(*flow).await.unwrap_or_else(|error| panic!("{flow:?}: {error}"));
    }
}

#[tokio::test]
async fn au_14_any_method_that_fails_once_grants_nothing_and_leaves_nothing_half_done() {
    let mut struck = 0;
    for flow in FLOWS {
        for operation in MemoryStore::operations() {
            let stage = Stage::set(*flow).await;
            let before = stage.state().await;
            stage.host.store.fail_next(operation);
            let outcome = stage.run(*flow).await;
            stage.host.store.heal();
            let Err(error) = outcome else { continue };
            struck += 1;
            assert!(matches!(error, FlowError::Store(_)), "{flow:?} without {operation}: {error}");
            assert_eq!(stage.state().await, before, "{flow:?} without {operation}");
        }
    }
    assert!(struck > 3 * FLOWS.len(), "{struck} faults came about");
}

#[tokio::test]
async fn au_14_a_storage_that_is_gone_grants_nothing() {
    for flow in FLOWS {
        let stage = Stage::set(*flow).await;
        let before = stage.state().await;
        stage.host.store.fail_all();
        assert!(stage.run(*flow).await.is_err(), "{flow:?}");
        assert!(stage.host.sigra.workers().run_once().await.is_err());
        stage.host.store.heal();
        assert_eq!(stage.state().await, before, "{flow:?}");
        stage.run(*flow).await.unwrap_or_else(|error| panic!("{flow:?} must work again: {error}"));
    }
}

#[tokio::test]
async fn au_02_au_03_without_evidence_there_is_no_change() {
    for flow in FLOWS.iter().filter(|flow| **flow != Flow::Use) {
        let stage = Stage::set(*flow).await;
        let before = stage.state().await;
        stage.host.store.fail_always("evidence");
        assert!(stage.run(*flow).await.is_err(), "{flow:?}");
        stage.host.store.heal();
        assert_eq!(stage.state().await, before, "{flow:?}");
    }
}

#[tokio::test]
async fn what_follows_a_committed_change_cannot_unsay_it() {
    for (flow, operation) in [
        (Flow::ConfirmByLink, "attempts.clear"),
        (Flow::ConfirmByCode, "attempts.clear"),
        (Flow::ResetRedeem, "attempts.clear"),
        (Flow::ResetRedeem, "sessions.revoke_all"),
        (Flow::NotMe, "sessions.revoke_all"),
        (Flow::ChangeRedeem, "sessions.elevate"),
        (Flow::ChangeUndo, "sessions.revoke_all"),
    ] {
        let stage = Stage::set(flow).await;
        stage.host.store.fail_always(operation);
        stage.run(flow).await.unwrap_or_else(|error| panic!("{flow:?} without {operation}: {error}"));
        stage.host.store.heal();
        for user in stage.host.store.users() {
            assert!(stage.host.sigra.sessions().list(&user).await.unwrap().is_empty(), "{flow:?}");
        }
    }
}

#[tokio::test]
async fn a_link_survives_a_storage_that_fails_before_it_is_redeemed() {
    for (flow, operations) in [
        (Flow::ResetRedeem, ["tokens.peek", "accounts.reset_password"]),
        (Flow::MagicRedeem, ["tokens.redeem", "evidence"]),
        (Flow::ConfirmByLink, ["registrations.find", "registrations.promote"]),
        (Flow::NotMe, ["accounts.rescue", "evidence"]),
        (Flow::ChangeRedeem, ["sessions.list", "address_changes.redeem"]),
        (Flow::ChangeUndo, ["address_changes.undo", "evidence"]),
    ] {
        for operation in operations {
            let stage = Stage::set(flow).await;
            stage.host.store.fail_next(operation);
            assert!(stage.run(flow).await.is_err(), "{flow:?} without {operation}");
            stage.run(flow).await.unwrap_or_else(|error| panic!("{flow:?} after {operation}: {error}"));
        }
    }
}
