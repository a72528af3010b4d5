//! The origin the application is reached at.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use url::{Host, Url};

/// The absolute origin people type into a browser: `http(s)://host[:port]`, nothing behind it but one optional slash.
///
/// Links in mail, the origin rule, cookie names and WebAuthn all come from this value, never from a request, so no
/// `Host` or `X-Forwarded-Host` can change them.
///
/// # Deployment
///
/// Behind a proxy that ends TLS this is still the `https` address, the one the browser shows. Plain `http` is meant
/// for loopback hosts alone; see [`PublicUrl::is_secure_or_loopback`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: Host<String>,
    https: bool,
}

impl PublicUrl {
    /// The origin as browsers serialize it in an `Origin` header (RFC 6454 §6.2, with A-labels): lower-case host, no
    /// default port, no trailing slash.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host alone, lower-case, as A-labels; IPv6 addresses in brackets.
    #[must_use]
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether the host is `localhost`, in `127.0.0.0/8`, or `::1`. Subdomains of `localhost` are not.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(v4) => v4.is_loopback(),
            Host::Ipv6(v6) => v6.is_loopback(),
        }
    }

    /// Whether a credential may travel to this origin: `https`, or `http` that never leaves the machine.
    #[must_use]
    pub fn is_secure_or_loopback(&self) -> bool {
        self.https || self.is_loopback()
    }

    /// An absolute link. `path` starts with a slash.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        // The URL standard repairs what it reads: it drops tabs, turns backslashes and collapses slashes. A setting
        // that needs repair is a mistake.
        let (scheme, rest) = text.split_once("://").ok_or(InvalidPublicUrl::NotAbsolute)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidPublicUrl::NotAbsolute),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '\\', '%']) || authority.ends_with(':') {
            return Err(InvalidPublicUrl::NotAnOrigin);
        }
        if authority.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidPublicUrl::InvalidHost);
        }
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl::InvalidHost)?;
        let host = url.host().ok_or(InvalidPublicUrl::InvalidHost)?.to_owned();
        Ok(Self { origin: url.origin().ascii_serialization(), host, https })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPublicUrl {
    /// There is no `http://` or `https://` in front.
    #[error("must start with http:// or https://")]
    NotAbsolute,
    /// There is a path, a query, a fragment or a user behind or before the host, or an empty port.
    #[error("must be scheme, host and port alone, as in https://app.example.org")]
    NotAnOrigin,
    /// The host or the port does not parse.
    #[error("the host or the port is not valid")]
    InvalidHost,
}

