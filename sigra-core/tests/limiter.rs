//! The limiters keep the contract of their port, and one that fails refuses.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sigra_core::audit::names;
use sigra_core::error::StoreError;
use sigra_core::ports::{Bucket, Quota, RateDecision, RateLimiter};
use sigra_core::time::Timestamp;
use sigra_core::{MemoryRateLimiter, SharedRateLimiter};
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::TestHost;
use sigra_testing::{UnreachableRateLimiter, suites};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limiter_keeps_its_contract() {
    let limiter: Arc<dyn RateLimiter> = Arc::new(MemoryRateLimiter::default());
    suites::rate_limiter::all(&limiter).await;
    let shared: Arc<dyn RateLimiter> = Arc::new(SharedRateLimiter::new(limiter));
    suites::rate_limiter::all(&shared).await;
}

/// A limiter that several processes share, and how often it was asked.
#[derive(Default)]
struct Asked {
    limiter: MemoryRateLimiter,
    times: AtomicU32,
}

#[async_trait]
impl RateLimiter for Asked {
    async fn take(&self, bucket: &Bucket, cost: u32, now: Timestamp) -> Result<RateDecision, StoreError> {
        self.times.fetch_add(1, Ordering::Relaxed);
        self.limiter.take(bucket, cost, now).await
    }
}

#[tokio::test]
async fn th_08_processes_that_share_a_limiter_share_the_limit_and_a_flood_does_not_reach_it() {
    let start = Timestamp::from_secs(1_000);
    let after = |seconds| start + Duration::from_secs(seconds);
    let bucket = Bucket { name: "login", key: String::from("192.0.2.1"), limit: Quota::new(5, 60) };
    let asked = Arc::new(Asked::default());
    let [one, other] = [(); 2].map(|()| SharedRateLimiter::new(asked.clone()));
    for _ in 0..2 {
        assert_eq!(one.take(&bucket, 1, start).await.unwrap(), RateDecision::Granted);
        assert_eq!(other.take(&bucket, 1, after(1)).await.unwrap(), RateDecision::Granted);
    }
    // What is refused at one price is not refused at a lower one.
    let refused = |seconds| RateDecision::Refused { retry_after: Duration::from_secs(seconds) };
    assert_eq!(one.take(&bucket, 2, after(20)).await.unwrap(), refused(40));
    assert_eq!(one.take(&bucket, 1, after(20)).await.unwrap(), RateDecision::Granted);
    let so_far = asked.times.load(Ordering::Relaxed);
    for _ in 0..1_000 {
        assert_eq!(one.take(&bucket, 1, after(50)).await.unwrap(), refused(10));
        assert_eq!(other.take(&bucket, 1, after(55)).await.unwrap(), refused(5));
    }
    assert_eq!(asked.times.load(Ordering::Relaxed), so_far + 2, "each process asks once, and remembers");
    assert_eq!(other.take(&bucket, 1, after(60)).await.unwrap(), RateDecision::Granted);
    assert_eq!(one.take(&bucket, 1, after(60)).await.unwrap(), RateDecision::Granted);
}

#[tokio::test]
async fn th_09_without_the_shared_limiter_only_what_is_counted_in_memory_goes_on() {
    let alone = SharedRateLimiter::new(Arc::new(UnreachableRateLimiter)).in_memory("read");
    let bucket = |name| Bucket { name, key: String::from("192.0.2.1"), limit: Quota::new(5, 60) };
    alone.take(&bucket("login"), 1, Timestamp::from_secs(1)).await.unwrap_err();
    assert_eq!(alone.take(&bucket("read"), 1, Timestamp::from_secs(1)).await.unwrap(), RateDecision::Granted);
}

#[tokio::test]
async fn what_is_counted_in_memory_is_not_shared() {
    let bucket = Bucket { name: "read", key: String::from("192.0.2.1"), limit: Quota::new(1, 60) };
    let asked = Arc::new(Asked::default());
    for _ in 0..2 {
        let process = SharedRateLimiter::new(asked.clone()).in_memory("read");
        assert_eq!(process.take(&bucket, 1, Timestamp::from_secs(1)).await.unwrap(), RateDecision::Granted);
        let refused = process.take(&bucket, 1, Timestamp::from_secs(1)).await.unwrap();
        assert!(matches!(refused, RateDecision::Refused { .. }));
    }
    assert_eq!(asked.times.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn th_09_a_limiter_that_is_down_refuses_and_the_trail_says_so_once_a_minute() {
    let host = TestHost::new();
    let bucket = Bucket { name: "login", key: String::from("192.0.2.1"), limit: Quota::new(1, 60) };
    let (sigra, client, limiter) = (&host.sigra, host.client(), MemoryRateLimiter::default());
    assert_eq!(sigra.limits().take(&limiter, &bucket, &client).await.unwrap(), RateDecision::Granted);
    let refused = sigra.limits().take(&limiter, &bucket, &client).await.unwrap();
    assert!(matches!(refused, RateDecision::Refused { .. }));
    assert_none_audited(&host.store, names::RATE_LIMITER_FAILURE, |_| true).await;

    let told = async || count_audited(&host.store, names::RATE_LIMITER_FAILURE, |_| true).await;
    for _ in 0..16 {
        sigra.limits().take(&UnreachableRateLimiter, &bucket, &client).await.unwrap_err();
    }
    assert_eq!(told().await, 1);
    assert_audited(&host.store, names::RATE_LIMITER_FAILURE, |event| {
        event.reason.as_deref() == Some("storage_unavailable")
            && event.metadata["limit"] == "login"
            && event.client.ip == client.ip
    })
    .await;
    host.advance(59);
    sigra.limits().take(&UnreachableRateLimiter, &bucket, &client).await.unwrap_err();
    assert_eq!(told().await, 1);
    host.advance(1);
    sigra.limits().take(&UnreachableRateLimiter, &bucket, &client).await.unwrap_err();
    assert_eq!(told().await, 2);
}
