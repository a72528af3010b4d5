//! The tables, as SeaORM sees them. Times are microseconds since the Unix epoch, structures are JSON texts.
//!
//! Private: the tables belong to this crate, and their columns change with its migrations.

#![allow(missing_docs, unreachable_pub, reason = "the derived items are public and have no docs")]

/// What SeaORM wants of every entity.
macro_rules! plain {
    () => {
        #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    };
}
use plain;

mod accounts;
mod bookkeeping;
mod capabilities;
mod evidence;
mod limits;
mod registrations;
mod sessions;

pub use accounts::{address_change, device, quarantine, user};
pub use bookkeeping::{lease, migration};
pub use capabilities::ceremony;
#[cfg(feature = "mfa")]
pub use capabilities::{backup_code, totp, trusted_browser};
#[cfg(feature = "passkeys")]
pub use capabilities::{passkey, passkey_user};
pub use evidence::{audit_event, mail};
pub use limits::{attempt, rate_counter};
pub use registrations::{registration, request, token};
pub use sessions::{pending_sign_in, retired_token, session};
