//! From the outbox to an SMTP server that fails in every way there is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sigra_core::audit::names;
use sigra_core::evidence::Evidence;
use sigra_core::flows::WorkReport;
use sigra_core::id::MailId;
use sigra_core::mail::{MailFault, MailKind, Mailer as _, Message, OutgoingMail};
use sigra_core::ports::MailState;
use sigra_mail::{Sender, SmtpMailer};
use sigra_testing::scenario::TestHost;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{address, ann, compose, facts, sender, templates};

/// What a server does at a line of the client's that begins so.
#[derive(Clone, Copy)]
enum At {
    /// Answers this instead.
    Say(&'static str, &'static str),
    /// Hangs up, in the middle of a message too.
    HangUp(&'static str),
    /// Says nothing any more.
    FallSilent(&'static str),
}

/// A server that does as it is told with each connection in turn, and takes everything after that.
#[derive(Clone)]
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Server {
    async fn start(troubles: &'static [At]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), heard: Arc::default() };
        let heard = server.heard.clone();
        tokio::spawn(async move {
            let mut troubles = troubles.iter().copied();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = {
                    let mut heard = heard.lock().unwrap();
                    heard.push(Vec::new());
                    heard.len() - 1
                };
                let (heard, trouble) = (heard.clone(), troubles.next());
                tokio::spawn(converse(stream, trouble, move |line| heard.lock().unwrap()[number].push(line)));
            }
        });
        server
    }

    /// What was said in each connection.
    fn heard(&self) -> Vec<Vec<String>> {
        self.heard.lock().unwrap().clone()
    }

    /// The `Message-ID` of each connection that came so far.
    fn message_ids(&self) -> Vec<String> {
        let header = |line: &String| line.starts_with("Message-ID: ");
        self.heard().into_iter().flatten().filter(header).collect()
    }
}

async fn converse(stream: TcpStream, trouble: Option<At>, note: impl Fn(String)) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut in_data = false;
    let _ = writer.write_all(b"220 test ESMTP\r\n").await;
    while let Ok(Some(line)) = lines.next_line().await {
        note(line.clone());
        let mut answer = match &*line {
            "." => Some("250 ok"),
            _ if in_data => None,
            "DATA" => Some("354 go on"),
            "QUIT" => Some("221 bye"),
            _ if line.starts_with("EHLO") => Some("250-test\r\n250 AUTH PLAIN"),
            _ => Some("250 ok"),
        };
        match trouble {
            Some(At::Say(at, instead)) if is_at(&line, at) => answer = Some(instead),
            Some(At::HangUp(at)) if is_at(&line, at) => return,
            Some(At::FallSilent(at)) if is_at(&line, at) => std::future::pending().await,
            _ => {}
        }
        let Some(answer) = answer else { continue };
        in_data = answer.starts_with("354");
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A line of the message that begins with a dot is not its end.
fn is_at(line: &str, at: &str) -> bool {
    if at == "." { line == at } else { line.starts_with(at) }
}

fn mailer(port: u16) -> SmtpMailer {
    let url = format!("smtp://user:pass@127.0.0.1:{port}");
    SmtpMailer::new(url.parse().unwrap(), sender()).unwrap()
}

/// A host that owes one mail, over a server.
async fn owing(mailer: SmtpMailer) -> (TestHost, MailId) {
    let host = TestHost::builder().composer(Arc::new(templates())).mailer(Arc::new(mailer)).build();
    let now = host.sigra.clock().now();
    let (kind, until) = (MailKind::RESET_PASSWORD, now + Duration::from_secs(3_600));
    let mail = OutgoingMail::seal(&host.vault, kind.clone(), &ann(), &facts(&kind), now, until);
    let id = mail.id;
    host.sigra.stores().log.append(Evidence::none().and_mail([mail])).await.unwrap();
    (host, id)
}

async fn run_once(host: &TestHost) -> WorkReport {
    host.sigra.workers().run_once().await.unwrap()
}

const SENT: WorkReport = WorkReport { answered: 0, sent: 1, retried: 0, abandoned: 0, failed: 0 };
const RETRIED: WorkReport = WorkReport { answered: 0, sent: 0, retried: 1, abandoned: 0, failed: 0 };

async fn stands(host: &TestHost) -> (MailState, Option<MailFault>) {
    let record = host.sigra.outbox().page(None, None, 1).await.unwrap().pop().unwrap();
    (record.state, record.last_fault)
}

/// Tries that fail come again after growing pauses, under one id, until the server takes the mail.
#[tokio::test]
async fn a_server_that_defers_gets_the_mail_again_with_growing_pauses() {
    let server = Server::start(&[At::Say("RCPT", "451 4.7.1 greylisted"), At::Say("DATA", "452 full")]).await;
    let (host, id) = owing(mailer(server.port)).await;
    for pause in [30, 60] {
        assert_eq!(run_once(&host).await, RETRIED);
        assert_eq!(stands(&host).await, (MailState::Retrying, Some(MailFault::DEFERRED)));
        host.advance(pause - 1);
        assert!(run_once(&host).await.is_idle());
        host.advance(1);
    }
    assert_eq!(run_once(&host).await, SENT);
    assert_eq!(stands(&host).await.0, MailState::Sent);
    assert_eq!(server.message_ids(), [format!("Message-ID: <{id}@acme.example>")]);
    assert_eq!(server.heard().len(), 3);
}

/// What the server refuses for good is tried once, and the trail says so.
#[tokio::test]
async fn a_recipient_that_is_refused_is_given_up_at_once() {
    for trouble in [
        &[At::Say("RCPT", "550 5.1.1 no such user")] as &[At],
        &[At::Say("MAIL", "553 not from you")],
        &[At::Say(".", "554 5.7.1 this is spam")],
    ] {
        let server = Server::start(trouble).await;
        let (host, id) = owing(mailer(server.port)).await;
        assert_eq!(run_once(&host).await, WorkReport { abandoned: 1, ..WorkReport::default() });
        assert_eq!(stands(&host).await, (MailState::Abandoned, Some(MailFault::REFUSED)));
        let event = host.store.events().pop().unwrap();
        assert_eq!((&*event.name, event.reason.as_deref()), (names::MAIL_ABANDONED.as_str(), Some("refused")));
        assert_eq!(event.metadata["mail_id"], id.to_string());
        host.advance(600);
        assert!(run_once(&host).await.is_idle());
        assert_eq!(server.heard().len(), 1, "it was tried again");
    }
}

/// Refused credentials are the operator's to mend: no mail is lost over them.
#[tokio::test]
async fn refused_credentials_give_up_no_mail() {
    let server = Server::start(&[At::Say("AUTH", "535 5.7.8 wrong")]).await;
    let (host, _) = owing(mailer(server.port)).await;
    assert_eq!(run_once(&host).await, RETRIED);
    assert_eq!(stands(&host).await, (MailState::Retrying, Some(MailFault::CREDENTIALS)));
    host.advance(30);
    assert_eq!(run_once(&host).await, SENT);
}

/// A line that drops in the middle of the message leaves the server without one; after the message, with one it may or may
/// not keep. Either way the next one has the same id.
#[tokio::test]
async fn a_line_that_drops_is_tried_again_under_the_same_id() {
    for (trouble, copies) in [(&[At::HangUp("Subject:")] as &[At], 1..=2), (&[At::HangUp(".")], 2..=2)] {
        let server = Server::start(trouble).await;
        let (host, id) = owing(mailer(server.port)).await;
        assert_eq!(run_once(&host).await, RETRIED);
        assert_eq!(stands(&host).await, (MailState::Retrying, Some(MailFault::UNREACHABLE)));
        host.advance(30);
        assert_eq!(run_once(&host).await, SENT);
        let ids = server.message_ids();
        assert!(copies.contains(&ids.len()), "{ids:?}");
        assert!(ids.iter().all(|header| *header == format!("Message-ID: <{id}@acme.example>")), "{ids:?}");
    }
}

/// A server that never answers costs its time-out, wherever it falls silent.
#[tokio::test]
async fn au_14_a_silent_server_costs_its_time_out_and_the_mail_is_tried_again() {
    for trouble in [&[At::FallSilent("EHLO")] as &[At], &[At::FallSilent("DATA")], &[At::FallSilent(".")]] {
        let server = Server::start(trouble).await;
        let (host, _) = owing(mailer(server.port).with_timeout(Duration::from_millis(100))).await;
        assert_eq!(run_once(&host).await, RETRIED);
        assert_eq!(stands(&host).await, (MailState::Retrying, Some(MailFault::TIMED_OUT)));
    }
}

#[tokio::test]
async fn au_14_a_server_that_is_away_keeps_the_mail_until_it_is_back() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let (host, _) = owing(mailer(port)).await;
    assert_eq!(run_once(&host).await, RETRIED);
    assert_eq!(stands(&host).await, (MailState::Retrying, Some(MailFault::UNREACHABLE)));
}

/// Whatever a value holds, the server is told one sender and one recipient, and no header is added.
#[tokio::test]
async fn cs_13_no_value_starts_a_header_or_a_command() {
    let server = Server::start(&[]).await;
    let hostile = "x\r\nBcc: eve@example.org\r\n\r\n.\r\nMAIL FROM:<eve@example.org>\r\nRCPT TO:<eve@example.org>\r\n";
    let message = Message {
        subject: hostile.to_owned(),
        text: hostile.to_owned(),
        html: hostile.to_owned(),
        ..compose(&templates(), &MailKind::NEW_DEVICE)
    };
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let sender = Sender::new(hostile, address("no-reply@acme.example"));
    SmtpMailer::new(url.parse().unwrap(), sender).unwrap().send(&message).await.unwrap();
    let heard = server.heard().remove(0);
    let data = heard.iter().position(|line| line == "DATA").unwrap();
    let end = heard.iter().position(|line| line == ".").unwrap();
    assert_eq!(heard[1..data], ["MAIL FROM:<no-reply@acme.example>", "RCPT TO:<ann@example.org>"]);
    assert!(heard[end + 1..].iter().all(|line| line == "QUIT"), "{heard:?}");
    let headers = heard[data + 1..end].iter().take_while(|line| !line.is_empty());
    let names: Vec<_> = headers.filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert!(names.contains(&"Subject") && !names.contains(&"Bcc"), "{names:?}");
}
