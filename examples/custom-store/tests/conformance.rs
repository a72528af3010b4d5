//! The published suites over the store.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::id::UserId;
use sigra_core::time::Timestamp;
use sigra_example_custom_store::KvStore;
use sigra_testing::suites::{self, Backend, Operator};

/// What the suites need beyond the ports: a hand in the storage.
struct Hand(KvStore);

#[async_trait]
impl Operator for Hand {
    async fn disable(&self, user: UserId, at: Timestamp) {
        assert!(self.0.disable(user, at).await.unwrap());
    }

    async fn raise_factor_epoch(&self, user: UserId) {
        assert!(self.0.raise_factor_epoch(user).await.unwrap());
    }

    async fn erase(&self, user: UserId) {
        assert!(self.0.erase(user).await.unwrap());
    }
}

fn backend(store: &KvStore) -> Backend {
    Backend { stores: store.stores(), operator: Some(Arc::new(Hand(store.clone()))) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_port_keeps_its_contract_and_again_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let store = KvStore::open(folder.path().join("sigra.redb")).unwrap();
        suites::all(&backend(&store)).await;
    }
}
