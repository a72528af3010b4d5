//! Requests.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde_json::Value;

/// A request, before a [`Browser`](super::Browser) adds what browsers add.
#[derive(Clone, Debug)]
pub struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    /// Whether proof of the origin is added.
    pub(super) proof: bool,
}

impl Ask {
    /// A request without a body.
    ///
    /// # Panics
    ///
    /// When the method is none.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        let method = Method::from_bytes(method.as_bytes()).expect("the method must be one");
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Bytes::new(), proof: true }
    }

    /// `GET`, for a page.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    }

    /// `POST` of a form.
    #[must_use]
    pub fn form(path: &str, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        Self::new("POST", path)
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(pairs.join("&"))
    }

    /// `POST` of JSON.
    #[must_use]
    pub fn json(path: &str, body: &Value) -> Self {
        Self::new("POST", path).header("content-type", "application/json").body(body.to_string())
    }

    /// With one header more.
    ///
    /// # Panics
    ///
    /// When it is not a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the name must be one");
        self.headers.push((name, HeaderValue::from_bytes(value.as_ref()).expect("the value must be one")));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Without proof of its origin, which a browser adds to every unsafe request.
    #[must_use]
    pub fn unproven(mut self) -> Self {
        self.proof = false;
        self
    }

    pub(super) fn into_request(self) -> Request<Bytes> {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse::<Uri>().expect("the path must be a request target");
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        request
    }
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        b' ' => String::from("+"),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
