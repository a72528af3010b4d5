//! Whatever a request looks like, the surface answers it without a panic and without a 5xx.

#![no_main]

use std::cell::RefCell;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use sigra_http::Surface;
use sigra_testing::scenario::TestHost;

thread_local! {
    /// A surface, and how many requests it has answered. Memory that never forgets is replaced now and then.
    static SURFACE: RefCell<(Surface, u32)> = RefCell::new((surface(), 0));
}

fn surface() -> Surface {
    let url = "https://app.example".parse().expect("a public URL");
    Surface::builder(TestHost::new().sigra, url).accounts().email_change().build().expect("the default surface")
}

const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::DELETE, Method::HEAD, Method::PUT, Method::OPTIONS];

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = request(bytes) else {
        return;
    };
    let status = SURFACE.with_borrow_mut(|(surface, answered)| {
        *answered += 1;
        if *answered > 2_000 {
            (*surface, *answered) = (self::surface(), 0);
        }
        let peer = Some([192, 0, 2, 1].into());
        surface.handle(request, peer).now_or_never().map(|response| response.status())
    });
    let status = status.expect("nothing in memory waits");
    assert!(!status.is_server_error(), "{status}");
});

/// The first line says method and path, those after it headers, and what follows an empty line is the body.
fn request(bytes: &[u8]) -> Option<Request<Full<Bytes>>> {
    let (method, rest) = bytes.split_first()?;
    let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => (rest, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let path = std::str::from_utf8(lines.next()?).ok()?;
    let route = usize::from(*method) / METHODS.len();
    let path = match SURFACE.with_borrow(|(surface, _)| surface.routes().get(route).map(|route| route.path)) {
        Some(known) => format!("/auth{}", known.replace("{token}", path).replace("{id}", path)),
        None => path.to_owned(),
    };
    let mut request = Request::builder()
        .method(METHODS[usize::from(*method) % METHODS.len()].clone())
        .uri(path)
        .header("sec-fetch-site", "same-origin");
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        request = request.header(name, HeaderValue::from_bytes(&line[at + 1..]).ok()?);
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).ok()
}
