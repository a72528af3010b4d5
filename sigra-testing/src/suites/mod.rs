//! The conformance suites: what every implementation of a port must pass.
//!
//! One module per port. Each check is a function of its own, and `all` runs the checks of its module in turn; the
//! function [`all`] of this module runs every suite of a storage backend. A check panics where a contract is broken.
//!
//! ```
//! # #[tokio::main] async fn main() {
//! use sigra_testing::{MemoryStore, suites};
//!
//! let store = MemoryStore::new();
//! suites::all(&store.backend()).await;
//! # }
//! ```
//!
//! Run them on a **multi-threaded tokio runtime**, or the races race nobody. Every check makes accounts and addresses of
//! its own, so checks may share a database, leftovers of earlier runs included. They lease whatever the two queues
//! hold and purge what expired before the year 2002, so the database must be one for tests, and checks must not run at
//! the same time on one database.
//!
//! # Some ports only
//!
//! A [`Backend`] need not be one storage. Put your port among the in-memory ports and run its own suite:
//!
//! ```
//! # #[tokio::main] async fn main() {
//! # use std::sync::Arc;
//! use sigra_core::Stores;
//! use sigra_testing::{MemoryStore, suites};
//!
//! # let mine = Arc::new(MemoryStore::new());
//! let stores = Stores { attempts: mine, ..MemoryStore::new().stores() };
//! suites::attempts::all(&stores.into()).await;
//! # }
//! ```
//!
//! That goes for ports that share nothing with others: `attempts`, `leases` and `health` alone, `ceremonies`, when the store is given
//! the `accounts` of the other backend and brings a `housekeeping` that purges its rows, and `sessions`, when the store is given the `accounts` and the `log` of the other backend and
//! brings a `housekeeping` that purges its own rows too. All others commit together with accounts, or with evidence, or
//! read what a neighbour wrote: `accounts`, `passwords`, `profiles`, `devices`, `tokens`, `registrations`, `requests`, `address_changes`, `quarantine`, `lifecycle`, `dormancy`, `outbox`,
//! `outbox_reader`, `log` and `audit` live in one storage. The suite of a port also uses the ports beside it (to make an account, to count evidence), so a
//! check that fails may be a neighbour's fault: run [`all`] when you have them all.
//!
//! # Capabilities
//!
//! The ports of sigra-mfa (feature `mfa`) and sigra-passkeys (feature `passkeys`) have suites of their own, over an
//! `MfaBackend` and a `PasskeyBackend`: the ports beside those of the core. They change accounts and commit evidence, so
//! they live in one storage with `accounts`, `log` and `audit`.
//!
//! # Ports that are no storage
//!
//! [`rate_limiter`], [`hasher`], [`vault`], [`composer`] and [`surroundings`] (`Clock`, `DeviceDescriber`) take the port
//! itself. There is none for
//!
//! - `Health`: [`all`] asks it once; only its storage can be made to go away;
//! - `PasswordPolicy`: which passwords it refuses is its own affair;
//! - `GeoIp`: not knowing is a right answer to everything;
//! - `Mailer`: what it must do happens at the other end of a wire;
//! - `Hooks` and `Gate`: they are called, and owe nothing but to return.
//!
//! Checks are added as contracts get sharper. That can fail an implementation that passed before, and is not a breaking
//! change.

#![allow(clippy::unwrap_used, reason = "a suite is test code: a panic is its answer")]

macro_rules! suite {
    ($($check:ident,)+) => {
        suite! { over Backend: $($check,)+ }
    };
    (over $backend:ident: $($check:ident,)+) => {
        /// Runs every check of this suite in turn.
        pub async fn all(backend: &super::$backend) {
            $($check(backend).await;)+
        }

        #[cfg(test)]
        pub(super) const CHECKS: &[&str] = &[$(stringify!($check)),+];
    };
}

pub mod accounts;
pub mod address_changes;
pub mod address_undo;
pub mod attempts;
pub mod audit;
#[cfg(any(feature = "mfa", feature = "passkeys"))]
mod backends;
#[cfg(feature = "mfa")]
pub mod backup_codes;
pub mod ceremonies;
pub mod composer;
pub mod devices;
pub mod dormancy;
#[cfg(feature = "mfa")]
mod enrolled;
pub mod erasing;
pub mod erasure;
pub mod hasher;
pub mod housekeeping;
pub mod leases;
pub mod lifecycle;
pub mod outbox;
#[cfg(feature = "passkeys")]
pub mod passkey_changes;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod passwords;
mod press;
pub mod profiles;
pub mod promotion;
pub mod quarantine;
pub mod rate_limiter;
pub mod reclaiming;
pub mod recovery;
pub mod registrations;
pub mod requests;
pub mod session_changes;
pub mod session_limits;
pub mod sessions;
mod support;
pub mod surroundings;
pub mod tokens;
#[cfg(feature = "mfa")]
pub mod totp;
#[cfg(feature = "mfa")]
pub mod totp_removal;
#[cfg(feature = "mfa")]
pub mod trusted_browsers;
pub mod unfinished;
pub mod vault;

use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::Stores;
use sigra_core::id::UserId;
use sigra_core::time::Timestamp;

#[cfg(feature = "mfa")]
pub use backends::MfaBackend;
#[cfg(feature = "passkeys")]
pub use backends::PasskeyBackend;

use crate::MemoryStore;

/// All storage ports, as the suites need them.
#[derive(Clone)]
pub struct Backend {
    /// The ports.
    pub stores: Stores,
    /// What no port can do. Without it, the checks that need it are left out, and say so.
    pub operator: Option<Arc<dyn Operator>>,
}

