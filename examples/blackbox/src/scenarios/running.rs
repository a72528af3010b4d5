//! A running host: its first line, its secret, its end, its own pages, its clock.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::kit::{CHEAP, Client, Host, Launch, PASSWORD, eventually};

const EMAIL: &str = "ada@example.com";

/// The first line on stdout says the public URL.
pub fn the_first_line_says_the_public_url(binary: &str) {
    let host = Launch::new(binary).start();
    assert!(host.stdout()[0].ends_with(&format!("http://localhost:{}", host.address().port())), "{:?}", host.stdout());
    eventually("the test clock is warned about", || {
        host.stdout().iter().any(|line| line.contains("SIGRA_TEST_CLOCK")).then_some(())
    });
    let named = Launch::new(binary).public_url("http://127.0.0.1:8000").start();
    assert!(named.stdout()[0].ends_with("http://127.0.0.1:8000"), "{:?}", named.stdout());
}

/// The generated secret is for its owner alone, and is used again.
pub fn the_secret_is_kept_and_sessions_survive_a_restart(binary: &str) {
    let mut host = Launch::new(binary).env(&[CHEAP]).start();
    let file = host.data_dir().join("secret.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read(&file).unwrap();
    assert!(!host.stderr().contains(std::str::from_utf8(&secret).unwrap().trim()), "it is not in the log");
    host.account(EMAIL);
    let session = host.signed_in(EMAIL, PASSWORD).cookie("sigra_session").unwrap();
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
    host.start_again();
    assert_eq!(std::fs::read(&file).unwrap(), secret);
    assert!(!host.stdout().iter().any(|line| line.contains("secret")), "it was not generated again");
    host.client().with_cookie("sigra_session", &session).get("/me").expect(200);
    host.signed_in(EMAIL, PASSWORD);
}

/// A log that goes into a file or a journal is plain text, and says why an origin was refused.
pub fn a_log_that_nobody_watches_has_no_colours(binary: &str) {
    let host = Launch::new(binary).start();
    host.client().with_header("sec-fetch-site", "cross-site").api("/logout", &json!({})).problem(403, "cross_origin");
    let log = eventually("the refusal is logged", || Some(host.stderr()).filter(|log| log.contains("another origin")));
    assert!(log.contains("sec-fetch-site is neither same-origin nor none"), "{log}");
    assert!(!log.contains('\x1b'), "{log:?}");
}

/// SIGTERM and Ctrl-C finish what is in flight, take nothing new, and end with 0.
pub fn signals_let_requests_finish(binary: &str) {
    for signal in ["TERM", "INT"] {
        let mut host = Launch::new(binary).env(&[CHEAP]).start();
        host.account(EMAIL);
        let client = host.client();
        let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
        let mut stream = half_sent(&host, &client, &body);
        host.signal(signal);
        eventually("nothing new is taken", || TcpStream::connect(host.address()).is_err().then_some(()));
        stream.write_all(&body.as_bytes()[1..]).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("authenticated"), "SIG{signal}: {answer}");
        assert_eq!(host.wait().code(), Some(0), "SIG{signal}");
    }
}

/// A request that is never sent to its end does not keep the host from ending.
pub fn a_stalled_request_does_not_hold_the_end_up(binary: &str) {
    let mut host = Launch::new(binary).start();
    let stalled = half_sent(&host, &host.client(), "{}");
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
    drop(stalled);
}

/// A sign-in of which all but the last bytes have arrived.
fn half_sent(host: &Host, client: &Client, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host.address()).unwrap();
    let head = client.head("POST", "/auth/api/v1/login", "application/json", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..1]).unwrap();
    // What came first has been taken up when what came later is answered.
    host.client().get("/healthz").expect(200);
    stream
}

/// In loopback mode every route answers loopback names alone.
pub fn foreign_host_names_are_misdirected(binary: &str) {
    let host = Launch::new(binary).start();
    let port = host.address().port();
    for foreign in ["evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", ""] {
        let client = host.client().with_header("host", foreign);
        for path in
            ["/", "/healthz", "/me", "/dev/mail", "/auth/login", "/auth/api/v1/session", "/auth/assets/sigra.css", "/x"]
        {
            let answer = client.get(path).expect(421);
            assert_eq!(answer.header("set-cookie"), None);
        }
        client.api("/login", &json!({})).expect(421);
    }
    for own in ["localhost", "127.0.0.1", "[::1]", "127.1.2.3", "LOCALHOST"] {
        host.client().with_header("host", &format!("{own}:{port}")).get("/healthz").expect(200);
    }
}

/// The list of sent mails is there in loopback mode alone.
pub fn sent_mails_are_shown_in_loopback_mode_only(binary: &str) {
    let host = Launch::new(binary).start();
    host.client().api("/register", &json!({ "email": EMAIL, "password": PASSWORD })).expect(202);
    let code = host.mailbox.first(EMAIL, "confirm_email").code();
    assert!(host.client().get("/dev/mail").expect(200).body.contains(&code));
    let reachable = Launch::new(binary)
        .public_url("https://app.example")
        .env(&[
            ("SIGRA_SECRET", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
            ("SIGRA_MAIL", "smtp://127.0.0.1:1?tls=opportunistic"),
        ])
        .start();
    reachable.client().get("/dev/mail").expect(404);
    assert!(!reachable.client().get("/").expect(200).body.contains("/dev/mail"));
    let page = reachable.client().get("/auth/login").expect(200);
    assert!(page.header("strict-transport-security").is_some());
}

/// The file of the test clock moves time: a session idles out.
pub fn the_test_clock_ends_idle_sessions(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let client = host.signed_in(EMAIL, PASSWORD);
    host.clock.advance(29 * 60);
    client.get("/me").expect(200);
    host.clock.advance(29 * 60);
    client.get("/me").expect(200);
    host.clock.advance(31 * 60);
    client.get("/me").problem(401, "unauthenticated");
}

/// What the host's own pages say about somebody stays with them.
pub fn host_pages_are_not_cached(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let client = host.signed_in(EMAIL, PASSWORD);
    for path in ["/", "/me", "/dev/mail"] {
        let page = client.get(path).expect(200);
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    assert!(client.get("/").header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors")));
    let health = host.client().get("/healthz").expect(200);
    assert_eq!(health.body.trim(), "ok");
}
