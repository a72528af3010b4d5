//! Throwing away what has expired.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use common::{ANN, at_once, sweep};
use sigra_core::Stores;
use sigra_core::error::StoreError;
use sigra_core::flows::{SweepOutcome, Swept};
use sigra_core::id::LeaseId;
use sigra_core::ports::{Housekeeping, LeaseStore, RowKind};
use sigra_core::time::{Clock as _, Timestamp};
use sigra_testing::scenario::TestHost;
use sigra_testing::{ManualClock, MemoryStore};

const LEASE: &str = "housekeeping";

async fn with_sessions(host: &TestHost, number: usize) {
    let ann = host.confirmed(ANN).await;
    for _ in 0..number {
        host.signed_in(&ann).await;
    }
    host.advance(1_801);
}

async fn outcome(host: &TestHost) -> SweepOutcome {
    host.sigra.sweeper().run_once().await.unwrap()
}

#[tokio::test]
async fn se_30_a_sweep_tells_what_went_of_each_kind_and_whether_more_is_left() {
    let host = TestHost::builder().config(|config| config.housekeeping.batch = 3).build();
    with_sessions(&host, 5).await;
    let first = sweep(&host).await;
    let of = |kind: &str| first.kinds.iter().find(|swept| swept.kind == kind).copied();
    assert_eq!(of("sessions"), Some(Swept { kind: "sessions", gone: 3, more: true, failed: false }));
    assert_eq!(of("devices"), Some(Swept { kind: "devices", gone: 0, more: false, failed: false }));
    let names: Vec<_> = first.kinds.iter().map(|swept| swept.kind).collect();
    let purged = host.sigra.stores().housekeeping.kinds().into_iter().map(RowKind::name);
    assert_eq!(names, ["unfinished_sign_ins"].into_iter().chain(purged).chain(["due_deletions"]).collect::<Vec<_>>());
    assert!(first.more() && !first.failed() && !first.interrupted);
    let second = sweep(&host).await;
    assert_eq!((second.gone(), second.more()), (2, false));
    assert_eq!(sweep(&host).await.gone(), 0);
}

#[tokio::test]
async fn se_30_what_has_expired_is_thrown_away_in_batches() {
    let host = TestHost::builder().config(|config| config.housekeeping.batch = 3).build();
    for number in 0..4 {
        host.registered(&format!("user{number}@example.org")).await;
    }
    host.advance(7 * 86_400 + 1);
    let mut sweeps = 0;
    loop {
        let report = sweep(&host).await;
        assert!(report.kinds.iter().all(|swept| swept.gone <= 3), "{report:?}");
        sweeps += 1;
        if !report.more() {
            break;
        }
    }
    assert_eq!(sweeps, 2);
    assert!(host.store.outbox().is_empty());
}

#[tokio::test]
async fn se_30_the_record_of_a_mail_is_kept_for_as_long_as_the_configuration_says() {
    let host = TestHost::builder().config(|config| config.housekeeping.keep_mail_secs = secs(60)).build();
    host.registered(ANN).await;
    host.advance(60);
    assert_eq!(sweep(&host).await.gone(), 0);
    host.advance(1);
    assert_eq!(sweep(&host).await.gone(), 1);
    assert!(host.store.outbox().is_empty());
}

