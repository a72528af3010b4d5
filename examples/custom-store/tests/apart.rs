//! Sessions in a storage of their own: a backend that mixes the port under test with the reference for all others.

use std::sync::Arc;

use sigra_core::Stores;
use sigra_example_custom_store::{KvStore, SessionsApart};
use sigra_testing::MemoryStore;
use sigra_testing::suites::{self, Backend};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_apart_keep_their_contract() {
    let memory = MemoryStore::new();
    let backend = Backend { stores: SessionsApart::beside(memory.stores()), operator: Some(Arc::new(memory)) };
    suites::sessions::all(&backend).await;
    suites::session_changes::all(&backend).await;
    suites::session_limits::all(&backend).await;
    suites::unfinished::all(&backend).await;
    suites::housekeeping::all(&backend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_single_port_is_tested_beside_the_reference() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = KvStore::open(folder.path().join("attempts.redb")).expect("a file can be made");
    let stores = Stores { attempts: Arc::new(store), ..MemoryStore::new().stores() };
    suites::attempts::all(&stores.into()).await;
}
