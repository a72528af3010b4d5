//! The host's database, read from beside it.

use sea_orm::{ConnectionTrait as _, QueryResult, Statement};
use tokio::runtime::{Builder, Runtime};

/// A connection beside the host's.
#[derive(Debug)]
pub struct Database {
    runtime: Runtime,
    connection: sea_orm::DatabaseConnection,
}

impl Database {
    pub(super) fn open(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(sigra_store_seaorm::open(url)).unwrap();
        Self { runtime, connection }
    }

    /// A number, by a query that gives one.
    #[must_use]
    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0].try_get_by_index(0).unwrap()
    }

    /// The texts of the first column, sorted.
    #[must_use]
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let mut texts: Vec<String> = self.rows(sql).iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        texts.sort();
        texts
    }

    /// Changes rows behind the host's back.
    pub fn change(&self, sql: &str) {
        self.runtime.block_on(self.connection.execute_unprepared(sql)).unwrap();
    }

    fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        self.runtime.block_on(self.connection.query_all_raw(statement)).unwrap()
    }
}
