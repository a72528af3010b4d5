//! The limiter in memory keeps the contract of its port, and one that fails refuses.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use sigra_core::MemoryRateLimiter;
use sigra_core::audit::names;
use sigra_core::ports::{Bucket, Quota, RateDecision, RateLimiter};
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::TestHost;
use sigra_testing::{UnreachableRateLimiter, suites};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limiter_keeps_its_contract() {
    let limiter: Arc<dyn RateLimiter> = Arc::new(MemoryRateLimiter::default());
    suites::rate_limiter::all(&limiter).await;
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
