//! Accounts that nobody uses.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{ANN, BOB, at_once, is_refused, signs_in, stored};
use sigra_core::audit::{Outcome, names};
use sigra_core::config::{Config, Seconds};
use sigra_core::flows::DormancySwept;
use sigra_core::mail::MailKind;
use sigra_core::time::Clock as _;
use sigra_core::user::User;
use sigra_testing::audited::{assert_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};
use sigra_testing::{ManualClock, MemoryStore};

const DAY: u64 = 86_400;
const WARN: u64 = 365 * DAY;
const END: u64 = 30 * DAY;
const TICK: Duration = Duration::from_micros(1);
const NOTHING: DormancySwept = DormancySwept { looked_at: 0, warned: 0, disabled: 0 };

fn days(days: u64) -> Seconds {
    Seconds::new(u32::try_from(days * DAY).unwrap())
}

/// Owners are warned after a year, and accounts disabled 30 days later.
fn on(config: &mut Config) {
    config.lifecycle.dormancy.warn_after_secs = days(365);
}

fn host() -> TestHost {
    TestHost::builder().config(on).build()
}

async fn sweep(host: &TestHost) -> DormancySwept {
    host.sigra.dormancy().sweep(100).await.unwrap()
}

async fn warned(host: &TestHost, address: &str) -> usize {
    host.run_workers().await;
    host.count_mailed(&MailKind::DORMANT_WARNING, address)
}

/// Moves on to a microsecond before `secs` are over, where nothing happens, and to their end.
async fn advance_to(host: &TestHost, secs: u64) {
    host.clock.advance(Duration::from_secs(secs) - TICK);
    let early = sweep(host).await;
    assert_eq!((early.warned, early.disabled), (0, 0), "a microsecond early");
    host.clock.advance(TICK);
}

/// An account whose owner was warned just now.
async fn warned_account(host: &TestHost) -> User {
    let ann = host.confirmed(ANN).await;
    advance_to(host, WARN).await;
    assert_eq!(sweep(host).await.warned, 1);
    ann
}

#[tokio::test]
async fn lc_05_without_the_setting_accounts_are_left_alone_for_ever() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.advance(20 * WARN);
    assert_eq!(sweep(&host).await, NOTHING);
    let report = common::sweep(&host).await;
    assert!(report.kinds.iter().all(|swept| swept.kind != "dormant_accounts"), "{report:?}");
    assert_eq!(warned(&host, ANN).await, 0);
    assert!(signs_in(&host, ANN, PASSWORD).await);
}

#[tokio::test]
async fn lc_05_the_owner_is_warned_and_the_account_disabled_long_after() {
    let host = host();
    let ann = host.confirmed(ANN).await;
    host.advance(1_000);
    host.signed_in(&ann).await;
    let ann = stored(&host, ANN).await;
    advance_to(&host, WARN).await;
    assert_eq!(sweep(&host).await, DormancySwept { looked_at: 1, warned: 1, disabled: 0 });
    assert_eq!(sweep(&host).await, NOTHING, "once");
    assert_eq!(stored(&host, ANN).await, ann, "a warning changes nothing");
    let over_at = host.clock.now() + Duration::from_secs(END);
    let event = assert_audited(&host.store, names::DORMANCY_WARN, |event| event.subject == Some(ann.id)).await;
    assert_eq!((event.outcome, event.actor, &event.metadata["by"]), (Outcome::Success, None, &"sweep".into()));
    assert_eq!(event.metadata["due_at"], over_at.to_string());
    let mail = host.store.outbox().into_iter().find(|queued| queued.mail.kind == MailKind::DORMANT_WARNING);
    let mail = mail.expect("it is owed with the warning").mail;
    let facts = mail.open(&host.vault).unwrap();
    assert_eq!((facts.at, facts.due_at), (ann.last_sign_in_at, Some(over_at)));
    assert_eq!((mail.to, mail.expires_at), (ann.email.clone(), over_at));
    assert_eq!(warned(&host, ANN).await, 1);

    advance_to(&host, END).await;
    assert_eq!(sweep(&host).await, DormancySwept { looked_at: 1, warned: 0, disabled: 1 });
    let disabled = stored(&host, ANN).await;
    assert_eq!((disabled.disabled_at, disabled.epochs.security), (Some(over_at), ann.epochs.security + 1));
    assert!(is_refused(&host.login(ANN, PASSWORD).await), "as if the password were wrong");
    let event = assert_audited(&host.store, names::ACCOUNT_DISABLE, |event| event.subject == Some(ann.id)).await;
    assert_eq!(
        (event.actor, &event.metadata["by"], &event.metadata["why"]),
        (None, &"sweep".into(), &"dormant".into())
    );
    host.advance(20 * WARN);
    assert_eq!(sweep(&host).await, NOTHING, "it is over");
    assert_eq!(warned(&host, ANN).await, 1);
}

