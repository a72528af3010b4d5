//! A look into the host's database.

use std::path::Path;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tokio::runtime::{Builder, Runtime};

/// A connection of its own beside the host's.
pub(crate) struct Database {
    runtime: Runtime,
    connection: DatabaseConnection,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let url = format!("sqlite://{}?mode=rw", path.display());
        let connection = runtime.block_on(sigra_store_seaorm::open(&url)).unwrap();
        Self { runtime, connection }
    }

    /// The number a query answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        let row = self.runtime.block_on(self.connection.query_one_raw(statement)).unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// The texts a query answers.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        let rows = self.runtime.block_on(self.connection.query_all_raw(statement)).unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }
}
