//! Accounts that nobody uses, on real databases.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait as _, Value};
use sigra_core::config::{Config, Seconds};
use sigra_core::flows::{DormancySwept, LoginOutcome};
use sigra_core::id::UserId;
use sigra_core::mail::MailKind;
use sigra_core::ports::DormancyStore as _;
use sigra_store_seaorm::SeaOrmStore;
use sigra_testing::ManualClock;
use sigra_testing::scenario::{PASSWORD, TestHost};

use crate::history::{analyze, explain};
use crate::races::{CONTENDERS, race};
use crate::support::{Fixture, NOW, count, later, statement, user};

const YEAR: u64 = 365 * 86_400;
const MONTH: u64 = 30 * 86_400;
const ACCOUNTS: u64 = 40;

/// Hosts sweep side by side: each owner is warned once, and each account disabled once.
pub(crate) async fn lc_05_sweepers_side_by_side_warn_and_disable_each_account_once(f: &Fixture) {
    let hosts = [f.store.clone(), SeaOrmStore::new(f.another_pool().await)];
    let sides = hosts.each_ref().map(host_over);
    for number in 0..ACCOUNTS {
        user(&f.store, &format!("user{number}@example.org")).await;
    }
    for (secs, expected) in [(YEAR, (ACCOUNTS, 0)), (MONTH, (0, ACCOUNTS))] {
        for side in &sides {
            side.advance(secs);
        }
        let swept = race(&hosts, |_, number| {
            let sigra = sides[number % 2].sigra.clone();
            async move { sigra.dormancy().sweep(100).await.unwrap() }
        })
        .await;
        let all = |count: fn(&DormancySwept) -> u64| swept.iter().map(count).sum::<u64>();
        assert_eq!((all(|swept| swept.warned), all(|swept| swept.disabled)), expected);
        assert_eq!((swept.len(), all(|swept| swept.looked_at)), (CONTENDERS, ACCOUNTS));
    }
    let rows = |table: String| async move { count(&f.pool, &table).await.cast_unsigned() };
    assert_eq!(rows("sigra_users WHERE disabled_at IS NOT NULL AND security_epoch = 1".to_owned()).await, ACCOUNTS);
    assert_eq!(rows(format!("sigra_outbox WHERE kind = '{}'", MailKind::DORMANT_WARNING)).await, ACCOUNTS);
    for name in ["account.dormancy_warn", "account.disable"] {
        assert_eq!(rows(format!("sigra_audit_events WHERE name = '{name}'")).await, ACCOUNTS);
    }
}

/// Owners come back while hosts sweep: nobody who got in is shut out by it, and nobody gets in who was.
pub(crate) async fn lc_05_owners_who_come_back_during_the_sweep_stay(f: &Fixture) {
    let hosts = [f.store.clone(), SeaOrmStore::new(f.another_pool().await)];
    let sides = hosts.each_ref().map(host_over);
    let names: Vec<_> = (0..CONTENDERS / 2).map(|number| format!("user{number}@example.org")).collect();
    for name in &names {
        sides[0].confirmed(name).await;
    }
    for secs in [YEAR, MONTH] {
        for side in &sides {
            side.advance(secs);
        }
        if secs == YEAR {
            assert_eq!(sides[0].sigra.dormancy().sweep(100).await.unwrap().warned, names.len() as u64);
        }
    }
    let signed_in = race(&hosts, |_, number| {
        let (side, name) = (sides[number % 2].clone(), names.get(number / 2).cloned().unwrap());
        async move {
            if number % 2 == 0 {
                let _ = side.sigra.dormancy().sweep(100).await.unwrap();
                return None;
            }
            let outcome = side.login(&name, PASSWORD).await;
            Some((name, matches!(outcome, LoginOutcome::Admitted(_))))
        }
    })
    .await;
    for (name, came_in) in signed_in.into_iter().flatten() {
        let disabled = count(&f.pool, &format!("sigra_users WHERE email = '{name}' AND disabled_at IS NOT NULL")).await;
        assert_eq!(disabled == 0, came_in, "{name}");
    }
}

/// Sweeping a database with many accounts costs what is due: a page of them is read in the order of the index.
pub(crate) async fn accounts_to_look_at_are_found_by_an_index(f: &Fixture) {
    for batch in 0..10 {
        many(f, batch * 500..(batch + 1) * 500).await;
    }
    analyze(f, "sigra_users").await;
    let statements = Arc::new(Mutex::new(Vec::new()));
    let mut pool = f.another_pool().await;
    let log = statements.clone();
    pool.set_metric_callback(move |info| log.lock().unwrap().push(info.statement.clone()));
    let due = SeaOrmStore::new(pool).due_looks(later(2_000), None, 50).await.unwrap();
    assert_eq!(due.iter().map(|due| due.look_at).collect::<Vec<_>>(), (0..50).map(later).collect::<Vec<_>>());
    let [due] = <[_; 1]>::try_from(statements.lock().unwrap().clone()).expect("it is one statement");
    let plan = explain(f, due).await;
    assert!(plan.contains("sigra_users_dormancy"), "{plan}");
    for slow in ["TEMP B-TREE", "Sort", "filesort", "Seq Scan"] {
        assert!(!plan.contains(slow), "{plan}");
    }
}

/// Accounts that are to be looked at in these seconds.
async fn many(f: &Fixture, seconds: Range<u64>) {
    let row = "(?, ?, ?, '{}', 0, 0, 0, ?)";
    let sql = format!(
        "INSERT INTO sigra_users (id, email, email_identity, profile, security_epoch, factor_epoch, created_at, \
         dormancy_look_at) VALUES {}",
        vec![row; seconds.clone().count()].join(", ")
    );
    let values = seconds.flat_map(|second| {
        let email = format!("user{second}@example.org");
        let id = UserId::new(NOW).as_uuid();
        [Value::from(id), Value::from(email.clone()), Value::from(email), Value::from(later(second).as_micros())]
    });
    f.pool.execute_raw(statement(&f.pool, &sql, values)).await.unwrap();
}

/// A host that warns after a year, and disables 30 days later.
fn host_over(store: &SeaOrmStore) -> TestHost<SeaOrmStore> {
    let on = |config: &mut Config| {
        config.lifecycle.dormancy.warn_after_secs = Seconds::new(u32::try_from(YEAR).unwrap());
    };
    TestHost::over(store.clone(), store.stores()).clock(ManualClock::at(NOW)).config(on).build()
}
