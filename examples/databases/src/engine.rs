//! The engines.

use std::fmt;
use std::io::Write as _;

/// A database engine that sigra supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file. Always there.
    Sqlite,
    /// The server of `SIGRA_TEST_POSTGRES_URL`.
    Postgres,
    /// The server of `SIGRA_TEST_MYSQL_URL`: MySQL or MariaDB.
    Mysql,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mysql];

    /// Whether there is a server for it, or it needs none.
    #[must_use]
    pub fn is_there(self) -> bool {
        self == Self::Sqlite || self.server().is_some()
    }

    /// The variable that names its server.
    #[must_use]
    pub fn variable(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SIGRA_TEST_POSTGRES_URL"),
            Self::Mysql => Some("SIGRA_TEST_MYSQL_URL"),
        }
    }

    /// The URL of its server.
    pub(crate) fn server(self) -> Option<String> {
        std::env::var(self.variable()?).ok().filter(|url| !url.is_empty())
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL/MariaDB",
        })
    }
}

/// Says on the real stderr, past the capture of the test harness, on which engines `what` does not run.
pub fn say_what_is_skipped(what: &str) {
    for engine in Engine::ALL.into_iter().filter(|engine| !engine.is_there()) {
        let variable = engine.variable().unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "skipped: {what} on {engine} ({variable} is not set)");
    }
}
