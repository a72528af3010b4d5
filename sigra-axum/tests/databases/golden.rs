//! The golden scenarios over the store.

use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use sigra_core::Stores;
use sigra_example_databases::{Engine, OwnDatabase};
use sigra_http::Surface;
use sigra_store_seaorm::{SeaOrmStore, migrations, open};
use sigra_testing::golden::{Mount, Subject, all};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::support::golden_host;

/// As many as there are hosts side by side.
const DATABASES: usize = 4;

/// What else there is goes with its account or registration.
const TABLES: [&str; 9] = [
    "sigra_users",
    "sigra_quarantines",
    "sigra_registrations",
    "sigra_tokens",
    "sigra_requests",
    "sigra_attempts",
    "sigra_outbox",
    "sigra_audit_events",
    "sigra_rate_counters",
];

/// Takes databases in turn, and empties each before it is used again.
struct OnDatabases {
    pools: Vec<DatabaseConnection>,
    turn: AtomicUsize,
}

impl Mount for OnDatabases {
    fn mount(&self, surface: Surface) -> Box<dyn Subject> {
        golden_host(surface)
    }

    fn stores(&self) -> Option<Stores> {
        let pool = &self.pools[self.turn.fetch_add(1, Ordering::Relaxed) % DATABASES];
        block_in_place(|| {
            Handle::current().block_on(async {
                for table in TABLES {
                    pool.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
                }
            });
        });
        Some(SeaOrmStore::new(pool.clone()).stores())
    }
}

pub(crate) async fn every_scenario_that_leaves_the_store_alone(engine: Engine) {
    let databases: [_; DATABASES] = std::array::from_fn(|_| OwnDatabase::new(engine));
    let mut pools = Vec::new();
    for database in &databases {
        let pool = open(database.url()).await.unwrap();
        migrations::migrate(&pool).await.unwrap();
        pools.push(pool);
    }
    all(&OnDatabases { pools, turn: AtomicUsize::new(0) }).await;
}
