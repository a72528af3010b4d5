//! Second factors through a whole host.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod audit;
mod backup_codes;
mod disabling;
mod enrolling;
mod locking;
mod not_me;
mod races;
mod required;
mod signing_in;
mod sudo;
mod support;
mod trusted;
