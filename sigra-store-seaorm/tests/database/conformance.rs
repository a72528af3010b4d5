//! The published suites over this store.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Value};
use sigra_core::id::UserId;
use sigra_core::ports::RateLimiter;
use sigra_core::time::Timestamp;
use sigra_store_seaorm::{DurableRateLimiter, SeaOrmStore};
use sigra_testing::suites::{self, Backend, MfaBackend, Operator, PasskeyBackend};

use crate::support::{Fixture, statement};

struct Hands(DatabaseConnection);

impl Hands {
    async fn update(&self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.0.execute_raw(statement(&self.0, sql, values)).await.unwrap();
    }
}

#[async_trait]
impl Operator for Hands {
    async fn disable(&self, user: UserId, at: Timestamp) {
        let values = [at.as_micros().into(), user.as_uuid().into()];
        self.update("UPDATE sigra_users SET disabled_at = ? WHERE id = ?", values).await;
    }

    async fn raise_factor_epoch(&self, user: UserId) {
        let raise = "UPDATE sigra_users SET factor_epoch = factor_epoch + 1 WHERE id = ?";
        self.update(raise, [user.as_uuid().into()]).await;
    }

    async fn erase(&self, user: UserId) {
        self.update("DELETE FROM sigra_users WHERE id = ?", [user.as_uuid().into()]).await;
    }
}

fn backend(store: &SeaOrmStore, pool: &DatabaseConnection) -> Backend {
    Backend { stores: store.stores(), operator: Some(Arc::new(Hands(pool.clone()))) }
}

pub(crate) async fn every_port_keeps_its_contract_and_again_over_the_same_rows(f: &Fixture) {
    for _ in 0..2 {
        suites::all(&backend(&f.store, &f.pool)).await;
    }
}

pub(crate) async fn second_factors_keep_their_contracts(f: &Fixture) {
    let store = Arc::new(f.store.clone());
    let core = backend(&f.store, &f.pool);
    let backend = MfaBackend { core, totp: store.clone(), backup_codes: store.clone(), trusted: store };
    for _ in 0..2 {
        suites::all_of_mfa(&backend).await;
    }
}

pub(crate) async fn passkeys_keep_their_contract(f: &Fixture) {
    let backend = PasskeyBackend { core: backend(&f.store, &f.pool), passkeys: Arc::new(f.store.clone()) };
    for _ in 0..2 {
        suites::all_of_passkeys(&backend).await;
    }
}

pub(crate) async fn the_durable_rate_limiter_keeps_its_contract(f: &Fixture) {
    let limiter: Arc<dyn RateLimiter> = Arc::new(DurableRateLimiter::new(f.store.clone()));
    suites::rate_limiter::all(&limiter).await;
}
