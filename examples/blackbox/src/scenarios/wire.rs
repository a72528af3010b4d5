//! Bytes on a connection: what frameworks make different things of. Below the prefix every host answers the same.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::kit::{CHEAP, Host, Launch, PASSWORD, Response};

const EMAIL: &str = "ada@example.com";
const LOGIN: &str = "/auth/api/v1/login";
const JSON: &str = "Content-Type: application/json\r\n";
const MAX_BODY: usize = 65_536;

/// One connection, and what came over it that is not taken yet.
struct Wire {
    stream: TcpStream,
    host: String,
    unread: Vec<u8>,
}

impl Wire {
    fn to(host: &Host) -> Self {
        let stream = TcpStream::connect(host.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, host: host.address().to_string(), unread: Vec::new() }
    }

    fn send(&mut self, bytes: &str) -> &mut Self {
        self.stream.write_all(bytes.as_bytes()).unwrap();
        self
    }

    /// Sends a head with a right `Host` and `Origin`.
    fn ask(&mut self, method: &str, target: &str, headers: &str) -> &mut Self {
        let host = self.host.clone();
        let origin = format!("http://localhost:{}", host.rsplit(':').next().unwrap());
        self.send(&format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{headers}\r\n"))
    }

    /// The next answer.
    fn answer(&mut self) -> Response {
        self.take(false)
    }

    /// The next answer, to `HEAD`.
    fn answer_to_head(&mut self) -> Response {
        self.take(true)
    }

    fn take(&mut self, head_only: bool) -> Response {
        let end = loop {
            match self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.read(),
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Response { status, headers, body: String::new() };
        if !head_only && status >= 200 {
            let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
            while self.unread.len() < length {
                self.read();
            }
            response.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        }
        response
    }

    fn read(&mut self) {
        let mut chunk = [0; 16_384];
        let length = self.stream.read(&mut chunk).unwrap();
        assert_ne!(length, 0, "the answer was cut off after {:?}", String::from_utf8_lossy(&self.unread));
        self.unread.extend_from_slice(&chunk[..length]);
    }
}

/// One request on a connection of its own.
fn ask(host: &Host, method: &str, target: &str, headers: &str) -> Response {
    let mut wire = Wire::to(host);
    wire.ask(method, target, headers);
    wire.take(method == "HEAD")
}

fn names(response: &Response) -> BTreeSet<&str> {
    response.headers.iter().map(|(name, _)| name.as_str()).collect()
}

/// Broken escapes, dots, doubled slashes and other spellings lead to no route, and break no answer.
pub fn odd_targets(binary: &str) {
    let host = Launch::new(binary).start();
    let page = ask(&host, "GET", "/auth/login", "").expect(200);
    let problem = ask(&host, "GET", "/auth/api/v1/session", "").problem(401, "unauthenticated");
    for target in [
        "/auth",
        "/auth/",
        "/auth/%",
        "/auth/%zz",
        "/auth/%ff",
        "/auth/%00",
        "/auth/log%69n",
        "/auth//login",
        "/auth/./login",
        "/auth/../auth/login",
        "/auth/login/",
        "/auth/login%2f",
        "/auth/confirm/%",
        "/auth/confirm/%c0%af",
        "/auth/..%2fme",
        "/auth?%zz",
    ] {
        for method in ["GET", "POST"] {
            let lost = ask(&host, method, target, "").expect(404);
            assert_eq!(names(&lost), names(&page), "{method} {target}");
            assert!(lost.body.starts_with("<!DOCTYPE html>"), "{method} {target}");
        }
    }
    for target in ["/auth/api/%", "/auth/api/v1/%zz", "/auth/api/v1/../v1/session", "/auth/api/v1//session"] {
        let lost = ask(&host, "GET", target, "").problem(404, "not_found");
        assert_eq!(names(&lost), names(&problem), "{target}");
    }
    ask(&host, "DELETE", "/auth/api/v1/sessions/%zz", "").problem(404, "not_found");
    for query in ["return_to=%zz", "%", "%&%zz=%ff", "return_to=%ff%fe", "=&&?"] {
        let odd = ask(&host, "GET", &format!("/auth/login?{query}"), "").expect(200);
        assert_eq!((names(&odd), &odd.body), (names(&page), &page.body), "{query}");
    }
    // These are the host's, which has nothing there and says nothing more.
    for target in [
        "/%",
        "/%zz",
        "/%ff",
        "/me%2f",
        "/%6de",
        "/me/",
        "//me",
        "//auth/login",
        "/AUTH/login",
        "/%61uth/login",
        "/authx/login",
        "/authlogin",
        "/../auth/login",
        "/./auth/login",
        "/me/../auth/login",
    ] {
        let lost = ask(&host, "GET", target, "").expect(404);
        assert_eq!(names(&lost), BTreeSet::from(["content-length", "date"]), "{target}: {lost:?}");
        assert_eq!(lost.body, "", "{target}");
    }
    ask(&host, "GET", "/me?%zz&%", "").problem(401, "unauthenticated");
    ask(&host, "GET", "/healthz?%ff", "").expect(200);
}

/// A target in absolute form, as to a proxy, names its host by itself (RFC 9112 §3.2.2).
pub fn absolute_targets(binary: &str) {
    let host = Launch::new(binary).start();
    let port = host.address().port();
    let page = ask(&host, "GET", "/auth/login", "").expect(200);
    let named = ask(&host, "GET", &format!("http://localhost:{port}/auth/login"), "").expect(200);
    assert_eq!((names(&named), &named.body), (names(&page), &page.body));
    ask(&host, "GET", "http://localhost/me", "").problem(401, "unauthenticated");
    ask(&host, "GET", "http://localhost/auth/%zz", "").expect(404);
    for target in ["http://evil.example/auth/login", "http://evil.example/healthz", "https://evil.example/"] {
        ask(&host, "GET", target, "").expect(421);
    }
    ask(&host, "OPTIONS", "*", "").expect(404);
}

/// A cookie is found in whichever `Cookie` header it is; two sessions are none.
pub fn more_than_one_cookie_header(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let token = host.signed_in(EMAIL, PASSWORD).cookie("sigra_session").unwrap();
    let other = host.signed_in(EMAIL, PASSWORD).cookie("sigra_session").unwrap();
    for target in ["/me", "/auth/api/v1/session"] {
        let ask = |cookies: String| ask(&host, "GET", target, &cookies);
        ask(format!("Cookie: a=b\r\nCookie: sigra_session={token}\r\n")).expect(200);
        ask(format!("Cookie: sigra_session={token}\r\nCookie: a=b; c\r\n")).expect(200);
        let two = format!("Cookie: sigra_session={token}\r\nCookie: sigra_session={other}\r\n");
        ask(two).problem(401, "unauthenticated");
    }
}

/// `HEAD` is `GET` without the body, and the connection can be used again after it.
pub fn heads_on_a_connection_that_is_kept(binary: &str) {
    let host = Launch::new(binary).start();
    let mut wire = Wire::to(&host);
    for target in ["/auth/login", "/auth/assets/sigra.css", "/auth/nothing", "/auth/api/v1/session", "/me", "/auth/%zz"]
    {
        let head = wire.ask("HEAD", target, "").answer_to_head();
        let get = wire.ask("GET", target, "").answer();
        assert_eq!((head.status, names(&head)), (get.status, names(&get)), "{target}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{target}");
    }
    for target in ["/", "/healthz", "/dev/mail", "/favicon.ico", "/nothing"] {
        let head = wire.ask("HEAD", target, "").answer_to_head();
        let get = wire.ask("GET", target, "").answer();
        assert_eq!(head.status, get.status, "{target}");
        // Not every framework knows the length of what it does not send, but none tells a wrong one.
        assert!(head.header("content-length").is_none_or(|length| length == get.body.len().to_string()), "{target}");
    }
}

/// More than 64 KiB is refused: at once when it is announced, and as soon as it is there when it is not.
pub fn pw_05_long_bodies(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let fine = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}");
    let fine = format!("{fine}{}", " ".repeat(MAX_BODY - fine.len()));
    for (path, content_type) in [(LOGIN, JSON), ("/auth/login", "Content-Type: application/x-www-form-urlencoded\r\n")]
    {
        let announced = format!("{content_type}Content-Length: {}\r\n", MAX_BODY + 1);
        let early = ask(&host, "POST", path, &announced).expect(413);
        let mut wire = Wire::to(&host);
        wire.ask("POST", path, &format!("{content_type}Transfer-Encoding: chunked\r\n"));
        let late = wire.send(&format!("{:x}\r\n{}\r\n", MAX_BODY + 1, "a".repeat(MAX_BODY + 1))).answer().expect(413);
        assert_eq!((names(&early), &early.body), (names(&late), &late.body), "{path}");
    }
    // To the byte it is taken, and read to its end.
    let mut wire = Wire::to(&host);
    wire.ask("POST", LOGIN, &format!("{JSON}Content-Length: {MAX_BODY}\r\n"));
    wire.send(&fine).answer().problem(401, "invalid_credentials");
    wire.ask("POST", LOGIN, &format!("{JSON}Transfer-Encoding: chunked\r\n"));
    wire.send(&format!("{MAX_BODY:x}\r\n{fine}\r\n0\r\n\r\n")).answer().problem(401, "invalid_credentials");
    wire.ask("GET", "/healthz", "").answer().expect(200);
}

/// Whoever asks first whether to send a body is told to, unless what is known already decides.
pub fn bodies_that_wait_to_be_asked_for(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let body = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}");
    let expecting = |length: usize| format!("{JSON}Expect: 100-continue\r\nContent-Length: {length}\r\n");
    let mut wire = Wire::to(&host);
    wire.ask("POST", LOGIN, &expecting(body.len())).answer().expect(100);
    wire.send(&body).answer().problem(401, "invalid_credentials");
    ask(&host, "POST", LOGIN, &expecting(MAX_BODY + 1)).problem(413, "payload_too_large");
    ask(&host, "POST", "/auth/api/v1/nothing", &expecting(body.len())).problem(404, "not_found");
    let foreign = format!("{}Sec-Fetch-Site: cross-site\r\n", expecting(body.len()));
    ask(&host, "POST", LOGIN, &foreign).problem(403, "cross_origin");
}

