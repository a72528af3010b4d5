//! What the example hosts share.
//!
//! A host is its framework plus this: [`run`] for its process, and [`pages`] for the few pages of its own. What [`run`] is
//! made of is there for hosts that need something else: [`Settings`] from the environment, [`Host::open`] to assemble
//! everything, [`Host::work`] for the background.

mod clock;
mod host;
mod logging;
pub mod pages;
mod run;
mod settings;

pub use host::{Host, OpenError, shut_down};
pub use logging::start as start_logging;
pub use run::{Stop, run};
pub use settings::{Settings, SettingsError, environment, listen_address};
