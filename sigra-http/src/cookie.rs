//! Cookies: which name is read and written, and with which attributes.

use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue};
use sigra_core::secret::RawToken;
use zeroize::Zeroizing;

use crate::public_url::PublicUrl;

/// The longest `Max-Age` a browser takes (RFC 6265bis §5.5).
pub const MAX_LIFETIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The one name a cookie has, decided by the public URL and never by the request.
///
/// On `https` it carries the `__Host-` prefix, so no subdomain and no plain-text page can set it; on loopback `http` it
/// is bare. Only the exact name is read: a case variant is another cookie, and a name that comes twice counts as absent,
/// because one of the two was planted and nothing tells which (RFC 6265bis §4.1.3, §5.8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName {
    name: String,
    secure: bool,
}

impl CookieName {
    /// The name `base` has under the given public URL.
    ///
    /// # Errors
    ///
    /// [`InvalidCookieName`] when `base` is no token (RFC 9110 §5.6.2) or brings a prefix of its own, and when the
    /// public URL is plain `http` on anything but a loopback host, where no credential may be set at all.
    pub fn new(base: &str, public_url: &PublicUrl) -> Result<Self, InvalidCookieName> {
        if !public_url.is_secure_or_loopback() {
            return Err(InvalidCookieName::InsecureOrigin);
        }
        if base.is_empty() || !base.bytes().all(is_token_byte) || base.starts_with("__") {
            return Err(InvalidCookieName::NotAToken);
        }
        let secure = public_url.is_https();
        let name = if secure { format!("__Host-{base}") } else { base.to_owned() };
        Ok(Self { name, secure })
    }

    /// The name as it stands in headers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The value sent under exactly this name, in one or several `Cookie` headers. `None` when it is absent, came more
    /// than once, or is not printable ASCII.
    #[must_use]
    pub fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let mut values = headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| self.value_of(pair));
        let only = values.next()?;
        if values.next().is_some() || !only.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        std::str::from_utf8(only).ok()
    }

    /// The token sent under this name; see [`CookieName::read`].
    #[must_use]
    pub fn read_token(&self, headers: &HeaderMap) -> Option<RawToken> {
        self.read(headers).and_then(RawToken::parse)
    }

    /// The `Set-Cookie` value that hands a token out. Without a lifetime the browser forgets it when it closes; with one,
    /// it is cut to [`MAX_LIFETIME`] and whole seconds.
    #[must_use]
    pub fn issue(&self, token: &RawToken, lifetime: Option<Duration>) -> HeaderValue {
        let max_age = lifetime.map(|span| span.min(MAX_LIFETIME).as_secs());
        self.set_cookie(&token.expose(), max_age)
    }

    /// The `Set-Cookie` value that sets a fixed word. Only words of ours are meant to be set, never input.
    #[must_use]
    pub fn set(&self, word: &'static str, lifetime: Option<Duration>) -> HeaderValue {
        self.set_cookie(word, lifetime.map(|span| span.min(MAX_LIFETIME).as_secs()))
    }

    /// The `Set-Cookie` value that makes the browser forget it.
    #[must_use]
    pub fn clear(&self) -> HeaderValue {
        self.set_cookie("", Some(0))
    }

    fn set_cookie(&self, value: &str, max_age: Option<u64>) -> HeaderValue {
        let mut text = Zeroizing::new(format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", self.name));
        if self.secure {
            text.push_str("; Secure");
        }
        if let Some(seconds) = max_age {
            text.push_str(&format!("; Max-Age={seconds}"));
        }
        let mut header = HeaderValue::from_str(&text).expect("a token name and base64url are printable ASCII");
        header.set_sensitive(true);
        header
    }

    fn value_of<'p>(&self, pair: &'p [u8]) -> Option<&'p [u8]> {
        let pair = pair.trim_ascii();
        let (name, value) = pair.split_at_checked(self.name.len())?;
        (name == self.name.as_bytes()).then(|| value.strip_prefix(b"="))?
    }
}

