//! What the example hosts share.
//!
//! A host is its framework plus this: [`Settings`] from the environment, [`Host::open`] to assemble everything,
//! [`Host::work`] for the background, and [`pages`] for the few pages of its own.

mod clock;
mod host;
mod logging;
pub mod pages;
mod settings;

pub use host::{Host, OpenError, PATIENCE, shut_down};
pub use logging::start as start_logging;
pub use settings::{Settings, SettingsError, environment, listen_address};
