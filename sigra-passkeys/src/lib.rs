//! Passkeys for sigra: registration, sign-in and second factor by Web Authentication Level 3.

mod passkey;
pub mod ports;

pub use passkey::{CredentialId, Passkey, UserHandle};
