//! Opening a pool the way this store wants it.

use std::num::NonZeroUsize;
use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
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
/// When the URL is not understood, its driver's feature is off, or the database cannot be opened. No error quotes the
/// URL: there may be a password in it.
pub async fn open(url: &str) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    options
        .sqlx_logging(false)
        .acquire_timeout(PATIENCE)
        .max_connections(u32::try_from(cores.clamp(4, 16)).unwrap_or(4) + 1)
        .test_before_acquire_if_idle_for(Duration::from_secs(30));
    #[cfg(feature = "sqlite")]
    for_sqlite(&mut options);
    Database::connect(options).await.map_err(|error| Fault::from(unquoted(error, url)).within("open"))
}

/// SeaORM quotes a URL that it cannot use, password and all.
fn unquoted(error: DbErr, url: &str) -> DbErr {
    if !error.to_string().contains(url) {
        return error;
    }
    DbErr::Conn(RuntimeErr::Internal(String::from("the URL is not of a database this program was built for")))
}

#[cfg(feature = "sqlite")]
fn for_sqlite(options: &mut ConnectOptions) {
    use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
    });
    let url = options.get_url();
    if url.starts_with("sqlite:") && (url.contains(":memory:") || url.contains("mode=memory")) {
        options.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[tokio::test]
    async fn an_unusable_url_is_not_repeated() {
        for url in ["other://user:hunter2@127.0.0.1:1/app", "postgres://user:hunter2@127.0.0.1:port/app"] {
            let error = open(url).await.unwrap_err();
            let cause = error.source().unwrap().to_string();
            assert!(cause.contains("the URL is not of a database"), "{cause}");
            assert!(!cause.contains("hunter2"), "{cause}");
        }
    }
}
