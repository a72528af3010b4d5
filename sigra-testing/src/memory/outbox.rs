//! Mail that is owed.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId};
use sigra_core::mail::OutgoingMail;
use sigra_core::ports::{LeasedMail, OutboxStore, Sealed};
use sigra_core::time::Timestamp;

use super::MemoryStore;
use super::requests::Lease;
use super::state::State;

/// A mail in the outbox of a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct QueuedMail {
    /// The mail. Its facts are empty once it is settled.
    pub mail: OutgoingMail,
    /// How often it was leased.
    pub attempts: u32,
    /// When it is due.
    pub due_at: Timestamp,
    /// When it was handed over; `None` while it was not.
    pub sent_at: Option<Timestamp>,
    /// When it was given up; `None` while it was not.
    pub abandoned_at: Option<Timestamp>,
    lease: Option<Lease>,
}

impl QueuedMail {
    pub(super) fn new(mail: OutgoingMail) -> Self {
        let due_at = mail.created_at;
        Self { mail, attempts: 0, due_at, sent_at: None, abandoned_at: None, lease: None }
    }

    /// When it was sent or given up.
    pub(super) fn settled_at(&self) -> Option<Timestamp> {
        self.sent_at.or(self.abandoned_at)
    }

    fn can_be_leased(&self, now: Timestamp) -> bool {
        self.settled_at().is_none() && self.due_at <= now && !self.lease.is_some_and(|lease| lease.holds(now))
    }

    fn wipe(&mut self) {
        self.mail.facts = Sealed::from_bytes(Vec::new());
    }
}

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedMail>, StoreError> {
        self.change("outbox.lease", |state| {
            let mut free: Vec<_> = state.outbox.values_mut().filter(|row| row.can_be_leased(now)).collect();
            free.sort_by_key(|row| (row.mail.created_at, row.mail.id));
            Ok(free
                .into_iter()
                .take(limit as usize)
                .map(|row| {
                    row.attempts += 1;
                    let lease = row.lease.insert(Lease::new(now, until));
                    LeasedMail { mail: row.mail.clone(), lease: lease.id, attempt: row.attempts }
                })
                .collect())
        })
    }

    async fn sent(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError> {
        self.change("outbox.sent", |state| {
            Ok(state.settle(id, lease, |row| {
                row.sent_at = Some(at);
                row.wipe();
            }))
        })
    }

    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError> {
        self.change("outbox.retry", |state| Ok(state.settle(id, lease, |row| row.due_at = at)))
    }

    async fn abandon(&self, id: MailId, lease: LeaseId, at: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("outbox.abandon", |state| {
            let abandoned = state.settle(id, lease, |row| {
                row.abandoned_at = Some(at);
                row.wipe();
            });
            if abandoned {
                state.record(evidence)?;
            }
            Ok(abandoned)
        })
    }
}

impl State {
    /// Changes a mail and ends its lease, while the lease is the worker's.
    fn settle(&mut self, id: MailId, lease: LeaseId, change: impl FnOnce(&mut QueuedMail)) -> bool {
        let mine = |row: &&mut QueuedMail| row.lease.is_some_and(|held| held.id == lease);
        let Some(row) = self.outbox.get_mut(&id).filter(mine) else {
            return false;
        };
        row.lease = None;
        change(row);
        true
    }
}
