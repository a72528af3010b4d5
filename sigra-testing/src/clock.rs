//! A clock that goes when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sigra_core::time::{Clock, Timestamp};

/// A clock that stands still until it is moved, or told to [tick](ManualClock::tick), and never goes back. Clones show the
/// same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    micros: Arc<AtomicI64>,
    ticks: Arc<AtomicBool>,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { micros: Arc::new(AtomicI64::new(start.as_micros())), ticks: Arc::default() }
    }

    /// Moves the clock on and tells the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let moved = |micros| Some((Timestamp::from_micros(micros) + by).as_micros());
        match self.micros.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved) {
            Ok(before) => Timestamp::from_micros(before) + by,
            Err(unmoved) => Timestamp::from_micros(unmoved),
        }
    }

    /// From now on every reading is a microsecond later than the one before, as with a real clock: no two moments that a
    /// flow reads are the same.
    pub fn tick(&self) {
        self.ticks.store(true, Ordering::SeqCst);
    }

    /// Moves the clock on to `moment`. Nothing happens when that has passed.
    pub fn advance_to(&self, moment: Timestamp) {
        self.micros.fetch_max(moment.as_micros(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// A clock that shows a moment of the year 2026, with microseconds that are not zero.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_767_322_800_123_456))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let step = i64::from(self.ticks.load(Ordering::SeqCst));
        Timestamp::from_micros(self.micros.fetch_add(step, Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_when_told_and_never_back() {
        let clock = ManualClock::at(Timestamp::from_secs(100));
        let other = clock.clone();
        assert_eq!(clock.advance(Duration::from_secs(5)), Timestamp::from_secs(105));
        assert_eq!(other.now(), Timestamp::from_secs(105));
        other.advance_to(Timestamp::from_secs(50));
        assert_eq!(clock.now(), Timestamp::from_secs(105));
    }

    #[test]
    fn it_ticks_when_told() {
        let clock = ManualClock::at(Timestamp::from_micros(7));
        assert_eq!(clock.now(), clock.now());
        clock.clone().tick();
        let read = [(); 3].map(|()| clock.now().as_micros());
        assert_eq!(read, [7, 8, 9]);
    }
}
