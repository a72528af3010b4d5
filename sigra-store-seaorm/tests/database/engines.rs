//! Each test on every engine, and on the isolation levels a server may be set to.

use sea_orm::sqlx::Executor as _;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use sigra_example_databases::Engine;
use tokio::runtime::Builder;

use crate::support::Fixture;

/// An engine, set up in one of the ways operators set them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    Sqlite,
    /// As it comes: `READ COMMITTED`.
    Postgres,
    /// With another default for the database.
    PostgresSerializable,
    /// As it comes: `REPEATABLE READ`.
    Mysql,
    MysqlReadCommitted,
    MysqlSerializable,
}

impl Setup {
    pub(crate) fn engine(self) -> Engine {
        match self {
            Self::Sqlite => Engine::Sqlite,
            Self::Postgres | Self::PostgresSerializable => Engine::Postgres,
            Self::Mysql | Self::MysqlReadCommitted | Self::MysqlSerializable => Engine::Mysql,
        }
    }

    /// What sets a new database up.
    pub(crate) fn statements(self) -> &'static [&'static str] {
        match self {
            Self::PostgresSerializable => {
                &["ALTER DATABASE {name} SET default_transaction_isolation TO 'serializable'"]
            }
            _ => &[],
        }
    }

    /// A pool over a URL, as the crate opens it.
    pub(crate) async fn open(self, url: &str) -> DatabaseConnection {
        match self {
            // MySQL keeps no setting for a single database.
            Self::MysqlReadCommitted => mysql(url, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await,
            Self::MysqlSerializable => mysql(url, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE").await,
            _ => sigra_store_seaorm::open(url).await.unwrap(),
        }
    }
}

async fn mysql(url: &str, set: &'static str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(5).sqlx_logging(false).map_sqlx_mysql_pool_opts(move |pool| {
        pool.after_connect(move |connection, _| Box::pin(async move { connection.execute(set).await.map(|_| ()) }))
    });
    Database::connect(options).await.unwrap()
}

/// Runs a test over a database of its own, where there is one.
pub(crate) fn on(setup: Setup, test: impl AsyncFnOnce(&Fixture)) {
    if !setup.engine().is_there() {
        return;
    }
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let f = Fixture::new(setup).await;
        test(&f).await;
    });
}

/// Makes a test of each function, for each engine.
macro_rules! on_every_engine {
    ($($cases:tt)*) => {
        crate::engines::on_setup!(sqlite, Sqlite; $($cases)*);
        crate::engines::on_setup!(postgres, Postgres; $($cases)*);
        crate::engines::on_setup!(mysql, Mysql; $($cases)*);
    };
}

/// Makes a test of each function, for isolation levels that are no server's default.
macro_rules! on_other_isolation_levels {
    ($($cases:tt)*) => {
        crate::engines::on_setup!(postgres_serializable, PostgresSerializable; $($cases)*);
        crate::engines::on_setup!(mysql_read_committed, MysqlReadCommitted; $($cases)*);
        crate::engines::on_setup!(mysql_serializable, MysqlSerializable; $($cases)*);
    };
}

macro_rules! on_setup {
    ($name:ident, $setup:ident; $($module:ident: [$($test:ident),* $(,)?],)*) => {
        mod $name {
            $(mod $module {$(
                #[test]
                fn $test() {
                    crate::engines::on(crate::engines::Setup::$setup, crate::$module::$test);
                }
            )*})*
        }
    };
}

pub(crate) use {on_every_engine, on_other_isolation_levels, on_setup};

/// The level a transaction has that asks for none.
pub(crate) async fn the_setup_is_what_it_says(f: &Fixture) {
    let (sql, expected) = match f.setup {
        Setup::Sqlite => return,
        Setup::Postgres => ("SHOW transaction_isolation", "read committed"),
        Setup::PostgresSerializable => ("SHOW transaction_isolation", "serializable"),
        Setup::Mysql => (MYSQL_LEVEL, "REPEATABLE READ"),
        Setup::MysqlReadCommitted => (MYSQL_LEVEL, "READ COMMITTED"),
        Setup::MysqlSerializable => (MYSQL_LEVEL, "SERIALIZABLE"),
    };
    let column = usize::from(sql == MYSQL_LEVEL);
    let row = f.pool.query_one_raw(sea_orm::Statement::from_string(f.pool.get_database_backend(), sql)).await;
    let level: String = row.unwrap().unwrap().try_get_by_index(column).unwrap();
    assert_eq!(level.replace('-', " "), expected);
}

/// `tx_isolation` on MariaDB, `transaction_isolation` on MySQL.
const MYSQL_LEVEL: &str = "SHOW VARIABLES LIKE 't%_isolation'";
