//! Sign-ins that show the password and are given up at their second factor.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use common::factor::{Hosted, RIGHT, admitted, answer, hosted, pending, with_app};
use common::{ANN, BOB, at_once, current, magic_link, reset_link, step_required, stored, sweep};
use sigra_core::audit::names;
use sigra_core::client::ClientInfo;
use sigra_core::config::ConfirmationMode;
use sigra_core::door::{Admission, Entry, Step, StepRequired};
use sigra_core::error::StoreError;
use sigra_core::flows::{ChallengeOutcome, FactorAnswer, LoginOutcome, MagicLinkOutcome, SweepOutcome};
use sigra_core::mail::MailKind;
use sigra_core::ports::{Bucket, RateDecision, RateLimiter};
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_testing::ManualClock;
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost, client};

const PENDING: u64 = 300;
const DAY: u64 = 86_400;
const KIND: MailKind = MailKind::SIGN_IN_UNFINISHED;

/// Ends what has been given up, and tells how many there were.
async fn tell(host: &TestHost) -> u64 {
    let report = sweep(host).await;
    assert!(!report.failed(), "{report:?}");
    host.run_workers().await;
    assert_eq!(report.kinds[0].kind, "unfinished_sign_ins");
    report.kinds[0].gone
}

fn told(host: &TestHost) -> usize {
    host.count_mailed(&KIND, ANN)
}

async fn recorded(host: &TestHost) -> usize {
    count_audited(&host.store, names::LOGIN_UNFINISHED, |_| true).await
}

async fn suppressed(host: &TestHost) -> usize {
    count_audited(&host.store, names::MAIL_SUPPRESSED, |event| event.metadata["kind"] == KIND.as_str()).await
}

async fn pending_with(host: &TestHost, entry: &Entry) -> StepRequired {
    match host.login_with(ANN, PASSWORD, entry).await {
        LoginOutcome::Admitted(admission) => step_required(admission),
        LoginOutcome::InvalidCredentials => panic!("the password is right"),
    }
}

/// Signs in with both factors.
async fn finish(host: &TestHost, entry: &Entry) {
    let held = pending_with(host, entry).await;
    let shown = FactorAnswer { method: "totp", response: RIGHT };
    admitted(host.sigra.second_factors().answer(&held.token, shown, false, entry).await.unwrap());
}

#[tokio::test]
async fn th_22_a_sign_in_given_up_at_its_second_factor_is_told_with_a_link_that_disowns_it() {
    let (Hosted { host, .. }, ann) = with_app().await;
    let begun = host.sigra.clock().now();
    let held = pending(&host, ANN).await;
    assert!(held.pending.tell_unfinished);
    host.advance(PENDING - 1);
    assert_eq!((tell(&host).await, told(&host)), (0, 0), "it may still be finished");
    host.advance(1);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
    let text = host.mailer.last(&KIND, &ann.email).unwrap().text;
    for fact in [&*format!("at: {begun}"), "device: Firefox on Linux", "ip: 198.51.100.7"] {
        assert!(text.contains(fact), "{fact} in {text}");
    }
    let event = assert_audited(&host.store, names::LOGIN_UNFINISHED, |_| true).await;
    assert_eq!((event.subject, event.actor, event.session), (Some(ann.id), None, None));
    assert_eq!((event.reason.as_deref(), &event.client), (Some("second_factor_not_shown"), &host.client()));
    assert_eq!(event.metadata["begun_at"], begun.to_string());
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (0, 1, 1), "once");

    let link = host.mailed_token(&KIND, ANN);
    host.advance(72 * 3_600 - 1);
    assert!(host.sigra.not_me().redeem(&link, &client(9)).await.unwrap());
    assert!(!stored(&host, ANN).await.has_password, "whoever knew it knows nothing now");
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::RESET_PASSWORD, ANN), 1);
    assert!(!host.sigra.not_me().redeem(&link, &client(9)).await.unwrap());
}

#[tokio::test]
async fn th_22_the_link_takes_away_what_was_set_up_since_the_sign_in_began() {
    let (Hosted { host, app, .. }, ann) = with_app().await;
    let begun = host.sigra.clock().now();
    pending(&host, ANN).await;
    host.advance(PENDING);
    tell(&host).await;
    assert!(host.sigra.not_me().redeem(&host.mailed_token(&KIND, ANN), &client(9)).await.unwrap());
    assert_eq!(app.disowned.lock().unwrap()[0], (ann.id, begun));
}