#[tokio::test]
async fn se_30_nobody_sweeps_while_another_does_and_a_dead_one_is_taken_over() {
    let host = TestHost::new();
    with_sessions(&host, 1).await;
    let now = host.sigra.clock().now();
    let dead = LeaseId::new(now);
    let leases = &host.sigra.stores().leases;
    assert!(leases.take(LEASE, dead, now, now + Duration::from_secs(60)).await.unwrap());
    assert_eq!(outcome(&host).await, SweepOutcome::HeldElsewhere);
    host.advance(59);
    assert_eq!(outcome(&host).await, SweepOutcome::HeldElsewhere);
    host.advance(1);
    assert!(sweep(&host).await.gone() > 0);
    // Whoever is done gives the lease back.
    assert_eq!(sweep(&host).await.gone(), 0);
    assert!(leases.take(LEASE, dead, host.sigra.clock().now(), now).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn se_30_sweepers_side_by_side_count_each_row_once() {
    let host = TestHost::builder().config(|config| config.housekeeping.batch = 2).build();
    with_sessions(&host, 30).await;
    let counted = at_once(16, |_| {
        let host = host.clone();
        async move {
            let mut gone = 0;
            for _ in 0..20 {
                if let SweepOutcome::Done(report) = outcome(&host).await {
                    gone += report.gone();
                }
            }
            gone
        }
    })
    .await;
    let mut left = 0;
    while let gone @ 1.. = sweep(&host).await.gone() {
        left += gone;
    }
    assert_eq!(counted.iter().sum::<u64>() + left, 30);
    assert!(left < 30, "nobody swept");
}

#[tokio::test]
async fn se_30_a_kind_that_fails_holds_up_no_other_and_is_said() {
    let host = TestHost::new();
    with_sessions(&host, 2).await;
    host.store.fail_next("housekeeping.purge");
    let report = sweep(&host).await;
    assert_eq!(report.kinds[1], Swept { kind: "registrations", gone: 0, more: false, failed: true });
    assert_eq!((report.gone(), report.failed(), report.more()), (2, true, false));
    assert!(!sweep(&host).await.failed());
}

#[tokio::test]
async fn a_sweep_that_cannot_ask_for_the_lease_is_an_error_and_deletes_nothing() {
    let host = TestHost::new();
    with_sessions(&host, 2).await;
    host.store.fail_next("leases.take");
    assert!(host.sigra.sweeper().run_once().await.is_err());
    host.store.fail_next("leases.release");
    assert_eq!(sweep(&host).await.gone(), 2);
    assert_eq!(outcome(&host).await, SweepOutcome::HeldElsewhere, "it could not be given back");
    host.advance(60);
    assert_eq!(sweep(&host).await.gone(), 0);
}

/// Each purge takes its time, and with `overtaken` another host takes the lease over once it has lapsed.
struct Slow {
    store: MemoryStore,
    clock: ManualClock,
    secs: u64,
    overtaken: bool,
}

#[async_trait]
impl Housekeeping for Slow {
    fn kinds(&self) -> Vec<RowKind> {
        self.store.kinds()
    }

    async fn purge(&self, kind: RowKind, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.clock.advance(Duration::from_secs(self.secs));
        let now = self.clock.now();
        let taken = self.store.take(LEASE, LeaseId::new(now), now, now + Duration::from_secs(600)).await?;
        assert_eq!(taken, self.overtaken, "a sweep that goes on must hold its lease");
        self.store.purge(kind, before, limit).await
    }
}

fn slow(secs: u64, overtaken: bool) -> (TestHost, usize) {
    let (store, clock) = (MemoryStore::new(), ManualClock::default());
    let housekeeping = Arc::new(Slow { store: store.clone(), clock: clock.clone(), secs, overtaken });
    let kinds = store.kinds().len();
    let stores = Stores { housekeeping, ..store.stores() };
    (TestHost::over(store, stores).clock(clock).build(), kinds)
}

#[tokio::test]
async fn se_30_a_slow_sweep_renews_its_lease_before_it_lapses() {
    let (host, kinds) = slow(29, false);
    let report = sweep(&host).await;
    assert_eq!((report.kinds.len(), report.interrupted), (kinds + 2, false), "and what is no purge");
}

#[tokio::test]
async fn se_30_a_sweep_whose_lease_lapsed_stops_and_leaves_the_next_ones_alone() {
    let (host, _) = slow(60, true);
    let report = sweep(&host).await;
    assert_eq!((report.kinds.len(), report.interrupted), (2, true), "the first purge was the last");
    assert_eq!(outcome(&host).await, SweepOutcome::HeldElsewhere, "the other's lease stands");
}

fn secs(secs: u32) -> sigra_core::config::Seconds {
    sigra_core::config::Seconds::new(secs)
}
