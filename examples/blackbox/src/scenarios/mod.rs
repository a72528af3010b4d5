//! What is checked. Each scenario panics when the host does not keep its promise.

pub mod attacks;
pub mod browser;
pub mod crashes;
pub mod deletion;
pub mod email_change;
pub mod main_job;
pub mod overload;
pub mod passkeys;
pub mod passwords;
pub mod refusals;
pub mod running;
pub mod second_factors;
pub mod settings;
pub mod timing;
pub mod two_hosts;
pub mod wire;
