//! Answers, and what is asserted about them.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::Value;

/// The headers of whoever writes the message.
const FRAMING: [&str; 4] = ["connection", "content-length", "date", "transfer-encoding"];

/// What stands before a token in paths.
const TOKEN_PATHS: [&str; 6] = ["confirm", "email-change", "magic-link", "not-me", "reactivate", "reset-password"];

/// What every answer of the surface carries, https or not.
const COMMON: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// An answer. Every assertion names the request when it panics.
#[derive(Clone, Debug)]
pub struct Answer {
    what: String,
    https: bool,
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(super) fn new(what: String, head: bool, https: bool, response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let length = parts.headers.get("content-length");
        let announced = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if let Some(announced) = announced {
            assert!(head || announced == body.len(), "{what}: {announced} bytes were announced, {} came", body.len());
        }
        assert!(!head || body.is_empty(), "{what}: an answer to HEAD has no body");
        Self { what, https, status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Asserts the status alone.
    #[track_caller]
    pub fn status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}: {:?}\n{}", self.what, self.headers, self.text());
        self
    }

    /// Asserts the status, the exact set of header names (these beside the common ones) and the common headers' values,
    /// for anything that may be about people: it is not stored anywhere.
    #[track_caller]
    pub fn is(&self, status: u16, names: &[&str]) -> &Self {
        // TK-21: an answer below a path that holds a token sends no referrer on.
        let mut segments = self.what.split('/').skip_while(|part| !TOKEN_PATHS.contains(part)).skip(1);
        let below = (segments.next(), segments.next());
        let fixed = ["", "resend", "redeem", "cancel", "mail-code"];
        let token = matches!(below, (Some(token), None | Some("cancel")) if !fixed.contains(&token));
        self.kind(status, names, "no-store", if token { "no-referrer" } else { "same-origin" })
    }

    /// Asserts a file of the pages, which is the same for everybody and may be kept.
    #[track_caller]
    pub fn is_asset(&self, content_type: &str) -> &Self {
        self.kind(200, &["content-type"], "public, max-age=31536000, immutable", "same-origin")
            .has("content-type", content_type)
    }

    /// Asserts a page.
    #[track_caller]
    pub fn is_page(&self, status: u16, names: &[&str]) -> &Self {
        self.is_page_or_its_head(status, names);
        let text = self.text();
        assert!(text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</html>"), "{}", self.what);
        self
    }

    /// Asserts a page, or the answer to `HEAD` for one.
    #[track_caller]
    pub fn is_page_or_its_head(&self, status: u16, names: &[&str]) -> &Self {
        let names: Vec<_> = names.iter().copied().chain(["content-type"]).collect();
        self.is(status, &names).has("content-type", "text/html; charset=utf-8")
    }

    /// Asserts a 303 to `location`, with these header names more.
    #[track_caller]
    pub fn leads_to(&self, location: &str, names: &[&str]) -> &Self {
        let names: Vec<_> = names.iter().copied().chain(["location"]).collect();
        self.is(303, &names).has("location", location).empty()
    }

    /// Asserts a 200 or another success with this JSON, with these header names more.
    #[track_caller]
    pub fn is_json(&self, status: u16, names: &[&str]) -> Value {
        let names: Vec<_> = names.iter().copied().chain(["content-type"]).collect();
        self.is(status, &names).has("content-type", "application/json");
        self.json()
    }

    /// Asserts a problem document (RFC 9457) with nothing in it but its code, with these header names more.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str, names: &[&str]) -> &Self {
        self.problem(status, code, names, &["code", "status", "title", "type"]);
        self
    }

    /// Asserts a 422 problem document, and answers its faults as `field code`.
    #[track_caller]
    pub fn is_invalid(&self) -> Vec<String> {
        let problem = self.problem(422, "validation", &[], &["code", "errors", "status", "title", "type"]);
        let faults = problem["errors"].as_array().expect("errors must be a list");
        let told = |fault: &Value| {
            let message = fault["message"].as_str().expect("a fault must have a message");
            assert!(message.len() > 15 && message.ends_with('.'), "{}: {message}", self.what);
            format!("{} {}", fault["field"].as_str().unwrap_or("?"), fault["code"].as_str().unwrap_or("?"))
        };
        faults.iter().map(told).collect()
    }

    /// Asserts a 500 problem document, and answers the request's id (AU-13).
    #[track_caller]
    pub fn is_internal(&self) -> String {
        let problem = self.problem(500, "internal", &[], &["code", "request_id", "status", "title", "type"]);
        problem["request_id"].as_str().expect("the request must have an id").to_owned()
    }

    /// Asserts a header's one value.
    #[track_caller]
    pub fn has(&self, name: &str, value: &str) -> &Self {
        let values: Vec<_> = self.headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        assert_eq!(values, [value.as_bytes()], "{}: `{name}` is {:?}", self.what, self.header(name));
        self
    }

    /// Asserts that there is no body.
    #[track_caller]
    pub fn empty(&self) -> &Self {
        assert!(self.body.is_empty(), "{}: {}", self.what, self.text());
        self
    }

