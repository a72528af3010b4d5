//! Throwing away what has expired, by one host at a time.

use std::iter;

use super::unfinished::Unfinished;
use super::{Deletion, Dormancy};
use crate::error::FlowError;
use crate::id::LeaseId;
use crate::ports::RowKind;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;

/// The lease whoever sweeps holds.
const LEASE: &str = "housekeeping";

/// Throws away what has expired, and does what else is due: tells owners of sign-ins that were given up at their second
/// factor, warns about accounts that nobody uses and disables them, and erases accounts. Nothing here spawns: a host calls it
/// now and then, and so may all hosts.
///
/// A lease in the storage makes them take turns. Whoever dies with it is replaced when it lapses, after
/// `housekeeping.lease_secs`. Nothing depends on the lease but the work that is spared: each step deletes in one statement
/// what has expired when it runs, and counts what it deleted.
#[derive(Clone, Copy)]
pub struct Sweeper<'a>(pub(crate) &'a Inner);

/// What came of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum SweepOutcome {
    /// It took place.
    Done(SweepReport),
    /// Somebody else is sweeping. There is nothing to do.
    HeldElsewhere,
}

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Each kind that was swept, in order.
    pub kinds: Vec<Swept>,
    /// Whether the lease lapsed half-way. The kinds that are missing are the next sweep's.
    pub interrupted: bool,
}

/// What a sweep did to one kind of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The name of the kind.
    pub kind: &'static str,
    /// How many rows went; of `dormant_accounts`, how many were warned or disabled.
    pub gone: u64,
    /// Whether there may be more to do: the batch was full.
    pub more: bool,
    /// Whether the storage could not do it. The log says why; the next sweep tries again.
    pub failed: bool,
}

impl SweepReport {
    /// How many rows went, or were warned or disabled, in all.
    #[must_use]
    pub fn gone(&self) -> u64 {
        self.kinds.iter().map(|swept| swept.gone).sum()
    }

    /// Whether there may be more that has expired, so that sweeping again at once is worth it.
    #[must_use]
    pub fn more(&self) -> bool {
        self.kinds.iter().any(|swept| swept.more)
    }

    /// Whether any kind could not be swept.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.kinds.iter().any(|swept| swept.failed)
    }
}

impl Sweeper<'_> {
    /// Takes the lease, works on one bounded batch of each kind of what is due, and gives the lease back. A kind that
    /// fails is logged, and the others are swept.
    ///
    /// # Errors
    ///
    /// When the storage cannot tell who holds the lease.
    #[operation("sigra.sweeper.run_once", DEBUG)]
    pub async fn run_once(&self) -> Result<SweepOutcome, FlowError> {
        let Some(mut turn) = Turn::take(self.0).await? else {
            return Ok(SweepOutcome::HeldElsewhere);
        };
        let mut report = SweepReport::default();
        for task in self.tasks() {
            if !turn.goes_on().await? {
                report.interrupted = true;
                return Ok(SweepOutcome::Done(report));
            }
            report.kinds.push(self.perform(task).await);
        }
        turn.end().await;
        Ok(SweepOutcome::Done(report))
    }

    /// What there is to do, in this order. Whatever else is to happen when a time has come is a [`Task`] of its own, here
    /// and in [`Sweeper::attempt`]. What purges would delete is read before them: sign-ins whose owner is to be told, and
    /// sessions, which tell that an account is used.
    fn tasks(&self) -> Vec<Task> {
        let dormant = Dormancy(self.0).rule().map(|_| Task::Dormant);
        let purges = self.0.stores.housekeeping.kinds().into_iter().map(Task::Purge);
        let first = iter::once(Task::TellUnfinished);
        first.chain(dormant).chain(purges).chain(iter::once(Task::Erase)).collect()
    }

    /// Does one batch of a task, and answers how many rows went, and of how many it looked at.
    async fn attempt(&self, task: Task, now: Timestamp, batch: u32) -> Result<(u64, u64), FlowError> {
        let gone = match task {
            // A task begins with half of its lease left, at least.
            Task::TellUnfinished => {
                let until = now + self.0.config.housekeeping.lease_secs.span() / 2;
                Unfinished(self.0).tell(batch, until).await?
            }
            Task::Dormant => {
                let swept = Dormancy(self.0).sweep(batch).await?;
                return Ok((swept.warned + swept.disabled, swept.looked_at));
            }
            Task::Erase => Deletion(self.0).sweep(batch).await?,
            Task::Purge(kind) => {
                let kept = self.0.config.housekeeping.keep_mail_secs.span();
                let before = if kind == RowKind::MAIL { now - kept } else { now };
                self.0.stores.housekeeping.purge(kind, before, batch).await?
            }
        };
        Ok((gone, gone))
    }

    async fn perform(&self, task: Task) -> Swept {
        let (kind, batch) = (task.name(), self.0.config.housekeeping.batch);
        match self.attempt(task, self.0.clock.now(), batch).await {
            Ok((gone, of)) => Swept { kind, gone, more: of >= u64::from(batch), failed: false },
            Err(error) => {
                tracing::error!(
                    name: "sigra.sweeper.failed",
                    error = &error as &dyn std::error::Error,
                    kind,
                    "what has expired could not be swept now"
                );
                Swept { kind, gone: 0, more: false, failed: true }
            }
        }
    }
}

/// One thing a sweep does.
#[derive(Clone, Copy)]
enum Task {
    /// Tells owners of sign-ins that were given up.
    TellUnfinished,
    /// Warns about accounts that nobody uses, and disables them, where that is asked for.
    Dormant,
    /// Erases accounts whose deletion is due.
    Erase,
    /// Deletes rows that have expired.
    Purge(RowKind),
}

impl Task {
    const fn name(self) -> &'static str {
        match self {
            Self::TellUnfinished => "unfinished_sign_ins",
            Self::Dormant => "dormant_accounts",
            Self::Erase => "due_deletions",
            Self::Purge(kind) => kind.name(),
        }
    }
}

/// The lease, while it is held.
struct Turn<'a> {
    inner: &'a Inner,
    holder: LeaseId,
    until: Timestamp,
}

impl<'a> Turn<'a> {
    async fn take(inner: &'a Inner) -> Result<Option<Self>, FlowError> {
        let now = inner.clock.now();
        let (holder, until) = (LeaseId::new(now), now + inner.config.housekeeping.lease_secs.span());
        let taken = inner.stores.leases.take(LEASE, holder, now, until).await?;
        Ok(taken.then_some(Self { inner, holder, until }))
    }

    /// Whether the lease is still held. Renews it when half of it is over.
    async fn goes_on(&mut self) -> Result<bool, FlowError> {
        let (now, span) = (self.inner.clock.now(), self.inner.config.housekeeping.lease_secs.span());
        if now + span / 2 < self.until {
            return Ok(true);
        }
        self.until = now + span;
        Ok(self.inner.stores.leases.renew(LEASE, self.holder, now, self.until).await?)
    }

    /// Gives the lease back. What fails here costs the others a wait until it lapses.
    async fn end(self) {
        if let Err(error) = self.inner.stores.leases.release(LEASE, self.holder, self.inner.clock.now()).await {
            tracing::warn!(
                name: "sigra.sweeper.lease_left",
                error = &error as &dyn std::error::Error,
                "a lease could not be given back; it lapses"
            );
        }
    }
}
