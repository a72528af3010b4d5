//! What this crate publishes passes the suites it publishes.

use std::sync::Arc;

use sigra_core::ports::RateLimiter;
use sigra_core::time::{Clock, SystemClock};
use sigra_core::{CommonBrowsers, MemoryRateLimiter};
use sigra_testing::{ManualClock, MemoryStore, PlainComposer, PlainHasher, TestVault, suites};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_keeps_every_contract() {
    suites::all(&MemoryStore::new().backend()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_used_store_keeps_every_contract_again() {
    let store = MemoryStore::new();
    suites::all(&store.backend()).await;
    suites::all(&store.stores().into()).await;
}

#[cfg(feature = "mfa")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_keeps_every_contract_of_second_factors() {
    let store = MemoryStore::new();
    for _ in 0..2 {
        suites::all_of_mfa(&store.mfa_backend()).await;
    }
}

#[cfg(feature = "passkeys")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_keeps_every_contract_of_passkeys() {
    let store = MemoryStore::new();
    for _ in 0..2 {
        suites::all_of_passkeys(&store.passkey_backend()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_rate_limiter_of_the_core_keeps_its_contract() {
    let limiter: Arc<dyn RateLimiter> = Arc::new(MemoryRateLimiter::default());
    suites::rate_limiter::all(&limiter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clocks_keep_their_contract() {
    let clocks: [Arc<dyn Clock>; 2] = [Arc::new(SystemClock::new()), Arc::new(ManualClock::default())];
    for clock in &clocks {
        suites::surroundings::a_clock_never_goes_back(clock).await;
    }
}

#[test]
fn the_describer_of_the_core_keeps_its_contract() {
    suites::surroundings::a_description_repeats_no_header(&CommonBrowsers);
}

#[tokio::test]
async fn the_plain_hasher_keeps_its_contract() {
    suites::hasher::all(&PlainHasher::new()).await;
}

#[test]
fn the_test_vault_keeps_its_contract() {
    suites::vault::all(|secrets| {
        let secrets: Vec<_> = secrets.iter().map(|number| format!("secret {number}")).collect();
        TestVault::new(&secrets.iter().map(String::as_str).collect::<Vec<_>>())
    });
}

#[test]
fn the_plain_composer_keeps_its_contract() {
    suites::composer::all(&PlainComposer);
}
