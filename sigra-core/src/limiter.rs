//! Rate limiters in bounded memory: one that counts there, and one that spares where several hosts count.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::ports::{Bucket, RateDecision, RateLimiter};
use crate::time::Timestamp;

/// Counts in memory, in fixed windows that start with a bucket's first use.
///
/// Memory is bounded: each of the 64 shards holds a fixed number of buckets. A full shard first drops what has lapsed;
/// if everything in it is alive, it counts new keys together in one overflow bucket per kind, so a flood of made-up
/// keys limits the flood and frees nobody who is already counted.
#[derive(Debug)]
pub struct MemoryRateLimiter {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    per_shard: usize,
}

type Shard = HashMap<(&'static str, String), Window>;

#[derive(Clone, Copy, Debug)]
struct Window {
    ends_at: Timestamp,
    used: u32,
}

impl MemoryRateLimiter {
    const SHARDS: usize = 64;

    /// Holds about `capacity` buckets, at least 64.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: (0..Self::SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            per_shard: capacity.div_ceil(Self::SHARDS).max(1),
        }
    }

    fn shard(&self, bucket: &Bucket) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one((bucket.name, &bucket.key));
        let index = usize::try_from(hash % Self::SHARDS as u64).unwrap_or(0);
        // A counter map is sound at every step, so a panic elsewhere does not spoil it.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long `cost` is refused still, when it is known that it is. Takes nothing.
    fn known_refusal(&self, bucket: &Bucket, cost: u32, now: Timestamp) -> Option<Duration> {
        let window = *self.shard(bucket).get(&(bucket.name, bucket.key.clone()))?;
        let used_up = window.used.checked_add(cost).is_none_or(|used| used > bucket.limit.max);
        (now < window.ends_at && used_up).then(|| window.ends_at.since(now))
    }

    /// Notes that `cost` and more is refused for so long. Nothing is noted where there is no room.
    fn note_refusal(&self, bucket: &Bucket, cost: u32, now: Timestamp, retry_after: Duration) {
        let mut shard = self.shard(bucket);
        if shard.len() >= self.per_shard {
            shard.retain(|_, window| now < window.ends_at);
        }
        let key = (bucket.name, bucket.key.clone());
        if shard.len() < self.per_shard || shard.contains_key(&key) {
            let used = bucket.limit.max.saturating_add(1).saturating_sub(cost);
            shard.insert(key, Window { ends_at: now + retry_after, used });
        }
    }
}

impl Default for MemoryRateLimiter {
    /// Holds about 100,000 buckets.
    fn default() -> Self {
        Self::new(100_000)
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn take(&self, bucket: &Bucket, cost: u32, now: Timestamp) -> Result<RateDecision, StoreError> {
        let mut shard = self.shard(bucket);
        let mut key = (bucket.name, bucket.key.clone());
        if !shard.contains_key(&key) && shard.len() >= self.per_shard {
            shard.retain(|_, window| now < window.ends_at);
            if shard.len() >= self.per_shard {
                key.1 = String::from("overflow");
            }
        }
        let fresh = Window { ends_at: now + bucket.limit.window(), used: 0 };
        let window = shard.entry(key).or_insert(fresh);
        if now >= window.ends_at {
            *window = fresh;
        }
        match window.used.checked_add(cost).filter(|used| *used <= bucket.limit.max) {
            Some(used) => {
                window.used = used;
                Ok(RateDecision::Granted)
            }
            None => Ok(RateDecision::Refused { retry_after: window.ends_at.since(now).max(Duration::from_secs(1)) }),
        }
    }
}

/// Counts where all hosts count, and remembers in memory what was refused there, so that a flood beyond a limit does not reach
/// it.
///
/// For the requests that an HTTP surface counts, over the durable limiter of a store. What is asked most and guards least, as
/// reading pages, may be [counted in memory](SharedRateLimiter::in_memory) alone.
pub struct SharedRateLimiter {
    shared: Arc<dyn RateLimiter>,
    memory: MemoryRateLimiter,
    in_memory: Vec<&'static str>,
}

impl SharedRateLimiter {
    /// Counts with `shared`.
    #[must_use]
    pub fn new(shared: Arc<dyn RateLimiter>) -> Self {
        Self { shared, memory: MemoryRateLimiter::default(), in_memory: Vec::new() }
    }

