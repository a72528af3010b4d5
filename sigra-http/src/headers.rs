//! The headers every response carries.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// `Clear-Site-Data` (W3C).
pub(crate) const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What kind of response it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything about people.
    Plain,
    /// A file that is the same for everybody and named after its contents.
    Asset,
}

/// Sets the headers of a response.
///
/// `Referrer-Policy` is `same-origin` and not stricter, because a browser sends a form of a `no-referrer` page with
/// `Origin: null`. See [`withhold_referrer`].
pub(crate) fn secure(headers: &mut HeaderMap, kind: Kind, hsts_secs: Option<u32>) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    set(REFERRER_POLICY, "same-origin");
    set(CACHE_CONTROL, if kind == Kind::Asset { "public, max-age=31536000, immutable" } else { "no-store" });
    if let Some(seconds) = hsts_secs
        && let Ok(value) = HeaderValue::from_str(&format!("max-age={seconds}"))
    {
        headers.insert(STRICT_TRANSPORT_SECURITY, value);
    }
}

/// For every answer below a path that holds a token, be it a page, a redirect or a fault: the token goes nowhere.
pub(crate) fn withhold_referrer(headers: &mut HeaderMap) {
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
