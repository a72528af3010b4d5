//! `PwnedPasswords` and `HttpsClient` against servers that this test runs.
#![cfg(feature = "breached-https")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sigra_core::password::Password;
use sigra_core::ports::{BreachedPasswords, Unanswered};
use sigra_net::{Answer, Get, GetError, HttpGet, HttpsClient, PwnedPasswords};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Its SHA-1 is 21BD1 2DC183F740EE76F27B78EB39C8AD972A757.
const LEAKED: &str = "P@ssw0rd";
const HIT: &str = "2DC183F740EE76F27B78EB39C8AD972A757";
const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65";

/// A range server that answers everything alike, and keeps the requests it got.
struct Server {
    base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers with these bytes; with none, never.
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/range/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (answer, kept) = (answer.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(stream.read_u8().await.unwrap());
                    }
                    kept.lock().unwrap().push(String::from_utf8(request).unwrap());
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    // A client that has read enough hangs up.
                    let _ = stream.write_all(&answer).await;
                });
            }
        });
        Self { base, requests }
    }

    async fn listing(body: &str) -> Self {
        Self::start(http("200 OK", body.as_bytes())).await
    }

    async fn ask(&self, password: &str) -> Result<bool, Unanswered> {
        let client = Arc::new(HttpsClient::new().unwrap());
        let service = PwnedPasswords::new(client).at(&self.base).within(Duration::from_millis(1_000));
        service.is_breached(&Password::parse(password).unwrap()).await
    }
}

fn http(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn reason(outcome: Result<bool, Unanswered>) -> &'static str {
    outcome.expect_err("there is no answer").reason()
}

#[tokio::test]
async fn pw_10_a_listed_password_is_breached_and_another_is_not() {
    let server = Server::listing(&format!("{OTHER}:3\r\n{HIT}:52579\r\n")).await;
    assert!(server.ask(LEAKED).await.unwrap());
    assert!(!server.ask("correct horse battery staple").await.unwrap());
}

#[tokio::test]
async fn pw_10_five_digits_leave_the_process_and_padding_is_asked_for() {
    let server = Server::listing(&format!("{OTHER}:3")).await;
    assert!(!server.ask(LEAKED).await.unwrap());
    let requests = server.requests.lock().unwrap().clone();
    let [request] = &*requests else { panic!("one request: {requests:?}") };
    let mut lines = request.trim_end().split("\r\n");
    assert_eq!(lines.next(), Some("GET /range/21BD1 HTTP/1.1"));
    let authority = server.base.trim_start_matches("http://").trim_end_matches("/range/");
    let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
    let version = concat!("sigra-net/", env!("CARGO_PKG_VERSION"));
    assert_eq!(headers, [("host", authority), ("add-padding", "true"), ("user-agent", version)]);
}

#[tokio::test]
async fn pw_10_padding_is_no_hit() {
    let server = Server::listing(&format!("{OTHER}:3\r\n{HIT}:0\r\n")).await;
    assert!(!server.ask(LEAKED).await.unwrap());
}

#[tokio::test]
async fn pw_11_a_status_that_is_not_200_is_no_answer() {
    let listed = format!("{HIT}:52579");
    for (status, expected) in [
        ("429 Too Many Requests", "rate_limited"),
        ("500 Internal Server Error", "refused"),
        ("404 Not Found", "refused"),
        ("204 No Content", "refused"),
        ("301 Moved Permanently\r\nlocation: http://127.0.0.1:1/", "refused"),
    ] {
        let server = Server::start(http(status, listed.as_bytes())).await;
        assert_eq!(reason(server.ask(LEAKED).await), expected, "{status}");
        assert_eq!(server.requests.lock().unwrap().len(), 1, "asked once, and no redirect is followed");
    }
}

#[tokio::test]
async fn pw_11_a_silent_service_is_given_up_in_its_time() {
    let server = Server::start(Vec::new()).await;
    let service = PwnedPasswords::new(Arc::new(HttpsClient::new().unwrap())).at(&server.base);
    let service = service.within(Duration::from_millis(50));
    let outcome = service.is_breached(&Password::parse(LEAKED).unwrap()).await;
    assert_eq!(reason(outcome), "timed_out");

    // One that begins to answer and then stops is no better.
    let server = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n0018A").await;
    let outcome = service.at(&server.base).is_breached(&Password::parse(LEAKED).unwrap()).await;
    assert!(matches!(reason(outcome), "timed_out" | "unreachable"));
}

#[tokio::test]
async fn pw_11_a_service_that_is_not_there_or_speaks_something_else_is_no_answer() {
    let server = Server::start("SSH-2.0-OpenSSH_9.9\r\n").await;
    assert_eq!(reason(server.ask(LEAKED).await), "unreachable");
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let gone = Server { base: format!("http://127.0.0.1:{port}/"), requests: Arc::default() };
    assert_eq!(reason(gone.ask(LEAKED).await), "unreachable");
}

