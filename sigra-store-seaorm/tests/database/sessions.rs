//! What an authenticated request costs.

use std::sync::{Arc, Mutex};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, Statement};
use sigra_core::evidence::Evidence;
use sigra_core::ports::SessionStore as _;
use sigra_core::secret::{Purpose, RawToken};
use sigra_store_seaorm::SeaOrmStore;

use crate::support::{Fixture, later, sign_in, sqlite, user};

/// Everything that is asked of a database, with the pool to ask it through. Of one connection: beside a larger pool the store
/// asks the same on connections of its own, which a pool's callback does not hear of.
async fn watched(f: &Fixture) -> (DatabaseConnection, Arc<Mutex<Vec<Statement>>>) {
    let mut options = ConnectOptions::new(f.database.url());
    options.max_connections(1);
    let mut pool = Database::connect(options).await.unwrap();
    let log: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let writer = log.clone();
    pool.set_metric_callback(move |info| writer.lock().unwrap().push(info.statement.clone()));
    (pool, log)
}

async fn plan(f: &Fixture, statement: &Statement) -> Vec<String> {
    let explain = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement.clone() };
    let rows = f.pool.query_all_raw(explain).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(3).unwrap()).collect()
}

fn is_indexed(plan: &[String]) -> bool {
    !plan.is_empty() && plan.iter().all(|step| step.starts_with("SEARCH") && step.contains("USING INDEX"))
}

#[tokio::test]
async fn a_current_token_costs_one_indexed_read_and_no_write() {
    let f = sqlite().await;
    let ann = user(&f.store, "ann@example.org").await;
    let granted = sign_in(&f.store, &ann).await;
    let digest = granted.token.digest(Purpose::SESSION);

    let (pool, log) = watched(&f).await;
    let found = SeaOrmStore::new(pool).find(digest).await.unwrap().unwrap();
    assert_eq!(found.session, granted.session);
    assert_eq!((found.user.id, &found.user.profile, found.user.has_password), (ann.id, &ann.profile, true));
    assert_eq!(found.retired_at, None);

    let log = log.lock().unwrap().clone();
    let [read] = &log[..] else { panic!("not one statement: {log:?}") };
    assert!(read.sql.starts_with("SELECT"));
    let plan = plan(&f, read).await;
    assert!(is_indexed(&plan) && plan.len() == 2, "{plan:?}");
}

#[tokio::test]
async fn any_other_token_costs_two_indexed_reads() {
    let f = sqlite().await;
    let ann = user(&f.store, "ann@example.org").await;
    let granted = sign_in(&f.store, &ann).await;
    let old = granted.token.digest(Purpose::SESSION);
    let new = RawToken::random().digest(Purpose::SESSION);
    assert!(f.store.rotate(granted.session.id, old, new, later(5), Evidence::none()).await.unwrap());

    let (pool, log) = watched(&f).await;
    let store = SeaOrmStore::new(pool);
    let found = store.find(old).await.unwrap().unwrap();
    assert_eq!((found.session.id, found.retired_at), (granted.session.id, Some(later(5))));
    assert!(store.find(RawToken::random().digest(Purpose::SESSION)).await.unwrap().is_none());

    let log = log.lock().unwrap().clone();
    assert_eq!(log.len(), 4);
    for read in &log {
        let plan = plan(&f, read).await;
        assert!(is_indexed(&plan), "{plan:?}");
    }
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer() {
    let f = sqlite().await;
    let ann = user(&f.store, "ann@example.org").await;
    let granted = sign_in(&f.store, &ann).await;
    let writer = sigra_store_seaorm::begin_immediate(&f.pool).await.unwrap();
    writer.execute_unprepared("UPDATE sigra_users SET factor_epoch = 7").await.unwrap();
    let found = f.store.find(granted.token.digest(Purpose::SESSION)).await.unwrap().unwrap();
    assert_eq!(found.user.epochs.factor, 0);
    writer.commit().await.unwrap();
    let found = f.store.find(granted.token.digest(Purpose::SESSION)).await.unwrap().unwrap();
    assert_eq!(found.user.epochs.factor, 7, "the next read sees what was committed");
}
