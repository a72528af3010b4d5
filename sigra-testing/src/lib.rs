//! For tests of applications and stores built on sigra.
//!
//! - [`MemoryStore`]: every storage port, in memory. The reference that says how a port behaves; it can also be told to
//!   fail.
//! - [`ManualClock`], [`CaptureMailer`], [`PlainComposer`], [`PlainHasher`], [`TestVault`], [`AcceptAllPolicy`],
//!   [`MinLengthPolicy`], [`KnownBad`], [`UnreachableRateLimiter`]: the other ports, fast and watchable.
//! - [`scenario`]: a complete host over all of these, or over another storage, with the situations tests start from.
//! - [`audited`]: assertions about the audit trail.
//! - [`timing`]: whether two kinds of work can be told apart by how long they take.
//! - `authenticator` (feature `authenticator`): a software authenticator, for tests of passkeys.
//! - `suites` (feature `suites`): the conformance suites. A store is done when they pass.
//! - `golden` (feature `http`): scenarios over HTTP. An adapter to a framework is done when they pass.
//!
//! **Nothing here belongs into production.** The hasher does not hash and the vault does not protect.

pub mod audited;
#[cfg(feature = "authenticator")]
pub mod authenticator;
mod clock;
#[cfg(feature = "http")]
pub mod golden;
mod hasher;
mod mail;
mod memory;
mod policy;
pub mod scenario;
mod services;
#[cfg(feature = "suites")]
pub mod suites;
pub mod timing;
mod vault;

pub use clock::ManualClock;
pub use hasher::{Job, JobKind, PlainHasher};
pub use mail::{CaptureMailer, PlainComposer};
pub use memory::{MemoryStore, QueuedMail};
pub use policy::{AcceptAllPolicy, MinLengthPolicy};
pub use services::{KnownBad, UnreachableRateLimiter};
pub use vault::TestVault;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