/// Whether a `Host` header names this machine: `localhost`, `127.0.0.0/8` in dotted form or `[::1]`, with or without a
/// port.
///
/// In loopback mode everything else is answered with 421 (RFC 9110 §15.5.20): a page of a stranger whose name resolves
/// to 127.0.0.1 (DNS rebinding) sends its own name.
#[must_use]
pub fn host_header_is_loopback(host: &str) -> bool {
    let (name, port) = match host.rfind(']') {
        Some(end) => host.split_at(end + 1),
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let port_is_fine = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    let name_is_loopback = match name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok_and(|v6| v6.is_loopback()),
        None => name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok_and(|v4| v4.is_loopback()),
    };
    port_is_fine && name_is_loopback
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(text: &str) -> String {
        text.parse::<PublicUrl>().unwrap().origin().to_owned()
    }

    #[test]
    fn origins_are_serialized_as_browsers_do() {
        assert_eq!(origin("https://App.Example.ORG:443/"), "https://app.example.org");
        assert_eq!(origin("HTTP://localhost:80"), "http://localhost");
        assert_eq!(origin("http://localhost:3000/"), "http://localhost:3000");
        assert_eq!(origin("https://bücher.example"), "https://xn--bcher-kva.example");
        assert_eq!(origin("http://[0:0::1]:3000"), "http://[::1]:3000");
        assert_eq!(origin("http://127.1:8080"), "http://127.0.0.1:8080");
    }

    #[test]
    fn anything_but_an_origin_is_refused() {
        use InvalidPublicUrl::{InvalidHost, NotAbsolute, NotAnOrigin};
        for (text, fault) in [
            ("", NotAbsolute),
            ("app.example.org", NotAbsolute),
            ("//app.example.org", NotAbsolute),
            ("ftp://app.example.org", NotAbsolute),
            ("https:app.example.org", NotAbsolute),
            ("https://app.example.org/auth", NotAnOrigin),
            ("https://app.example.org//", NotAnOrigin),
            ("https://app.example.org?x", NotAnOrigin),
            ("https://app.example.org#x", NotAnOrigin),
            ("https://user:pw@app.example.org", NotAnOrigin),
            ("https:///app.example.org", NotAnOrigin),
            ("https://evil\\@app.example.org", NotAnOrigin),
            ("https://app.example.org:", NotAnOrigin),
            ("https://", InvalidHost),
            ("https:// app.example.org", InvalidHost),
            ("https://app\t.example.org", InvalidHost),
            ("https://app.example.org:99999", InvalidHost),
            ("https://[::1", InvalidHost),
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn se_25_http_is_flagged_unless_it_is_loopback() {
        for (text, secure) in [
            ("https://app.example.org", true),
            ("http://localhost:3000", true),
            ("http://127.255.0.1", true),
            ("http://[::1]:1", true),
            ("http://app.example.org", false),
            ("http://app.localhost", false),
            ("http://192.168.0.2", false),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().is_secure_or_loopback(), secure, "{text}");
        }
    }

    #[test]
    fn host_headers_of_this_machine() {
        for host in ["localhost", "LOCALHOST:3000", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:3000"] {
            assert!(host_header_is_loopback(host), "{host}");
        }
        for host in [
            "",
            ":",
            "localhost.",
            "localhost:",
            "localhost:x",
            "localhost:+80",
            "localhost:99999",
            "evil.example",
            "evil.example:3000",
            "app.localhost",
            "127.0.0.1.evil.example",
            "127.1",
            "::1",
            "[::2]",
            "[::1]x",
            "localhost@evil.example",
            " localhost",
            "0.0.0.0",
            "[::1",
        ] {
            assert!(!host_header_is_loopback(host), "{host:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_parses_is_stable(text in "(https?://)?\\PC{0,40}") {
            let _ = host_header_is_loopback(&text);
            if let Ok(url) = text.parse::<PublicUrl>() {
                prop_assert_eq!(url.origin().parse::<PublicUrl>(), Ok(url.clone()));
            }
        }

        #[test]
        fn what_is_taken_for_this_machine_is_this_machine_for_the_url_standard(
            host in "(localhost|LocalHost|127\\.[0-9]{1,3}\\.0\\.[0-9]{1,2}|\\[[0:]{2,6}1\\]|[a-z.0-9:@\\[\\]]{0,12})(:[0-9]{0,6})?[.x@ ]?",
        ) {
            if host_header_is_loopback(&host) {
                let url: PublicUrl = format!("http://{host}").parse().unwrap();
                prop_assert!(url.is_loopback(), "{}", host);
            }
        }

        #[test]
        fn se_25_nothing_but_https_or_this_machine_is_secure(text in "(https?|HTTP|ftp)://[a-z0-9.:\\[\\]@/-]{1,20}") {
            if let Ok(url) = text.parse::<PublicUrl>() {
                let parsed = Url::parse(&url.link("/x")).unwrap();
                let here = match parsed.host().unwrap() {
                    Host::Domain(name) => name == "localhost",
                    Host::Ipv4(v4) => v4.octets()[0] == 127,
                    Host::Ipv6(v6) => v6 == Ipv6Addr::LOCALHOST,
                };
                prop_assert_eq!(url.is_secure_or_loopback(), parsed.scheme() == "https" || here);
                prop_assert_eq!((parsed.username(), parsed.password(), parsed.path()), ("", None, "/x"));
            }
        }
    }
}