/// The name cannot be a cookie's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCookieName {
    /// Empty, with a character no token has, or with a `__` prefix of its own.
    #[error("a cookie name is letters, digits, - and _, and does not start with __")]
    NotAToken,
    /// The public URL is `http` on a host that is not loopback.
    #[error("no cookie is set over http on anything but a loopback host")]
    InsecureOrigin,
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(url: &str) -> CookieName {
        CookieName::new("sigra_session", &url.parse().unwrap()).unwrap()
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn se_01_https_cookies_are_host_bound() {
        let name = name("https://app.example.org");
        assert_eq!(name.as_str(), "__Host-sigra_session");
        let token = RawToken::random();
        let expected =
            format!("__Host-sigra_session={}; Path=/; HttpOnly; SameSite=Lax; Secure", token.expose().as_str());
        let header = name.issue(&token, None);
        assert_eq!(header, expected.as_str());
        assert!(header.is_sensitive() && header.len() <= 4_096);
    }

    #[test]
    fn se_25_http_cookies_exist_on_loopback_alone() {
        let name = name("http://localhost:3000");
        assert_eq!(name.as_str(), "sigra_session");
        assert_eq!(name.clear(), "sigra_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
        let insecure = CookieName::new("sigra_session", &"http://app.example.org".parse().unwrap());
        assert_eq!(insecure, Err(InvalidCookieName::InsecureOrigin));
    }

    #[test]
    fn se_02_a_lifetime_is_at_most_400_days() {
        let header = name("https://app.example.org").issue(&RawToken::random(), Some(Duration::MAX));
        assert!(header.to_str().unwrap().ends_with("; Max-Age=34560000"));
        let header = name("https://app.example.org").issue(&RawToken::random(), Some(Duration::from_millis(90_500)));
        assert!(header.to_str().unwrap().ends_with("; Max-Age=90"));
    }

    #[test]
    fn se_03_only_the_exact_name_once_is_honoured() {
        let name = name("https://app.example.org");
        for (lines, value) in [
            (&["__Host-sigra_session=a"][..], Some("a")),
            (&["x=1; __Host-sigra_session=a; y=2"], Some("a")),
            (&["x=1;__Host-sigra_session=a=b"], Some("a=b")),
            (&["x", "=", ";;", "\"", "__Host-sigra_session=a"], Some("a")),
            (&["__Host-sigra_session="], Some("")),
            (&[], None),
            (&["__host-sigra_session=a"], None),
            (&["sigra_session=a"], None),
            (&["__Host-sigra_session2=a"], None),
            (&["__Host-sigra_session =a"], None),
            (&["__Host-sigra_session"], None),
            (&["__Host-sigra_session=a b"], None),
            (&["__Host-sigra_session=a; __Host-sigra_session=a"], None),
            (&["__Host-sigra_session=a; x=1", "__Host-sigra_session=b"], None),
            (&["__Host-sigra_session=a; __Host-sigra_session=é"], None),
        ] {
            assert_eq!(name.read(&headers(lines)), value, "{lines:?}");
        }
    }

    #[test]
    fn tokens_round_trip() {
        let name = name("http://127.0.0.1:3000");
        let token = RawToken::random();
        let sent = name.issue(&token, None);
        let pair = sent.to_str().unwrap().split(';').next().unwrap();
        let read = name.read_token(&headers(&[pair])).unwrap();
        assert_eq!(*read.expose(), *token.expose());
        assert!(name.read_token(&headers(&["sigra_session=short"])).is_none());
    }

    #[test]
    fn bad_names_are_refused() {
        for base in ["", "a b", "a;b", "a=b", "ä", "__Host-x", "__Secure-x", "a\r\nb"] {
            let made = CookieName::new(base, &"https://app.example.org".parse().unwrap());
            assert_eq!(made, Err(InvalidCookieName::NotAToken), "{base:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
            let map: HeaderMap =
                lines.iter().filter_map(|line| Some((COOKIE, HeaderValue::from_bytes(line).ok()?))).collect();
            let _ = name("http://localhost").read_token(&map);
        }

        /// Split at every `;` and at the first `=`; white space is dropped around a pair, and nowhere else.
        #[test]
        fn se_03_what_is_read_is_what_a_model_reads(
            lines in prop::collection::vec("((x|S|s|__host-s|__Host-s|__Host-S)[ ]?=?[a-b= \"]{0,3}[; ]{0,2}){0,4}", 0..3),
        ) {
            let name = CookieName::new("s", &"https://app.example".parse().unwrap()).unwrap();
            let all = lines.join(";");
            let pairs = all.split(';').filter_map(|pair| pair.split_once('='));
            let ours: Vec<&str> =
                pairs.filter(|(name, _)| name.trim_start() == "__Host-s").map(|(_, value)| value.trim_end()).collect();
            let expected = match ours[..] {
                [only] if !only.contains(' ') => Some(only),
                _ => None,
            };
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let headers = headers(&lines);
            prop_assert_eq!(name.read(&headers), expected);
        }
    }
}
