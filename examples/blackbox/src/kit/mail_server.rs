//! A mail server that can be closed, and made to hold back its answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// An SMTP server. It refuses mail until it is opened, and remembers what it took.
#[derive(Clone, Debug)]
pub struct MailServer {
    address: SocketAddr,
    desk: Arc<Desk>,
}

/// A message that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How the client introduced itself.
    pub client: String,
    /// Its `Message-ID`.
    pub message_id: String,
    /// Its recipient.
    pub to: String,
}

#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// So many messages are answered at once; whoever brings more waits.
    answered_at_once: Option<usize>,
    taken: Vec<Taken>,
}

impl MailServer {
    /// A server that is closed: it takes no mail for now.
    #[must_use]
    pub fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), desk: Arc::default() };
        let desk = server.desk.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let desk = desk.clone();
                // A client that is killed hangs up on its own conversation only.
                thread::spawn(move || _ = converse(&desk, stream));
            }
        });
        server
    }

    /// What a host is told, to introduce itself as `client`.
    #[must_use]
    pub fn url(&self, client: &str) -> String {
        format!("smtp://{}/{client}", self.address)
    }

    /// Takes mail from now on. So many messages are answered; of those that come after them each waits for its answer.
    pub fn open_for(&self, messages: usize) {
        let mut state = self.desk.state.lock().unwrap();
        state.open = true;
        state.answered_at_once = Some(messages);
    }

    /// Answers everybody who waits, and whoever comes.
    pub fn release(&self) {
        self.desk.state.lock().unwrap().answered_at_once = None;
        self.desk.released.notify_all();
    }

    /// Every message that arrived, in the order they came, answered or not.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.desk.state.lock().unwrap().taken.clone()
    }
}

fn converse(desk: &Desk, stream: TcpStream) -> std::io::Result<()> {
    let mut answers = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let (mut client, mut to) = (String::new(), String::new());
    answers.write_all(b"220 test ESMTP\r\n")?;
    while let Some(line) = lines.next() {
        let line = line?;
        let answer = if let Some(name) = line.strip_prefix("EHLO ") {
            name.clone_into(&mut client);
            "250 test"
        } else if line.starts_with("MAIL ") {
            if desk.state.lock().unwrap().open { "250 ok" } else { "451 4.3.0 not now" }
        } else if let Some(recipient) = line.strip_prefix("RCPT TO:<") {
            to = recipient.split('>').next().unwrap_or_default().to_owned();
            "250 ok"
        } else if line == "DATA" {
            answers.write_all(b"354 go on\r\n")?;
            let mut message_id = String::new();
            loop {
                // A line that is cut off is no message.
                let line = lines.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
                if line == "." {
                    break;
                }
                if let Some(id) = line.strip_prefix("Message-ID: ") {
                    id.clone_into(&mut message_id);
                }
            }
            desk.take(Taken { client: client.clone(), message_id, to: to.clone() });
            "250 ok"
        } else if line == "QUIT" {
            "221 bye"
        } else {
            "250 ok"
        };
        answers.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

impl Desk {
    /// Notes a message, and comes back when it may be answered.
    fn take(&self, message: Taken) {
        let mut state = self.state.lock().unwrap();
        state.taken.push(message);
        let number = state.taken.len();
        let held = |state: &mut State| state.answered_at_once.is_some_and(|answered| number > answered);
        drop(self.released.wait_while(state, held).unwrap());
    }
}
