//! The store on real databases, through pools of several connections.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

mod conformance;
mod durability;
mod flows;
mod migrations;
mod ports;
mod races;
mod sessions;
mod support;
mod transactions;
