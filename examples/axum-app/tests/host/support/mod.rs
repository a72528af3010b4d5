//! A host as a process of its own, seen from outside: its environment, its answers, its mails, its files.

mod client;
mod database;
mod mails;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use client::{Answer, Client};
pub(crate) use database::Database;
pub(crate) use mails::Mail;

/// A password that the policy accepts.
pub(crate) const PASSWORD: &str = "seven violet kettles 93";

const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Where a host lives: program, environment and data, which outlast its process.
pub(crate) struct Place {
    folder: TempDir,
    binary: &'static str,
    env: Vec<(String, String)>,
}

impl Place {
    /// An empty folder for a host that listens on any free loopback port.
    pub(crate) fn bare(binary: &'static str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), binary, env: Vec::new() };
        let data = place.data_dir().display().to_string();
        place.with("SIGRA_LISTEN", "127.0.0.1:0").with("SIGRA_DATA_DIR", &data)
    }

    /// The same for a host that hashes cheaply and does not count requests.
    pub(crate) fn new(binary: &'static str) -> Self {
        Self::bare(binary).with("SIGRA_ARGON2", "m=64,t=1,p=1").with("SIGRA_RATE_LIMIT", "off")
    }

    /// The same with one variable more, or another value of it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(each, _)| each != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a clock that [`Place::move_clock`] moves.
    pub(crate) fn with_clock(self) -> Self {
        let clock = self.path("clock").display().to_string();
        self.with("SIGRA_TEST_CLOCK", &clock)
    }

    /// Sets how many seconds the host's clock is ahead.
    pub(crate) fn move_clock(&self, ahead_secs: u32) {
        let hidden = self.path("clock.new");
        fs::write(&hidden, ahead_secs.to_string()).unwrap();
        fs::rename(hidden, self.path("clock")).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn database(&self) -> Database {
        Database::open(&self.data_dir().join("sigra.db"))
    }

    /// All mails, oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        Mail::all(&self.data_dir().join("mail"))
    }

    /// Waits until so many mails of a kind went to an address.
    #[track_caller]
    pub(crate) fn mails_to(&self, to: &str, kind: &str, count: usize) -> Vec<Mail> {
        wait_for(&format!("{count} mails {kind} to {to}"), || {
            let mails: Vec<_> = self.mails().into_iter().filter(|mail| mail.to == to && mail.kind == kind).collect();
            (mails.len() >= count).then_some(mails)
        })
    }

    /// Waits for the one mail of a kind to an address.
    #[track_caller]
    pub(crate) fn mail_to(&self, to: &str, kind: &str) -> Mail {
        self.mails_to(to, kind, 1).remove(0)
    }

    /// A host that is expected to start.
    #[track_caller]
    pub(crate) fn start(&self) -> Host {
        let stderr = fs::OpenOptions::new().create(true).append(true).open(self.path("stderr")).unwrap();
        let mut process = self.command().stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        // From here on nobody blocks on a full pipe.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let Some(origin) = first_line.split_whitespace().find(|word| word.starts_with("http")).map(str::to_owned)
        else {
            let told = fs::read_to_string(self.path("stderr")).unwrap_or_default();
            panic!("the host did not start: {first_line}{told}");
        };
        let port = origin.rsplit_once(':').unwrap().1.parse().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let host = Host { process, address, origin, first_line };
        wait_for("the host to be healthy", || (host.client().get("/healthz").status == 200).then_some(()));
        host
    }

    /// Starts a host, and kills it as soon as a condition holds.
    #[track_caller]
    pub(crate) fn start_and_kill(&self, mut condition: impl FnMut() -> bool) {
        let mut process = self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "waited in vain for the moment to kill");
            thread::yield_now();
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// A host that is expected to refuse: its exit status, and what it says on stderr.
    #[track_caller]
    pub(crate) fn refuse(&self) -> (ExitStatus, String) {
        let mut process = self.command().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = process.stderr.take().unwrap();
        let reader = thread::spawn(move || {
            let mut told = String::new();
            std::io::Read::read_to_string(&mut stderr, &mut told).map(|_| told)
        });
        let status = ended(&mut process);
        (status, reader.join().unwrap().unwrap())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.binary);
        let env = self.env.iter().map(|(name, value)| (name, value));
        command.env_clear().envs(env).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }
}

fn ended(process: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    panic!("the host did not end");
}

/// A running host, killed when it is dropped.
pub(crate) struct Host {
    process: Child,
    address: SocketAddr,
    pub(crate) origin: String,
    pub(crate) first_line: String,
}

impl Host {
    /// Somebody new at a browser.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address, &self.origin)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the process where it stands, as a power failure does.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().unwrap().success());
        ended(&mut self.process)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Body of a registration or sign-in.
pub(crate) fn credentials(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

/// Makes an account, by link.
#[track_caller]
pub(crate) fn register(place: &Place, host: &Host, email: &str, password: &str) {
    host.client().post("/auth/api/v1/register", &credentials(email, password)).expect(202);
    let token = place.mail_to(email, "confirm_email").token();
    host.client().post("/auth/api/v1/confirm", &json!({"token": token})).expect(200);
}

/// Signs in, or tries to.
pub(crate) fn sign_in(client: &mut Client, email: &str, password: &str) -> Answer {
    client.post("/auth/api/v1/login", &credentials(email, password))
}

/// The permissions of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
