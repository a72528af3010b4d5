//! Connections to an SQLite file that the store keeps for itself, for what every sign-in writes and every request reads.
//!
//! SQLite's driver gives each connection a thread and hands every statement over to it and back, and a pool has a connection
//! answer once more when it is returned. Handing over is most of what a sign-in costs beside hashes that keep every core busy,
//! and most of what a session check costs. On a connection of its own a step is one text or two.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::Values;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteSynchronous};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions as _, SqliteConnection};
use sea_orm::{DatabaseConnection, DatabaseConnectionType, DbErr, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sigra_core::error::StoreError;
use tokio::sync::Semaphore;

use crate::error::Fault;
use crate::retry::Retries;
use crate::store::{PATIENCE, SeaOrmStore, in_time};

/// The connections of a store, each opened when it is first needed.
pub(crate) struct Own {
    /// Its commits reach the disk before they are acknowledged.
    pub(crate) synced: Kept,
    /// Its commits wait for no disk, for a change that another follows before anybody is answered. The write-ahead log is one
    /// file and is synced as a whole, so the commit of that one carries this one along. Until then it outlives a crash of
    /// the process, and not one of the machine.
    pub(crate) followed: Kept,
    readers: Kept,
    /// As many read at once as the pool has connections.
    reading: Semaphore,
}

impl Own {
    /// Connections beside a pool; none where the database is no SQLite file, or where one connection must do.
    pub(crate) fn beside(pool: &DatabaseConnection) -> Option<Self> {
        let DatabaseConnectionType::SqlxSqlitePoolConnection(_) = &pool.inner else {
            return None;
        };
        let pool: &SqlitePool = pool.get_sqlite_connection_pool();
        let options = pool.connect_options();
        // What is in memory has no file, and perhaps no second connection.
        if pool.options().get_max_connections() < 2 || !options.get_filename().is_file() {
            return None;
        }
        let options = (*options).clone();
        let followed = options.clone().synchronous(SqliteSynchronous::Normal);
        let readers = usize::try_from(pool.options().get_max_connections()).unwrap_or(Semaphore::MAX_PERMITS);
        Some(Self {
            synced: Kept::new(options.clone()),
            followed: Kept::new(followed),
            readers: Kept::new(options),
            reading: Semaphore::new(readers.min(Semaphore::MAX_PERMITS)),
        })
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}

/// Connections of one kind, while nobody uses them. There are never more than are used at once.
pub(crate) struct Kept {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<Connection>>,
}

impl Kept {
    fn new(options: SqliteConnectOptions) -> Self {
        Self { options, idle: Mutex::new(Vec::new()) }
    }

    async fn take(&self) -> Result<Connection, Fault> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(connection) => Ok(connection),
            None => Ok(Connection(self.options.connect().await.map_err(|error| DbErr::Conn(said(error)))?)),
        }
    }

    fn put_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// A connection in use. Whoever is done and left no transaction open gives it back; dropped, it is closed, and SQLite takes
/// back what was not committed.
pub(crate) struct Connection(SqliteConnection);

impl Connection {
    /// Runs statements given as one text, and reads the rows of those that have some.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<QueryResult>, Fault> {
        let rows = query(&statement).fetch_all(&mut self.0).await.map_err(|error| DbErr::Query(said(error)))?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }

    /// Runs statements given as one text, and counts the rows they changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, Fault> {
        let done = query(&statement).execute(&mut self.0).await.map_err(|error| DbErr::Exec(said(error)))?;
        Ok(done.rows_affected())
    }
}

/// A connection that is read on. It is given back when this is dropped, even half way: SQLite's driver stops reading for
/// whoever went away.
struct Reading<'a> {
    kept: &'a Kept,
    connection: Option<Connection>,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.kept.put_back(connection);
        }
    }
}

fn query(statement: &Statement) -> sqlx::query::Query<'_, sqlx::Sqlite, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

fn said(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(Arc::new(error))
}

impl SeaOrmStore {
    /// Reads on a connection of the store's own, outside any transaction.
    pub(crate) async fn read_on_own<T>(
        &self,
        Own { readers, reading, .. }: &Own,
        operation: &'static str,
        read: impl AsyncFnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let work = async {
            let turn = tokio::time::timeout(PATIENCE, reading.acquire()).await;
            let _turn = turn.map_err(|_| Fault::Busy)?.map_err(|_| Fault::Busy)?;
            let mut lent = Reading { kept: readers, connection: None };
            let done = read(lent.connection.insert(readers.take().await?)).await;
            if done.is_err() {
                // The next one is opened anew: it may be the connection that is broken.
                lent.connection = None;
            }
            done
        };
        in_time(work).await.map_err(|fault| fault.within(operation))
    }

