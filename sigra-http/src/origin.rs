//! Where a request comes from: the whole defence against cross-site request forgery, as one pure function.
//!
//! There are no tokens in forms, so no template can lose one. The rule leans on two headers that a page cannot forge in
//! a browser, [`Sec-Fetch-Site`](https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header) and
//! [`Origin`](https://www.rfc-editor.org/rfc/rfc6454#section-7).
//!
//! # The rule
//!
//! The first line that applies decides; [`decide`] reads in the same order.
//!
//! 1. `GET`, `HEAD` and `OPTIONS` pass. They must change nothing.
//! 2. `Sec-Fetch-Site` is there: it decides alone.
//!    1. More than once: refused.
//!    2. `same-origin`: passes, even beside `Origin: null`, which browsers send from a page with `no-referrer`.
//!    3. `none` (typed, bookmarked, or from outside the browser's pages): passes.
//!    4. Anything else, also `same-site`, for a sibling subdomain is a stranger: refused.
//! 3. `Origin` is there: more than once is refused, exactly the public origin passes, anything else (also `null`) is refused.
//! 4. Neither is there, so it is no current browser. With a `Cookie` header: refused.
//! 5. No cookie, and the media type is `application/json`, which no HTML form can send: passes.
//! 6. Everything else: refused.
//!
//! # Deployment
//!
//! The public origin is configuration. Browsers send `Sec-Fetch-Site` to `https` and loopback origins alone; elsewhere,
//! and from browsers older than 2023, line 3 decides. A proxy must pass both headers on untouched. A native client sends
//! JSON without cookies, or sets `Origin` itself. What overrides methods (`_method`, `X-HTTP-Method-Override`) must not
//! stand before this rule.

use std::fmt;

use http::header::{COOKIE, HeaderMap, ORIGIN};
use http::{HeaderName, Method};

use crate::media_type::MediaType;
use crate::public_url::PublicUrl;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Applies the rule of this module.
///
/// # Errors
///
/// [`CrossOrigin`] says which line refused; answer 403 and tell the log.
pub fn decide(method: &Method, headers: &HeaderMap, public_url: &PublicUrl) -> Result<Passed, CrossOrigin> {
    if is_safe(method) {
        return Ok(Passed::SafeMethod);
    }
    match only_value(headers, &SEC_FETCH_SITE) {
        Value::Repeated => return Err(CrossOrigin::RepeatedSecFetchSite),
        Value::Once(b"same-origin") => return Ok(Passed::SameOrigin),
        Value::Once(b"none") => return Ok(Passed::UserInitiated),
        Value::Once(_) => return Err(CrossOrigin::SecFetchSite),
        Value::Absent => {}
    }
    match only_value(headers, &ORIGIN) {
        Value::Repeated => return Err(CrossOrigin::RepeatedOrigin),
        Value::Once(origin) if origin == public_url.origin().as_bytes() => return Ok(Passed::MatchingOrigin),
        Value::Once(_) => return Err(CrossOrigin::Origin),
        Value::Absent => {}
    }
    if headers.contains_key(COOKIE) {
        return Err(CrossOrigin::CookieWithoutOrigin);
    }
    if MediaType::of(headers) == MediaType::Json {
        return Ok(Passed::NotABrowser);
    }
    Err(CrossOrigin::NoOrigin)
}

/// Whether a method must change nothing, as far as the rule goes: `GET`, `HEAD`, `OPTIONS`.
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD || *method == Method::OPTIONS
}

/// Why a request passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Its method changes nothing.
    SafeMethod,
    /// `Sec-Fetch-Site: same-origin`.
    SameOrigin,
    /// `Sec-Fetch-Site: none`.
    UserInitiated,
    /// `Origin` is the public origin.
    MatchingOrigin,
    /// JSON without a cookie and without any sign of a browser.
    NotABrowser,
}

/// Why a request was refused. For logs; the client learns `cross_origin` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossOrigin {
    /// `Sec-Fetch-Site` came more than once.
    RepeatedSecFetchSite,
    /// `Sec-Fetch-Site` names another site, or is nothing the standard knows.
    SecFetchSite,
    /// `Origin` came more than once.
    RepeatedOrigin,
    /// `Origin` is not the public origin.
    Origin,
    /// A cookie, but neither header.
    CookieWithoutOrigin,
    /// Neither header, no cookie, and not JSON.
    NoOrigin,
}

impl fmt::Display for CrossOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RepeatedSecFetchSite => "sec-fetch-site came more than once",
            Self::SecFetchSite => "sec-fetch-site is neither same-origin nor none",
            Self::RepeatedOrigin => "origin came more than once",
            Self::Origin => "origin is not the public origin",
            Self::CookieWithoutOrigin => "a cookie came with neither sec-fetch-site nor origin",
            Self::NoOrigin => "neither sec-fetch-site nor origin came, and the body is not json",
        })
    }
}

impl std::error::Error for CrossOrigin {}

enum Value<'h> {
    Absent,
    Once(&'h [u8]),
    Repeated,
}

