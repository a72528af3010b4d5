//! Attempt counters.

use serde::{Deserialize, Serialize};
use sigra_core::id::UserId;
use sigra_core::ports::AttemptKey;
use sigra_core::time::Timestamp;

use super::{id, time};
use crate::table::Row;

/// The attempts of one key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Counter {
    pub(crate) key: Vec<u8>,
    pub(crate) count: u32,
    pub(crate) locked_until: Option<Timestamp>,
    pub(crate) started_at: Timestamp,
    /// When it is worth nothing any more; `None` for one that lasts until it is cleared.
    pub(crate) over_at: Option<Timestamp>,
    /// The account it belongs to, and whether its sign-ins clear it.
    pub(crate) owner: Option<(UserId, bool)>,
}

impl Counter {
    pub(crate) const BY_END: &str = "attempts.end";
    pub(crate) const BY_OWNER: &str = "attempts.owner";
}

impl Row for Counter {
    const TABLE: &str = "attempts";

    fn key(&self) -> Vec<u8> {
        self.key.clone()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let over = self.over_at.map(|at| (Self::BY_END, [&time(at)[..], &self.key].concat()));
        let owned = self.owner.map(|(user, _)| (Self::BY_OWNER, [id!(user), &self.key].concat()));
        over.into_iter().chain(owned).collect()
    }
}

pub(crate) fn counter_key(key: &AttemptKey) -> Vec<u8> {
    [key.whom.as_bytes(), key.counter.as_bytes()].concat()
}