    /// Runs `step` on a connection of the store's own, in its turn, and again when it lost a race. The step gives the connection
    /// back, in no transaction.
    pub(crate) async fn on_own<T, F, Fut>(&self, kept: &Kept, operation: &'static str, step: F) -> Result<T, StoreError>
    where
        F: Fn(Connection) -> Fut,
        Fut: Future<Output = Result<(T, Connection), Fault>>,
    {
        let mut retries = Retries::new();
        loop {
            let attempt = async {
                let _turn = self.turn().await?;
                let (value, connection) = step(kept.take().await?).await?;
                kept.put_back(connection);
                Ok(value)
            };
            match in_time(attempt).await {
                Ok(value) => return Ok(value),
                Err(fault) => self.pause_or_fail(fault, &mut retries, operation).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use sea_orm::{ConnectionTrait as _, DbBackend};
    use tempfile::TempDir;
    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;

    fn sql(text: &str) -> Statement {
        Statement::from_string(DbBackend::Sqlite, text)
    }

    async fn store(folder: &TempDir) -> SeaOrmStore {
        let url = format!("sqlite:{}", folder.path().join("own.db").display());
        let pool = crate::open(&url).await.unwrap();
        pool.execute_unprepared("CREATE TABLE notes (note TEXT)").await.unwrap();
        SeaOrmStore::new(pool)
    }

    fn idle(own: &Own) -> usize {
        own.readers.idle.lock().unwrap().len()
    }

    async fn ask(kept: &Kept, store: &SeaOrmStore, text: &str) -> i64 {
        let answered = store.on_own(kept, "test", |mut connection| async move {
            let rows = connection.rows(sql(text)).await?;
            Ok((rows[0].try_get_by_index(0)?, connection))
        });
        answered.await.unwrap()
    }

    #[tokio::test]
    async fn only_what_is_followed_waits_for_no_disk() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let own = store.own().unwrap();
        assert_eq!(ask(&own.synced, &store, "PRAGMA synchronous").await, 2);
        assert_eq!(ask(&own.followed, &store, "PRAGMA synchronous").await, 1);
        for kept in [&own.synced, &own.followed] {
            assert_eq!(ask(kept, &store, "PRAGMA foreign_keys").await, 1);
            assert_eq!(ask(kept, &store, "PRAGMA busy_timeout").await, 5_000);
        }
    }

    #[tokio::test]
    async fn a_database_without_a_file_or_with_one_connection_has_none() {
        assert!(SeaOrmStore::connect("sqlite::memory:").await.unwrap().own().is_none());
        let folder = TempDir::new().unwrap();
        let mut one =
            sea_orm::ConnectOptions::new(format!("sqlite:{}?mode=rwc", folder.path().join("one.db").display()));
        one.max_connections(1);
        assert!(SeaOrmStore::new(sea_orm::Database::connect(one).await.unwrap()).own().is_none());
    }

    #[tokio::test]
    async fn as_many_read_at_once_as_the_pool_has_connections() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let own = store.own().unwrap();
        let pool = own.reading.available_permits();
        assert!(pool > 1);
        let (arrived, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let mut reads = JoinSet::new();
        for _ in 0..=pool {
            let (store, arrived, go) = (store.clone(), arrived.clone(), go.clone());
            reads.spawn(async move {
                let read = store.read_on_own(store.own().unwrap(), "test", async |connection| {
                    arrived.add_permits(1);
                    go.acquire().await.unwrap().forget();
                    Ok(connection.rows(sql("SELECT 1")).await?.len())
                });
                assert_eq!(read.await.unwrap(), 1);
            });
        }
        arrived.acquire_many(u32::try_from(pool).unwrap()).await.unwrap().forget();
        tokio::task::yield_now().await;
        assert_eq!(arrived.available_permits(), 0);
        go.add_permits(1);
        arrived.acquire().await.unwrap().forget();
        go.add_permits(pool);
        reads.join_all().await;
        assert_eq!(idle(own), pool);
    }

    #[tokio::test]
    async fn a_read_that_is_given_up_costs_no_connection_and_one_that_fails_does() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let own = store.own().unwrap();
        let begun = Notify::new();
        let given_up = store.read_on_own(own, "test", async |connection| {
            connection.rows(sql("SELECT 1")).await?;
            begun.notify_one();
            pending::<Result<(), Fault>>().await
        });
        tokio::select! {
            _ = given_up => unreachable!("it never ends"),
            () = begun.notified() => {}
        }
        assert_eq!(idle(own), 1);
        let failed = store.read_on_own(own, "test", async |connection| connection.rows(sql("SELECT nothing")).await);
        assert!(failed.await.is_err());
        assert_eq!(idle(own), 0);
        let read = store.read_on_own(own, "test", async |connection| connection.rows(sql("SELECT 1")).await);
        assert_eq!(read.await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_step_that_is_given_up_or_fails_leaves_no_lock_and_no_row() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let own = store.own().unwrap();
        let begun = Notify::new();
        let given_up = store.on_own(&own.synced, "test", |mut connection| {
            let begun = &begun;
            async move {
                connection.execute(sql("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('half')")).await?;
                begun.notify_one();
                pending::<()>().await;
                Ok(((), connection))
            }
        });
        tokio::select! {
            _ = given_up => unreachable!("it never ends"),
            () = begun.notified() => {}
        }
        let failed = store.on_own(&own.synced, "test", |mut connection| async move {
            connection
                .execute(sql("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('half'); INSERT INTO nowhere VALUES (1)"))
                .await?;
            Ok(((), connection))
        });
        assert!(failed.await.is_err());
        let noted = store.single("test", |db| async move {
            Ok(db.execute_raw(sql("INSERT INTO notes VALUES ('whole')")).await?.rows_affected())
        });
        assert_eq!(noted.await.unwrap(), 1);
        assert_eq!(ask(&own.synced, &store, "SELECT COUNT(*) FROM notes").await, 1);
    }
}