#[tokio::test]
async fn lc_05_signing_in_after_the_warning_keeps_the_account() {
    let host = host();
    let ann = warned_account(&host).await;
    assert_eq!(warned(&host, ANN).await, 1);
    host.clock.advance(Duration::from_secs(END) - TICK);
    host.signed_in(&ann).await;
    host.clock.advance(TICK);
    assert_eq!(sweep(&host).await, DormancySwept { looked_at: 1, warned: 0, disabled: 0 });
    host.clock.advance(Duration::from_secs(WARN) - 2 * TICK);
    assert_eq!(sweep(&host).await.warned, 0);
    host.clock.advance(TICK);
    assert_eq!((sweep(&host).await.warned, warned(&host, ANN).await), (1, 2), "warned anew");
    assert_eq!(stored(&host, ANN).await.disabled_at, None);
}

#[tokio::test]
async fn lc_05_an_account_that_was_never_signed_in_to_counts_from_its_beginning() {
    let host = host();
    let ann = warned_account(&host).await;
    assert_eq!(ann.last_sign_in_at, None);
    advance_to(&host, END).await;
    assert_eq!(sweep(&host).await.disabled, 1);
}

/// A session that is used keeps the account as a sign-in does, and is read before it is thrown away.
#[tokio::test]
async fn lc_05_using_a_session_counts() {
    let config = |config: &mut Config| config.lifecycle.dormancy.warn_after_secs = days(30);
    let host = TestHost::builder().config(config).build();
    let ann = host.confirmed(ANN).await;
    let session = host.remembered(&ann).await;
    assert_eq!(host.sigra.config().sessions.remembered_secs, days(30), "it ends when the warning is due");
    host.advance(29 * DAY);
    assert!(host.resolve(&session.cookie()).await.is_some());
    host.advance(DAY);
    host.clock.advance(TICK);
    let report = common::sweep(&host).await;
    let of = |kind: &str| report.kinds.iter().position(|swept| swept.kind == kind).unwrap();
    assert!(of("dormant_accounts") < of("sessions"));
    assert_eq!(report.kinds[of("sessions")].gone, 1, "it has ended");
    assert_eq!(warned(&host, ANN).await, 0);
    host.clock.advance(Duration::from_secs(29 * DAY) - 2 * TICK);
    assert_eq!(sweep(&host).await, NOTHING);
    host.clock.advance(TICK);
    assert_eq!((sweep(&host).await.warned, warned(&host, ANN).await), (1, 1));
}

#[tokio::test]
async fn lc_05_enabling_starts_the_time_anew() {
    let host = host();
    let ann = warned_account(&host).await;
    assert_eq!(warned(&host, ANN).await, 1);
    advance_to(&host, END).await;
    assert_eq!(sweep(&host).await.disabled, 1);
    host.advance(10 * WARN);
    assert!(host.sigra.operator().enable(ann.id, &host.client()).await.unwrap());
    assert_eq!(sweep(&host).await, DormancySwept { looked_at: 1, warned: 0, disabled: 0 });
    advance_to(&host, WARN).await;
    assert_eq!((sweep(&host).await.warned, warned(&host, ANN).await), (1, 2));
    advance_to(&host, END).await;
    assert_eq!(sweep(&host).await.disabled, 1);
    let history = host.sigra.history().page(&ann, None).await.unwrap();
    let told: Vec<_> = history.events.iter().map(|event| event.name.as_str()).collect();
    let once = ["account.disable", "account.dormancy_warn"];
    assert_eq!(told[..5], [once[0], once[1], "account.enable", once[0], once[1]]);
}

#[tokio::test]
async fn lc_05_accounts_that_have_ended_or_will_are_left_alone() {
    let host = host();
    let (ann, bob) = (host.confirmed(ANN).await, host.confirmed(BOB).await);
    let operator = host.sigra.operator();
    assert!(operator.disable(ann.id, &host.client()).await.unwrap());
    assert!(operator.schedule_deletion(bob.id, &host.client()).await.unwrap());
    host.advance(WARN + END);
    for _ in 0..3 {
        let swept = sweep(&host).await;
        assert_eq!((swept.warned, swept.disabled), (0, 0));
        host.advance(DAY);
    }
    assert_eq!(count_audited(&host.store, names::ACCOUNT_DISABLE, |_| true).await, 1, "the operator's");
    assert_eq!(host.sigra.deletion().sweep(10).await.unwrap(), 1);
    host.advance(WARN + END);
    assert_eq!(sweep(&host).await, NOTHING);
    assert_eq!((warned(&host, ANN).await, warned(&host, BOB).await), (0, 0));
}

