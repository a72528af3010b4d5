//! When a transaction that lost a race runs again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use sea_orm::{DbBackend, DbErr, SqlErr};

use crate::dialect;
use crate::store::PATIENCE;

/// How often one step may still run again.
pub(crate) struct Retries {
    contention: u32,
    lost_inserts: u32,
    pause: Duration,
    began: Instant,
}

impl Retries {
    pub(crate) fn new() -> Self {
        Self { contention: 4, lost_inserts: 1, pause: Duration::from_millis(5), began: Instant::now() }
    }

    /// How long to wait before the next try; `None` when there is none.
    pub(crate) fn pause_after(&mut self, backend: DbBackend, error: &DbErr) -> Option<Duration> {
        if is_lost_insert(backend, error) {
            self.lost_inserts = self.lost_inserts.checked_sub(1)?;
            return Some(Duration::ZERO);
        }
        // Whoever waited for a lock as long as that was no loser of a race.
        if !dialect::is_contention(error) || self.began.elapsed() >= PATIENCE {
            return None;
        }
        self.contention = self.contention.checked_sub(1)?;
        let pause = self.pause.mul_f64(0.5 + jitter());
        self.pause *= 3;
        Some(pause)
    }
}

/// Where transactions run side by side, two of them can find the same unique key free. The second try finds it taken;
/// if the insert fails again, it was not for that.
fn is_lost_insert(backend: DbBackend, error: &DbErr) -> bool {
    !matches!(backend, DbBackend::Sqlite) && matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// A number from 0 to 1, another one each time. Not for secrets.
fn jitter() -> f64 {
    f64::from(RandomState::new().hash_one(()) as u32) / f64::from(u32::MAX)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
    use tempfile::TempDir;

    use super::*;
    use crate::store::begin_immediate;

    /// A pool over a new file that does not wait for locks.
    async fn impatient(folder: &TempDir) -> DatabaseConnection {
        let mut options = ConnectOptions::new(format!("sqlite:{}", folder.path().join("test.db").display()));
        options.max_connections(3);
        options.map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(true).busy_timeout(Duration::ZERO));
        Database::connect(options).await.expect("the file can be opened")
    }

    #[tokio::test]
    async fn a_locked_database_is_tried_again_a_few_times() {
        let folder = tempfile::tempdir().unwrap();
        let pool = impatient(&folder).await;
        let _writer = begin_immediate(&pool).await.unwrap();
        let error = begin_immediate(&pool).await.unwrap_err();
        let mut retries = Retries::new();
        let pauses: Vec<_> = std::iter::from_fn(|| retries.pause_after(DbBackend::Sqlite, &error)).collect();
        assert_eq!(pauses.len(), 4);
        assert!(pauses.is_sorted() && pauses[3] < Duration::from_millis(250), "{pauses:?}");
    }

    #[tokio::test]
    async fn what_cannot_succeed_is_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let pool = impatient(&folder).await;
        let error = pool.execute_unprepared("SELECT * FROM nowhere").await.unwrap_err();
        assert_eq!(Retries::new().pause_after(DbBackend::Sqlite, &error), None);
        pool.execute_unprepared("CREATE TABLE once (id BIGINT PRIMARY KEY)").await.unwrap();
        pool.execute_unprepared("INSERT INTO once VALUES (1)").await.unwrap();
        let error = pool.execute_unprepared("INSERT INTO once VALUES (1)").await.unwrap_err();
        assert_eq!(Retries::new().pause_after(DbBackend::Sqlite, &error), None, "one writer loses no insert");
        let mut elsewhere = Retries::new();
        assert_eq!(elsewhere.pause_after(DbBackend::Postgres, &error), Some(Duration::ZERO));
        assert_eq!(elsewhere.pause_after(DbBackend::Postgres, &error), None);
    }

    #[test]
    fn jitter_spreads() {
        let all: Vec<f64> = (0..100).map(|_| jitter()).collect();
        assert!(all.iter().all(|j| (0.0..=1.0).contains(j)));
        assert!(all.iter().any(|j| *j < 0.5) && all.iter().any(|j| *j > 0.5));
    }
}
