//! The ports of `sigra-core` on [SeaORM](sea_orm), inside the host's own database.
//!
//! - [`SeaOrmStore`] implements every storage port, with the features `mfa` and `passkeys` those of these crates too, over a
//!   pool or inside a transaction the host holds ([`SeaOrmStore::bound_to`]). [`InTransaction`] is what the host does inside the store's transactions.
//! - [`migrations`] makes the tables and keeps them up to date.
//! - [`DurableRateLimiter`] counts what must survive a restart.
//!
//! Every change is one transaction: it is guarded by a conditional statement or a unique index, commits together with
//! its evidence, and is run again by the store when it lost a race for locks. A step that locks several rows takes them in one
//! order: the request, the registration, the account, what belongs to the account, and the rows of its evidence, which are
//! new. The read behind an authenticated request
//! is a single statement over two unique indexes.
//!
//! No Cargo feature is on by default. `sqlite`, `postgres` and `mysql` each bring a driver; with any of them comes
//! `open`, which opens a pool with the settings this store wants.

mod accounts;
mod address_changes;
mod attempts;
mod batch;
mod belongings;
mod ceremonies;
mod columns;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod connect;
mod dialect;
mod dormancy;
mod entity;
mod error;
mod evidence;
mod housekeeping;
mod leases;
mod lifecycle;
#[cfg(feature = "mfa")]
mod mfa;
pub mod migrations;
mod outbox;
#[cfg(feature = "sqlite")]
mod own;
#[cfg(feature = "passkeys")]
mod passkeys;
mod passwords;
mod profiles;
mod quarantine;
mod rates;
mod registrations;
mod requests;
mod retry;
mod rows;
mod schema;
mod sessions;
mod sign_ins;
mod store;
mod tokens;
mod unique;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use connect::open;
pub use rates::DurableRateLimiter;
pub use store::{InTransaction, SeaOrmStore, begin_immediate};

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../docs/guides/database.md")]
struct Guide;
