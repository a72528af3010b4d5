use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use sigra_store_seaorm::migrations;

use crate::support::{Fixture, count, empty};

pub(crate) async fn migrating_again_does_nothing(f: &Fixture) {
    assert_eq!(migrations::migrate(&f.pool).await.unwrap(), 0);
    let status = migrations::status(&f.pool).await.unwrap();
    assert!(status.iter().all(|migration| migration.applied_at.is_some()));
    assert_eq!(count(&f.pool, "sigra_migrations").await, i64::try_from(status.len()).unwrap());
}

pub(crate) async fn a_statement_whose_record_was_lost_is_recorded_where_ddl_commits_by_itself(f: &Fixture) {
    f.pool.execute_unprepared("DELETE FROM sigra_migrations WHERE version > 30").await.unwrap();
    let again = migrations::migrate(&f.pool).await;
    match f.pool.get_database_backend() {
        DbBackend::MySql => assert_ne!(again.unwrap(), 0),
        // Statement and record commit together there, so this is no lost record but a broken database.
        _ => assert!(again.is_err()),
    }
}

pub(crate) async fn hosts_that_start_together_migrate_once(f: &Fixture) {
    let database = empty(f.setup);
    let mut hosts = Vec::new();
    for _ in 0..8 {
        let pool = f.setup.open(database.url()).await;
        hosts.push(tokio::spawn(async move { migrations::migrate(&pool).await.unwrap() }));
    }
    let mut applied = Vec::new();
    for host in hosts {
        applied.push(host.await.unwrap());
    }
    applied.sort_unstable();
    let pool = f.setup.open(database.url()).await;
    let all = migrations::status(&pool).await.unwrap().len();
    assert_eq!(applied, [0, 0, 0, 0, 0, 0, 0, all]);
    assert_eq!(schema(&pool).await, schema(&f.pool).await);
}

pub(crate) async fn the_printed_statements_make_the_same_tables(f: &Fixture) {
    let database = empty(f.setup);
    let printed = f.setup.open(database.url()).await;
    for statement in migrations::sql(f.pool.get_database_backend()) {
        printed.execute_unprepared(&statement).await.unwrap();
    }
    let migrated = schema(&f.pool).await;
    assert_eq!(schema(&printed).await, migrated);
    for part in ["sigra_users", "sigra_audit_events", "sigra_sessions_expiry", "sigra_migrations"] {
        assert!(migrated.iter().any(|line| line.contains(part)), "{part} in {migrated:#?}");
    }
    assert_eq!(migrations::migrate(&printed).await.unwrap(), 0);
    assert!(migrations::status(&printed).await.unwrap().iter().all(|migration| migration.applied_at.is_some()));
}

pub(crate) async fn a_database_that_was_never_migrated_says_so(f: &Fixture) {
    let database = empty(f.setup);
    let pool = f.setup.open(database.url()).await;
    assert!(migrations::status(&pool).await.is_err());
}

/// Everything there is, a line each: tables, columns with type, null, default and collation, indexes, keys.
async fn schema(pool: &DatabaseConnection) -> BTreeSet<String> {
    let backend = pool.get_database_backend();
    let queries: &[&str] = match backend {
        DbBackend::Sqlite => &["SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"],
        DbBackend::Postgres => &POSTGRES,
        _ => &MYSQL,
    };
    let mut lines = BTreeSet::new();
    for query in queries {
        let rows = pool.query_all_raw(Statement::from_string(backend, *query)).await.unwrap();
        assert!(!rows.is_empty(), "{query}");
        lines.extend(rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()));
    }
    lines
}

const POSTGRES: [&str; 3] = [
    "SELECT concat_ws(' ', 'column', a.attrelid::regclass::text, a.attnum::text, a.attname::text,
        format_type(a.atttypid, a.atttypmod), a.attnotnull::text, coalesce(pg_get_expr(d.adbin, d.adrelid), '-'),
        a.attcollation::regcollation::text)
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d
        ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
    "SELECT concat_ws(' ', 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid))
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "SELECT concat_ws(' ', 'index', indexname::text, indexdef) FROM pg_indexes WHERE schemaname = 'public'",
];

const MYSQL: [&str; 4] = [
    "SELECT CONCAT_WS(' ', 'table', table_name, engine, table_collation) FROM information_schema.tables
     WHERE table_schema = DATABASE()",
    "SELECT CONCAT_WS(' ', 'column', table_name, ordinal_position, column_name, column_type, is_nullable,
        COALESCE(column_default, '-'), COALESCE(collation_name, '-'), extra)
     FROM information_schema.columns WHERE table_schema = DATABASE()",
    "SELECT CONCAT_WS(' ', 'index', table_name, index_name, seq_in_index, column_name, non_unique, collation,
        COALESCE(sub_part, '-'), index_type)
     FROM information_schema.statistics WHERE table_schema = DATABASE()",
    "SELECT CONCAT_WS(' ', 'key', k.table_name, k.constraint_name, k.ordinal_position, k.column_name,
        k.referenced_table_name, k.referenced_column_name, r.update_rule, r.delete_rule)
     FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
        ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
     WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL",
];
