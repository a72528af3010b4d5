//! The same hasher without anything around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sigra_core::client::IpBlock;
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher as _, Verified, WorkOrigin};
use sigra_crypto::{HashPool, HashingConfig, PasswordHasher, PoolConfig, RootSecrets};
use tokio::task::JoinSet;

use crate::error::BenchError;
use crate::seed::PASSWORD;

/// A pool and hasher with default parameters, as the host has them, and the hash of everybody's password.
pub(crate) struct RawHasher {
    hasher: Arc<PasswordHasher>,
    password: Password,
    hash: PasswordHash,
}

const ORIGIN: fn() -> WorkOrigin = || WorkOrigin::Network(IpBlock::of(None));

impl RawHasher {
    /// With the root secrets of the hosts, or they would not take the hash.
    pub(crate) async fn new(secret: &str) -> Result<Self, BenchError> {
        let secrets = RootSecrets::parse(secret).map_err(BenchError::failed)?;
        let pool = Arc::new(HashPool::new(&PoolConfig::default()).map_err(BenchError::failed)?);
        let hasher = PasswordHasher::new(pool, &HashingConfig::default(), &secrets).map_err(BenchError::failed)?;
        let password = Password::parse(PASSWORD).map_err(BenchError::failed)?;
        let hash = hasher.hash(&password, ORIGIN()).await.map_err(BenchError::failed)?;
        Ok(Self { hasher: Arc::new(hasher), password, hash })
    }

    pub(crate) fn hash(&self) -> &str {
        self.hash.expose()
    }

    /// Verifies `count` times, `at_once` at a time, and answers how many that is a second.
    pub(crate) async fn rate(&self, count: usize, at_once: usize) -> Result<f64, BenchError> {
        let taken = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        let mut callers = JoinSet::new();
        for _ in 0..at_once {
            let (hasher, taken) = (Arc::clone(&self.hasher), Arc::clone(&taken));
            let (password, hash) = (self.password.clone(), self.hash.clone());
            callers.spawn(async move {
                while taken.fetch_add(1, Ordering::Relaxed) < count {
                    match hasher.verify(Some(&password), Some(&hash), ORIGIN()).await {
                        Ok(Verified::Match { stale: false }) => {}
                        other => return Err(BenchError::Failed(format!("a verification answered {other:?}"))),
                    }
                }
                Ok(())
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended.map_err(BenchError::failed)??;
        }
        Ok(count as f64 / started.elapsed().as_secs_f64())
    }
}
