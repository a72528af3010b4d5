//! The host's process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::json;
use sigra_example_databases::{Engine, OwnDatabase};
use tempfile::TempDir;

use super::{Client, Database, Mailbox, PASSWORD, TestClock, eventually};

/// How a host is started.
#[derive(Debug)]
pub struct Launch {
    binary: PathBuf,
    env: Vec<(String, String)>,
    has_test_clock: bool,
    database: Option<OwnDatabase>,
}

/// A running host in a folder of its own. Dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Host {
    launch: Launch,
    child: Child,
    origin: String,
    stdout: Arc<Mutex<Vec<String>>>,
    /// The clock, which can be moved.
    pub clock: TestClock,
    /// Sent mails.
    pub mailbox: Mailbox,
    folder: TempDir,
}

/// How a host ended that did not come up.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Launch {
    /// A binary without settings.
    #[must_use]
    pub fn new(binary: &str) -> Self {
        Self { binary: binary.into(), env: Vec::new(), has_test_clock: true, database: None }
    }

    /// With variables of the environment. `SIGRA_LISTEN` is a free loopback port unless said otherwise.
    #[must_use]
    pub fn env(mut self, pairs: &[(&str, &str)]) -> Self {
        self.env.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    /// On a database of its own, which goes with the host.
    #[must_use]
    pub fn on(mut self, engine: Engine) -> Self {
        if engine == Engine::Sqlite {
            // That is what it has by itself, in its folder.
            return self;
        }
        let database = OwnDatabase::new(engine);
        self.env.push((String::from("SIGRA_DATABASE_URL"), database.url().to_owned()));
        self.database = Some(database);
        self
    }

    /// On the database of another host, which must outlive this one, and by its clock. Both need to be told the same secret.
    #[must_use]
    pub fn beside(mut self, host: &Host) -> Self {
        self.has_test_clock = false;
        let (url, clock) = (host.database_url(), host.clock.path().display().to_string());
        self.env(&[("SIGRA_DATABASE_URL", &url), ("SIGRA_TEST_CLOCK", &clock)])
    }

    /// With a public URL that does not tell the port, and without a test clock, which is for loopback mode only.
    #[must_use]
    pub fn public_url(mut self, url: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        self.has_test_clock = false;
        self.env(&[("SIGRA_PUBLIC_URL", url), ("SIGRA_LISTEN", &free.to_string())])
    }

    /// Starts the host and waits until it answers.
    #[must_use]
    pub fn start(self) -> Host {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::new(folder.path().join("clock"));
        let (child, origin, stdout) = self.spawn(folder.path(), &clock);
        let mailbox = Mailbox::new(folder.path().join("data/mail"));
        let host = Host { launch: self, child, origin, stdout, clock, mailbox, folder };
        host.wait_until_healthy();
        host
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .current_dir(folder)
            .env("SIGRA_LISTEN", "127.0.0.1:0")
            .env("SIGRA_DATA_DIR", folder.join("data"))
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn spawn(&self, folder: &Path, clock: &TestClock) -> (Child, String, Arc<Mutex<Vec<String>>>) {
        let log = File::options().create(true).append(true).open(folder.join("stderr")).unwrap();
        let mut command = self.command(folder);
        if self.has_test_clock {
            command.env("SIGRA_TEST_CLOCK", clock.path());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(Ok(first)) = lines.next() else {
            panic!("the host did not come up: {}", fs::read_to_string(folder.join("stderr")).unwrap());
        };
        let at = first.find("http").unwrap_or_else(|| panic!("no public URL on the first line: {first}"));
        let origin = first[at..].trim_end_matches('/').to_owned();
        let said = Arc::new(Mutex::new(vec![first]));
        let rest = said.clone();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| rest.lock().unwrap().push(line)));
        (child, origin, said)
    }
}

/// Starts a binary that must refuse to come up, and waits for its end.
#[must_use]
pub fn refused(launch: &Launch) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let output = launch.command(folder.path()).stdin(Stdio::null()).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Host {
    /// A client without cookies.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.address(), &self.origin)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let told = self.launch.env.iter().find(|(name, _)| name == "SIGRA_LISTEN").map(|(_, value)| value.as_str());
        let (_, authority) = self.origin.split_once("://").unwrap();
        told.unwrap_or(authority).to_socket_addrs().unwrap().find(SocketAddr::is_ipv4).unwrap()
    }

    /// Its public origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The folder its files are in.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it wrote to stdout so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.lock().unwrap().clone()
    }

    /// What it wrote to stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::open(&self.database_url())
    }

    fn database_url(&self) -> String {
        match &self.launch.database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite://{}?mode=rw", self.data_dir().join("sigra.db").display()),
        }
    }

    /// Registers and confirms an account.
    pub fn account(&self, email: &str) {
        let client = self.client();
        client.api("/register", &json!({ "email": email, "password": PASSWORD })).expect(202);
        let token = self.mailbox.first(email, "confirm_email").token();
        client.api("/confirm", &json!({ "token": token })).expect(200);
    }

    /// A client signed in to an account.
    pub fn signed_in(&self, email: &str, password: &str) -> Client {
        let client = self.client();
        client.api("/login", &json!({ "email": email, "password": password })).expect(200);
        client
    }

    /// Ends it at once, as a power failure would. What it had sent to a database server is done or undone then.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        if let Some(database) = &self.launch.database {
            database.wait_until_unused();
        }
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the host ends", || self.child.try_wait().unwrap())
    }

    /// Starts it again on its files, after it ended. It gets another port.
    pub fn start_again(&mut self) {
        (self.child, self.origin, self.stdout) = self.launch.spawn(self.folder.path(), &self.clock);
        self.wait_until_healthy();
    }

    /// Starts it again after a crash, lets every lease of the crashed one lapse, and waits until no mail is owed.
    pub fn recover(&mut self) {
        self.start_again();
        self.clock.advance(180);
        let database = self.database();
        eventually("no request and no mail is outstanding", || {
            let owed = "SELECT (SELECT count(*) FROM sigra_requests)
                + (SELECT count(*) FROM sigra_outbox WHERE settled_at IS NULL)";
            (database.number(owed) == 0).then_some(())
        });
    }

    fn wait_until_healthy(&self) {
        eventually("the host answers", || {
            self.client().send("GET", "/healthz", "", "").ok().filter(|response| response.status == 200)
        });
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the host said:\n{}", self.stderr());
        }
    }
}
