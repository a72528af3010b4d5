//! The feature law: a Cargo feature adds a dependency or an API, and nothing else. What a compiler cannot see of it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod documented;
mod facade;
mod manifest;
mod sources;
