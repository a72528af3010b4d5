//! Everything that differs between databases: column types, locks, and what their errors mean.

use sea_orm::{DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, Value};

/// A statement written with `?` for its parameters, as SQLite and MySQL take it. No literal may hold a `?`.
pub(crate) fn statement(backend: DbBackend, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    let sql = match backend {
        DbBackend::Postgres => numbered(sql),
        _ => sql.to_owned(),
    };
    Statement::from_sql_and_values(backend, sql, values)
}

/// PostgreSQL numbers its parameters.
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let mut numbered = String::with_capacity(sql.len() + 64);
    numbered.push_str(parts.next().unwrap_or_default());
    for (number, part) in (1..).zip(parts) {
        numbered.push('$');
        numbered.push_str(&usize::to_string(&number));
        numbered.push_str(part);
    }
    numbered
}

/// Whether statements can be sent as one text. SQLite's driver has a thread for each connection, and every statement is
/// handed over to it and back.
pub(crate) fn takes_many_at_once(backend: DbBackend) -> bool {
    matches!(backend, DbBackend::Sqlite)
}

/// What a selection ends with that keeps its rows from changing until the transaction ends. SQLite has one writer.
pub(crate) fn for_update(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => "",
        _ => " FOR UPDATE",
    }
}

/// Whether an insert can replace a row of its key under a condition, and the count of rows tells whether it did. MySQL's
/// `ON DUPLICATE KEY UPDATE` has no condition and counts rows it found; `IGNORE` would ignore every other fault too.
pub(crate) fn tells_updates_from_conflicts(backend: DbBackend) -> bool {
    matches!(backend, DbBackend::Sqlite | DbBackend::Postgres)
}

/// Keeps an address, or goes on keeping it: for the holder named last, until the later time.
pub(crate) fn quarantines(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::MySql => {
            "INSERT INTO sigra_quarantines (address_mac, holder_id, expires_at) VALUES (?, ?, ?) \
             ON DUPLICATE KEY UPDATE holder_id = VALUES(holder_id), \
             expires_at = GREATEST(expires_at, VALUES(expires_at))"
        }
        _ => {
            "INSERT INTO sigra_quarantines (address_mac, holder_id, expires_at) VALUES (?, ?, ?) \
             ON CONFLICT (address_mac) DO UPDATE SET holder_id = excluded.holder_id, \
             expires_at = CASE WHEN excluded.expires_at > sigra_quarantines.expires_at \
             THEN excluded.expires_at ELSE sigra_quarantines.expires_at END"
        }
    }
}

/// Replaces the placeholders of a portable DDL statement.
pub(crate) fn ddl(backend: DbBackend, portable: &str) -> String {
    let types: &[(&str, &str)] = match backend {
        DbBackend::Sqlite => &[
            ("{uuid}", "BLOB"),
            ("{digest}", "BLOB"),
            ("{handle}", "BLOB"),
            ("{bytes}", "BLOB"),
            ("{text}", "TEXT"),
            ("{table}", ""),
        ],
        DbBackend::Postgres => &[
            ("{uuid}", "UUID"),
            ("{digest}", "BYTEA"),
            ("{handle}", "BYTEA"),
            ("{bytes}", "BYTEA"),
            ("{text}", "TEXT"),
            ("{table}", ""),
        ],
        // Texts are compared by their bytes, or `mike` and `mıke` would be one address.
        DbBackend::MySql => &[
            ("{uuid}", "BINARY(16)"),
            ("{digest}", "BINARY(32)"),
            ("{handle}", "BINARY(64)"),
            ("{bytes}", "MEDIUMBLOB"),
            ("{text}", "MEDIUMTEXT"),
            ("{table}", " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
        ],
        _ => &[],
    };
    types.iter().fold(portable.to_owned(), |sql, (placeholder, text)| sql.replace(placeholder, text))
}

/// How a transaction that is going to write begins.
///
/// SQLite takes the writer's lock at once. A server must not read from a snapshot older than the row it is about to
/// change, whatever it does by default: rows are guarded by locks and unique indexes, and whoever waited for a lock
/// must see what was committed meanwhile.
pub(crate) fn writing(backend: DbBackend) -> TransactionOptions {
    let sqlite = matches!(backend, DbBackend::Sqlite);
    TransactionOptions {
        isolation_level: (!sqlite).then_some(IsolationLevel::ReadCommitted),
        sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// Whether the driver forgets that it has begun a transaction when the caller goes away before the answer, and hands out
/// the connection with the transaction still open (sqlx 0.9 on MySQL).
pub(crate) fn loses_a_cancelled_begin(backend: DbBackend) -> bool {
    matches!(backend, DbBackend::MySql)
}

/// The statement that makes a second migrating host wait; SQLite needs none beside its immediate transaction.
pub(crate) fn migration_lock(backend: DbBackend) -> Option<&'static str> {
    match backend {
        DbBackend::Postgres => Some("SELECT pg_advisory_xact_lock(7163882745012041)"),
        // A lock of the server, so its name has to tell the databases apart. It has 64 characters at most.
        DbBackend::MySql => Some("SELECT GET_LOCK(CONCAT('sigra_migrations ', MD5(DATABASE())), 60)"),
        _ => None,
    }
}

/// The statement that gives the lock back where the end of the transaction does not.
pub(crate) fn migration_unlock(backend: DbBackend) -> Option<&'static str> {
    let release = "SELECT RELEASE_LOCK(CONCAT('sigra_migrations ', MD5(DATABASE())))";
    matches!(backend, DbBackend::MySql).then_some(release)
}

/// What lets a migrating host wait for another as long as on MySQL, and longer than anybody else waits for a lock.
pub(crate) fn migration_patience(backend: DbBackend) -> Option<&'static str> {
    matches!(backend, DbBackend::Postgres).then_some("SET LOCAL lock_timeout = '60s'")
}

