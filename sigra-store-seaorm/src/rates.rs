//! Rates that survive a restart.

use std::time::Duration;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QuerySelect as _};
use sha2::{Digest as _, Sha256};
use sigra_core::error::StoreError;
use sigra_core::ports::{Bucket, RateDecision, RateLimiter};
use sigra_core::time::Timestamp;

use crate::entity::rate_counter::{Column, Entity, Model};
use crate::store::SeaOrmStore;
use crate::unique::Unique as _;

/// Counts in the database, in fixed windows that start with a bucket's first use.
///
/// For what must not start afresh with the process, as the budgets for mail to one recipient. It writes at every call;
/// limits that every request passes are better kept in memory.
#[derive(Clone, Debug)]
pub struct DurableRateLimiter {
    store: SeaOrmStore,
}

impl DurableRateLimiter {
    /// Counts in the tables of `store`. Housekeeping of the store deletes counters whose window has passed.
    #[must_use]
    pub const fn new(store: SeaOrmStore) -> Self {
        Self { store }
    }
}

#[async_trait]
impl RateLimiter for DurableRateLimiter {
    async fn take(&self, bucket: &Bucket, cost: u32, now: Timestamp) -> Result<RateDecision, StoreError> {
        if cost > bucket.limit.max {
            return Ok(refused_until(now + bucket.limit.window(), now));
        }
        let (key, cost) = (&key(bucket), i64::from(cost));
        self.store
            .write("RateLimiter::take", |tx| async move {
                let found = Entity::find_by_id(key.clone()).lock_exclusive().unique(&*tx).await?;
                let window_ends_at = (now + bucket.limit.window()).as_micros();
                let Some(counter) = found else {
                    let fresh = Model { bucket: key.clone(), used: cost, window_ends_at };
                    Entity::insert(fresh.into_active_model()).exec_without_returning(&*tx).await?;
                    return Ok(RateDecision::Granted);
                };
                let mut update = Entity::update_many().filter(Column::Bucket.eq(key.clone()));
                update = if counter.window_ends_at <= now.as_micros() {
                    update
                        .col_expr(Column::Used, Expr::value(cost))
                        .col_expr(Column::WindowEndsAt, Expr::value(window_ends_at))
                } else if counter.used + cost <= i64::from(bucket.limit.max) {
                    update.col_expr(Column::Used, Expr::col(Column::Used).add(cost))
                } else {
                    return Ok(refused_until(Timestamp::from_micros(counter.window_ends_at), now));
                };
                update.exec(&*tx).await?;
                Ok(RateDecision::Granted)
            })
            .await
    }
}

fn refused_until(end: Timestamp, now: Timestamp) -> RateDecision {
    RateDecision::Refused { retry_after: end.since(now).max(Duration::from_secs(1)) }
}

/// Keys come from clients and may be of any length; what is stored is not.
fn key(bucket: &Bucket) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update((bucket.name.len() as u64).to_be_bytes());
    hash.update(bucket.name);
    hash.update(&bucket.key);
    hash.finalize().to_vec()
}
