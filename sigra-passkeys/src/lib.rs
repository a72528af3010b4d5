//! Passkeys for sigra: registration, sign-in and second factor by Web Authentication Level 3.
//!
//! [`Passkeys`] is the service. It hands out the options a browser's `navigator.credentials` is called with, and judges what
//! comes back. What is read and checked is listed in `docs/guides/passkeys.md`, each line with the test that proves it.
//!
//! Everything a browser sends is read by this crate first, strictly, and then, for the algorithms it can verify, by
//! `webauthn-rs-core` as well: both must come to the same result.

mod assurance;
mod authenticators;
mod ceremony;
mod config;
mod decoys;
pub mod events;
mod export;
mod factor;
mod mails;
mod manage;
mod options;
mod passkey;
pub mod ports;
mod registration;
mod service;
mod sign_in;
mod telemetry;
mod usage;
mod verify;
mod wire;

pub use assurance::lowered;
pub use authenticators::authenticator_name;
pub use config::{InvalidPublicUrl, PasskeyConfig, SignCountPolicy};
pub use factor::PASSKEY;
pub use mails::{MAILS, PASSKEY_ADDED, PASSKEY_REMOVED};
pub use manage::{RemoveOutcome, RenameOutcome};
pub use passkey::{CredentialId, Passkey, UserHandle};
pub use registration::{FinishOutcome, StartOutcome};
pub use service::{PasskeyParts, Passkeys};
pub use sign_in::SignInOutcome;
pub use telemetry::OPERATIONS;
pub use wire::{reads_as_authentication, reads_as_registration};

/// What the fuzz targets call: the readers of everything a browser sends.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::wire::fuzz::{attestation, authentication, authenticator_data, client_data, key, registration};
}

#[cfg(doctest)]
#[doc = include_str!("../../docs/guides/passkeys.md")]
struct Guide;
