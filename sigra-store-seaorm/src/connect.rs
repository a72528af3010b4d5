//! Opening a pool the way this store wants it.

use std::num::NonZeroUsize;
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::Executor as _;
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
/// On a server nobody waits for a lock longer than five seconds either (`lock_timeout`, `innodb_lock_wait_timeout`). A
/// connection that was idle for a second is tried before it is used, so one that died with its server is not.
///
/// # Errors
///
/// When the URL is not understood, its driver's feature is off, or the database cannot be opened; a server that does not
/// answer is waited for up to five seconds. No error quotes the URL: there may be a password in it.
pub async fn open(url: &str) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    options
        .sqlx_logging(false)
        .acquire_timeout(PATIENCE)
        .max_connections(u32::try_from(cores.clamp(4, 16)).unwrap_or(4) + 1)
        .test_before_acquire_if_idle_for(Duration::from_secs(1));
    #[cfg(feature = "sqlite")]
    for_sqlite(&mut options);
    #[cfg(feature = "postgres")]
    options.map_sqlx_postgres_pool_opts(|pool| {
        let set = "SET lock_timeout = '5s'";
        pool.after_connect(move |connection, _| Box::pin(async move { connection.execute(set).await.map(drop) }))
    });
    #[cfg(feature = "mysql")]
    options.map_sqlx_mysql_pool_opts(|pool| {
        let set = "SET SESSION innodb_lock_wait_timeout = 5";
        pool.after_connect(move |connection, _| Box::pin(async move { connection.execute(set).await.map(drop) }))
    });
    Database::connect(options).await.map_err(|error| Fault::from(plain(error, url)).within("open"))
}

/// SeaORM quotes a URL that it cannot use, password and all, and of a server that does not answer it says that a pool
/// timed out.
fn plain(error: DbErr, url: &str) -> DbErr {
    let said = if error.to_string().contains(url) {
        "the URL is not of a database this program was built for"
    } else if crate::dialect::is_unanswered(&error) {
        "the database server cannot be reached: nothing answers at its address"
    } else {
        return error;
    };
    DbErr::Conn(RuntimeErr::Internal(String::from(said)))
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

#[cfg(all(test, feature = "postgres", feature = "mysql"))]
mod tests {
    use std::error::Error as _;
    use std::net::TcpListener;
    use std::time::Instant;

    use sigra_core::error::StoreErrorKind;

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

    #[tokio::test]
    async fn a_server_that_is_not_there_is_said_to_be_out_of_reach() {
        // Nobody listens at the first; at the second somebody does, and never says a word.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = silent.local_addr().unwrap();
        for scheme in ["postgres", "mysql"] {
            for address in ["127.0.0.1:1", &silent.to_string()] {
                let began = Instant::now();
                let error = open(&format!("{scheme}://user:hunter2@{address}/app")).await.unwrap_err();
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                let cause = error.source().unwrap().to_string();
                assert!(cause.contains("cannot be reached") && !cause.contains("hunter2"), "{cause}");
                assert!(began.elapsed() < PATIENCE * 2);
            }
        }
    }
}
