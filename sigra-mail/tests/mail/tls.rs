//! STARTTLS against a server with a certificate: one that nobody vouches for, and one the system trusts.

use std::env;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use sigra_core::mail::{MailError, MailFault, MailKind, Mailer as _};
use sigra_mail::SmtpMailer;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::{compose, sender, templates};

/// The child process of the test that trusts an authority of its own is told the port here.
const PORT: &str = "SIGRA_TEST_SMTP_PORT";

/// What one client said: in the clear, and encrypted.
type Heard = (Vec<String>, Vec<String>);

/// A server for one connection, and the authority that vouches for it, in PEM.
async fn serve() -> (u16, String, JoinHandle<Heard>) {
    let (acceptor, authority) = certified();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 test ESMTP\r\n").await.unwrap();
        let clear = converse(&mut stream, "250-test\r\n250 STARTTLS").await;
        let encrypted = match acceptor.accept(stream).await {
            Ok(mut stream) => converse(&mut stream, "250-test\r\n250 AUTH PLAIN").await,
            Err(_) => Vec::new(),
        };
        (clear, encrypted)
    });
    (port, authority, heard)
}

fn certified() -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![String::from("127.0.0.1")]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), pem)
}

/// Answers until the client leaves, or wants to go on encrypted.
async fn converse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), hello: &str) -> Vec<String> {
    let (mut heard, mut in_data) = (Vec::new(), false);
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line).await {
            Ok(length) if length > 0 => {}
            _ => return heard,
        }
        let line = line.trim_end().to_owned();
        heard.push(line.clone());
        if in_data && line != "." {
            continue;
        }
        in_data = line == "DATA";
        let answer = match &*line {
            "DATA" => "354 go on",
            "STARTTLS" => "220 go ahead",
            "QUIT" => "221 bye",
            _ if line.starts_with("EHLO") => hello,
            _ => "250 ok",
        };
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() || line == "STARTTLS" {
            return heard;
        }
    }
}

fn mailer(port: u16) -> SmtpMailer {
    let url = format!("smtp://canaryuser:canarypass@127.0.0.1:{port}?tls=required");
    SmtpMailer::new(url.parse().unwrap(), sender()).unwrap()
}

/// Whoever sits between host and server gets neither credentials nor mail for a certificate of its own, and the mail waits.
#[tokio::test]
async fn a_certificate_nobody_vouches_for_gets_nothing() {
    let (port, _, heard) = serve().await;
    let error = mailer(port).send(&compose(&templates(), &MailKind::RESET_PASSWORD)).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(fault, _) if *fault == MailFault::INSECURE), "{error:?}");
    let (clear, encrypted) = heard.await.unwrap();
    assert_eq!(clear, ["EHLO acme.example", "STARTTLS"]);
    assert_eq!(encrypted, <[&str; 0]>::default());
}

/// With an authority that the system trusts, everything but the greeting is encrypted. What the system trusts is told by the
/// environment, so this takes a process of its own.
#[tokio::test]
async fn a_certificate_the_system_trusts_gets_everything_encrypted() {
    let (port, authority, heard) = serve().await;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("authority.pem");
    std::fs::write(&trusted, authority).unwrap();
    let child = tokio::task::spawn_blocking(move || {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "tls::the_child_sends_a_mail", "--nocapture"])
            .env("SSL_CERT_FILE", trusted)
            .env(PORT, port.to_string())
            .output()
            .unwrap()
    });
    let child = child.await.unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let (clear, encrypted) = heard.await.unwrap();
    assert_eq!(clear, ["EHLO acme.example", "STARTTLS"]);
    let begins = ["EHLO acme.example", "AUTH PLAIN ", "MAIL FROM:", "RCPT TO:<ann@example.org>", "DATA"];
    assert!(begins.iter().zip(&encrypted).all(|(begin, line)| line.starts_with(begin)), "{encrypted:?}");
    assert!(encrypted.iter().any(|line| line == "."), "{encrypted:?}");
}

/// Does nothing unless it is the child of the test above.
#[tokio::test]
async fn the_child_sends_a_mail() {
    let Ok(port) = env::var(PORT) else { return };
    mailer(port.parse().unwrap()).send(&compose(&templates(), &MailKind::RESET_PASSWORD)).await.unwrap();
}
