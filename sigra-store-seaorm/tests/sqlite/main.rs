//! The store on real SQLite files, through pools of several connections.

mod durability;
mod flows;
mod migrations;
mod ports;
mod races;
mod sessions;
mod support;
mod transactions;
