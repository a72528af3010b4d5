//! Counting: rates that protect the service, and attempts that protect an account.

use std::time::Duration;

use async_trait::async_trait;

use crate::config::Seconds;
use crate::error::StoreError;
use crate::id::UserId;
use crate::ports::Mac;
use crate::time::Timestamp;

/// Counts how often something happens.
///
/// # Contract
///
/// [`RateLimiter::take`] is atomic: of any number of concurrent calls on one bucket, no more cost is granted within a
/// window than its limit. A refused call takes nothing. Memory is bounded: keys come from clients. `retry_after` is when
/// the same call could succeed, and at least a second.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes `cost` from the bucket, or says when to come back.
    ///
    /// # Errors
    ///
    /// When the counter cannot be reached. The caller treats that as a refusal.
    async fn take(&self, bucket: &Bucket, cost: u32, now: Timestamp) -> Result<RateDecision, StoreError>;
}

/// A counter: what is counted, for whom, and how much is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// What is counted, as in `login`.
    pub name: &'static str,
    /// For whom: a network block, a keyed hash, or both.
    pub key: String,
    /// How much is allowed within the window.
    pub limit: Quota,
}

/// So much within so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// How much.
    pub max: u32,
    /// Within how many seconds.
    pub window_secs: u32,
}

impl Quota {
    /// `max` within `window_secs` seconds.
    #[must_use]
    pub const fn new(max: u32, window_secs: u32) -> Self {
        Self { max, window_secs }
    }

    /// The window's length.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_secs(self.window_secs as u64)
    }
}

/// What a limiter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateDecision {
    /// Go on.
    Granted,
    /// Not now.
    Refused {
        /// When to come back.
        retry_after: Duration,
    },
}

/// Counts attempts at a secret, before the secret is looked at.
///
/// # Contract
///
/// - [`AttemptStore::reserve`] is atomic and durable: of any number of concurrent calls on one key, each granted one has
///   a number of its own, and none is granted while the key is locked or at its cap.
/// - The attempt numbered `free + 1` and each after it locks the key from the moment it is reserved, for
///   [`AttemptPolicy::lock_after`]. After the lock has lapsed the next attempt locks again, for longer.
/// - With [`AttemptPolicy::window`], a key whose window has passed starts again at zero with the next reservation.
/// - [`AttemptOwner::ClearedBySignIn`] says when the right secret was last shown, as far as the caller knows. What was counted
///   up to then is forgotten, locks included, as if it had been cleared: a count that started then or earlier starts again,
///   and does so after `cleared_at`, though the caller's clock may be behind. So each success is granted one fresh start.
/// - The owner is kept with the counter, for [`Housekeeping`](super::Housekeeping). It need not exist.
/// - [`AttemptStore::refund`] takes one reservation back as if it had not been made, in whatever order reservations are
///   refunded: the count falls by one, and the lock goes if it is the one this reservation set. Nothing happens when the
///   count it belongs to was cleared or has started again. Each reservation is refunded once at most.
#[async_trait]
pub trait AttemptStore: Send + Sync {
    /// Reserves one attempt.
    async fn reserve(
        &self,
        key: &AttemptKey,
        policy: &AttemptPolicy,
        owner: Option<AttemptOwner>,
        now: Timestamp,
    ) -> Result<Reservation, StoreError>;

    /// Takes a reservation back: the attempt was not evaluated.
    async fn refund(&self, key: &AttemptKey, reserved: &Reserved) -> Result<(), StoreError>;

    /// Forgets all attempts: the right secret, or a proof that stands in for it, was shown. Idempotent.
    async fn clear(&self, keys: &[AttemptKey]) -> Result<(), StoreError>;
}

/// Whose attempts, at what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttemptKey {
    /// The counter, as in `password.stranger`.
    pub counter: &'static str,
    /// The keyed hash of whom it protects.
    pub whom: Mac,
}

/// The account a counter belongs to. Once that is gone, the counter says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOwner {
    /// The sign-ins of an account clear it, by being recorded.
    ClearedBySignIn {
        /// The account.
        user: UserId,
        /// Its [`AccountRecord::attempts_cleared_at`](super::AccountRecord::attempts_cleared_at).
        cleared_at: Option<Timestamp>,
    },
    /// Nothing but [`AttemptStore::clear`] clears it.
    Account(UserId),
}

impl AttemptOwner {
    /// The account.
    #[must_use]
    pub const fn user(self) -> UserId {
        match self {
            Self::ClearedBySignIn { user, .. } | Self::Account(user) => user,
        }
    }

    /// When a sign-in last cleared the counter, as far as the caller knows.
    #[must_use]
    pub const fn cleared_at(self) -> Option<Timestamp> {
        match self {
            Self::ClearedBySignIn { cleared_at, .. } => cleared_at,
            Self::Account(_) => None,
        }
    }
}

/// The rules of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptPolicy {
    /// Failures that lock nothing.
    pub free: u32,
    /// Failures after which only another proof reopens.
    pub cap: u32,
    /// Seconds the first lock lasts; each further one twice as long.
    pub lock_secs: u32,
    /// Seconds a lock lasts at most.
    pub max_lock_secs: u32,
    /// Seconds after the first attempt at which the count starts again; `None` keeps it until it is cleared.
    #[serde(default)]
    pub window_secs: Option<u32>,
}

impl AttemptPolicy {
    /// So many tries at one code within the time it is good for, and none beyond.
    pub(crate) const fn per_code(tries: u32, good_for: Seconds) -> Self {
        Self { free: tries, cap: tries, lock_secs: 1, max_lock_secs: 1, window_secs: Some(good_for.get()) }
    }

    /// How long attempt number `count` locks, zero for a free one.
    #[must_use]
    pub fn lock_after(&self, count: u32) -> Duration {
        let Some(over) = count.checked_sub(self.free).filter(|over| *over > 0) else {
            return Duration::ZERO;
        };
        let doubled = u64::from(self.lock_secs).checked_shl(over - 1).unwrap_or(u64::MAX);
        let doubled = if over > 32 { u64::MAX } else { doubled };
        Duration::from_secs(doubled.min(u64::from(self.max_lock_secs)))
    }

    /// The window's length, if there is one.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        self.window_secs.map(|secs| Duration::from_secs(secs.into()))
    }
}

/// What [`AttemptStore::reserve`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// The attempt may be evaluated.
    Granted(Reserved),
    /// Attempts are locked until then.
    Locked(Timestamp),
    /// The cap is reached.
    Exhausted,
}

/// A reservation that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Its number, counted from one.
    pub count: u32,
    /// The lock it set, if it did.
    pub locked_until: Option<Timestamp>,
    /// The lock that stood before, long lapsed.
    pub previous_lock: Option<Timestamp>,
    /// When the count it belongs to started.
    pub started_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn th_02_locks_start_after_the_free_failures_and_double_up_to_the_longest() {
        let policy = AttemptPolicy { free: 5, cap: 80, lock_secs: 60, max_lock_secs: 3_600, window_secs: None };
        let minutes: Vec<u64> = (1..=14).map(|count| policy.lock_after(count).as_secs() / 60).collect();
        assert_eq!(minutes, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(policy.lock_after(u32::MAX).as_secs(), 3_600);
    }
}
