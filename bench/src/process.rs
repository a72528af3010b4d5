//! The host as a process of its own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::BenchError;

/// The hidden subcommand.
pub(crate) const HOST: &str = "host";
/// Another.
pub(crate) const SWEEP: &str = "sweep";

/// A running host. Dropped, it is ended.
pub(crate) struct HostProcess {
    child: Child,
    log: PathBuf,
    /// What the host keeps, its mail too.
    pub(crate) folder: PathBuf,
    /// Where the application listens.
    pub(crate) app: SocketAddr,
    /// Where the bare handler listens.
    pub(crate) bare: SocketAddr,
}

impl HostProcess {
    /// Starts this program as a host on a database, with the example's variables and nothing else.
    pub(crate) fn start(folder: &Path, database_url: &str, secret: &str) -> Result<Self, BenchError> {
        fs::create_dir_all(folder)?;
        let log = folder.join("log");
        let mut child = Command::new(std::env::current_exe()?)
            .arg(HOST)
            .env_clear()
            .env("SIGRA_DATA_DIR", folder)
            .env("SIGRA_DATABASE_URL", database_url)
            .env("SIGRA_SECRET", secret)
            // One client address asks more than any person; the limits that protect accounts stay.
            .env("SIGRA_RATE_LIMIT", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let addresses = line.trim().split_once(' ').map(|(app, bare)| (app.parse(), bare.parse()));
        match addresses {
            Some((Ok(app), Ok(bare))) => Ok(Self { child, log, folder: folder.to_owned(), app, bare }),
            _ => {
                _ = child.kill();
                _ = child.wait();
                let said = fs::read_to_string(&log).unwrap_or_default();
                Err(BenchError::Failed(format!("the host did not come up: {}", said.trim())))
            }
        }
    }

    /// The most memory the process ever had resident, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> Result<u64, BenchError> {
        resident("VmHWM:", &self.child.id().to_string())
    }

    /// The memory the process has resident, in KiB.
    pub(crate) fn memory_kib(&self) -> Result<u64, BenchError> {
        resident("VmRSS:", &self.child.id().to_string())
    }

    /// Processor time the process has used.
    pub(crate) fn cpu(&self) -> Result<Cpu, BenchError> {
        Cpu::of(&self.child.id().to_string())
    }

    /// The last lines the host logged, to say why something failed.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

/// What a sweep did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swept {
    /// Accounts.
    pub(crate) erased: u64,
    /// How long it took.
    pub(crate) secs: f64,
    /// The memory of its process when it began.
    pub(crate) before_kib: u64,
    /// The most there ever was.
    pub(crate) peak_kib: u64,
}

/// Sweeps a database in a process of its own, as a host beside the one that is measured would.
pub(crate) fn sweep(database_url: &str, secret: &str) -> Result<Swept, BenchError> {
    let folder = tempfile::tempdir()?;
    let output = Command::new(std::env::current_exe()?)
        .arg(SWEEP)
        .env_clear()
        .env("SIGRA_DATA_DIR", folder.path())
        .env("SIGRA_DATABASE_URL", database_url)
        .env("SIGRA_SECRET", secret)
        .stderr(Stdio::inherit())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut parts = said.split_whitespace();
    let mut part = || parts.next().ok_or_else(|| BenchError::failed("the sweep did not say what it did"));
    let number = |part: &str| part.parse().map_err(BenchError::failed);
    let erased = number(part()?)?;
    let secs = part()?.parse().map_err(BenchError::failed)?;
    Ok(Swept { erased, secs, before_kib: number(part()?)?, peak_kib: number(part()?)? })
}

/// A figure of the memory of a process, in KiB.
pub(crate) fn resident(figure: &str, process: &str) -> Result<u64, BenchError> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    line.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok())
        .ok_or_else(|| BenchError::Failed(format!("no {figure} in the status of a process")))
}

/// Processor time in seconds: in the program's own code, and in the kernel on its behalf.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Cpu {
    /// What this process has used.
    pub(crate) fn own() -> Result<Self, BenchError> {
        Self::of("self")
    }

    fn of(process: &str) -> Result<Self, BenchError> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name in parentheses may hold spaces; user and system time are the 14th and 15th field of all.
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let mut fields = rest.split_whitespace().skip(11).map(|field| field.parse::<f64>());
        match (fields.next(), fields.next()) {
            (Some(Ok(user)), Some(Ok(system))) => Ok(Self { user: user / TICKS, system: system / TICKS }),
            _ => Err(BenchError::failed("no times in the stat of a process")),
        }
    }

    /// Adds what was used between two readings.
    pub(crate) fn add(&mut self, before: Self, after: Self) {
        self.user += after.user - before.user;
        self.system += after.system - before.system;
    }
}

/// `USER_HZ`, which Linux has fixed at 100 for what it shows to programs.
const TICKS: f64 = 100.0;

impl Drop for HostProcess {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
