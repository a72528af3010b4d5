//! A clock that a test can move forward.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use sigra_core::time::{Clock, SystemClock, Timestamp};

/// The system's clock plus the number of seconds in a file, which is read again at every use. An unreadable or empty
/// file keeps the last value; the clock never goes back.
pub(crate) struct TestClock {
    path: PathBuf,
    system: SystemClock,
    offset_micros: AtomicU64,
    latest: AtomicI64,
}

impl TestClock {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, system: SystemClock::new(), offset_micros: AtomicU64::new(0), latest: AtomicI64::new(0) }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let read = std::fs::read_to_string(&self.path).ok().and_then(|text| text.trim().parse::<f64>().ok());
        if let Some(offset) = read.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            self.offset_micros.store(u64::try_from(offset.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        let offset = Duration::from_micros(self.offset_micros.load(Ordering::Relaxed));
        let now = (self.system.now() + offset).as_micros();
        Timestamp::from_micros(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_file_and_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        let clock = TestClock::new(path.clone());
        let start = clock.now();
        std::fs::write(&path, "3600\n").unwrap();
        let moved = clock.now();
        assert!(moved.since(start) >= Duration::from_secs(3_600));
        std::fs::write(&path, "3600.5").unwrap();
        assert!(clock.now().since(start) >= Duration::from_millis(3_600_500), "parts of a second count");
        for unreadable in ["-5", "soon", "NaN"] {
            std::fs::write(&path, unreadable).unwrap();
            assert!(clock.now() >= moved, "{unreadable} keeps the last value");
        }
        std::fs::write(&path, "").unwrap();
        assert!(clock.now() >= moved, "an empty file keeps the last value");
        std::fs::write(&path, "0").unwrap();
        assert!(clock.now() >= moved, "time never goes back");
    }
}
