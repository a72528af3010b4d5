//! x
mod accounts;
mod attempts;
mod columns;
#[cfg(feature = "sqlite")]
mod connect;
mod dialect;
mod entity;
mod error;
mod evidence;
mod housekeeping;
pub mod migrations;
mod outbox;
mod rates;
mod registrations;
mod requests;
mod retry;
mod schema;
mod sessions;
mod store;
mod tokens;
#[cfg(feature = "sqlite")]
pub use connect::open;
pub use rates::DurableRateLimiter;
pub use store::{InTransaction, SeaOrmStore, begin_immediate};
