//! Passkeys over the in-memory store, with a software authenticator.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod decoys;
mod guide;
mod manage;
mod registration;
mod second_factor;
mod sign_in;
mod support;
