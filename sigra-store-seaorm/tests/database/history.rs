//! The pages of a long trail are found by their index, on every engine.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait as _, Statement, Value};
use sigra_core::audit::{AuditEvent, names};
use sigra_core::client::ClientInfo;
use sigra_core::evidence::Evidence;
use sigra_core::id::{EventId, UserId};
use sigra_core::ports::{AuditReader as _, EvidenceLog as _};
use sigra_core::time::Timestamp;
use sigra_store_seaorm::SeaOrmStore;

use crate::engines::Setup;
use crate::support::{Fixture, NOW};

/// 100,000 events about somebody, who has most of the trail, and none of what is newest: a page at the end of them is read
/// like one at their beginning.
pub(crate) async fn a_page_of_a_long_trail_is_found_by_an_index(f: &Fixture) {
    let (ann, bob) = (UserId::new(NOW), UserId::new(NOW));
    let oldest = write(f, ann, 0..100_000).await;
    write(f, bob, 100_000..120_000).await;
    analyze(f, "sigra_audit_events").await;

    let statements = Arc::new(Mutex::new(Vec::new()));
    let mut pool = f.another_pool().await;
    let log = statements.clone();
    pool.set_metric_callback(move |info| log.lock().unwrap().push(info.statement.clone()));
    let store = SeaOrmStore::new(pool);
    let newest = store.page(Some(ann), None, 100).await.unwrap();
    let last = store.page(Some(ann), Some(oldest[2]), 100).await.unwrap();
    assert_eq!(newest.len(), 100);
    assert_eq!(last.iter().map(|event| event.id).collect::<Vec<_>>(), [oldest[1], oldest[0]]);

    let statements = statements.lock().unwrap().clone();
    assert_eq!(statements.len(), 2, "a page is one statement");
    for page in statements {
        let plan = explain(f, page).await;
        assert!(plan.contains("sigra_audit_events_subject"), "{plan}");
        for slow in ["TEMP B-TREE", "Sort", "filesort", "Seq Scan", "SCAN"] {
            assert!(!plan.contains(slow), "{plan}");
        }
    }
}

/// Events about a user in these seconds, in batches. Answers the ids of the first three.
async fn write(f: &Fixture, user: UserId, seconds: Range<i64>) -> Vec<EventId> {
    let mut oldest = Vec::new();
    for batch in seconds.step_by(500) {
        let mut evidence = Evidence::none();
        for second in batch..batch + 500 {
            let at = Timestamp::from_micros(NOW.as_micros() + second * 1_000_000);
            let event = AuditEvent::new(names::LOGIN_FAILURE, at, &ClientInfo::default()).about(user);
            oldest.extend((oldest.len() < 3).then_some(event.id));
            evidence = evidence.and_event(event);
        }
        f.store.append(evidence).await.unwrap();
    }
    oldest
}

/// Lets the database look at what it has, as it does by itself sooner or later.
pub(crate) async fn analyze(f: &Fixture, table: &str) {
    let sql = match f.setup {
        Setup::Sqlite | Setup::Postgres | Setup::PostgresSerializable => "ANALYZE".to_owned(),
        _ => format!("ANALYZE TABLE {table}"),
    };
    f.pool.execute_unprepared(&sql).await.unwrap();
}

/// The database's plan for a statement, in its own words.
pub(crate) async fn explain(f: &Fixture, statement: Statement) -> String {
    let how = match f.setup {
        Setup::Sqlite => "EXPLAIN QUERY PLAN",
        _ => "EXPLAIN",
    };
    let sql = format!("{how} {}", statement.sql);
    let values: Vec<Value> = statement.values.into_iter().flat_map(|values| values.0).collect();
    let rows = f.pool.query_all_raw(Statement::from_sql_and_values(f.pool.get_database_backend(), sql, values)).await;
    let told = |row: &sea_orm::QueryResult| {
        let columns = row.column_names();
        let texts = columns.iter().filter_map(|column| row.try_get::<Option<String>>("", column).ok().flatten());
        texts.collect::<Vec<_>>().join(" ")
    };
    rows.unwrap().iter().map(told).collect::<Vec<_>>().join("\n")
}
