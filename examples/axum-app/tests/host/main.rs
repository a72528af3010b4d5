//! The host as a black box: started as a process, spoken to over its socket, and killed.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

mod guessing;
mod killed;
mod main_job;
mod startup;
mod support;

/// The host under test.
const BINARY: &str = env!("CARGO_BIN_EXE_sigra-example-axum");
