//! Mail that is owed.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId};
use sigra_core::mail::MailFault;
use sigra_core::ports::{LeasedMail, MailRecord, MailState, OutboxReader, OutboxStore, Requeued, Sealed};
use sigra_core::time::Timestamp;

use crate::rows::{Lease, QueuedMail, id};
use crate::store::{KvStore, Step};
use crate::table::{Writing, under};

#[async_trait]
impl OutboxStore for KvStore {
    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedMail>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let waits = |row: &QueuedMail| row.due_at > now || row.lease.is_some_and(|lease| lease.holds(now));
            let queue = tables.walk(QueuedMail::QUEUE, under(&[]))?;
            let free = queue.filter(|row| !matches!(row, Ok(row) if waits(row)));
            let free: Vec<QueuedMail> = free.take(limit as usize).collect::<Result<_, _>>()?;
            let mut leased = Vec::new();
            for mut row in free {
                let lease = Lease::new(now, until);
                row.lease = Some(lease);
                row.attempts += 1;
                tables.put(&row)?;
                leased.push(LeasedMail { mail: row.mail, lease: lease.id, attempt: row.attempts });
            }
            Ok(if leased.is_empty() { Step::Nothing(leased) } else { Step::Done(leased) })
        };
        self.write("OutboxStore::lease", step, |_| Evidence::none()).await
    }

    async fn sent(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError> {
        let send = move |row: &mut QueuedMail| {
            row.settled_at = Some(at);
            row.wipe();
        };
        self.settle("OutboxStore::sent", (id, lease), send, Evidence::none()).await
    }

    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp, fault: &MailFault) -> Result<bool, StoreError> {
        let fault = fault.to_string();
        let put_back = move |row: &mut QueuedMail| {
            row.due_at = at;
            row.last_fault = Some(fault);
        };
        self.settle("OutboxStore::retry", (id, lease), put_back, Evidence::none()).await
    }

    async fn abandon(
        &self,
        id: MailId,
        lease: LeaseId,
        at: Timestamp,
        fault: &MailFault,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let fault = fault.to_string();
        let give_up = move |row: &mut QueuedMail| {
            row.settled_at = Some(at);
            row.abandoned = true;
            row.last_fault = Some(fault);
            if row.mail.expires_at <= at {
                row.wipe();
            }
        };
        self.settle("OutboxStore::abandon", (id, lease), give_up, evidence).await
    }

    async fn requeue(&self, id: MailId, now: Timestamp, evidence: Evidence) -> Result<Requeued, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let Some(row) = tables.get::<QueuedMail>(id!(id))? else {
                return Ok(Step::Nothing(Requeued::Unknown));
            };
            if !row.abandoned {
                return Ok(Step::Nothing(Requeued::NotAbandoned));
            }
            if row.mail.expires_at <= now || !row.can_be_sent_after_all() {
                return Ok(Step::Nothing(Requeued::Expired));
            }
            tables.put(&QueuedMail { attempts: 0, due_at: now, settled_at: None, abandoned: false, ..row })?;
            Ok(Step::Done(Requeued::Done))
        };
        self.write("OutboxStore::requeue", step, |_| evidence).await
    }
}

#[async_trait]
impl OutboxReader for KvStore {
    async fn page(
        &self,
        state: Option<MailState>,
        before: Option<MailId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<MailRecord>, StoreError> {
        self.read("OutboxReader::page", move |tables| {
            let mut part = under(&[]);
            if let Some(before) = before {
                part.end = id!(before).to_vec();
            }
            let records = tables.rows::<QueuedMail>(part)?.rev().map(|row| row.map(|row| row.record(now)));
            let wanted = |record: &MailRecord| state.is_none_or(|state| record.state == state);
            records.filter(|record| record.as_ref().map_or(true, wanted)).take(limit as usize).collect()
        })
        .await
    }
}

impl KvStore {
    /// Changes a mail and ends its lease, while the lease is the worker's.
    async fn settle(
        &self,
        operation: &'static str,
        (id, lease): (MailId, LeaseId),
        change: impl FnOnce(&mut QueuedMail) + Send + 'static,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let mine = |row: &QueuedMail| row.lease.is_some_and(|held| held.id == lease);
            let Some(mut row) = tables.get::<QueuedMail>(id!(id))?.filter(mine) else {
                return Ok(Step::Nothing(false));
            };
            row.lease = None;
            change(&mut row);
            tables.put(&row)?;
            Ok(Step::Done(true))
        };
        self.write(operation, step, |_| evidence).await
    }
}

impl QueuedMail {
    fn wipe(&mut self) {
        self.mail.facts = Sealed::from_bytes(Vec::new());
    }

    fn record(self, now: Timestamp) -> MailRecord {
        let held_until = self.lease.filter(|lease| lease.holds(now)).map(|lease| lease.until);
        let (state, next_try_at) = match (self.settled_at, held_until) {
            (Some(_), _) if self.abandoned => (MailState::Abandoned, None),
            (Some(_), _) => (MailState::Sent, None),
            (None, Some(until)) => (MailState::Leased, Some(until)),
            (None, None) if now < self.due_at => (MailState::Retrying, Some(self.due_at)),
            (None, None) => (MailState::Due, None),
        };
        let Self { mail, attempts, settled_at, last_fault, .. } = self;
        MailRecord {
            id: mail.id,
            kind: mail.kind,
            to: mail.to,
            state,
            attempts,
            created_at: mail.created_at,
            expires_at: mail.expires_at,
            next_try_at,
            settled_at,
            last_fault: last_fault.map(MailFault::from_stored),
        }
    }

    /// Wipes what a mail that was given up keeps.
    pub(crate) fn wiped(mut self) -> Self {
        self.wipe();
        self
    }
}
