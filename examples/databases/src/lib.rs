//! A database of its own for each test, on every engine that is there.
//!
//! SQLite always is. PostgreSQL and MySQL (or MariaDB) are where `SIGRA_TEST_POSTGRES_URL` and `SIGRA_TEST_MYSQL_URL`
//! name a server whose databases may be made and dropped. What is left out for want of a server is said by
//! [`say_what_is_skipped`].

#![allow(clippy::unwrap_used, reason = "this crate is test code, though it is built as a library")]

mod engine;
mod line;
mod own;

pub use engine::{Engine, say_what_is_skipped};
pub use line::Line;
pub use own::OwnDatabase;
