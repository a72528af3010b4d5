//! The limiter in memory keeps the contract of its port.

use std::sync::Arc;

use sigra_core::MemoryRateLimiter;
use sigra_core::ports::RateLimiter;
use sigra_testing::suites;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limiter_keeps_its_contract() {
    let limiter: Arc<dyn RateLimiter> = Arc::new(MemoryRateLimiter::default());
    suites::rate_limiter::all(&limiter).await;
}