#[tokio::test]
async fn pw_11_an_answer_is_read_up_to_its_limit() {
    let line = format!("{OTHER}:3\r\n");
    let lines = PwnedPasswords::MAX_BYTES / line.len();
    let whole = format!("{}{HIT}:1", line.repeat(lines - 1));
    assert!(whole.len() <= PwnedPasswords::MAX_BYTES);
    assert!(Server::listing(&whole).await.ask(LEAKED).await.unwrap());
    let server = Server::listing(&format!("{}{HIT}:1", line.repeat(lines + 1))).await;
    assert_eq!(reason(server.ask(LEAKED).await), "too_large");

    // So is one that never says how long it is.
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", line.repeat(2 * lines));
    assert_eq!(reason(Server::start(endless).await.ask(LEAKED).await), "too_large");
}

#[tokio::test]
async fn pw_11_what_is_no_list_is_no_answer() {
    for body in ["", "<html>Sign in to this network</html>", &format!("{HIT}:52579\r\nrate limit exceeded")] {
        assert_eq!(reason(Server::listing(body).await.ask(LEAKED).await), "unreadable", "{body}");
    }
}

#[tokio::test]
async fn plain_http_is_for_loopback_and_https_takes_a_certificate() {
    let client = Arc::new(HttpsClient::new().unwrap());
    let ask = async |base: &str| {
        let service = PwnedPasswords::new(Arc::<HttpsClient>::clone(&client)).at(base);
        let unanswered = service.is_breached(&Password::parse(LEAKED).unwrap()).await.unwrap_err();
        let cause = std::error::Error::source(&unanswered).map(ToString::to_string);
        (unanswered.reason(), cause.unwrap_or_default())
    };
    for base in ["http://range.example/", "http://192.0.2.1/", "ftp://localhost/", "localhost/", "not a url"] {
        let (reason, cause) = ask(base).await;
        assert_eq!(reason, "unreachable", "{base}");
        assert!(cause.contains("url"), "{base}: {cause}");
    }

    // A server that answers in plain text, before it is asked. Nothing of that may be believed.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}/range/", listener.local_addr().unwrap());
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&http("200 OK", format!("{HIT}:1").as_bytes())).await.unwrap();
        let mut sent = Vec::new();
        let _ = stream.read_to_end(&mut sent).await;
        sent
    });
    assert_eq!(ask(&base).await.0, "unreachable");
    let sent = plain.await.unwrap();
    assert!(!sent.windows(5).any(|part| part == b"21BD1"), "nothing was asked without TLS");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let certificate = CertificateDer::from_slice(include_bytes!("data/self-signed.crt.der")).into_owned();
    let key = PrivatePkcs8KeyDer::from(include_bytes!("data/self-signed.key.der").as_slice()).into();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}/range/", listener.local_addr().unwrap().port());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.map(|_| ())
    });
    let service = PwnedPasswords::new(Arc::new(HttpsClient::new().unwrap())).at(base);
    let unanswered = service.is_breached(&Password::parse(LEAKED).unwrap()).await.unwrap_err();
    assert_eq!(unanswered.reason(), "unreachable");
    let told = server.await.unwrap().unwrap_err().to_string();
    assert!(told.contains("Unknown") || told.contains("certificate") || told.contains("Certificate"), "{told}");
}

/// A client of a host's own that keeps no limit.
struct Careless(Vec<u8>);

#[async_trait]
impl HttpGet for Careless {
    async fn get(&self, get: &Get<'_>) -> Result<Answer, GetError> {
        match get.url {
            "at once/21BD1" => Ok(Answer { status: 200, body: self.0.clone() }),
            "never/21BD1" => std::future::pending().await,
            _ => Err(GetError::failed("no such host")),
        }
    }
}

#[tokio::test]
async fn a_client_of_ones_own_does_not_get_around_the_limits() {
    let list = format!("{HIT}:1").into_bytes();
    let endless = [&list[..], b"\n"].concat().repeat(PwnedPasswords::MAX_BYTES / 30);
    let password = Password::parse(LEAKED).unwrap();
    for (body, base, expected) in [
        (list.clone(), "at once/", Ok(true)),
        (endless, "at once/", Err("too_large")),
        (list.clone(), "never/", Err("timed_out")),
        (list, "elsewhere/", Err("unreachable")),
    ] {
        let service = PwnedPasswords::new(Arc::new(Careless(body))).at(base).within(Duration::from_millis(20));
        let outcome = service.is_breached(&password).await;
        assert_eq!(outcome.as_ref().map_err(Unanswered::reason), expected.as_ref().map_err(|reason| *reason), "{base}");
    }
}
