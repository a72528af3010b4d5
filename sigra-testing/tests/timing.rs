//! The measurement of time sees a hasher that spares itself the work for an unknown address, and nothing else.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use sigra_core::password::{Password, PasswordHash};
use sigra_core::ports::{Hasher, Overloaded, Verified, WorkOrigin};
use sigra_testing::PlainHasher;
use sigra_testing::scenario::{TestHost, WRONG_PASSWORD};
use sigra_testing::timing::Trials;

/// Takes its time, but for unknown accounts when it is lazy.
struct Slow {
    inner: PlainHasher,
    is_lazy: bool,
}

#[async_trait]
impl Hasher for Slow {
    async fn hash(&self, password: &Password, origin: WorkOrigin) -> Result<PasswordHash, Overloaded> {
        self.inner.hash(password, origin).await
    }

    async fn verify(
        &self,
        password: Option<&Password>,
        hash: Option<&PasswordHash>,
        origin: WorkOrigin,
    ) -> Result<Verified, Overloaded> {
        if !self.is_lazy || hash.is_some() {
            let mut digest = Sha256::digest([0]);
            for _ in 0..500 {
                digest = Sha256::digest(digest);
            }
            black_box(digest);
        }
        self.inner.verify(password, hash, origin).await
    }
}

/// The addresses that are told apart by sign-ins with a wrong password.
async fn told_apart(is_lazy: bool) -> Vec<(&'static str, &'static str)> {
    let trials = Trials { samples: 20, ..Trials::default() };
    let host = TestHost::builder()
        .hasher(Arc::new(Slow { inner: PlainHasher::new(), is_lazy }))
        .config(|config| config.lockout.strangers.free = config.lockout.strangers.cap)
        .build();
    host.confirmed("ann@example.org").await;
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let found = trials.run(&[("ann@example.org", "nobody@example.org")], |address| -> Duration {
            let started = Instant::now();
            let _ = runtime.block_on(host.login(address, WRONG_PASSWORD));
            started.elapsed()
        });
        found.into_iter().map(|found| found.pair).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn th_16_a_hasher_that_returns_early_is_seen() {
    assert_eq!(told_apart(true).await, [("ann@example.org", "nobody@example.org")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn th_16_one_that_does_not_is_not() {
    assert_eq!(told_apart(false).await, []);
}
