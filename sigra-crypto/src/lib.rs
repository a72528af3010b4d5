#![doc = include_str!("../README.md")]

mod calibrate;
mod config;
mod hasher;
mod key_ring;
mod params;
mod policy;
mod pool;
mod root_secrets;

pub use calibrate::calibrate;
pub use config::ConfigFaults;
pub use hasher::{HashingConfig, PasswordHasher};
pub use key_ring::KeyRing;
pub use params::{Argon2Params, InvalidParams};
pub use policy::{PolicyConfig, StandardPolicy};
pub use pool::{HashPool, PoolConfig, PoolError, PoolStats};
pub use root_secrets::{InvalidRootSecrets, KeyId, PurposeKey, PurposeKeys, RootSecretFault, RootSecrets};
