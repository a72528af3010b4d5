//! Parameters for a machine and a time.

use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Version};

use crate::params::Argon2Params;

/// Memory sizes to choose from above the default, in KiB: 32, 46, 64, 128 and 256 MiB.
const MEMORY: [u32; 5] = [32_768, 47_104, 65_536, 131_072, 262_144];

/// The most passes proposed.
const MAX_PASSES: u32 = 16;

/// Measures this machine and proposes parameters under which a hash takes at most `target` while `threads` threads hash
/// at once, as the threads of a busy pool do: the most memory of a fixed ladder that two passes fit for, then more
/// passes. Never proposes less than the default, even where that takes longer than the target.
///
/// Takes a few seconds, fills `threads` times 256 MiB at most, and blocks the calling thread. Run it once by hand on
/// the machine that will serve, and put the answer into the configuration.
///
/// ```no_run
/// use std::time::Duration;
///
/// let params = sigra_crypto::calibrate(Duration::from_millis(100), 4);
/// println!("{params}"); // m=131072,t=2,p=1
/// ```
#[must_use]
pub fn calibrate(target: Duration, threads: usize) -> Argon2Params {
    propose(target, |params| measure(params, threads.max(1)))
}

fn propose(target: Duration, measure: impl Fn(Argon2Params) -> Duration) -> Argon2Params {
    let mut best = Argon2Params::DEFAULT;
    let mut took = measure(best);
    for memory_kib in MEMORY {
        let params = with(memory_kib, best.passes());
        let time = measure(params);
        if time > target {
            break;
        }
        (best, took) = (params, time);
    }
    let pass = took.as_nanos().max(1) / u128::from(best.passes());
    let passes = u32::try_from(target.as_nanos() / pass.max(1)).unwrap_or(MAX_PASSES);
    with(best.memory_kib(), passes.clamp(best.passes(), MAX_PASSES))
}

fn with(memory_kib: u32, passes: u32) -> Argon2Params {
    Argon2Params::new(memory_kib, passes, 1).expect("the ladder holds valid parameters")
}

/// The slowest of `threads` simultaneous hashes, after one each that brings the memory in.
fn measure(params: Argon2Params, threads: usize) -> Duration {
    thread::scope(|scope| {
        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(|| time_one(params))).collect();
        runs.into_iter().filter_map(|run| run.join().ok()).max().unwrap_or_default()
    })
}

fn time_one(params: Argon2Params) -> Duration {
    let params = params.to_argon2();
    let mut memory = vec![argon2::Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; Argon2Params::OUTPUT_LEN];
    let mut hash = || {
        let started = Instant::now();
        argon2
            .hash_password_into_with_memory(b"a password", b"a salt of 16 byt", &mut output, &mut memory)
            .expect("the salt is long enough and the memory is that of the parameters");
        started.elapsed()
    };
    hash();
    hash()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that fills `blocks` memory blocks in a millisecond.
    fn machine(blocks: u64) -> impl Fn(Argon2Params) -> Duration {
        move |params| {
            Duration::from_micros(u64::from(params.memory_kib()) * u64::from(params.passes()) * 1_000 / blocks)
        }
    }

    #[test]
    fn memory_is_raised_first_and_passes_next() {
        let fast = machine(2_500);
        assert_eq!(propose(Duration::from_millis(100), &fast).to_string(), "m=65536,t=3,p=1");
        assert_eq!(propose(Duration::from_millis(250), &fast).to_string(), "m=262144,t=2,p=1");
        assert_eq!(propose(Duration::from_secs(600), &fast).to_string(), "m=262144,t=16,p=1");
    }

    #[test]
    fn a_slow_machine_gets_the_default() {
        assert_eq!(propose(Duration::from_millis(1), machine(100)), Argon2Params::DEFAULT);
    }

    #[test]
    fn a_measurement_takes_time() {
        assert!(measure(with(64, 1), 2) > Duration::ZERO);
    }
}