/// Methods that are none of the route's, known or not.
pub fn other_methods(binary: &str) {
    let host = Launch::new(binary).start();
    for method in ["OPTIONS", "PUT", "TRACE", "PROPFIND", "get", "X"] {
        let page = ask(&host, method, "/auth/login", "").expect(405);
        assert_eq!(page.header("allow"), Some("GET, HEAD, POST"), "{method}");
        let document = ask(&host, method, LOGIN, "").problem(405, "method_not_allowed");
        assert_eq!(document.header("allow"), Some("POST"), "{method}");
        for target in ["/", "/me", "/healthz", "/dev/mail", "/favicon.ico"] {
            let refused = ask(&host, method, target, "").expect(405);
            assert_eq!((refused.header("allow"), refused.body.as_str()), (Some("GET,HEAD"), ""), "{method} {target}");
        }
    }
}

/// Content types that are none of the route's, and none at all.
pub fn content_types(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let post = |path: &str, headers: &str, body: &str| {
        let mut wire = Wire::to(&host);
        wire.ask("POST", path, &format!("{headers}Content-Length: {}\r\n", body.len()));
        wire.send(body).answer()
    };
    for headers in ["", "Content-Type: text/plain\r\n", "Content-Type: nonsense\r\n", "Content-Type: \r\n"] {
        post(LOGIN, headers, "{}").problem(415, "unsupported_media_type");
        post("/auth/login", headers, "a=b").expect(415);
    }
    post(LOGIN, "Content-Type: application/x-www-form-urlencoded\r\n", "a=b").problem(415, "unsupported_media_type");
    post("/auth/login", JSON, "{}").expect(415);
    // Nothing needs no type: it has no fields.
    post(LOGIN, "", "").problem(401, "invalid_credentials");
    ask(&host, "POST", LOGIN, "").problem(401, "invalid_credentials");
    post("/auth/login", "", "").expect(422);
    ask(&host, "POST", "/auth/logout", "").leads_to("/");
}