    /// Counts buckets of this [name](Bucket::name) in the memory of this process alone.
    #[must_use]
    pub fn in_memory(mut self, name: &'static str) -> Self {
        self.in_memory.push(name);
        self
    }
}

impl std::fmt::Debug for SharedRateLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedRateLimiter").field("in_memory", &self.in_memory).finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for SharedRateLimiter {
    async fn take(&self, bucket: &Bucket, cost: u32, now: Timestamp) -> Result<RateDecision, StoreError> {
        if self.in_memory.contains(&bucket.name) {
            return self.memory.take(bucket, cost, now).await;
        }
        if let Some(retry_after) = self.memory.known_refusal(bucket, cost, now) {
            return Ok(RateDecision::Refused { retry_after: retry_after.max(Duration::from_secs(1)) });
        }
        let decision = self.shared.take(bucket, cost, now).await?;
        if let RateDecision::Refused { retry_after } = decision {
            self.memory.note_refusal(bucket, cost, now, retry_after);
        }
        Ok(decision)
    }
}

/// Lets everything through. For development only: it is what "rate limits off" means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

#[async_trait]
impl RateLimiter for Unlimited {
    async fn take(&self, _: &Bucket, _: u32, _: Timestamp) -> Result<RateDecision, StoreError> {
        Ok(RateDecision::Granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Quota;

    const START: Timestamp = Timestamp::from_secs(1_000);

    fn take(limiter: &MemoryRateLimiter, key: &str, now: Timestamp) -> RateDecision {
        let bucket = Bucket { name: "test", key: key.to_owned(), limit: Quota::new(3, 60) };
        let mut future = Box::pin(limiter.take(&bucket, 1, now));
        let waker = std::task::Waker::noop();
        match future.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
            std::task::Poll::Ready(decision) => decision.unwrap(),
            std::task::Poll::Pending => panic!("memory never waits"),
        }
    }

    #[test]
    fn th_14_refuses_beyond_the_limit_and_says_when_to_come_back() {
        let limiter = MemoryRateLimiter::default();
        for _ in 0..3 {
            assert_eq!(take(&limiter, "a", START), RateDecision::Granted);
        }
        let later = START + Duration::from_secs(20);
        assert_eq!(take(&limiter, "a", later), RateDecision::Refused { retry_after: Duration::from_secs(40) });
        assert_eq!(take(&limiter, "b", later), RateDecision::Granted);
        assert_eq!(take(&limiter, "a", START + Duration::from_secs(60)), RateDecision::Granted);
    }

    #[test]
    fn made_up_keys_neither_grow_memory_nor_free_anybody() {
        let limiter = MemoryRateLimiter::new(64);
        for _ in 0..3 {
            take(&limiter, "counted", START);
        }
        for n in 0..10_000 {
            take(&limiter, &format!("made up {n}"), START);
        }
        let held: usize = limiter.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(held <= 64 * 2, "{held}");
        assert!(matches!(take(&limiter, "counted", START), RateDecision::Refused { .. }));
    }

    #[test]
    fn refusals_are_remembered_in_bounded_memory() {
        let limiter = MemoryRateLimiter::new(64);
        let refused = |n| Bucket { name: "test", key: format!("made up {n}"), limit: Quota::new(3, 60) };
        for n in 0..10_000 {
            limiter.note_refusal(&refused(n), 1, START, Duration::from_secs(60));
        }
        let held: usize = limiter.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(held <= 64, "{held}");
        // What has lapsed makes room.
        let later = START + Duration::from_secs(60);
        limiter.note_refusal(&refused(10_000), 1, later, Duration::from_secs(9));
        assert_eq!(limiter.known_refusal(&refused(10_000), 1, later), Some(Duration::from_secs(9)));
    }

    #[test]
    fn th_07_concurrent_takers_share_one_limit() {
        let limiter = MemoryRateLimiter::default();
        let granted: usize = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| usize::from(take(&limiter, "shared", START) == RateDecision::Granted)))
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(granted, 3);
    }
}
