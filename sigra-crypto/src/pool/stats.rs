//! What a pool did and does.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A snapshot of what a [`HashPool`](super::HashPool) did since it started, and does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Jobs that ran to their end, panicked ones included.
    pub finished: u64,
    /// Jobs that panicked.
    pub panicked: u64,
    /// Jobs that were reached after their caller had gone, and did not run.
    pub skipped: u64,
    /// Jobs that found no place.
    pub refused: u64,
    /// Argon2 memory blocks filled, times passes: the amount of work, whatever it was for.
    pub argon2_blocks_filled: u64,
    /// Times the memory of a thread was wiped because there was nothing to do.
    pub wiped: u64,
    /// Jobs waiting now.
    pub queued: usize,
    /// Jobs running now.
    pub running: usize,
    /// The most jobs that ever ran at once.
    pub peak_running: usize,
    /// Argon2 memory held now, in KiB, over all threads.
    pub memory_kib: usize,
    /// The most Argon2 memory ever held at once, in KiB, over all threads.
    pub peak_memory_kib: usize,
}

#[derive(Default)]
pub(super) struct Stats {
    finished: AtomicU64,
    panicked: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) wiped: AtomicU64,
    argon2_blocks_filled: AtomicU64,
    running: AtomicUsize,
    peak_running: AtomicUsize,
    memory_kib: AtomicUsize,
    peak_memory_kib: AtomicUsize,
}

impl Stats {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn begin(&self) {
        let running = self.running.fetch_add(1, Relaxed) + 1;
        self.peak_running.fetch_max(running, Relaxed);
    }

    pub(super) fn end(&self, panicked: bool) {
        self.running.fetch_sub(1, Relaxed);
        Self::add(&self.finished);
        if panicked {
            Self::add(&self.panicked);
        }
    }

    pub(super) fn filled(&self, blocks: usize, passes: u32) {
        self.argon2_blocks_filled.fetch_add(blocks as u64 * u64::from(passes), Relaxed);
    }

    pub(super) fn memory_taken(&self, kib: usize) {
        let held = self.memory_kib.fetch_add(kib, Relaxed) + kib;
        self.peak_memory_kib.fetch_max(held, Relaxed);
    }

    pub(super) fn memory_given_back(&self, kib: usize) {
        self.memory_kib.fetch_sub(kib, Relaxed);
    }

    pub(super) fn snapshot(&self, queued: usize) -> PoolStats {
        PoolStats {
            finished: self.finished.load(Relaxed),
            panicked: self.panicked.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            refused: self.refused.load(Relaxed),
            argon2_blocks_filled: self.argon2_blocks_filled.load(Relaxed),
            wiped: self.wiped.load(Relaxed),
            queued,
            running: self.running.load(Relaxed),
            peak_running: self.peak_running.load(Relaxed),
            memory_kib: self.memory_kib.load(Relaxed),
            peak_memory_kib: self.peak_memory_kib.load(Relaxed),
        }
    }
}
