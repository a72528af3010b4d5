//! Headers are read as the rules say, restated here in other words. Each line of the input is one header line.

#![no_main]

use std::net::IpAddr;

use http::Method;
use http::header::{CONTENT_TYPE, COOKIE, FORWARDED, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use libfuzzer_sys::fuzz_target;
use sigra_core::CommonBrowsers;
use sigra_core::client::ClientInfo;
use sigra_core::ports::DeviceDescriber as _;
use sigra_http::client_ip::ForwardingHeader;
use sigra_http::cookie::CookieName;
use sigra_http::public_url::host_header_is_loopback;
use sigra_http::{PublicUrl, TrustedProxies, origin};
use url::Url;

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<HeaderValue> =
        bytes.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let here: PublicUrl = "https://app.example".parse().expect("a public URL");
    cookies(&lines, &here);
    origins(&lines, &here);
    addresses(&lines);
    if let Ok(text) = std::str::from_utf8(bytes) {
        hosts(text);
        devices(text);
    }
});

fn all(name: &HeaderName, lines: &[HeaderValue]) -> HeaderMap {
    lines.iter().map(|line| (name.clone(), line.clone())).collect()
}

fn cookies(lines: &[HeaderValue], here: &PublicUrl) {
    let name = CookieName::new("s", here).expect("a cookie's name");
    let pairs = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((pair[..at].trim_ascii_start(), pair[at + 1..].trim_ascii_end()))
    });
    let ours: Vec<&[u8]> = pairs.filter(|(name, _)| *name == b"__Host-s").map(|(_, value)| value).collect();
    let expected = match ours[..] {
        [only] if only.iter().all(u8::is_ascii_graphic) => Some(only),
        _ => None,
    };
    let headers = all(&COOKIE, lines);
    assert_eq!(name.read(&headers).map(str::as_bytes), expected);
    if let Some(token) = name.read_token(&headers) {
        assert_eq!(Some(token.expose().as_bytes()), expected);
    }
}

fn origins(lines: &[HeaderValue], here: &PublicUrl) {
    let names = [HeaderName::from_static("sec-fetch-site"), ORIGIN, CONTENT_TYPE, COOKIE];
    let mut headers = HeaderMap::new();
    for (name, line) in names.iter().cycle().zip(lines) {
        headers.append(name, line.clone());
    }
    let values =
        |name: &HeaderName| -> Vec<&[u8]> { headers.get_all(name).iter().map(HeaderValue::as_bytes).collect() };
    let passes = match (&values(&names[0])[..], &values(&names[1])[..]) {
        ([site], _) => *site == b"same-origin" || *site == b"none",
        ([], [origin]) => *origin == b"https://app.example",
        ([], []) => {
            values(&names[3]).is_empty() && matches!(values(&names[2])[..], [media_type] if is_json(media_type))
        }
        _ => false,
    };
    assert_eq!(origin::decide(&Method::POST, &headers, here).is_ok(), passes, "{headers:?}");
    assert!(origin::decide(&Method::GET, &headers, here).is_ok());
}

fn is_json(media_type: &[u8]) -> bool {
    let text = String::from_utf8_lossy(media_type);
    text.split(';').next().is_some_and(|essence| {
        essence.trim_matches(|c: char| c.is_ascii_whitespace()).eq_ignore_ascii_case("application/json")
    })
}

/// Whatever stands in front of what an honest proxy appended, the client is who the proxy saw, or the proxy itself.
fn addresses(lines: &[HeaderValue]) {
    let (proxy, seen): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [198, 51, 100, 9].into());
    let proxies = TrustedProxies::parse("10.0.0.0/8").expect("a network");
    for (header, name, appended) in [
        (ForwardingHeader::XForwardedFor, HeaderName::from_static("x-forwarded-for"), "198.51.100.9, 10.0.0.2"),
        (ForwardingHeader::Forwarded, FORWARDED, "for=198.51.100.9;proto=https, for=\"10.0.0.2:4711\""),
    ] {
        let proxies = proxies.clone().with_header(header);
        let mut headers = all(&name, lines);
        let alone = proxies.client_ip(proxy, &headers);
        assert_eq!(alone, alone.to_canonical());
        assert_eq!(proxies.client_ip(seen, &headers), seen, "nobody else is believed");

        let mut on_one_line = headers.clone();
        if let Some(last) = lines.last() {
            on_one_line.clear();
            on_one_line.extend(all(&name, &lines[..lines.len() - 1]));
            let joined = [last.as_bytes(), b", ", appended.as_bytes()].concat();
            on_one_line.append(&name, HeaderValue::from_bytes(&joined).expect("both parts are values"));
            let client = proxies.client_ip(proxy, &on_one_line);
            assert!(client == seen || (client == proxy && header == ForwardingHeader::Forwarded), "{on_one_line:?}");
        }
        headers.append(&name, HeaderValue::from_static(appended));
        assert_eq!(proxies.client_ip(proxy, &headers), seen);
    }
}

/// A host that is taken for this machine is one for the URL standard too.
fn hosts(text: &str) {
    if host_header_is_loopback(text) {
        let url = Url::parse(&format!("http://{text}/")).expect("a host");
        let host = url.host_str().expect("a host");
        assert!(host == "localhost" || host.starts_with("127.") || host == "[::1]", "{text:?}");
    }
}

fn devices(text: &str) {
    let client = ClientInfo::new(None, Some(text), Some(text));
    for kept in [&client.user_agent, &client.request_id].into_iter().flatten() {
        assert!(!kept.is_empty() && kept.len() <= 512 && !kept.contains(char::is_control));
    }
    let described = CommonBrowsers.describe(client.user_agent.as_deref());
    assert!(described.len() < 40 && described.chars().all(|c| c.is_ascii_alphabetic() || c == ' '), "{described}");
}