impl From<Stores> for Backend {
    fn from(stores: Stores) -> Self {
        Self { stores, operator: None }
    }
}

/// Does to an account what no port can do, straight in the storage.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Sets the time the account was disabled, and nothing else.
    async fn disable(&self, user: UserId, at: Timestamp);

    /// Raises the account's factor epoch by one, and nothing else.
    async fn raise_factor_epoch(&self, user: UserId);

    /// Deletes the account the way a host does, with what the storage deletes along with it.
    async fn erase(&self, user: UserId);
}

/// Runs every suite of the storage ports in turn.
pub async fn all(backend: &Backend) {
    backend.stores.health.ping().await.expect("the storage must answer");
    accounts::all(backend).await;
    recovery::all(backend).await;
    passwords::all(backend).await;
    reclaiming::all(backend).await;
    profiles::all(backend).await;
    devices::all(backend).await;
    tokens::all(backend).await;
    registrations::all(backend).await;
    promotion::all(backend).await;
    requests::all(backend).await;
    address_changes::all(backend).await;
    address_undo::all(backend).await;
    quarantine::all(backend).await;
    attempts::all(backend).await;
    sessions::all(backend).await;
    session_changes::all(backend).await;
    session_limits::all(backend).await;
    unfinished::all(backend).await;
    outbox::all(backend).await;
    audit::all(backend).await;
    ceremonies::all(backend).await;
    housekeeping::all(backend).await;
    leases::all(backend).await;
    erasure::all(backend).await;
    lifecycle::all(backend).await;
    erasing::all(backend).await;
    dormancy::all(backend).await;
}

/// Runs every suite of the ports of sigra-mfa in turn.
#[cfg(feature = "mfa")]
pub async fn all_of_mfa(backend: &MfaBackend) {
    totp::all(backend).await;
    totp_removal::all(backend).await;
    backup_codes::all(backend).await;
    trusted_browsers::all(backend).await;
}

/// Runs every suite of the port of sigra-passkeys in turn.
#[cfg(feature = "passkeys")]
pub async fn all_of_passkeys(backend: &PasskeyBackend) {
    passkeys::all(backend).await;
    passkey_changes::all(backend).await;
}

impl MemoryStore {
    /// The store as the suites need it.
    #[must_use]
    pub fn backend(&self) -> Backend {
        Backend { stores: self.stores(), operator: Some(Arc::new(self.clone())) }
    }
}

#[async_trait]
impl Operator for MemoryStore {
    async fn disable(&self, user: UserId, at: Timestamp) {
        self.edit_user(user, |user| user.disabled_at = Some(at));
    }

    async fn raise_factor_epoch(&self, user: UserId) {
        self.edit_user(user, |user| user.epochs.factor += 1);
    }

    async fn erase(&self, user: UserId) {
        self.erase_user(user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_run_by_its_suite() {
        let suites = [
            (include_str!("accounts.rs"), accounts::CHECKS),
            (include_str!("address_changes.rs"), address_changes::CHECKS),
            (include_str!("address_undo.rs"), address_undo::CHECKS),
            (include_str!("attempts.rs"), attempts::CHECKS),
            (include_str!("audit.rs"), audit::CHECKS),
            #[cfg(feature = "mfa")]
            (include_str!("backup_codes.rs"), backup_codes::CHECKS),
            (include_str!("ceremonies.rs"), ceremonies::CHECKS),
            (include_str!("devices.rs"), devices::CHECKS),
            (include_str!("dormancy.rs"), dormancy::CHECKS),
            (include_str!("erasing.rs"), erasing::CHECKS),
            (include_str!("erasure.rs"), erasure::CHECKS),
            (include_str!("housekeeping.rs"), housekeeping::CHECKS),
            (include_str!("leases.rs"), leases::CHECKS),
            (include_str!("lifecycle.rs"), lifecycle::CHECKS),
            (include_str!("outbox.rs"), outbox::CHECKS),
            #[cfg(feature = "passkeys")]
            (include_str!("passkey_changes.rs"), passkey_changes::CHECKS),
            #[cfg(feature = "passkeys")]
            (include_str!("passkeys.rs"), passkeys::CHECKS),
            (include_str!("passwords.rs"), passwords::CHECKS),
            (include_str!("profiles.rs"), profiles::CHECKS),
            (include_str!("promotion.rs"), promotion::CHECKS),
            (include_str!("quarantine.rs"), quarantine::CHECKS),
            (include_str!("reclaiming.rs"), reclaiming::CHECKS),
            (include_str!("recovery.rs"), recovery::CHECKS),
            (include_str!("registrations.rs"), registrations::CHECKS),
            (include_str!("requests.rs"), requests::CHECKS),
            (include_str!("session_changes.rs"), session_changes::CHECKS),
            (include_str!("session_limits.rs"), session_limits::CHECKS),
            (include_str!("sessions.rs"), sessions::CHECKS),
            (include_str!("tokens.rs"), tokens::CHECKS),
            #[cfg(feature = "mfa")]
            (include_str!("totp.rs"), totp::CHECKS),
            #[cfg(feature = "mfa")]
            (include_str!("totp_removal.rs"), totp_removal::CHECKS),
            #[cfg(feature = "mfa")]
            (include_str!("trusted_browsers.rs"), trusted_browsers::CHECKS),
            (include_str!("unfinished.rs"), unfinished::CHECKS),
        ];
        for (source, checks) in suites {
            let written: Vec<_> = source
                .lines()
                .filter_map(|line| Some(line.strip_prefix("pub async fn ")?.split_once('(')?.0))
                .collect();
            assert_eq!(written, checks);
        }
    }
}
