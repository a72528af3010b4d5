//! The rate limiter in front of something of your own: `sigra-core` alone.

use std::error::Error;
use std::net::IpAddr;

use sigra_core::MemoryRateLimiter;
use sigra_core::client::IpBlock;
use sigra_core::ports::{Bucket, Quota, RateDecision, RateLimiter};
use sigra_core::time::{Clock, SystemClock};

/// Three searches a minute for an IPv4 address or an IPv6 /64.
const SEARCHES: Quota = Quota::new(3, 60);

/// Whether somebody may search now. A limiter that cannot count counts as a refusal.
async fn may_search(limiter: &dyn RateLimiter, clock: &dyn Clock, from: Option<IpAddr>) -> bool {
    let bucket = Bucket { name: "search", key: IpBlock::of(from).to_string(), limit: SEARCHES };
    matches!(limiter.take(&bucket, 1, clock.now()).await, Ok(RateDecision::Granted))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Memory is bounded, however many addresses ask. `DurableRateLimiter` of `sigra-store-seaorm` counts in a database.
    let (limiter, clock) = (MemoryRateLimiter::default(), SystemClock::new());
    for from in ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "192.0.2.7"] {
        println!("{from}: {}", may_search(&limiter, &clock, Some(from.parse()?)).await);
    }
    Ok(())
}
