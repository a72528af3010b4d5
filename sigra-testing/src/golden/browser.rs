//! Clients that keep cookies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::Method;
use serde_json::Value;

use super::{Answer, Ask, GoldenHost};
use crate::scenario::PASSWORD;

/// A client that keeps cookies and proves the origin of its unsafe requests, as browsers do.
#[derive(Clone)]
pub struct Browser<'h> {
    host: &'h GoldenHost,
    jar: BTreeMap<String, String>,
    /// Where it connects from.
    pub peer: Option<IpAddr>,
    /// Its `User-Agent`, in bytes.
    pub user_agent: Vec<u8>,
}

impl<'h> Browser<'h> {
    pub(super) fn new(host: &'h GoldenHost) -> Self {
        let user_agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_vec();
        Self { host, jar: BTreeMap::new(), peer: Some([198, 51, 100, 7].into()), user_agent }
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Ask::get(path)).await
    }

    /// Reads JSON.
    pub async fn read(&mut self, path: &str) -> Answer {
        self.send(Ask::new("GET", path)).await
    }

    /// Sends a form.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Ask::form(path, fields)).await
    }

    /// Sends JSON.
    pub async fn json(&mut self, path: &str, body: Value) -> Answer {
        self.send(Ask::json(path, &body)).await
    }

    /// Sends a request with this browser's headers, and keeps the cookies it is answered with.
    pub async fn send(&mut self, mut ask: Ask) -> Answer {
        let what = format!("{} {}", ask.method, ask.path);
        let head = ask.method == Method::HEAD;
        if !ask.headers.iter().any(|(name, _)| name == "host") {
            ask = ask.header("host", self.host.authority());
        }
        ask = ask.header("user-agent", &self.user_agent);
        if !self.jar.is_empty() {
            let pairs: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            ask = ask.header("cookie", pairs.join("; "));
        }
        if ask.proof {
            ask = ask.header("sec-fetch-site", "same-origin");
            if ![Method::GET, Method::HEAD].contains(&ask.method) {
                ask = ask.header("origin", self.host.public_url());
            }
        }
        let response = self.host.call(ask.into_request(), self.peer).await;
        let answer = Answer::new(what, head, self.host.is_https(), response);
        for cookie in answer.set_cookies() {
            if cookie.max_age() == Some(0) {
                self.jar.remove(cookie.name());
            } else {
                self.jar.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        answer
    }

    /// Signs in with [`PASSWORD`], through JSON.
    ///
    /// # Panics
    ///
    /// When it is not let in.
    pub async fn sign_in(&mut self, email: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": PASSWORD });
        let answer = self.json("/auth/api/v1/login", body).await;
        answer.status(200);
        answer
    }

    /// The value of one of sigra's cookies, as in `session`.
    #[must_use]
    pub fn cookie(&self, which: &str) -> Option<String> {
        self.jar.get(&self.host.cookie_name(which)).cloned()
    }

    /// Puts a cookie into the jar, under whatever name.
    pub fn plant(&mut self, name: &str, value: &str) {
        self.jar.insert(name.to_owned(), value.to_owned());
    }

    /// Forgets one of sigra's cookies.
    pub fn forget(&mut self, which: &str) {
        self.jar.remove(&self.host.cookie_name(which));
    }
}
