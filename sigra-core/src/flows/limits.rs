//! Counting what may happen so often and no oftener.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::ports::{Bucket, RateDecision, RateLimiter};
use crate::sigra::Inner;
use crate::telemetry::error_type;
use crate::time::Timestamp;

/// How long the trail is not told again that requests cannot be counted. There are as many as somebody likes to send.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Counting what may happen so often and no oftener, by a limiter of the caller's.
#[derive(Clone, Copy)]
pub struct Limits<'a>(pub(crate) &'a Inner);

impl Limits<'_> {
    /// Takes one from a bucket of `limiter`.
    ///
    /// # Errors
    ///
    /// When the limiter cannot count: then whatever was to be counted must not happen. The audit trail says so
    /// ([`names::RATE_LIMITER_FAILURE`]), once a minute for each process.
    pub async fn take(
        &self,
        limiter: &dyn RateLimiter,
        bucket: &Bucket,
        client: &ClientInfo,
    ) -> Result<RateDecision, FlowError> {
        let now = self.0.clock.now();
        let error = match limiter.take(bucket, 1, now).await {
            Ok(decision) => return Ok(decision),
            Err(error) => FlowError::from(error),
        };
        if self.is_to_be_told(now) {
            let event = AuditEvent::new(names::RATE_LIMITER_FAILURE, now, client).failed(error_type(&error));
            let told = self.0.stores.log.append(Evidence::event(event.with("limit", bucket.name))).await;
            self.0.follow_up(told.map_err(FlowError::from));
        }
        Err(error)
    }

    fn is_to_be_told(&self, now: Timestamp) -> bool {
        let again = |not_before: i64| (not_before <= now.as_micros()).then(|| (now + TOLD_EVERY).as_micros());
        self.0.limits_told_again_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, again).is_ok()
    }
}
