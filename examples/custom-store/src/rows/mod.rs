//! What is stored, and what it is found by.
//!
//! `sigra-core` has no stored form of its own structures: that is the store's. Here it is JSON; [`foreign`] says how.

mod accounts;
mod address_changes;
mod attempts;
mod ceremonies;
mod foreign;
mod quarantine;
mod queues;
mod sessions;
mod trail;

use sigra_core::time::Timestamp;

pub(crate) use accounts::{Account, Code, Dormancy, KnownDevice, Registration, Token};
pub(crate) use address_changes::{Link, StoredChange};
pub(crate) use attempts::{Counter, counter_key};
pub(crate) use ceremonies::StoredCeremony;
pub(crate) use quarantine::StoredQuarantine;
pub(crate) use queues::{Lease, QueuedMail, QueuedRequest, StoredLease};
pub(crate) use sessions::{Pending, Retired, StoredSession};
pub(crate) use trail::Event;

/// The bytes of an id. Ids of one kind sort by their time.
macro_rules! id {
    ($id:expr) => {
        $id.as_uuid().as_bytes().as_slice()
    };
}
pub(crate) use id;

/// A time as bytes that sort as times do, those before 1970 included.
pub(crate) fn time(at: Timestamp) -> [u8; 8] {
    (at.as_micros() ^ i64::MIN).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_bytes() {
        let sorted = [i64::MIN, -1_000_000, -1, 0, 1, 1_000_000, i64::MAX].map(Timestamp::from_micros).map(time);
        assert!(sorted.is_sorted_by(|earlier, later| earlier < later));
    }
}
