//! The crate as a host uses it: facts go in, messages come out, and the mailers hand them over.

mod composing;
mod eml;
mod folder;
mod overriding;
#[cfg(feature = "smtp")]
mod smtp;
mod support;
