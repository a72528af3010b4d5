//! The crate as a host uses it: facts go in, messages come out, and the mailers hand them over.

#![allow(clippy::unwrap_used, reason = "tests may panic, in their helpers too")]

mod composing;
#[cfg(feature = "smtp")]
mod delivering;
mod eml;
mod folder;
mod overriding;
#[cfg(feature = "smtp")]
mod smtp;
mod support;
#[cfg(feature = "smtp")]
mod tls;