fn only_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Value<'h> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Value::Absent,
        (Some(line), None) => Value::Once(line.as_bytes()),
        (Some(_), Some(_)) => Value::Repeated,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const HERE: &str = "https://app.example.org";

    fn post(lines: &[(&'static str, &str)]) -> Result<Passed, CrossOrigin> {
        ask(&Method::POST, lines)
    }

    fn ask(method: &Method, lines: &[(&'static str, &str)]) -> Result<Passed, CrossOrigin> {
        let headers = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        decide(method, &headers, &HERE.parse().unwrap())
    }

    #[test]
    fn cs_01_a_form_post_without_proof_of_origin_is_refused() {
        let form = ("content-type", "application/x-www-form-urlencoded");
        assert_eq!(post(&[]), Err(CrossOrigin::NoOrigin));
        assert_eq!(post(&[form]), Err(CrossOrigin::NoOrigin));
        assert_eq!(post(&[form, ("cookie", "a=b")]), Err(CrossOrigin::CookieWithoutOrigin));
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE, Method::CONNECT] {
            assert_eq!(ask(&method, &[form]), Err(CrossOrigin::NoOrigin), "{method}");
        }
        assert_eq!(ask(&Method::from_bytes(b"get").unwrap(), &[]), Err(CrossOrigin::NoOrigin));
    }

    #[test]
    fn cs_02_sec_fetch_site_decides_alone() {
        for (site, decision) in [
            ("same-origin", Ok(Passed::SameOrigin)),
            ("none", Ok(Passed::UserInitiated)),
            ("same-site", Err(CrossOrigin::SecFetchSite)),
            ("cross-site", Err(CrossOrigin::SecFetchSite)),
            ("Same-Origin", Err(CrossOrigin::SecFetchSite)),
            ("same-origin, same-origin", Err(CrossOrigin::SecFetchSite)),
            ("", Err(CrossOrigin::SecFetchSite)),
        ] {
            for origin in [HERE, "null", "https://evil.example"] {
                let asked = post(&[("sec-fetch-site", site), ("origin", origin), ("cookie", "a=b")]);
                assert_eq!(asked, decision, "{site} {origin}");
            }
        }
        let twice = post(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]);
        assert_eq!(twice, Err(CrossOrigin::RepeatedSecFetchSite));
    }

    #[test]
    fn cs_02_without_it_origin_must_be_ours_exactly() {
        assert_eq!(post(&[("origin", HERE), ("cookie", "a=b")]), Ok(Passed::MatchingOrigin));
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://app.example.org",
            "https://app.example.org:443",
            "https://app.example.org/",
            "https://APP.example.org",
            "https://app.example.org.evil.example",
            "https://app.example.org https://evil.example",
        ] {
            assert_eq!(post(&[("origin", origin)]), Err(CrossOrigin::Origin), "{origin}");
        }
        assert_eq!(post(&[("origin", HERE), ("origin", HERE)]), Err(CrossOrigin::RepeatedOrigin));
    }

    #[test]
    fn cs_03_with_neither_only_json_without_a_cookie_passes() {
        for (media_type, passes) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/jsonp", false),
            ("multipart/form-data; boundary=application/json", false),
            ("text/plain; application/json", false),
            ("application/x-www-form-urlencoded, application/json", false),
        ] {
            assert_eq!(post(&[("content-type", media_type)]).is_ok(), passes, "{media_type}");
        }
        let json = ("content-type", "application/json");
        assert_eq!(post(&[json]), Ok(Passed::NotABrowser));
        assert_eq!(post(&[json, ("cookie", "")]), Err(CrossOrigin::CookieWithoutOrigin));
        assert_eq!(post(&[json, json]), Err(CrossOrigin::NoOrigin));
    }

    #[test]
    fn cs_05_an_override_does_not_count_and_safe_methods_pass() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let asked = ask(&method, &[("sec-fetch-site", "cross-site"), ("x-http-method-override", "DELETE")]);
            assert_eq!(asked, Ok(Passed::SafeMethod));
        }
        assert!(post(&[("x-http-method-override", "GET")]).is_err());
    }

    proptest! {
        #[test]
        fn a_foreign_browser_never_passes(
            site in prop::option::of(prop::collection::vec(any::<u8>(), 0..14)),
            origin in prop::collection::vec(any::<u8>(), 0..30),
            media_type in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let mut headers = HeaderMap::new();
            let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static("odd"));
            if let Some(site) = site {
                headers.insert(SEC_FETCH_SITE, value(&site));
            }
            headers.insert(ORIGIN, value(&origin));
            headers.insert(http::header::CONTENT_TYPE, value(&media_type));
            prop_assert!(decide(&Method::POST, &headers, &HERE.parse().unwrap()).is_err());
        }

        /// The rule of this module in other words.
        #[test]
        fn cs_02_the_rule_is_what_its_words_say(
            sites in prop::collection::vec(prop_oneof!["same-origin", "none", "same-site", "cross-site", "[a-z-]{0,4}"], 0..3),
            origins in prop::collection::vec(prop_oneof![Just(HERE.to_owned()), "null", "https://[a-z.]{1,12}"], 0..3),
            cookie in any::<bool>(),
            media_type in prop_oneof!["application/json", "text/plain", "application/json;charset=[a-z]{0,3}"],
        ) {
            let mut headers = vec![("content-type", media_type.as_str())];
            headers.extend(sites.iter().map(|site| ("sec-fetch-site", site.as_str())));
            headers.extend(origins.iter().map(|origin| ("origin", origin.as_str())));
            headers.extend(cookie.then_some(("cookie", "a=b")));
            let expected = match (&sites[..], &origins[..]) {
                ([site], _) => site == "same-origin" || site == "none",
                ([], [origin]) => origin == HERE,
                ([], []) => !cookie && media_type.starts_with("application/json"),
                _ => false,
            };
            prop_assert_eq!(post(&headers).is_ok(), expected);
        }
    }
}