    /// Asserts the cookies set, in order, with tokens as `*`.
    #[track_caller]
    pub fn sets(&self, expected: &[String]) -> &Self {
        let shapes: Vec<_> = self.set_cookies().map(|cookie| cookie.shape()).collect();
        assert_eq!(shapes, expected, "{}", self.what);
        self
    }

    /// Asserts that the body holds a text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "{}: no {text:?} in\n{}", self.what, self.text());
        self
    }

    /// Asserts that neither headers nor body hold a text.
    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        assert!(!self.text().contains(text), "{}: {text:?} in\n{}", self.what, self.text());
        let found = self.headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(text));
        assert!(!found, "{}: {text:?} in {:?}", self.what, self.headers);
        self
    }

    /// Asserts that another answer is the same: status, headers in their order and body, byte for byte, but for the
    /// values of tokens.
    #[track_caller]
    pub fn alike(&self, other: &Self) {
        assert_eq!(self.status, other.status, "{} and {}", self.what, other.what);
        assert_eq!(self.shapes(), other.shapes(), "{} and {}", self.what, other.what);
        assert_eq!(self.text(), other.text(), "{} and {}", self.what, other.what);
    }

    /// Asserts that this answer to HEAD has the headers of another, to GET.
    #[track_caller]
    pub fn heads(&self, get: &Self) {
        let shapes = |answer: &Self| -> Vec<_> {
            let mut shapes = answer.shapes();
            shapes.retain(|shape| !FRAMING.iter().any(|name| shape.starts_with(name)));
            shapes
        };
        assert_eq!((self.status, shapes(self)), (get.status, shapes(get)), "{} and {}", self.what, get.what);
        if let Some(length) = self.header("content-length") {
            assert_eq!(length, get.body.len().to_string(), "{}", self.what);
        }
    }

    /// A header's first value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}\n{}", self.what, self.text()))
    }

    /// `Retry-After` in seconds.
    ///
    /// # Panics
    ///
    /// When it is missing, or no whole number from 1 on.
    #[must_use]
    #[track_caller]
    pub fn retry_after(&self) -> u64 {
        let seconds = self.header("retry-after").and_then(|value| value.parse().ok()).filter(|seconds| *seconds > 0);
        seconds.unwrap_or_else(|| panic!("{}: retry-after is {:?}", self.what, self.header("retry-after")))
    }

    pub(super) fn set_cookies(&self) -> impl Iterator<Item = SetCookie<'_>> {
        self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).map(SetCookie)
    }

    #[track_caller]
    fn kind(&self, status: u16, names: &[&str], cache: &str, referrer: &str) -> &Self {
        self.status(status);
        let hsts = self.https.then_some("strict-transport-security");
        let common = COMMON.iter().map(|(name, _)| *name).chain(["cache-control", "referrer-policy"]).chain(hsts);
        let expected: BTreeSet<_> = common.chain(names.iter().copied()).collect();
        let found: BTreeSet<_> = self.headers.keys().map(|name| name.as_str()).collect();
        let found: BTreeSet<_> = found.into_iter().filter(|name| !FRAMING.contains(name)).collect();
        assert_eq!(found, expected, "{}", self.what);
        for (name, value) in COMMON {
            self.has(name, value);
        }
        if self.https {
            self.has("strict-transport-security", "max-age=63072000");
        }
        self.has("cache-control", cache).has("referrer-policy", referrer)
    }

    #[track_caller]
    fn problem(&self, status: u16, code: &str, names: &[&str], members: &[&str]) -> Value {
        let names: Vec<_> = names.iter().copied().chain(["content-type"]).collect();
        self.is(status, &names).has("content-type", "application/problem+json");
        let problem = self.json();
        let found: BTreeSet<_> = problem.as_object().into_iter().flat_map(|object| object.keys()).collect();
        assert_eq!(found, members.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().iter().collect());
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()), "{}", self.what);
        assert_eq!(problem["type"], format!("urn:sigra:fault:{code}"), "{}", self.what);
        assert!(problem["title"].as_str().is_some_and(|title| title.len() > 5), "{}", self.what);
        problem
    }

    /// Every header as `name: value`, with tokens as `*`.
    fn shapes(&self) -> Vec<String> {
        let shape = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let value = if name == "set-cookie" { SetCookie(&value).shape() } else { value };
            format!("{name}: {value}")
        };
        self.headers.iter().map(shape).filter(|shape| !shape.starts_with("date:")).collect()
    }
}

/// One `Set-Cookie`.
#[derive(Clone, Copy)]
pub(super) struct SetCookie<'a>(&'a str);

impl<'a> SetCookie<'a> {
    pub(super) fn name(self) -> &'a str {
        self.0.split('=').next().unwrap_or_default()
    }

    pub(super) fn value(self) -> &'a str {
        self.0.split(';').next().and_then(|pair| pair.split_once('=')).map_or("", |(_, value)| value)
    }

    pub(super) fn max_age(self) -> Option<u64> {
        self.0.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age=")?.parse().ok())
    }

    /// With a token's value as `*`.
    fn shape(self) -> String {
        let attributes = self.0.split_once(';').map_or("", |(_, attributes)| attributes);
        let value = if self.value().len() == 43 { "*" } else { self.value() };
        format!("{}={value};{attributes}", self.name())
    }
}
