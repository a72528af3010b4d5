//! What may be thrown away, and who does it.

use std::fmt;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::id::LeaseId;
use crate::time::Timestamp;

/// A kind of rows that expire. A storage names those it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKind(&'static str);

impl RowKind {
    /// Submitted registrations.
    pub const REGISTRATIONS: Self = Self("registrations");
    /// Mailed tokens.
    pub const TOKENS: Self = Self("tokens");
    /// Requests by address.
    pub const REQUESTS: Self = Self("requests");
    /// Known devices.
    pub const DEVICES: Self = Self("devices");
    /// Sessions.
    pub const SESSIONS: Self = Self("sessions");
    /// Sign-ins that owe a step.
    pub const PENDING_SIGN_INS: Self = Self("pending_sign_ins");
    /// Counters of attempts whose window has passed.
    pub const ATTEMPTS: Self = Self("attempts");
    /// Counters of attempts that count nothing any more, though no time of their own says so: those whose
    /// [owner](super::AttemptOwner) is gone, and those its sign-ins clear that started at its
    /// [`AccountRecord::attempts_cleared_at`](super::AccountRecord::attempts_cleared_at) or before. A counter that still
    /// counts stays for ever.
    pub const VOID_ATTEMPTS: Self = Self("void_attempts");
    /// State between two requests.
    pub const CEREMONIES: Self = Self("ceremonies");
    /// Changes of an address that can be neither redeemed nor undone any more.
    pub const ADDRESS_CHANGES: Self = Self("address_changes");
    /// Quarantines of addresses that have run out.
    pub const QUARANTINES: Self = Self("quarantines");
    /// Mail that was sent or abandoned, by the time of that. Mail that expired unsent is a worker's to abandon, with evidence.
    pub const MAIL: Self = Self("mail");

    /// The facts of abandoned mail, by the expiry of the mail. They are wiped; the record of the mail stays.
    pub const MAIL_FACTS: Self = Self("mail_facts");

    /// A kind of a capability's or of a storage's own.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name, for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Throws away what has expired.
///
/// # Contract
///
/// - Correctness never depends on it: everything that expires is judged by its expiry column wherever it is read.
/// - Each call deletes at most `limit` rows, in one step, found by an index on expiry, and locks no table. Of
///   [`RowKind::MAIL_FACTS`] it wipes as many, and counts what it wiped.
/// - Of concurrent calls, each counts the rows it deleted itself and no others.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// What expires in this storage, each kind once.
    fn kinds(&self) -> Vec<RowKind>;

    /// Deletes rows of a kind that expired before `before`, of [`RowKind::MAIL`] those settled before that, and of
    /// [`RowKind::VOID_ATTEMPTS`] whatever the time. Answers how many went; none of a kind the storage does not have.
    async fn purge(&self, kind: RowKind, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Who may do what only one host should do at a time.
///
/// A lease spares work that would be done twice. It is no lock: a holder may be slower than it thinks, so whatever is done
/// under one must be safe when two do it.
///
/// # Contract
///
/// - A lease that is held at `now` is taken by nobody, its holder included. One that has lapsed, at its `until` or later, is
///   free. Of concurrent takers one gets it.
/// - [`LeaseStore::renew`] and [`LeaseStore::release`] act only while the lease is held by `holder` and has not lapsed;
///   `false`, and nothing changed, otherwise.
/// - Names are compared by their bytes and have at most 64.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Takes a lease that is free, until `until`.
    async fn take(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// Holds on to a lease until `until`.
    async fn renew(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// Gives a lease back; it is free at once.
    async fn release(&self, name: &str, holder: LeaseId, now: Timestamp) -> Result<bool, StoreError>;
}
