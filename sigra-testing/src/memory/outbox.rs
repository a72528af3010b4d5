//! Mail that is owed.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId};
use sigra_core::mail::{MailFault, OutgoingMail};
use sigra_core::ports::{LeasedMail, MailRecord, MailState, OutboxReader, OutboxStore, Requeued, Sealed};
use sigra_core::time::Timestamp;

use super::MemoryStore;
use super::requests::Lease;
use super::state::State;

/// A mail in the outbox of a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct QueuedMail {
    /// The mail. Its facts are empty once it is sent, or can be sent no more.
    pub mail: OutgoingMail,
    /// How often it was leased.
    pub attempts: u32,
    /// When it is due.
    pub due_at: Timestamp,
    /// When it was handed over; `None` while it was not.
    pub sent_at: Option<Timestamp>,
    /// When it was given up; `None` while it was not.
    pub abandoned_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_fault: Option<MailFault>,
    lease: Option<Lease>,
}

impl QueuedMail {
    pub(super) fn new(mail: OutgoingMail) -> Self {
        let due_at = mail.created_at;
        Self { mail, attempts: 0, due_at, sent_at: None, abandoned_at: None, last_fault: None, lease: None }
    }

    /// When it was sent or given up.
    pub(super) fn settled_at(&self) -> Option<Timestamp> {
        self.sent_at.or(self.abandoned_at)
    }

    fn can_be_leased(&self, now: Timestamp) -> bool {
        self.settled_at().is_none() && self.due_at <= now && !self.lease.is_some_and(|lease| lease.holds(now))
    }

    /// Whether it is an abandoned mail with facts that expired before `before`.
    pub(super) fn keeps_too_much(&self, before: Timestamp) -> bool {
        self.abandoned_at.is_some() && !self.mail.facts.as_bytes().is_empty() && self.mail.expires_at < before
    }

    pub(super) fn wipe(&mut self) {
        self.mail.facts = Sealed::from_bytes(Vec::new());
    }

    fn record(&self, now: Timestamp) -> MailRecord {
        let held_until = self.lease.filter(|lease| lease.holds(now)).map(|lease| lease.until);
        let waits_until = Some(self.due_at).filter(|at| now < *at);
        let (state, next_try_at) = match (self.sent_at, self.abandoned_at) {
            (Some(_), _) => (MailState::Sent, None),
            (None, Some(_)) => (MailState::Abandoned, None),
            (None, None) => match (held_until, waits_until) {
                (Some(until), _) => (MailState::Leased, Some(until)),
                (None, Some(at)) => (MailState::Retrying, Some(at)),
                (None, None) => (MailState::Due, None),
            },
        };
        MailRecord {
            id: self.mail.id,
            kind: self.mail.kind.clone(),
            to: self.mail.to.clone(),
            state,
            attempts: self.attempts,
            created_at: self.mail.created_at,
            expires_at: self.mail.expires_at,
            next_try_at,
            settled_at: self.settled_at(),
            last_fault: self.last_fault.clone(),
        }
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

    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp, fault: &MailFault) -> Result<bool, StoreError> {
        self.change("outbox.retry", |state| {
            Ok(state.settle(id, lease, |row| {
                row.due_at = at;
                row.last_fault = Some(fault.clone());
            }))
        })
    }

    async fn abandon(
        &self,
        id: MailId,
        lease: LeaseId,
        at: Timestamp,
        fault: &MailFault,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("outbox.abandon", |state| {
            let abandoned = state.settle(id, lease, |row| {
                row.abandoned_at = Some(at);
                row.last_fault = Some(fault.clone());
                if row.mail.expires_at <= at {
                    row.wipe();
                }
            });
            if abandoned {
                state.record(evidence)?;
            }
            Ok(abandoned)
        })
    }

    async fn requeue(&self, id: MailId, now: Timestamp, evidence: Evidence) -> Result<Requeued, StoreError> {
        self.change("outbox.requeue", |state| {
            let Some(row) = state.outbox.get_mut(&id) else {
                return Ok(Requeued::Unknown);
            };
            if row.abandoned_at.is_none() {
                return Ok(Requeued::NotAbandoned);
            }
            if row.mail.expires_at <= now || row.mail.facts.as_bytes().is_empty() {
                return Ok(Requeued::Expired);
            }
            row.abandoned_at = None;
            row.attempts = 0;
            row.due_at = now;
            state.record(evidence)?;
            Ok(Requeued::Done)
        })
    }
}

#[async_trait]
impl OutboxReader for MemoryStore {
    async fn page(
        &self,
        state: Option<MailState>,
        before: Option<MailId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<MailRecord>, StoreError> {
        self.read("outbox.page", |stored| {
            let older = stored.outbox.values().rev().filter(|row| before.is_none_or(|before| row.mail.id < before));
            let records = older.map(|row| row.record(now));
            records.filter(|record| state.is_none_or(|state| record.state == state)).take(limit as usize).collect()
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
