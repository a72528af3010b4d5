//! A bounded pool of dedicated threads for work that is slow on purpose.

mod memory;
mod queue;
mod settings;
mod stats;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;
use sigra_core::ports::{Overloaded, WorkOrigin};

use crate::config::ConfigFaults;

pub(crate) use memory::{Memory, OutOfMemory};
use queue::{Queue, Work};
pub use settings::PoolConfig;
pub use stats::PoolStats;
use stats::Stats;

/// Threads that hash passwords, and do other slow work, behind a bounded queue.
///
/// Each thread owns one block of Argon2 memory and reuses it, so the memory of any number of sign-ins is that of the
/// threads. The memory is wiped once a thread has had nothing to do for a tenth of a second, and when it ends; until then the
/// next hash overwrites what the last one left. Needs no async runtime.
///
/// Waiting work stands in two lanes, one for known devices and one for everybody else, served in turn; in the second
/// no network block holds more than its share. A lane or share that is full refuses at once. Work whose caller has gone
/// away is skipped and holds no place against somebody who is still there.
///
/// Dropping the pool ends its threads, each after the job it is on.
pub struct HashPool {
    shared: Arc<Shared>,
    retry_after: Duration,
}

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the configuration has faults, or the operating system gives no thread.
    pub fn new(config: &PoolConfig) -> Result<Self, PoolError> {
        ConfigFaults::check(config.faults())?;
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(config.limits())),
            ready: Condvar::new(),
            stats: Arc::default(),
        });
        // Made before the threads, so that a failure half way ends those already started.
        let pool = Self { shared, retry_after: config.retry_after() };
        for number in 0..config.thread_count() {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new().name(format!("sigra-hash-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// Runs `job` on a thread of the pool.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] at once when there is no room, and also when the job panics: its caller cannot know more than that
    /// there is no answer now.
    pub async fn run<T, F>(&self, origin: WorkOrigin, job: F) -> Result<T, Overloaded>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.run_with_memory(origin, move |_| job()).await
    }

    /// Runs `job` with the Argon2 memory of the thread it lands on.
    pub(crate) async fn run_with_memory<T, F>(&self, origin: WorkOrigin, job: F) -> Result<T, Overloaded>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        if !self.shared.lock().push(origin, Box::new(Task { job, answer })) {
            Stats::add(&self.shared.stats.refused);
            return Err(self.overloaded());
        }
        self.shared.ready.notify_one();
        answered.await.map_err(|_| self.overloaded())
    }

    /// The answer when there is no room.
    pub(crate) const fn overloaded(&self) -> Overloaded {
        Overloaded { retry_after: self.retry_after }
    }

    /// What the pool did so far, and does now.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let queued = self.shared.lock().len();
        self.shared.stats.snapshot(queued)
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        // The threads are not joined: a drop on an executor must not wait for a hash.
        self.shared.lock().close();
        self.shared.ready.notify_all();
    }
}

/// The pool could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] ConfigFaults),
    /// The operating system gave no thread.
    #[error("no thread for the hash pool")]
    Thread(#[from] io::Error),
}

/// How long a thread waits for work before it wipes its memory. On a busy host a thread is without work for a moment after
/// many of its hashes, and wiping each time would be a noticeable part of the next.
const LULL: Duration = Duration::from_millis(100);

struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    stats: Arc<Stats>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock leaves the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut memory = Memory::new(Arc::clone(&self.stats));
        while let Some(work) = self.next(&mut memory) {
            if work.abandoned() {
                Stats::add(&self.stats.skipped);
            } else {
                work.run(&mut memory, &self.stats);
            }
        }
    }

    /// Waits for work; `None` when the pool is gone.
    fn next(&self, memory: &mut Memory) -> Option<Box<dyn Work>> {
        let mut queue = self.lock();
        loop {
            if queue.is_closed() {
                return None;
            }
            if let Some(work) = queue.pop() {
                return Some(work);
            }
            if !memory.is_dirty() {
                queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (waited, lull) = self.ready.wait_timeout(queue, LULL).unwrap_or_else(PoisonError::into_inner);
            queue = waited;
            if lull.timed_out() && queue.len() == 0 {
                drop(queue);
                memory.wipe();
                Stats::add(&self.stats.wiped);
                queue = self.lock();
            }
        }
    }
}

struct Task<F, T> {
    job: F,
    answer: oneshot::Sender<T>,
}

impl<F, T> Work for Task<F, T>
where
    T: Send,
    F: FnOnce(&mut Memory) -> T + Send,
{
    fn abandoned(&self) -> bool {
        self.answer.is_canceled()
    }

    fn run(self: Box<Self>, memory: &mut Memory, stats: &Stats) {
        let Self { job, answer } = *self;
        stats.begin();
        let outcome = catch_unwind(AssertUnwindSafe(|| job(memory)));
        stats.end(outcome.is_err());
        match outcome {
            // A caller that left meanwhile wants no answer.
            Ok(value) => drop(answer.send(value)),
            // The payload is not logged: it may quote what the job worked on.
            Err(_) => tracing::error!(name: "sigra.hash_pool.panicked", "a job of the hash pool panicked"),
        }
    }
}

#[cfg(test)]
mod tests;
