//! When a transaction that lost a race runs again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use sea_orm::{DbBackend, DbErr, SqlErr};

use crate::dialect;

/// How often one step may still run again.
pub(crate) struct Retries {
    contention: u32,
    lost_inserts: u32,
    pause: Duration,
}

impl Retries {
    pub(crate) const fn new() -> Self {
        Self { contention: 4, lost_inserts: 1, pause: Duration::from_millis(5) }
    }

    /// How long to wait before the next try; `None` when there is none.
    pub(crate) fn pause_after(&mut self, backend: DbBackend, error: &DbErr) -> Option<Duration> {
        if is_lost_insert(backend, error) {
            self.lost_inserts = self.lost_inserts.checked_sub(1)?;
            return Some(Duration::ZERO);
        }
        if !dialect::is_contention(error) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_contention_is_retried() {
        let mut retries = Retries::new();
        assert_eq!(retries.pause_after(DbBackend::Sqlite, &DbErr::Custom("no such table".to_owned())), None);
    }

    #[test]
    fn jitter_spreads() {
        let all: Vec<f64> = (0..100).map(|_| jitter()).collect();
        assert!(all.iter().all(|j| (0.0..=1.0).contains(j)));
        assert!(all.iter().any(|j| *j < 0.5) && all.iter().any(|j| *j > 0.5));
    }
}
