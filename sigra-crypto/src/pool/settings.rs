//! How large the pool is.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::queue::Limits;

/// How many threads a [`HashPool`](super::HashPool) has and how much work may wait for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolConfig {
    /// Threads, each with its own Argon2 memory. One per core when absent.
    pub threads: Option<usize>,
    /// Places in the queue for each thread. Each is one hash, or one judged password, of waiting for that thread.
    pub queue_per_thread: usize,
    /// Percent of the places that are for known devices. The others are for everybody else.
    pub known_device_percent: usize,
    /// Percent of everybody else's places that one network block may hold, at least one place.
    pub block_percent: usize,
    /// What a refused caller is told, in seconds.
    pub retry_after_seconds: u64,
}

impl PoolConfig {
    const MAX_THREADS: usize = 1_024;
    const MAX_QUEUE: usize = 4_096;

    /// Everything that is wrong with this configuration.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.threads.is_some_and(|threads| !(1..=Self::MAX_THREADS).contains(&threads)) {
            faults.push(format!("threads must be from 1 to {}, or absent for one per core", Self::MAX_THREADS));
        }
        if !(2..=Self::MAX_QUEUE).contains(&self.queue_per_thread) {
            faults.push(format!("queue_per_thread must be from 2 to {}", Self::MAX_QUEUE));
        }
        if !(1..=99).contains(&self.known_device_percent) {
            faults.push("known_device_percent must be from 1 to 99".to_owned());
        }
        if !(1..=100).contains(&self.block_percent) {
            faults.push("block_percent must be from 1 to 100".to_owned());
        }
        if !(1..=3_600).contains(&self.retry_after_seconds) {
            faults.push("retry_after_seconds must be from 1 to 3600".to_owned());
        }
        faults
    }

    pub(super) fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get))
    }

    pub(super) fn limits(&self) -> Limits {
        let places = self.thread_count() * self.queue_per_thread;
        let known_devices = (places * self.known_device_percent / 100).clamp(1, places - 1);
        let networks = places - known_devices;
        Limits { known_devices, networks, per_block: (networks * self.block_percent / 100).max(1) }
    }

    pub(super) const fn retry_after(&self) -> Duration {
        Duration::from_secs(self.retry_after_seconds)
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            threads: None,
            queue_per_thread: 256,
            known_device_percent: 50,
            block_percent: 25,
            retry_after_seconds: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_the_lanes_add_up() {
        let config = PoolConfig { threads: Some(2), ..PoolConfig::default() };
        assert_eq!(config.limits(), Limits { known_devices: 256, networks: 256, per_block: 64 });
        let tiny =
            PoolConfig { threads: Some(1), queue_per_thread: 2, known_device_percent: 1, block_percent: 1, ..config };
        assert_eq!(tiny.limits(), Limits { known_devices: 1, networks: 1, per_block: 1 });
    }

    #[test]
    fn all_faults_are_found_at_once() {
        assert_eq!(PoolConfig::default().faults(), Vec::<String>::new());
        let bad = PoolConfig {
            threads: Some(0),
            queue_per_thread: 0,
            known_device_percent: 100,
            block_percent: 0,
            retry_after_seconds: 0,
        };
        assert_eq!(bad.faults().len(), 5);
        assert!(serde_json::from_str::<PoolConfig>(r#"{"thread":2}"#).is_err(), "an unknown key is refused");
        assert_eq!(serde_json::from_str::<PoolConfig>("{}").unwrap(), PoolConfig::default());
    }
}