#[tokio::test]
async fn th_22_whoever_tries_again_and_again_sends_one_mail_a_day() {
    let (Hosted { host, .. }, _) = with_app().await;
    for tries in 1..=20 {
        pending(&host, ANN).await;
        host.advance(PENDING);
        assert_eq!((tell(&host).await, told(&host)), (1, 1), "try {tries}");
    }
    assert_eq!((recorded(&host).await, suppressed(&host).await), (20, 19));
    host.advance(DAY);
    pending(&host, ANN).await;
    pending(&host, ANN).await;
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (2, 2), "the next day");
    assert_eq!((recorded(&host).await, suppressed(&host).await), (22, 20));
}

#[tokio::test]
async fn th_22_signing_out_at_the_second_factor_is_no_way_round() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = pending(&host, ANN).await;
    for _ in 0..2 {
        host.sigra.door().abandon(&held.token).await.unwrap();
    }
    assert!(host.sigra.door().pending(&held.token, &host.entry()).await.unwrap().is_none());
    assert!(matches!(answer(&host, &held.token, "totp", RIGHT).await, ChallengeOutcome::NoPending));
    assert_eq!((tell(&host).await, told(&host)), (0, 0), "whoever chose the wrong account has time to try again");
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
}

#[tokio::test]
async fn th_22_an_owner_who_ends_all_sessions_meanwhile_is_told() {
    let Hosted { host, app, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    let owner = host.signed_in(&ann).await;
    app.give(&ann);
    let held = pending(&host, ANN).await;
    host.sigra.sessions().revoke_others(&current(&host, &owner).await, &host.client()).await.unwrap();
    assert!(matches!(answer(&host, &held.token, "totp", RIGHT).await, ChallengeOutcome::NoPending));
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
}

#[tokio::test]
async fn th_22_a_second_try_from_the_same_client_that_is_finished_says_it_was_the_owner() {
    let (Hosted { host, .. }, _) = with_app().await;
    pending(&host, ANN).await;
    host.advance(1);
    pending(&host, ANN).await;
    host.advance(1);
    let third = pending(&host, ANN).await;
    admitted(answer(&host, &third.token, "totp", RIGHT).await);
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (2, 0, 0));
}

#[tokio::test]
async fn th_22_a_sign_in_from_elsewhere_or_before_says_nothing_of_it() {
    let another_program = ClientInfo::new(client(7).ip, Some("curl/8"), None);
    for stranger in [client(9), another_program] {
        let (Hosted { host, .. }, _) = with_app().await;
        let entry = Entry { client: stranger, ..Entry::default() };
        finish(&host, &entry).await;
        host.advance(1);
        pending_with(&host, &entry).await;
        host.advance(1);
        finish(&host, &host.entry()).await;
        host.advance(PENDING);
        assert_eq!((tell(&host).await, told(&host)), (1, 1), "{entry:?}");
    }
}

#[tokio::test]
async fn th_22_clients_nobody_knows_anything_of_are_not_the_same() {
    let (Hosted { host, .. }, _) = with_app().await;
    let nothing = Entry::default();
    pending_with(&host, &nothing).await;
    host.advance(1);
    finish(&host, &nothing).await;
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
}

#[tokio::test]
async fn th_22_known_devices_and_other_ways_in_are_not_told_of() {
    let Hosted { host, app, .. } = hosted(false);
    let ann = host.confirmed(ANN).await;
    let known = host.signed_in(&ann).await.returning(client(9));
    app.give(&ann);
    let held = pending_with(&host, &known).await;
    assert_eq!((&*held.steps, held.pending.tell_unfinished), (&[Step::MFA][..], false));
    let link = magic_link(&host, ANN).await;
    let outcome = host.sigra.magic_link().redeem(&link, &host.entry()).await.unwrap();
    let MagicLinkOutcome::Admitted(admission) = outcome else { panic!("the link is good") };
    assert_eq!(step_required(admission).steps, [Step::MFA]);
    host.advance(PENDING + 1);
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (0, 0, 0));
}

