//! Races inside transactions of the host, at the isolation level the host chose.

use std::sync::Arc;

use sea_orm::{IsolationLevel, TransactionOptions, TransactionTrait as _};
use sigra_core::error::StoreErrorKind;
use sigra_core::ports::{AttemptKey, AttemptPolicy, AttemptStore as _, Mac, Reservation};
use sigra_example_databases::Engine;
use sigra_store_seaorm::{SeaOrmStore, begin_immediate};

use crate::races::{CONTENDERS, race};
use crate::support::{Fixture, NOW};

const POLICY: AttemptPolicy =
    AttemptPolicy { free: 80, cap: 80, lock_secs: 60, max_lock_secs: 3_600, window_secs: None };

/// Reserves an attempt in a transaction of its own, at a level, and runs all of it again when it lost a race.
async fn reserve(store: &SeaOrmStore, pool: &sea_orm::DatabaseConnection, strict: bool) -> (u32, usize) {
    let key = AttemptKey { counter: "password.stranger", whom: Mac::from_bytes([9; 32]) };
    for lost in 0..1_000 {
        let tx = if strict {
            let isolation_level = Some(IsolationLevel::Serializable);
            pool.begin_with_options(TransactionOptions { isolation_level, ..TransactionOptions::default() }).await
        } else {
            begin_immediate(pool).await
        };
        let tx = Arc::new(tx.unwrap());
        let reservation = store.bound_to(tx.clone()).reserve(&key, &POLICY, None, NOW).await;
        let tx = Arc::into_inner(tx).unwrap();
        match reservation {
            Ok(Reservation::Granted(reserved)) => match tx.commit().await {
                Ok(()) => return (reserved.count, lost),
                // What PostgreSQL finds out at the end.
                Err(error) => assert!(error.to_string().contains("serialize"), "{error}"),
            },
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                // Two that found no row both insert it; whoever comes second is told so.
                let kinds = [StoreErrorKind::Busy, StoreErrorKind::Conflict];
                assert!(kinds.contains(&error.kind()), "{error:?}");
                tx.rollback().await.unwrap();
            }
        }
    }
    panic!("it never wins")
}

pub(crate) async fn a_lost_race_inside_a_host_transaction_is_its_owners_to_run_again(f: &Fixture) {
    let hosts = [f.store.clone(), SeaOrmStore::new(f.another_pool().await)];
    for strict in [false, true] {
        // SQLite has one level, and one way to begin.
        if strict && f.setup.engine() == Engine::Sqlite {
            continue;
        }
        let pool = f.pool.clone();
        let outcomes = race(&hosts, |store, _| {
            let pool = pool.clone();
            async move { reserve(&store, &pool, strict).await }
        })
        .await;
        let mut counts: Vec<_> = outcomes.iter().map(|(count, _)| *count as usize).collect();
        counts.sort_unstable();
        let first = if strict { CONTENDERS } else { 0 };
        assert_eq!(
            counts,
            (first + 1..=first + CONTENDERS).collect::<Vec<_>>(),
            "none was counted twice or not at all"
        );
    }
}
