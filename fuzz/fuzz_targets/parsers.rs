//! Whatever comes in, no parser panics, and what one accepts it accepts again in the form it gives out.

#![no_main]

use http::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sigra_core::email::EmailAddress;
use sigra_core::password::Password;
use sigra_core::secret::{Code, RawToken};
use sigra_core::time::Timestamp;
use sigra_crypto::{Argon2Params, RootSecrets};
use sigra_http::body::{Accepted, parse};
use sigra_http::cookie::CookieName;
use sigra_http::path::Router;
use sigra_http::return_to::ReturnTo;
use sigra_http::{PublicUrl, TrustedProxies, origin};
use sigra_mail::MailTarget;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        texts(text);
    }
    headers(bytes);
});

fn texts(text: &str) {
    if let Ok(address) = EmailAddress::parse(text) {
        let again = EmailAddress::parse(address.as_str()).expect("an address is one in the form it was kept");
        assert_eq!(again, address);
        let identity = EmailAddress::parse(address.identity()).expect("an identity is an address");
        assert_eq!(identity.identity(), address.identity());
        assert!(!address.as_str().contains(['\r', '\n', ',', ' ', '\0']));
        let _ = address.limiter_key();
    }
    if let Some(token) = RawToken::parse(text) {
        assert_eq!(token.expose().as_str(), text);
    }
    if let Some(code) = Code::parse(text) {
        assert!(code.as_bytes().iter().all(u8::is_ascii_digit));
    }
    if let Ok(password) = Password::parse(text) {
        assert!(password.expose().len() <= Password::MAX_BYTES);
    }
    if let Some(path) = ReturnTo::parse(text) {
        assert!(path.as_str().starts_with('/') && !path.as_str().starts_with("//"));
    }
    if let Ok(url) = text.parse::<PublicUrl>() {
        let again: PublicUrl = url.origin().parse().expect("an origin is a public URL");
        assert_eq!(again.origin(), url.origin());
    }
    let _ = Timestamp::parse(text);
    let _ = TrustedProxies::parse(text);
    let _ = RootSecrets::parse(text);
    let _ = text.parse::<Argon2Params>();
    let _ = MailTarget::parse(text);
    let _ = Router::new([(http::Method::GET, "/confirm/{token}")]).find(&http::Method::GET, text);
}

fn headers(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for name in ["origin", "sec-fetch-site", "x-forwarded-for", "forwarded", "host"] {
        headers.insert(name, value.clone());
    }
    headers.insert(COOKIE, value);
    let url: PublicUrl = "https://app.example".parse().expect("a public URL");
    let name = CookieName::new("sigra_session", &url).expect("a cookie's name");
    let _ = name.read(&headers);
    let _ = origin::decide(&http::Method::POST, &headers, &url);
    let proxies = TrustedProxies::parse("10.0.0.0/8").expect("a network");
    let _ = proxies.client_ip([10, 0, 0, 1].into(), &headers);

    for (media_type, accepted) in
        [("application/json", Accepted::Json), ("application/x-www-form-urlencoded", Accepted::Form)]
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Ok(fields) = parse(&headers, bytes, accepted) {
            let _ = (fields.text("email"), fields.flag("remember_me"));
        }
    }
}
