//! SMTP, against a server that says what a test tells it to.

use std::error::Error as _;
use std::time::Duration;

use sigra_core::mail::{MailError, MailFault, MailKind, Mailer as _, Message};
use sigra_mail::{MailTarget, SmtpFailure, SmtpMailer, to_eml};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{address, compose, sender, templates};

/// What the server answers to the commands that begin so; 250 to any other.
type Script = &'static [(&'static str, &'static str)];

/// Serves one connection and gives back what the client said.
async fn serve(script: Script) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut heard = Vec::new();
        let mut in_data = false;
        writer.write_all(b"220 test ESMTP\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard.push(line.clone());
            if in_data && line != "." {
                continue;
            }
            in_data = false;
            let answer = match script.iter().find(|(command, _)| line.starts_with(command)) {
                Some((_, "")) => continue,
                Some((_, answer)) => answer,
                None if line.starts_with("EHLO") => "250-test\r\n250 AUTH PLAIN",
                None if line == "DATA" => "354 go on",
                None if line == "QUIT" => "221 bye",
                None => "250 ok",
            };
            in_data = answer.starts_with("354");
            if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() || line == "QUIT" {
                break;
            }
        }
        heard
    });
    (port, heard)
}

fn mailer(port: u16) -> SmtpMailer {
    let url = format!("smtp://canaryuser:canarypass@127.0.0.1:{port}");
    SmtpMailer::new(url.parse().unwrap(), sender()).unwrap()
}

fn message() -> Message {
    compose(&templates(), &MailKind::RESET_PASSWORD)
}

async fn send(script: Script) -> (Result<(), MailError>, Vec<String>) {
    let (port, heard) = serve(script).await;
    let sent = mailer(port).send(&message()).await;
    (sent, heard.await.unwrap())
}

fn failure(error: &MailError) -> &SmtpFailure {
    error.source().unwrap().downcast_ref().unwrap()
}

#[tokio::test]
async fn a_message_arrives_whole_at_its_one_recipient() {
    let (port, heard) = serve(&[]).await;
    let message = message();
    let text = String::from_utf8(to_eml(&sender(), &message).unwrap()).unwrap();
    mailer(port).send(&message).await.unwrap();
    let heard = heard.await.unwrap();
    assert_eq!(heard[0], "EHLO acme.example");
    // RFC 4616: no other identity, then the name and the password.
    assert_eq!(heard[1], "AUTH PLAIN AGNhbmFyeXVzZXIAY2FuYXJ5cGFzcw==");
    assert_eq!(heard[2], "MAIL FROM:<no-reply@acme.example>");
    assert_eq!(heard[3], "RCPT TO:<ann@example.org>");
    assert_eq!(heard[4], "DATA");
    let end = heard.iter().position(|line| line == ".").unwrap();
    // RFC 5321 §4.5.2: a line that begins with a dot travels with one more.
    let lines = heard[5..end].iter().map(|line| line.strip_prefix('.').unwrap_or(line));
    let received = lines.map(|line| format!("{line}\r\n")).collect::<String>();
    assert_eq!(received.trim_end(), text.trim_end());
    assert_eq!(heard.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
}

#[tokio::test]
async fn a_url_can_name_the_client() {
    let (port, heard) = serve(&[]).await;
    let target = MailTarget::parse(&format!("smtp://127.0.0.1:{port}/client.example")).unwrap();
    target.open(sender()).unwrap().send(&message()).await.unwrap();
    let heard = heard.await.unwrap();
    assert_eq!(heard[0], "EHLO client.example");
    assert!(!heard.iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn replies_tell_whether_trying_again_can_help() {
    for (script, temporary, code) in [
        (&[("RCPT", "451 4.7.1 greylisted, see https://app.example/canary")] as Script, true, 451),
        (&[("RCPT", "550 5.1.1 no such canary")], false, 550),
        (&[("MAIL", "421 4.3.2 canary")], true, 421),
        (&[("MAIL", "553 canary")], false, 553),
        (&[("DATA", "452 canary")], true, 452),
        (&[(".", "554 5.7.1 refused for https://app.example/auth/reset-password/canary")], false, 554),
        (&[(".", "450 canary")], true, 450),
        (&[("AUTH", "535 5.7.8 canaryuser canarypass refused")], true, 535),
        (&[("EHLO", "502 canary")], false, 502),
    ] {
        let (sent, _) = send(script).await;
        let error = sent.unwrap_err();
        assert_eq!(matches!(error, MailError::Temporary(..)), temporary, "{script:?}: {error:?}");
        assert_eq!(failure(&error).code(), Some(code), "{error:?}");
        let shown = format!("{error} {error:?} {}", error.source().unwrap());
        assert!(!shown.contains("canary"), "pw_30: {shown}");
    }
}

#[tokio::test]
async fn the_enhanced_status_code_is_kept() {
    let (sent, _) = send(&[("RCPT", "550 5.1.1 <ann@example.org> unknown")]).await;
    assert_eq!(failure(&sent.unwrap_err()).to_string(), "the mail server answered 550 5.1.1");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_worth_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mailer = MailTarget::parse(&format!("smtp://127.0.0.1:{port}")).unwrap().open(sender()).unwrap();
    let error = mailer.send(&message()).await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(..)), "{error:?}");
    assert!(failure(&error).to_string().starts_with("no connection to the mail server: "), "{error:?}");
}

#[tokio::test]
async fn a_server_that_falls_silent_or_hangs_up_is_worth_another_try() {
    let (port, heard) = serve(&[("DATA", "")]).await;
    let impatient = mailer(port).with_timeout(Duration::from_millis(200));
    let error = impatient.send(&message()).await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(..)), "{error:?}");
    assert_eq!(failure(&error).to_string(), "the mail server did not answer in time");
    heard.abort();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hangs_up = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let error = mailer(port).send(&message()).await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(..)), "{error:?}");
    hangs_up.await.unwrap();
}

#[tokio::test]
async fn no_mail_goes_unencrypted_where_tls_is_required() {
    let (port, heard) = serve(&[]).await;
    let target = MailTarget::parse(&format!("smtp://user:pass@127.0.0.1:{port}?tls=required")).unwrap();
    let error = target.open(sender()).unwrap().send(&message()).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(fault, _) if *fault == MailFault::INSECURE), "{error:?}");
    let heard = heard.await.unwrap();
    assert!(!heard.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{heard:?}");
}

#[tokio::test]
async fn tls_needs_no_provider_installed_and_a_server_without_it_gets_no_mail() {
    let (port, heard) = serve(&[]).await;
    let target = MailTarget::parse(&format!("smtps://user:pass@127.0.0.1:{port}")).unwrap();
    let error = target.open(sender()).unwrap().send(&message()).await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(..)), "{error:?}");
    heard.abort();
}

#[tokio::test]
async fn an_address_the_server_cannot_take_is_given_up() {
    let (port, heard) = serve(&[]).await;
    let message = Message { to: address("müller@example.org"), ..message() };
    let error = mailer(port).send(&message).await.unwrap_err();
    assert!(matches!(error, MailError::Permanent(..)), "{error:?}");
    assert!(!heard.await.unwrap().iter().any(|line| line.starts_with("RCPT")));
}

#[test]
fn pw_30_a_mailer_shows_no_credentials() {
    assert!(!format!("{:?}", mailer(1)).contains("canary"));
}
