//! The published suites of the ports this crate implements.

use std::sync::Arc;

use sigra_crypto::{HashPool, HashingConfig, KeyRing, PasswordHasher, PoolConfig, RootSecrets};
use sigra_testing::suites;

fn secrets(numbers: &[u8]) -> RootSecrets {
    let list: Vec<_> = numbers.iter().map(|number| format!("{number:02x}").repeat(32)).collect();
    RootSecrets::parse(&list.join(",")).expect("the secrets are 32 bytes each")
}

#[tokio::test]
async fn the_hasher_keeps_its_contract() {
    let pool = Arc::new(HashPool::new(&PoolConfig::default()).unwrap());
    let config = HashingConfig { argon2: "m=64,t=1,p=1".parse().unwrap(), ..HashingConfig::default() };
    suites::hasher::all(&PasswordHasher::new(pool, &config, &secrets(&[1])).unwrap()).await;
}

#[test]
fn the_vault_keeps_its_contract() {
    suites::vault::all(|numbers| KeyRing::new(&secrets(numbers)));
}