/// Hosts that come with another configuration, over the rows there are.
#[tokio::test]
async fn lc_05_another_configuration_neither_breaks_a_promise_nor_forgets_a_use() {
    let (store, clock) = (MemoryStore::new(), ManualClock::default());
    let with = |warn: u64, end: u64| {
        let set = move |config: &mut Config| {
            config.lifecycle.dormancy.warn_after_secs = days(warn);
            config.lifecycle.dormancy.disable_after_secs = days(end);
        };
        TestHost::over(store.clone(), store.stores()).clock(clock.clone()).config(set).build()
    };
    let host = with(365, 30);
    warned_account(&host).await;
    // The mail said 30 days, so it is not 7.
    let hasty = with(365, 7);
    hasty.advance(7 * DAY);
    assert_eq!(sweep(&hasty).await, NOTHING);
    // The rule says 60 days, so it is not 30.
    hasty.advance(23 * DAY);
    let patient = with(365, 60);
    assert_eq!(sweep(&patient).await, DormancySwept { looked_at: 1, warned: 0, disabled: 0 });
    advance_to(&patient, 30 * DAY).await;
    // What was dormant is not, by a longer rule; when it is again, it is warned again.
    let lasting = with(730, 30);
    assert_eq!(sweep(&lasting).await, DormancySwept { looked_at: 1, warned: 0, disabled: 0 });
    advance_to(&lasting, (730 - 365 - 60) * DAY).await;
    assert_eq!(sweep(&lasting).await.warned, 1);
    advance_to(&lasting, END).await;
    assert_eq!(sweep(&lasting).await.disabled, 1);
}

/// Accounts that were last looked at by a rule of ten years.
#[tokio::test]
async fn lc_05_a_shorter_rule_reaches_every_account_within_a_month() {
    let (store, clock) = (MemoryStore::new(), ManualClock::default());
    let with = |warn: u64| {
        let set = move |config: &mut Config| config.lifecycle.dormancy.warn_after_secs = days(warn);
        TestHost::over(store.clone(), store.stores()).clock(clock.clone()).config(set).build()
    };
    let (long, short) = (with(3_650), with(60));
    long.confirmed(ANN).await;
    long.advance(59 * DAY);
    assert_eq!(sweep(&long).await, DormancySwept { looked_at: 1, warned: 0, disabled: 0 });
    long.advance(30 * DAY - 1);
    assert_eq!(sweep(&short).await, NOTHING);
    long.advance(1);
    assert_eq!(sweep(&short).await.warned, 1);
}

#[tokio::test]
async fn lc_05_what_fails_is_left_for_the_next_sweep_and_keeps_no_other_from_its_turn() {
    let host = host();
    host.confirmed(ANN).await;
    host.confirmed(BOB).await;
    host.advance(WARN);
    for fault in ["dormancy.look", "sessions.list", "evidence"] {
        host.store.fail_next(fault);
        assert_eq!(sweep(&host).await.looked_at, 1, "{fault}");
        host.advance(WARN);
        host.signed_in(&stored(&host, ANN).await).await;
        host.signed_in(&stored(&host, BOB).await).await;
        host.advance(WARN);
        assert_eq!(stored(&host, ANN).await.disabled_at, None);
    }
    host.store.fail_next("dormancy.due_looks");
    let report = common::sweep(&host).await;
    let failed: Vec<_> = report.kinds.iter().filter(|swept| swept.failed).map(|swept| swept.kind).collect();
    assert_eq!(failed, ["dormant_accounts"]);
    // The account is disabled, though its sessions could not be ended one by one.
    assert_eq!(sweep(&host).await.warned, 2);
    host.advance(END);
    host.store.fail_next("sessions.revoke_all");
    assert_eq!(sweep(&host).await.disabled, 2);
}

#[tokio::test]
async fn lc_05_a_sweep_looks_at_a_bounded_number_and_says_whether_there_are_more() {
    let host = TestHost::builder()
        .config(|config| {
            on(config);
            config.housekeeping.batch = 2;
        })
        .build();
    for number in 0..5 {
        host.confirmed(&format!("user{number}@example.org")).await;
    }
    let of = |report: &sigra_core::flows::SweepReport| {
        let swept = report.kinds.iter().find(|swept| swept.kind == "dormant_accounts").unwrap();
        (swept.gone, swept.more)
    };
    // Nobody was looked at yet; nobody is dormant.
    for expected in [(0, true), (0, true), (0, false)] {
        assert_eq!(of(&common::sweep(&host).await), expected);
    }
    host.advance(WARN);
    for expected in [(2, true), (2, true), (1, false), (0, false)] {
        assert_eq!(of(&common::sweep(&host).await), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lc_05_sweepers_side_by_side_warn_and_disable_once() {
    let host = host();
    for number in 0..20 {
        host.confirmed(&format!("user{number}@example.org")).await;
    }
    for (secs, expected) in [(WARN, (20, 0)), (END, (0, 20))] {
        host.advance(secs);
        let swept = at_once(8, |_| {
            let sigra = host.sigra.clone();
            async move { sigra.dormancy().sweep(100).await.unwrap() }
        })
        .await;
        let all = |count: fn(&DormancySwept) -> u64| swept.iter().map(count).sum::<u64>();
        assert_eq!((all(|swept| swept.warned), all(|swept| swept.disabled)), expected);
    }
    for name in [names::DORMANCY_WARN, names::ACCOUNT_DISABLE] {
        assert_eq!(count_audited(&host.store, name, |_| true).await, 20, "{name}");
    }
}
