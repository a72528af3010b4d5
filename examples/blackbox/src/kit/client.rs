//! A small HTTP client with a cookie jar, so that every byte of a request is in the scenario's hands.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

/// A client that keeps cookies and sends the host's own origin, as a browser does.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Client {
    /// A client of the host at `address` whose public origin is `origin`.
    #[must_use]
    pub fn new(address: SocketAddr, origin: &str) -> Self {
        Self { address, origin: origin.to_owned(), cookies: Mutex::default(), headers: Vec::new() }
    }

    /// Sends this header with every request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a cookie into the jar.
    #[must_use]
    pub fn with_cookie(self, name: &str, value: &str) -> Self {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        self
    }

    /// What the jar holds under a name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// GET.
    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, "", "").unwrap()
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, "", "").unwrap()
    }

    /// POST of an HTML form.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, "application/x-www-form-urlencoded", &body).unwrap()
    }

    /// POST of JSON below `/auth/api/v1`.
    pub fn api(&self, path: &str, body: &Value) -> Response {
        self.try_api(path, body).unwrap()
    }

    /// POST of JSON below `/auth/api/v1`, of a host that may go away meanwhile.
    ///
    /// # Errors
    ///
    /// When no whole answer comes.
    pub fn try_api(&self, path: &str, body: &Value) -> io::Result<Response> {
        self.send("POST", &format!("/auth/api/v1{path}"), "application/json", &body.to_string())
    }

    /// Any request.
    ///
    /// # Errors
    ///
    /// When no whole answer comes.
    pub fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> io::Result<Response> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(self.head(method, path, content_type, body.len()).as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let response = Response::read(&mut stream)?;
        self.keep_cookies(&response);
        Ok(response)
    }

    /// The head of a request, for scenarios that send the rest by themselves.
    #[must_use]
    pub fn head(&self, method: &str, path: &str, content_type: &str, length: usize) -> String {
        let mut headers = BTreeMap::from([
            (String::from("host"), self.origin.split("://").last().unwrap_or_default().to_owned()),
            (String::from("connection"), String::from("close")),
        ]);
        if method != "GET" {
            headers.insert(String::from("origin"), self.origin.clone());
            headers.insert(String::from("content-length"), length.to_string());
        }
        if !content_type.is_empty() {
            headers.insert(String::from("content-type"), content_type.to_owned());
        }
        let cookies: Vec<_> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            headers.insert(String::from("cookie"), cookies.join("; "));
        }
        headers.extend(self.headers.iter().cloned());
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{method} {path} HTTP/1.1\r\n{lines}\r\n")
    }

    fn keep_cookies(&self, response: &Response) {
        let mut jar = self.cookies.lock().unwrap();
        for cookie in response.all("set-cookie") {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
            if cookie.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Response {
    /// The first header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Every header of a name.
    pub fn all<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.headers.iter().filter(move |(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The same answer, with this status.
    ///
    /// # Panics
    ///
    /// When it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The same answer, which leads to this path.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn leads_to(self, path: &str) -> Self {
        assert_eq!((self.status, self.header("location")), (303, Some(path)), "{self:?}");
        self
    }

    /// The same answer, which is a problem document with this status and code.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.json()["code"], code, "{self:?}");
        self
    }

    /// Reads one answer. Not to the end of the stream: not every server closes it when it is asked to.
    fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let (mut bytes, mut chunk) = (Vec::new(), [0; 16_384]);
        loop {
            let length = stream.read(&mut chunk)?;
            bytes.extend_from_slice(&chunk[..length]);
            if let Some(response) = Self::parse(&bytes) {
                return Ok(response);
            }
            if length == 0 {
                return Err(io::Error::other("the answer was cut off"));
            }
        }
    }

    /// The answer, when it is whole.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut body = &bytes[end + 4..];
        if let Some((_, length)) = headers.iter().find(|(name, _)| name == "content-length") {
            body = body.get(..length.parse().ok()?)?;
        }
        let body = String::from_utf8_lossy(body).into_owned();
        Some(Self { status, headers, body })
    }
}
