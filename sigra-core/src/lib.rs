//! Authentication for Rust web applications: vocabulary, ports and flows.
//!
//! This crate knows no framework, no database, no TLS and no async runtime. It holds
//!
//! - the *vocabulary*: [`EmailAddress`](email::EmailAddress), [`User`](user::User), [`Session`](session::Session), …;
//! - the *ports*: the traits of [`ports`] that storage, hashing, mail and limits are reached through;
//! - the *flows* over them.

// The attribute of operations names this crate, here as elsewhere.
extern crate self as sigra_core;

pub mod address_change;
pub mod assurance;
pub mod audit;
pub mod client;
pub mod config;
mod describer;
pub mod door;
pub mod email;
pub mod error;
pub mod evidence;
pub mod export;
pub mod flows;
pub mod id;
mod limiter;
pub mod mail;
pub mod password;
pub mod ports;
pub mod principal;
mod random;
pub mod registration;
pub mod secret;
pub mod session;
mod sigra;
pub mod telemetry;
pub mod time;
pub mod user;

pub use describer::CommonBrowsers;
pub use limiter::{MemoryRateLimiter, SharedRateLimiter, Unlimited};
pub use sigra::{Essentials, Sigra, SigraBuilder, Stores};

#[cfg(doctest)]
#[doc = include_str!("../../docs/guides/deletion.md")]
struct DeletionGuide;
