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
mod ceremonies;
mod evidence;
#[cfg(feature = "mfa")]
mod factors;
mod limits;
#[cfg(feature = "passkeys")]
mod passkeys;
mod registrations;
mod sessions;

pub use accounts::{device, user};
pub use bookkeeping::migration;
pub use ceremonies::ceremony;
pub use evidence::{audit_event, mail};
#[cfg(feature = "mfa")]
pub use factors::{backup_code, totp, trusted_browser};
pub use limits::{attempt, rate_counter};
#[cfg(feature = "passkeys")]
pub use passkeys::{passkey, user_handle};
pub use registrations::{registration, request, token};
pub use sessions::{pending_sign_in, retired_token, session};
