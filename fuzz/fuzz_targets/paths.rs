//! Paths and origins lead where they say, and nowhere else.

#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use sigra_http::PublicUrl;
use sigra_http::path::{Match, Router};
use sigra_http::return_to::ReturnTo;
use url::Url;

const ROUTES: [(Method, &str); 4] = [
    (Method::GET, "/login"),
    (Method::GET, "/confirm/{token}"),
    (Method::POST, "/confirm/resend"),
    (Method::DELETE, "/sessions/{id}"),
];

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    return_to(text);
    routes(text);
    origin(text);
});

fn return_to(text: &str) {
    let Some(path) = ReturnTo::parse(text) else { return };
    assert_eq!(path.as_str(), text);
    assert!(text.len() <= ReturnTo::MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic()));
    let base = Url::parse("https://app.example/auth/login").expect("a URL");
    // However often somebody down the road decodes.
    let mut decoded = text.to_owned();
    for _ in 0..4 {
        let target = base.join(&decoded).expect("a path");
        assert_eq!(target.origin(), base.origin(), "{text}");
        assert!(!target.path().starts_with("//") && !decoded.contains(['\\', '\r', '\n', '\0']), "{text}");
        let bytes: Vec<u8> = decode(&decoded);
        decoded = String::from_utf8_lossy(&bytes).into_owned();
    }
    let page = path.carried_by("/login");
    let query = page.split_once('?').expect("a query").1;
    let carried: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    assert!(matches!(&carried[..], [(name, value)] if name == "return_to" && value == text));
    assert_eq!(path.to_location(), text);
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).filter(|hex| bytes[at] == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        match escape.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

fn routes(path: &str) {
    let router = Router::new(ROUTES);
    for (method, _) in ROUTES {
        let Match::Found { index, params } = router.find(&method, path) else { continue };
        let (name, prefix) = match ROUTES[index].1.split_once('{') {
            None => {
                assert_eq!(path, ROUTES[index].1, "a path without parameters is found byte for byte");
                continue;
            }
            Some((prefix, name)) => (name.trim_end_matches('}'), prefix),
        };
        let value = params.get(name).expect("a parameter");
        assert!(!value.is_empty() && !value.contains(['/', '\0']));
        let sent = path.strip_prefix(prefix).expect("the literal part");
        assert_eq!(decode(sent), value.as_bytes());
    }
}

fn origin(text: &str) {
    let Ok(url) = text.parse::<PublicUrl>() else { return };
    let again: PublicUrl = url.origin().parse().expect("an origin is a public URL");
    assert_eq!(again, url);
    let link = Url::parse(&url.link("/auth/login")).expect("a link");
    assert_eq!(link.origin().ascii_serialization(), url.origin());
    assert_eq!((link.path(), link.username(), link.password()), ("/auth/login", "", None));
    assert_eq!(url.is_https(), link.scheme() == "https");
    assert_eq!(link.host_str(), Some(url.host().as_str()));
}
