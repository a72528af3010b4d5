//! The measurements, each on running hosts.

mod deletion;
mod export;
mod flood;
mod growth;
mod logins;
mod mail;
mod sessions;

use crate::client::{get, post};
use crate::database::Database;
use crate::error::BenchError;
use crate::load::{self, Tally};
use crate::plan::CONNECTIONS;
use crate::process::HostProcess;
use crate::seed::Seeded;

pub(crate) use deletion::deletions;
pub(crate) use export::export;
pub(crate) use flood::flood;
pub(crate) use growth::growth;
pub(crate) use logins::{logins, memory};
pub(crate) use mail::burst;
pub(crate) use sessions::sessions;

/// A host on a seeded database.
pub(crate) struct Subject {
    pub(crate) host: HostProcess,
    pub(crate) database: Database,
    pub(crate) seeded: Seeded,
}

impl Subject {
    /// Signs in accounts that have not signed in before, over `connections` at a time. All must succeed.
    fn sign_in(&mut self, count: usize) -> Result<Tally, BenchError> {
        let requests = login_requests(&self.host, self.seeded.take_logins(count)?);
        load::each(self.host.app, CONNECTIONS, &requests)?.only("sign-ins", &[200])
    }

    /// One session check for each sampled session.
    fn session_checks(&self) -> Vec<Vec<u8>> {
        self.seeded.cookies().map(|cookie| get(self.host.app, "/me", Some(&cookie))).collect()
    }
}

fn login_requests(host: &HostProcess, bodies: Vec<String>) -> Vec<Vec<u8>> {
    bodies.iter().map(|body| post(host.app, "/auth/api/v1/login", body)).collect()
}
