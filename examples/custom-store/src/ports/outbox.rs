//! Mail that is owed.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, MailId};
use sigra_core::ports::{LeasedMail, OutboxStore, Sealed};
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
        self.settle("OutboxStore::sent", (id, lease), move |row| row.settle(at), Evidence::none()).await
    }

    async fn retry(&self, id: MailId, lease: LeaseId, at: Timestamp) -> Result<bool, StoreError> {
        self.settle("OutboxStore::retry", (id, lease), move |row| row.due_at = at, Evidence::none()).await
    }

    async fn abandon(&self, id: MailId, lease: LeaseId, at: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        self.settle("OutboxStore::abandon", (id, lease), move |row| row.settle(at), evidence).await
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
    fn settle(&mut self, at: Timestamp) {
        self.settled_at = Some(at);
        self.mail.facts = Sealed::from_bytes(Vec::new());
    }
}
