//! Mail into a folder, for development and tests.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use sigra_core::mail::{MailError, MailFault, Mailer, Message};

use crate::eml::{Sender, to_eml};

/// Writes each mail into a folder as a file `<mail id>.eml`.
///
/// Names sort by the time the mail was owed. A file appears by rename, whole or not at all; the same message written
/// again replaces its file. Files are readable by their owner alone, for the links in them sign people in.
///
/// For development: [`Mailer::send`] blocks its thread while a small file is written and synced.
#[derive(Debug)]
pub struct DirMailer {
    dir: PathBuf,
    sender: Sender,
    written: AtomicU64,
}

impl DirMailer {
    /// Writes into `dir`, which is created when it is missing.
    ///
    /// # Errors
    ///
    /// When the folder cannot be created.
    pub fn new(dir: impl Into<PathBuf>, sender: Sender) -> io::Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, sender, written: AtomicU64::new(0) })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn write(&self, name: &str, eml: &[u8]) -> io::Result<()> {
        // A name of its own for every attempt, so that two for the same message do not write into one another's file.
        let attempt = self.written.fetch_add(1, Ordering::Relaxed);
        let hidden = self.dir.join(format!(".{name}.{}.{attempt}", std::process::id()));
        let done = create(&hidden)
            .and_then(|mut file| file.write_all(eml).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&hidden, self.dir.join(name)));
        if done.is_err() {
            // What is left of the attempt is hidden and harmless; the error that matters is the first.
            let _ = fs::remove_file(&hidden);
        }
        done
    }
}

#[async_trait]
impl Mailer for DirMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let eml = to_eml(&self.sender, message)?;
        self.write(&format!("{}.eml", message.id), &eml)
            .map_err(|error| MailError::Temporary(MailFault::UNREACHABLE, Box::new(error)))
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
