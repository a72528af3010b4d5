//! A browser reduced to what the checks need: one request a connection, and a jar of cookies.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What was answered, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The first header of a name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Holds the status against what is due.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Holds status and fault code of a problem against what is due.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        assert_eq!(answer.json()["code"], code, "{answer:?}");
        answer
    }

    /// Holds a redirection against what is due.
    #[track_caller]
    pub(crate) fn expect_see_other(self, location: &str) -> Self {
        let answer = self.expect(303);
        assert_eq!(answer.header("location"), Some(location), "{answer:?}");
        answer
    }

    /// Parses what came over a connection until it closed. A body shorter than announced is an error.
    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(broken)?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let body = &bytes[end + 4..];
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let answer = Self {
            status: status.ok_or_else(broken)?,
            headers,
            body: String::from_utf8(body.to_vec()).map_err(io::Error::other)?,
        };
        let announced = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
        if announced.is_some_and(|length| length > body.len()) {
            return Err(broken());
        }
        Ok(answer)
    }
}

/// Somebody at a browser.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    origin: String,
    /// Name and value of every cookie.
    pub(crate) cookies: BTreeMap<String, String>,
    /// Headers on every request.
    pub(crate) headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, origin: &str) -> Self {
        Self { address, origin: origin.to_owned(), cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// The same person behind a proxy that says where they are.
    pub(crate) fn forwarded_for(mut self, address: &str) -> Self {
        self.headers.push((String::from("X-Forwarded-For"), address.to_owned()));
        self
    }

    /// The same person, still with their cookies, at another host.
    pub(crate) fn moved_to(&self, other: &Self) -> Self {
        Self { address: other.address, origin: other.origin.clone(), ..self.clone() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, None).unwrap()
    }

    pub(crate) fn get_as(&mut self, path: &str, host: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Answer::parse(&exchange(self.address, head.as_bytes()).unwrap()).unwrap()
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).unwrap()
    }

    pub(crate) fn post_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        self.request("POST", path, Some(("application/x-www-form-urlencoded", &body.join("&")))).unwrap()
    }

    /// Posts JSON to a host that may be dying.
    pub(crate) fn try_post(&mut self, path: &str, body: &Value) -> io::Result<Answer> {
        self.request("POST", path, Some(("application/json", &body.to_string())))
    }

    fn request(&mut self, method: &str, path: &str, body: Option<(&str, &str)>) -> io::Result<Answer> {
        let host = self.origin.trim_start_matches("http://");
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !self.cookies.is_empty() {
            let jar: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let _ = write!(head, "Cookie: {}\r\n", jar.join("; "));
        }
        let mut content = "";
        if let Some((media_type, body)) = body {
            content = body;
            let origin = &self.origin;
            let length = body.len();
            let _ = write!(head, "Origin: {origin}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n");
        }
        let answer = Answer::parse(&exchange(self.address, format!("{head}\r\n{content}").as_bytes())?)?;
        self.keep_cookies(&answer);
        Ok(answer)
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}");
        encoded
    })
}
