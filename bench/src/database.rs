//! Databases of the bench's own, and whether anybody wrote to them.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use sigra_store_seaorm::{migrations, open};
use url::Url;

use crate::error::BenchError;

/// Where databases are made.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    /// In the folder of the run.
    Sqlite,
    /// On the server of this URL.
    Postgres(Url),
    /// On the server of this URL.
    MySql(Url),
}

impl Engine {
    /// SQLite, and the servers the environment names.
    pub(crate) fn all() -> Result<Vec<Self>, BenchError> {
        let server = |variable: &str| match std::env::var(variable) {
            Ok(url) if !url.is_empty() => {
                Url::parse(&url).map(Some).map_err(|error| BenchError::Failed(format!("{variable}: {error}")))
            }
            _ => Ok(None),
        };
        let postgres = server("SIGRA_TEST_POSTGRES_URL")?.map(Self::Postgres);
        let mysql = server("SIGRA_TEST_MYSQL_URL")?.map(Self::MySql);
        Ok([Some(Self::Sqlite), postgres, mysql].into_iter().flatten().collect())
    }
}

/// A migrated database. Give it back with [`Database::remove`].
pub(crate) struct Database {
    engine: Engine,
    name: String,
    path: PathBuf,
    /// For the host.
    pub(crate) url: String,
    /// The bench's own connections.
    pub(crate) db: DatabaseConnection,
}

impl Database {
    pub(crate) async fn create(engine: &Engine, folder: &Path, label: &str) -> Result<Self, BenchError> {
        let name = format!("sigra_bench_{}_{label}", std::process::id());
        let path = folder.join(format!("{label}.db"));
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}?mode=rwc", path.display()),
            Engine::Postgres(server) | Engine::MySql(server) => {
                administer(server, &format!("CREATE DATABASE {name}")).await?;
                let mut url = server.clone();
                url.set_path(&name);
                url.to_string()
            }
        };
        let db = open(&url).await?;
        migrations::migrate(&db).await?;
        Ok(Self { engine: engine.clone(), name, path, url, db })
    }

    /// Name and version of the engine.
    pub(crate) async fn version(&self) -> Result<String, BenchError> {
        Ok(match self.engine {
            Engine::Sqlite => format!("SQLite {}", self.text("SELECT sqlite_version()").await?),
            Engine::Postgres(_) => {
                let version = self.text("SHOW server_version").await?;
                let commit = self.text("SHOW synchronous_commit").await?;
                format!("PostgreSQL {version}, synchronous_commit={commit}")
            }
            Engine::MySql(_) => format!("MySQL {}", self.text("SELECT VERSION()").await?),
        })
    }

    /// After seeding: what the engine would do by itself in time.
    pub(crate) async fn settle(&self) -> Result<(), BenchError> {
        let statement = match self.engine {
            Engine::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
            Engine::Postgres(_) => "VACUUM ANALYZE",
            Engine::MySql(_) => "ANALYZE TABLE sigra_users, sigra_sessions",
        };
        self.db.execute_unprepared(statement).await?;
        Ok(())
    }

    /// The state now, to compare with later.
    pub(crate) async fn mark(&self) -> Result<Mark, BenchError> {
        match self.engine {
            Engine::Sqlite => Ok(Mark::Transactions(self.sqlite_transactions()?)),
            Engine::Postgres(_) => {
                let next = self.number("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").await?;
                Ok(Mark::Rows { next_transaction: next % (1 << 32), rows: self.postgres_rows("true").await? })
            }
            Engine::MySql(_) => Ok(Mark::Checksums(self.mysql_checksums().await?)),
        }
    }

    /// What was written since, in a unit that the engine gives away without being asked to log: committed
    /// transactions, rows, or tables.
    pub(crate) async fn writes_since(&self, mark: &Mark) -> Result<u64, BenchError> {
        let count = match mark {
            Mark::Transactions(before) => i64::from(self.sqlite_transactions()?.wrapping_sub(*before)),
            Mark::Rows { next_transaction, rows } => {
                let written = self.postgres_rows(&format!("xmin::text::bigint >= {next_transaction}")).await?;
                let left = self.postgres_rows("true").await?;
                written + (rows - left).max(0)
            }
            Mark::Checksums(before) => {
                let after = self.mysql_checksums().await?;
                after.iter().zip(before).filter(|(after, before)| after != before).count() as i64
            }
        };
        Ok(count.unsigned_abs())
    }

    /// What [`Database::writes_since`] counts.
    pub(crate) const fn write_unit(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "commits",
            Engine::Postgres(_) => "rows written",
            Engine::MySql(_) => "tables written",
        }
    }

    pub(crate) async fn remove(self) -> Result<(), BenchError> {
        let Self { engine, name, db, .. } = self;
        db.close().await?;
        match engine {
            Engine::Sqlite => Ok(()),
            Engine::Postgres(server) => administer(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await,
            Engine::MySql(server) => administer(&server, &format!("DROP DATABASE {name}")).await,
        }
    }

    /// How many transactions were committed, from the header of the WAL index: `iChange`, bytes 8 to 11 in native
    /// order, is raised by each (<https://sqlite.org/walformat.html>, section 2.1). Reading it touches no lock.
    fn sqlite_transactions(&self) -> Result<u32, BenchError> {
        let index = self.path.with_extension("db-shm");
        let mut header = [0; 12];
        std::io::Read::read_exact(&mut std::fs::File::open(index)?, &mut header)?;
        let [.., a, b, c, d] = header;
        Ok(u32::from_ne_bytes([a, b, c, d]))
    }

    async fn postgres_rows(&self, which: &str) -> Result<i64, BenchError> {
        let mut rows = 0;
        for table in TABLES {
            rows += self.number(&format!("SELECT count(*) FROM {table} WHERE {which}")).await?;
        }
        Ok(rows)
    }

    async fn mysql_checksums(&self) -> Result<Vec<i64>, BenchError> {
        let statement =
            Statement::from_string(self.db.get_database_backend(), format!("CHECKSUM TABLE {}", TABLES.join(", ")));
        let rows = self.db.query_all_raw(statement).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(1)).collect::<Result<_, _>>()?)
    }

    async fn text(&self, sql: &str) -> Result<String, BenchError> {
        Ok(self.one(sql).await?.try_get_by_index(0)?)
    }

    pub(crate) async fn number(&self, sql: &str) -> Result<i64, BenchError> {
        Ok(self.one(sql).await?.try_get_by_index(0)?)
    }

    async fn one(&self, sql: &str) -> Result<sea_orm::QueryResult, BenchError> {
        let statement = Statement::from_string(self.db.get_database_backend(), sql);
        self.db.query_one_raw(statement).await?.ok_or_else(|| BenchError::failed("a query had no answer"))
    }
}

/// The state of a database at some time.
pub(crate) enum Mark {
    Transactions(u32),
    Rows { next_transaction: i64, rows: i64 },
    Checksums(Vec<i64>),
}

/// The tables a session check or its neighbours could write to.
const TABLES: [&str; 10] = [
    "sigra_users",
    "sigra_sessions",
    "sigra_session_retired_tokens",
    "sigra_devices",
    "sigra_tokens",
    "sigra_pending_sign_ins",
    "sigra_attempts",
    "sigra_outbox",
    "sigra_audit_events",
    "sigra_rate_counters",
];

async fn administer(server: &Url, statement: &str) -> Result<(), BenchError> {
    let db = open(server.as_str()).await?;
    db.execute_unprepared(statement).await?;
    Ok(db.close().await?)
}
