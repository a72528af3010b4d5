use sea_orm::{ConnectionTrait as _, DbBackend};
use sigra_store_seaorm::{migrations, open};

use crate::support::{Folder, count, fixture, sqlite};

#[tokio::test]
async fn migrating_again_does_nothing() {
    let f = fixture().await;
    assert_eq!(migrations::migrate(&f.pool).await.unwrap(), 0);
    let status = migrations::status(&f.pool).await.unwrap();
    assert!(status.iter().all(|migration| migration.applied_at.is_some()));
    assert_eq!(count(&f.pool, "sigra_migrations").await, i64::try_from(status.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_that_start_together_migrate_once() {
    let folder = Folder::new();
    let mut hosts = Vec::new();
    for _ in 0..8 {
        let pool = open(&folder.url()).await.unwrap();
        hosts.push(tokio::spawn(async move { migrations::migrate(&pool).await.unwrap() }));
    }
    let mut applied = 0;
    for host in hosts {
        applied += host.await.unwrap();
    }
    let pool = open(&folder.url()).await.unwrap();
    assert_eq!(applied, migrations::status(&pool).await.unwrap().len());
}

#[tokio::test]
async fn the_printed_statements_make_the_same_tables() {
    let migrated = sqlite().await;
    let folder = Folder::new();
    let printed = open(&folder.url()).await.unwrap();
    for statement in migrations::sql(DbBackend::Sqlite) {
        printed.execute_unprepared(&statement).await.unwrap();
    }
    assert_eq!(migrations::migrate(&printed).await.unwrap(), 0);
    assert_eq!(schema(&printed).await, schema(&migrated.pool).await);
}

#[tokio::test]
async fn a_database_that_was_never_migrated_says_so() {
    let folder = Folder::new();
    let pool = open(&folder.url()).await.unwrap();
    assert!(migrations::status(&pool).await.is_err());
}

async fn schema(pool: &sea_orm::DatabaseConnection) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let rows = pool.query_all_raw(sea_orm::Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