#[tokio::test]
async fn th_22_a_sign_in_that_goes_on_is_not_told_of_though_it_may_still_be_given_up() {
    let (Hosted { host, .. }, ann) = with_app().await;
    assert!(host.sigra.passwords().require_change(ann.id, None, &host.client()).await.unwrap());
    let held = pending(&host, ANN).await;
    assert_eq!((held.steps[0], held.pending.tell_unfinished), (Step::MFA, true));
    let ChallengeOutcome::Admitted(Admission::StepRequired(next), _) = answer(&host, &held.token, "totp", RIGHT).await
    else {
        panic!("a new password is owed")
    };
    assert_eq!((&*next.steps, next.pending.tell_unfinished), (&[Step::PASSWORD_CHANGE][..], false));
    host.advance(PENDING + 1);
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (0, 0, 0));
}

#[tokio::test]
async fn th_22_a_wrong_answer_is_no_end_and_giving_up_after_it_is_told() {
    let (Hosted { host, .. }, _) = with_app().await;
    let held = pending(&host, ANN).await;
    assert!(matches!(answer(&host, &held.token, "totp", "wrong").await, ChallengeOutcome::Wrong));
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
}

#[tokio::test]
async fn th_22_a_password_that_was_replaced_meanwhile_needs_no_mail() {
    let (Hosted { host, .. }, _) = with_app().await;
    pending(&host, ANN).await;
    let link = reset_link(&host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, common::NEW_PASSWORD, &host.client()).await.unwrap();
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (1, 0, 1));
    // Replaced before the sign-in began, it is the one that was shown.
    let LoginOutcome::Admitted(admission) = host.login(ANN, common::NEW_PASSWORD).await else {
        panic!("the password is right")
    };
    step_required(admission);
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
}

#[tokio::test]
async fn th_22_epochs_that_rose_for_another_reason_do_not_say_that_the_password_is_safe() {
    let (Hosted { host, .. }, ann) = with_app().await;
    pending(&host, ANN).await;
    let operator = host.sigra.operator();
    assert!(operator.disable(ann.id, &host.client()).await.unwrap());
    assert!(operator.enable(ann.id, &host.client()).await.unwrap());
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
}

#[tokio::test]
async fn th_22_whoever_cannot_use_the_account_any_more_is_not_mailed() {
    let (Hosted { host, .. }, ann) = with_app().await;
    pending(&host, ANN).await;
    assert!(host.sigra.operator().disable(ann.id, &host.client()).await.unwrap());
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (1, 0, 1));

    let (Hosted { host, .. }, ann) = with_app().await;
    pending(&host, ANN).await;
    assert!(host.sigra.operator().schedule_deletion(ann.id, &host.client()).await.unwrap());
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host)), (1, 1), "until it is due it can be taken back");
    pending(&host, ANN).await;
    host.advance(14 * DAY);
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (1, 1, 2));
}

#[tokio::test]
async fn th_22_a_mailbox_nobody_has_shown_is_not_filled_by_signing_in() {
    let app = hosted(false).app;
    let host = TestHost::builder()
        .config(|config| config.registration.confirmation = ConfirmationMode::Deferred)
        .factor(Arc::new(app.clone()))
        .build();
    host.registered(ANN).await;
    let ann: User = stored(&host, ANN).await;
    app.give(&ann);
    assert_eq!(ann.confirmed_at, None);
    pending(&host, ANN).await;
    host.advance(PENDING);
    assert_eq!((tell(&host).await, told(&host), recorded(&host).await), (1, 0, 1));
}

