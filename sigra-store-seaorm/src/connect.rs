//! Opening a pool the way this store wants it.

use std::num::NonZeroUsize;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sigra_core::error::StoreError;

use crate::error::Fault;
use crate::store::{PATIENCE, SeaOrmStore};

impl SeaOrmStore {
    /// Opens a pool, as [`open`] does, and makes a store over it. Migrate before the first use.
    ///
    /// # Errors
    ///
    /// As [`open`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        open(url).await.map(Self::new)
    }
}

/// Opens a pool for this store and for the host's own tables beside it.
///
/// A SQLite file (`sqlite:path/to/file.db`) is created when it is missing, and opened in WAL mode: readers never wait.
/// Commits are synced to the disk one by one (`synchronous = FULL`): with less, a power failure could bring back a
/// session that was ended or a password that was replaced. Foreign keys are enforced, and writers of other processes
/// are waited for up to five seconds. `sqlite::memory:` gives one connection and a database that lives as long as it.
///
/// # Errors
///
/// When the URL is not understood, or the database cannot be opened.
pub async fn open(url: &str) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(PATIENCE);
    // A connection to a file does not go stale, so nothing is gained by testing it at every use.
    options.test_before_acquire(false);
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
    });
    if url.contains(":memory:") || url.contains("mode=memory") {
        options.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    } else {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // One for the writer, the rest for readers. Each is a thread that sleeps unless it is used.
        options.max_connections(u32::try_from(cores.clamp(4, 16)).unwrap_or(4) + 1);
    }
    Database::connect(options).await.map_err(|error| Fault::from(error).within("open"))
}
