//! A database that a test has for itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::Engine;

/// An empty database that nobody else uses. Dropped, it is thrown away, also when the test fails.
#[derive(Debug)]
pub struct OwnDatabase {
    engine: Engine,
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder { _folder: TempDir },
    Server { url: String, name: String },
}

impl OwnDatabase {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// When there is no server for the engine, or it does not do as it is told.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self::set_up(engine, &[])
    }

    /// Makes one and runs statements on it, in which `{name}` stands for its name.
    ///
    /// # Panics
    ///
    /// As [`OwnDatabase::new`].
    #[must_use]
    pub fn set_up(engine: Engine, statements: &[&str]) -> Self {
        if engine == Engine::Sqlite {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("test.db").display());
            return Self { engine, url, place: Place::Folder { _folder: folder } };
        }
        let server = engine.server().unwrap_or_else(|| panic!("there is no {engine}"));
        let name = unused_name();
        let create = std::iter::once("CREATE DATABASE {name}").chain(statements.iter().copied());
        on_server(&server, create.map(|sql| sql.replace("{name}", &name)).collect()).unwrap();
        let (address, _) = server.rsplit_once('/').unwrap();
        Self { engine, url: format!("{address}/{name}"), place: Place::Server { url: server, name } }
    }

    /// Its engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until nobody is connected to it: a server goes on for a moment with what a killed process had sent.
    ///
    /// # Panics
    ///
    /// When somebody stays for ten seconds.
    pub fn wait_until_unused(&self) {
        let Place::Server { url, name } = &self.place else { return };
        let (backend, sql) = match self.engine {
            Engine::Postgres => {
                (DbBackend::Postgres, format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"))
            }
            _ => (DbBackend::MySql, format!("SELECT count(*) FROM information_schema.processlist WHERE db = '{name}'")),
        };
        let waiting = apart(async move {
            let admin = connect(url).await?;
            let began = Instant::now();
            loop {
                let row = admin.query_one_raw(Statement::from_string(backend, sql.as_str())).await?.unwrap();
                if row.try_get_by_index::<i64>(0)? == 0 {
                    return admin.close().await;
                }
                assert!(began.elapsed() < Duration::from_secs(10), "somebody stays connected to {name}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waiting.unwrap();
    }

    /// The host and port of its server, if it has one, and the same URL with others in their place.
    ///
    /// # Panics
    ///
    /// When the URL has no port.
    #[must_use]
    pub fn through(&self, address: &str) -> Option<(String, String)> {
        let Place::Server { .. } = self.place else { return None };
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let (authority, name) = rest.rsplit_once('/').unwrap();
        let (credentials, server) = authority.rsplit_once('@').map_or(("", authority), |(user, server)| (user, server));
        let at = if credentials.is_empty() { "" } else { "@" };
        Some((server.to_owned(), format!("{scheme}://{credentials}{at}{address}/{name}")))
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let Place::Server { url, name } = &self.place else { return };
        let result = match self.engine {
            Engine::Postgres => on_server(url, vec![format!("DROP DATABASE {name} WITH (FORCE)")]),
            _ => drop_on_mysql(url, name),
        };
        if let Err(error) = result {
            eprintln!("the database {name} is left behind: {error}");
        }
    }
}

/// MySQL waits for transactions that still use a table, so whoever is connected goes first.
fn drop_on_mysql(server: &str, name: &str) -> Result<(), DbErr> {
    let (server, name) = (server.to_owned(), name.to_owned());
    apart(async move {
        let admin = connect(&server).await?;
        let sql = format!("SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE db = '{name}'");
        let statement = Statement::from_string(DbBackend::MySql, sql);
        for row in admin.query_all_raw(statement).await? {
            // It may have gone by itself.
            let _ = admin.execute_unprepared(&row.try_get_by_index::<String>(0)?).await;
        }
        admin.execute_unprepared(&format!("DROP DATABASE {name}")).await?;
        admin.close().await
    })
}

fn on_server(server: &str, statements: Vec<String>) -> Result<(), DbErr> {
    let server = server.to_owned();
    apart(async move {
        let admin = connect(&server).await?;
        for statement in statements {
            admin.execute_unprepared(&statement).await?;
        }
        admin.close().await
    })
}

async fn connect(server: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(server);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

/// Runs to its end whether or not the caller is inside a runtime.
fn apart(work: impl Future<Output = Result<(), DbErr>> + Send) -> Result<(), DbErr> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| Builder::new_current_thread().enable_all().build().unwrap().block_on(work));
        thread.join().unwrap()
    })
}

fn unused_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    format!("sigra_test_{}_{now}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}
