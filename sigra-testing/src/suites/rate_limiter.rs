//! [`RateLimiter`].

use std::sync::Arc;
use std::time::Duration;

use sigra_core::ports::{Bucket, Quota, RateDecision, RateLimiter};
use sigra_core::time::Timestamp;

use super::support::*;

/// Runs every check of this suite in turn.
pub async fn all(limiter: &Arc<dyn RateLimiter>) {
    no_more_is_granted_than_the_limit(limiter).await;
    concurrent_calls_get_no_more_than_the_limit(limiter).await;
    a_refused_call_takes_nothing(limiter).await;
    buckets_are_counted_apart(limiter).await;
}

/// Within a window the limit is granted and no more; the call succeeds when it was told to come back.
pub async fn no_more_is_granted_than_the_limit(limiter: &Arc<dyn RateLimiter>) {
    let (bucket, mut at) = (bucket(5), now());
    for _ in 0..3 {
        let mut granted = 0;
        while take(limiter, &bucket, 1, at).await.is_none() {
            granted += 1;
            assert!(granted <= 5, "more than the limit was granted");
        }
        assert!(granted >= 1, "nothing was granted at the time it was promised");
        let wait = take(limiter, &bucket, 1, at).await.expect("it is used up");
        assert!(wait >= Duration::from_secs(1) && wait <= Duration::from_secs(60), "{wait:?}");
        at = at + wait;
    }
    let idle = at + 2 * MINUTE;
    for _ in 0..5 {
        assert_eq!(take(limiter, &bucket, 1, idle).await, None, "an idle bucket is full");
    }
}

/// Of any number of calls at once, no more are granted than the limit.
pub async fn concurrent_calls_get_no_more_than_the_limit(limiter: &Arc<dyn RateLimiter>) {
    let (bucket, at) = (bucket(10), now());
    let outcomes = race(2 * CONTENDERS, |_| {
        let (limiter, bucket) = (limiter.clone(), bucket.clone());
        async move { take(&limiter, &bucket, 1, at).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_none), 10);
}

/// A call that asks for more than is left takes nothing from what is left; one that asks for more than the limit is
/// always refused.
pub async fn a_refused_call_takes_nothing(limiter: &Arc<dyn RateLimiter>) {
    let (bucket, at) = (bucket(10), now());
    assert_eq!(take(limiter, &bucket, 8, at).await, None);
    assert!(take(limiter, &bucket, 5, at).await.is_some());
    assert_eq!(take(limiter, &bucket, 2, at).await, None);
    assert!(take(limiter, &bucket, 1, at).await.is_some());
    assert!(take(limiter, &bucket, 11, at + HOUR).await.is_some());
    assert_eq!(take(limiter, &bucket, 10, at + HOUR).await, None);
}

/// Another name or another key is another count.
pub async fn buckets_are_counted_apart(limiter: &Arc<dyn RateLimiter>) {
    let (used, at) = (bucket(1), now());
    assert_eq!(take(limiter, &used, 1, at).await, None);
    assert!(take(limiter, &used, 1, at).await.is_some());
    let other_name = Bucket { name: "conformance.other", ..used.clone() };
    let other_key = Bucket { key: format!("{}%", used.key), ..used };
    for other in [other_name, other_key] {
        assert_eq!(take(limiter, &other, 1, at).await, None);
    }
}

fn bucket(max: u32) -> Bucket {
    Bucket { name: "conformance", key: stamp(), limit: Quota::new(max, 60) }
}

/// When to come back, if the call was refused.
async fn take(limiter: &Arc<dyn RateLimiter>, bucket: &Bucket, cost: u32, at: Timestamp) -> Option<Duration> {
    match limiter.take(bucket, cost, at).await.unwrap() {
        RateDecision::Granted => None,
        RateDecision::Refused { retry_after } => Some(retry_after),
    }
}
