//! The host's time.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

/// The file that moves a host's clock.
#[derive(Debug)]
pub struct TestClock {
    path: PathBuf,
    offset: Mutex<u64>,
}

impl TestClock {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, offset: Mutex::new(0) }
    }

    /// Moves the clock ahead by so many seconds more.
    pub fn advance(&self, seconds: u64) {
        let mut offset = self.offset.lock().unwrap();
        *offset += seconds;
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, offset.to_string()).unwrap();
        fs::rename(fresh, &self.path).unwrap();
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }
}