/// Whether the database let one transaction through and not this one: run again, the same transaction may succeed.
pub(crate) fn is_contention(error: &DbErr) -> bool {
    // MySQL 1205: lock wait timeout.
    if driver::mysql_number(error) == Some(1205) {
        return true;
    }
    match driver::code(error).as_deref() {
        // PostgreSQL and MySQL: serialization failure and deadlock, deadlock, lock not available.
        Some("40001" | "40P01" | "55P03") => true,
        // SQLite: the low byte of the extended code is SQLITE_BUSY or SQLITE_LOCKED. SQLSTATEs have five characters.
        Some(code) if code.len() < 5 => code.parse::<i32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
        _ => false,
    }
}

/// Whether a DDL statement failed because what it makes is there: on MySQL, where a host may die after the statement and
/// before its record.
pub(crate) fn is_made_already(error: &DbErr) -> bool {
    // 1050: table exists. 1060: duplicate column name. 1061: duplicate key name.
    matches!(driver::mysql_number(error), Some(1050 | 1060 | 1061))
}

/// Whether no connection came about for want of an answer.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) fn is_unanswered(error: &DbErr) -> bool {
    driver::lost(error)
}

/// Whether the database could not be reached, or went away under a statement.
pub(crate) fn is_unreachable(error: &DbErr) -> bool {
    // SQLSTATE classes: connection exception, insufficient resources, operator intervention.
    let by_code = |code: String| code.len() == 5 && ["08", "53", "57P"].iter().any(|class| code.starts_with(class));
    driver::lost(error) || driver::code(error).is_some_and(by_code)
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod driver {
    use sea_orm::sqlx::Error;
    use sea_orm::{DbErr, RuntimeErr};

    pub(super) fn code(error: &DbErr) -> Option<String> {
        match sqlx(error)? {
            Error::Database(error) => error.code().map(Into::into),
            _ => None,
        }
    }

    pub(super) fn lost(error: &DbErr) -> bool {
        matches!(
            sqlx(error),
            Some(Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed)
        )
    }

    #[cfg(feature = "mysql")]
    pub(super) fn mysql_number(error: &DbErr) -> Option<u16> {
        match sqlx(error)? {
            Error::Database(error) => Some(error.try_downcast_ref::<sea_orm::SqlxMySqlError>()?.number()),
            _ => None,
        }
    }

    #[cfg(not(feature = "mysql"))]
    pub(super) fn mysql_number(_: &DbErr) -> Option<u16> {
        None
    }

    fn sqlx(error: &DbErr) -> Option<&Error> {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
            _ => None,
        }
    }
}

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
mod driver {
    use sea_orm::DbErr;

    pub(super) fn code(_: &DbErr) -> Option<String> {
        None
    }

    pub(super) fn lost(_: &DbErr) -> bool {
        false
    }

    pub(super) fn mysql_number(_: &DbErr) -> Option<u16> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_for_postgresql() {
        let sql = "SELECT a FROM b WHERE c = ? AND d < ? LIMIT ?";
        assert_eq!(statement(DbBackend::MySql, sql, []).sql, sql);
        assert_eq!(statement(DbBackend::Postgres, sql, []).sql, "SELECT a FROM b WHERE c = $1 AND d < $2 LIMIT $3");
        assert_eq!(statement(DbBackend::Postgres, "SELECT 1", []).sql, "SELECT 1");
    }
}
