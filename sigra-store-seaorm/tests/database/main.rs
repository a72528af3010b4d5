//! The store on real databases, through pools of several connections.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

mod conformance;
mod dump;
mod durability;
mod flows;
mod migrations;
mod ports;
mod races;
mod sessions;
mod support;
mod transactions;

/// The tests run on SQLite, and on the server that `SIGRA_TEST_DATABASE_URL` names instead. What is left out is said on
/// the real stderr, past the capture of the test harness.
#[test]
fn what_is_left_out_is_said() {
    use std::io::Write as _;

    if std::env::var_os("SIGRA_TEST_DATABASE_URL").is_none() {
        let servers = "PostgreSQL and MySQL/MariaDB (SIGRA_TEST_DATABASE_URL is not set)";
        writeln!(std::io::stderr(), "skipped: the store on {servers}").unwrap();
    }
}
