//! What scenarios are made of.

mod client;
mod clock;
mod database;
mod host;
mod mail_server;
mod mailbox;
mod webdriver;

use std::time::{Duration, Instant};

pub use client::{Client, Response};
pub use clock::TestClock;
pub use database::Database;
pub use host::{Ended, Host, Launch, refused};
pub use mail_server::{MailServer, Taken};
pub use mailbox::{Mail, Mailbox};
pub use sigra_example_databases::{Engine, say_what_is_skipped};
pub use webdriver::{Browser, Driver, Element};

/// A password the policy takes.
pub const PASSWORD: &str = "four unrelated moons orbit";
/// Another one.
pub const OTHER_PASSWORD: &str = "seven quiet kettles whistle";
/// The cheapest hashing there is, for scenarios in which its cost does not matter.
pub const CHEAP: (&str, &str) = ("SIGRA_ARGON2", "m=8,t=1,p=1");
/// No rate limits and no mail budgets.
pub const UNLIMITED: (&str, &str) = ("SIGRA_RATE_LIMIT", "off");

/// Asks again and again until there is an answer. Another process is waited for, so there is no clock to move.
///
/// # Panics
///
/// When there is none after half a minute.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