/// At its last microsecond it is finished and nobody is told; a microsecond later it is told of and cannot be finished.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn th_22_at_the_boundary_a_sign_in_is_finished_or_told() {
    for over in [false, true] {
        let (Hosted { host, .. }, _) = with_app().await;
        let held = pending(&host, ANN).await;
        let span = held.pending.expires_at.since(held.pending.created_at);
        host.clock.advance(if over { span } else { span - Duration::from_micros(1) });
        let outcomes = at_once(16, |number| {
            let (host, token) = (host.clone(), held.token.clone());
            async move {
                if number % 2 == 0 {
                    let _ = host.sigra.sweeper().run_once().await.unwrap();
                    return false;
                }
                matches!(
                    answer(&host, &token, "totp", RIGHT).await,
                    ChallengeOutcome::Admitted(Admission::Granted(_), _)
                )
            }
        })
        .await;
        sweep(&host).await;
        host.run_workers().await;
        let finished = outcomes.iter().filter(|finished| **finished).count();
        let expected = if over { (0, 1, 1) } else { (1, 0, 0) };
        assert_eq!((finished, told(&host), recorded(&host).await), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn th_22_sweepers_side_by_side_tell_once() {
    let (Hosted { host, app, .. }, _) = with_app().await;
    let bob = host.confirmed(BOB).await;
    app.give(&bob);
    pending(&host, ANN).await;
    pending(&host, BOB).await;
    host.advance(PENDING);
    let gone = at_once(16, |_| {
        let host = host.clone();
        async move {
            match host.sigra.sweeper().run_once().await.unwrap() {
                SweepOutcome::Done(report) => report.kinds[0].gone,
                SweepOutcome::HeldElsewhere => 0,
            }
        }
    })
    .await;
    host.run_workers().await;
    assert_eq!(gone.iter().sum::<u64>(), 2);
    assert_eq!((told(&host), host.count_mailed(&KIND, BOB), recorded(&host).await), (1, 1, 2));
}

#[tokio::test]
async fn th_22_one_that_cannot_be_told_now_keeps_no_other_from_its_turn_and_is_told_later() {
    for fault in ["sessions.list", "accounts.find", "sessions.end_unfinished"] {
        let (Hosted { host, app, .. }, ann) = with_app().await;
        app.give(&host.confirmed(BOB).await);
        pending(&host, ANN).await;
        host.advance(1);
        pending(&host, BOB).await;
        host.advance(PENDING);
        host.store.fail_next(fault);
        assert_eq!(tell(&host).await, 1, "{fault}");
        assert_eq!((told(&host), host.count_mailed(&KIND, BOB)), (0, 1), "{fault}");
        assert_none_audited(&host.store, names::LOGIN_UNFINISHED, |event| event.subject == Some(ann.id)).await;
        assert_eq!(tell(&host).await, 1, "{fault}");
        assert_eq!(recorded(&host).await, 2, "{fault}");
    }
    let (Hosted { host, .. }, _) = with_app().await;
    pending(&host, ANN).await;
    host.advance(PENDING);
    host.store.fail_next("sessions.unfinished");
    assert!(sweep(&host).await.kinds[0].failed);
    assert_eq!((tell(&host).await, told(&host)), (1, 1));
}

#[tokio::test]
async fn th_22_a_sweep_tells_of_no_more_than_a_batch() {
    let app = hosted(false).app;
    let host = TestHost::builder().config(|config| config.housekeeping.batch = 2).factor(Arc::new(app.clone())).build();
    app.give(&host.confirmed(ANN).await);
    for _ in 0..5 {
        pending(&host, ANN).await;
    }
    host.advance(PENDING + 1);
    for gone in [2, 2, 1, 0] {
        assert_eq!(tell(&host).await, gone);
    }
    assert_eq!((told(&host), recorded(&host).await), (1, 5));
}

/// A budget that takes half a minute to ask.
struct Slow(ManualClock);

#[async_trait]
impl RateLimiter for Slow {
    async fn take(&self, _: &Bucket, _: u32, _: Timestamp) -> Result<RateDecision, StoreError> {
        self.0.advance(Duration::from_secs(30));
        Ok(RateDecision::Granted)
    }
}

#[tokio::test]
async fn th_22_whoever_is_slow_stops_before_another_host_may_be_at_the_same_sign_in() {
    let app = hosted(false).app;
    let clock = ManualClock::default();
    let host = TestHost::builder()
        .factor(Arc::new(app.clone()))
        .clock(clock.clone())
        .mail_budget(Arc::new(Slow(clock)))
        .build();
    app.give(&host.confirmed(ANN).await);
    for _ in 0..3 {
        pending(&host, ANN).await;
    }
    host.advance(PENDING);
    for gone in [1, 1, 1, 0] {
        assert_eq!(tell(&host).await, gone);
    }
    assert_eq!(recorded(&host).await, 3);
}
