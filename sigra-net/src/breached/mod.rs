//! Passwords known from data breaches, by a range protocol.

#[cfg(feature = "breached-https")]
mod https;
mod range;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sha1::{Digest as _, Sha1};
use sigra_core::password::Password;
use sigra_core::ports::{BreachedPasswords, Unanswered};
use zeroize::Zeroizing;

#[cfg(feature = "breached-https")]
pub use https::{HttpsClient, HttpsClientError};

/// Knows breached passwords by the range protocol of
/// [Pwned Passwords](https://haveibeenpwned.com/API/v3#PwnedPasswords), at that service or a mirror of it.
///
/// What leaves the process are the first five hexadecimal digits of the password's SHA-1, which hundreds of breached
/// passwords share. The answer lists the rest of their hashes, and is searched here. It is asked to be padded, so its size
/// tells nothing either; entries with a count of 0 are that padding.
///
/// A call ends after [`PwnedPasswords::TIME`] unless [`PwnedPasswords::within`] says otherwise, and reads
/// [`PwnedPasswords::MAX_BYTES`] at most. Another status than 200 is no answer, nor is a body that is not a list of hashes from
/// its first line to its last: a page of a proxy must not pass for "not breached". The reasons in [`Unanswered`] are
/// `timed_out`, `unreachable`, `rate_limited` (429), `refused` (any other status), `too_large` and `unreadable`.
///
/// Needs a tokio runtime with its timer.
#[derive(Clone)]
pub struct PwnedPasswords {
    client: Arc<dyn HttpGet>,
    base: String,
    time: Duration,
}

impl PwnedPasswords {
    /// The public service. Its terms ask for nothing, neither a key nor an account.
    pub const URL: &'static str = "https://api.pwnedpasswords.com/range/";

    /// How long a call takes at most, unless it is told otherwise.
    pub const TIME: Duration = Duration::from_secs(2);

    /// The longest answer read, in bytes. The service's own, padded, have some 50,000.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Asks the public service through `client`.
    #[must_use]
    pub fn new(client: Arc<dyn HttpGet>) -> Self {
        Self { client, base: Self::URL.to_owned(), time: Self::TIME }
    }

    /// Asks a mirror: `base` is its URL up to where the five digits go.
    #[must_use]
    pub fn at(mut self, base: impl Into<String>) -> Self {
        self.base = base.into();
        self
    }

    /// Gives up after `time`.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    async fn range(&self, prefix: &str) -> Result<Vec<u8>, Unanswered> {
        let url = format!("{}{prefix}", self.base);
        let get = Get {
            url: &url,
            headers: &[("add-padding", "true"), ("user-agent", concat!("sigra-net/", env!("CARGO_PKG_VERSION")))],
            max_bytes: Self::MAX_BYTES,
        };
        let answer = match tokio::time::timeout(self.time, self.client.get(&get)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(GetError::TooLarge)) => return Err(Unanswered::new("too_large")),
            Ok(Err(GetError::Failed(cause))) => return Err(Unanswered::new("unreachable").because(cause)),
            Err(_elapsed) => return Err(Unanswered::new("timed_out")),
        };
        match answer.status {
            200 if answer.body.len() > Self::MAX_BYTES => Err(Unanswered::new("too_large")),
            200 => Ok(answer.body),
            429 => Err(Unanswered::new("rate_limited")),
            status => Err(Unanswered::new("refused").because(format!("status {status}"))),
        }
    }
}

impl fmt::Debug for PwnedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PwnedPasswords").field("base", &self.base).field("time", &self.time).finish_non_exhaustive()
    }
}

#[async_trait]
impl BreachedPasswords for PwnedPasswords {
    async fn is_breached(&self, password: &Password) -> Result<bool, Unanswered> {
        let hash = hash(password);
        let (prefix, suffix) = hash.split_at(5);
        let body = self.range(prefix).await?;
        range::lists(&body, suffix).ok_or_else(|| Unanswered::new("unreadable"))
    }
}

/// The SHA-1 of a password in forty upper-case hexadecimal digits.
fn hash(password: &Password) -> Zeroizing<String> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digest: Zeroizing<[u8; 20]> = Zeroizing::new(Sha1::digest(password.expose()).into());
    let mut hex = Zeroizing::new(String::with_capacity(40));
    for byte in digest.iter() {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

/// An HTTP client, as little of one as [`PwnedPasswords`] needs.
///
/// # Contract
///
/// - Makes one GET request for exactly that URL with those headers, and follows no redirect.
/// - Verifies the server's certificate.
/// - Stops reading a body after [`Get::max_bytes`]: that is [`GetError::TooLarge`].
/// - Stops working when its future is dropped. The caller's time limit is a dropped future.
/// - Its errors hold nothing of the URL.
#[async_trait]
pub trait HttpGet: Send + Sync {
    /// Makes the request. Any status is an answer.
    async fn get(&self, get: &Get<'_>) -> Result<Answer, GetError>;
}

/// A request.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Get<'a> {
    /// An absolute URL. Its end is part of a password's hash: not for logs.
    pub url: &'a str,
    /// Names in lower case, and values.
    pub headers: &'a [(&'static str, &'static str)],
    /// How much of a body to read.
    pub max_bytes: usize,
}

impl fmt::Debug for Get<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("headers", &self.headers)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// What a server answered.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("bytes", &self.body.len()).finish()
    }
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// The body is longer than was asked to be read.
    #[error("the answer is too large")]
    TooLarge,
    /// Anything else.
    #[error("the request failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl GetError {
    /// Something else than a long body.
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(cause.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn pw_10_the_hash_is_that_of_the_service() {
        // The example in the service's documentation, and one of FIPS 180-4's own.
        let hash = |text| hash(&Password::parse(text).unwrap()).to_string();
        assert_eq!(hash("P@ssw0rd"), "21BD12DC183F740EE76F27B78EB39C8AD972A757");
        assert_eq!(hash("abc"), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    }

    #[test]
    fn pw_30_debug_shows_neither_url_nor_body() {
        let get = Get { url: "https://canary.example/21BD1", headers: &[], max_bytes: 7 };
        let answer = Answer { status: 200, body: b"canary".to_vec() };
        let shown = format!("{get:?} {answer:?}");
        assert!(!shown.contains("canary") && !shown.contains("21BD1") && !shown.contains("99, 97"), "{shown}");
    }
}
