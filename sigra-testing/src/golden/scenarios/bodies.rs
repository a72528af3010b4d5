//! Bodies that readers disagree about.

use serde_json::json;

use super::{ANN, GoldenHost};
use crate::golden::{Ask, Browser, Make};
use crate::scenario::PASSWORD;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const PAGE: &str = "/auth/login";
const LOGIN: &str = "/auth/api/v1/login";
const LIMIT: usize = 64 * 1_024;

fn form(body: impl AsRef<[u8]>) -> Ask {
    Ask::new("POST", PAGE).header("content-type", FORM).body(body.as_ref().to_vec())
}

fn json(body: impl AsRef<[u8]>) -> Ask {
    Ask::new("POST", LOGIN).header("content-type", JSON).body(body.as_ref().to_vec())
}

/// A form and a document of exactly this many bytes.
fn of_size(bytes: usize) -> [Ask; 2] {
    let (open, close) = (format!("{{\"email\":\"{ANN}\",\"password\":\""), "\"}");
    let field = format!("email={ANN}&password=");
    let whole = format!("{open}{}{close}", "x".repeat(bytes - open.len() - close.len()));
    [form(format!("{field}{}", "x".repeat(bytes - field.len()))), json(whole)]
}

pub(super) async fn pw_05_exactly_64_kib(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for announced in [false, true] {
        let [page, document] = of_size(LIMIT).map(|ask| match announced {
            true => ask.header("content-length", LIMIT.to_string()),
            false => ask,
        });
        browser.send(page).await.is_page(422, &[]);
        browser.send(document).await.is_problem(401, "invalid_credentials", &[]);
    }
}

pub(super) async fn pw_05_one_byte_more(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for announced in [false, true] {
        let [page, document] = of_size(LIMIT + 1).map(|ask| match announced {
            true => ask.header("content-length", (LIMIT + 1).to_string()),
            false => ask,
        });
        browser.send(page).await.is_page(413, &[]);
        browser.send(document).await.is_problem(413, "payload_too_large", &[]);
    }
    assert!(host.test.hasher.jobs().is_empty());
}

pub(super) async fn form_escapes(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for bad in ["%", "a%", "%2", "%zz", "%+1", "%u0041", "%ff", "%c0%af", "%ed%a0%80", "%f4%90%80%80"] {
        browser.send(form(format!("email={bad}"))).await.is_page(400, &[]);
        browser.send(form(format!("{bad}=x"))).await.is_page(400, &[]);
        browser.send(form(bad)).await.is_page(400, &[]);
    }
    for odd in ["email=%00", "email=%2f", "email=%26password=x", "email=a;password=b", "=", "&", "%3d", "email[]=a"] {
        browser.send(form(odd)).await.is_page(422, &[]);
    }
    for twice in ["email=a&email=a", "x=1&x=2", "email[]=a&email[]=b", "=a&=b", "a%20b=1&a+b=2"] {
        browser.send(form(twice)).await.is_page(400, &[]);
    }
}

/// What is no JSON object (RFC 8259), or one that two readers understand differently.
const NOT_JSON: &[&[u8]] = &[
    b"\xef\xbb\xbf{\"email\":\"ann@example.org\"}",
    b"\xff\xfe{\x00}\x00",
    b"{} {}",
    b"{},",
    b"{}\0",
    b"{}//",
    b"/**/{}",
    b"{\"a\":1,}",
    b"{,}",
    b"{\"a\"}",
    b"{a:1}",
    b"{\"a\":NaN}",
    b"{\"a\":Infinity}",
    b"{\"a\":1e999}",
    b"{\"a\":01}",
    b"{\"a\":+1}",
    b"{\"a\":.5}",
    b"{\"a\":\"\x01\"}",
    b"{\"a\":\"\n\"}",
    b"{\"a\":\"\\x41\"}",
    b"{\"a\":\"\\ud800\\u0041\"}",
    b"{\"a\":\"\xc0\xaf\"}",
    b"{\"a\":\"\xed\xa0\x80\"}",
    b"{\"a\":tru}",
    b"{\"x\":1,\"x\":1}",
    b"{\"x\":{\"y\":[{\"z\":1,\"z\":1}]}}",
    b"{\"email\":\"a\",\"em\\u0061il\":\"a\"}",
    b"%7B%7D",
    b"email=a&password=b",
];

pub(super) async fn json_oddities(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for body in NOT_JSON {
        browser.send(json(body)).await.is_problem(400, "malformed", &[]);
    }
    let nested = |depth: usize| format!("{{\"x\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    let objects = format!("{}1{}", "{\"x\":".repeat(10_000), "}".repeat(10_000));
    for body in [nested(1_000), nested(30_000), objects] {
        browser.send(json(body)).await.is_problem(400, "malformed", &[]);
    }
    for body in [
        " \t\r\n{ } \n",
        "{\"x\":123456789012345678901234567890}",
        "{\"x\":-0.0e-10}",
        "{\"\":null,\" \":[]}",
        "{\"Email\":\"a\",\"EMAIL\":\"b\"}",
        &nested(60),
        &format!("{{\"x\":[{}0]}}", "0,".repeat(20_000)),
    ] {
        browser.send(json(body)).await.is_problem(401, "invalid_credentials", &[]);
    }
}

async fn refuses(browser: &mut Browser<'_>, path: &str, kinds: &[&str], body: &str) {
    let kinds = kinds.iter().fold(Ask::new("POST", path), |ask, kind| ask.header("content-type", kind));
    let answer = browser.send(kinds.body(body.to_owned())).await;
    match path {
        PAGE => answer.is_page(415, &[]),
        _ => answer.is_problem(415, "unsupported_media_type", &[]),
    };
}

pub(super) async fn media_types(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let document = json!({ "email": ANN, "password": PASSWORD }).to_string();
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na\r\n--x--\r\n";
    for (kind, body) in [
        ("multipart/form-data; boundary=x", multipart),
        ("multipart/form-data", multipart),
        ("text/plain;charset=UTF-8", "email=a"),
        ("text/plain", document.as_str()),
        ("text/json", &document),
        ("application/json5", &document),
        ("application/problem+json", &document),
        ("application/merge-patch+json", &document),
        ("application/json, application/json", &document),
        ("application/json application/json", &document),
        ("application/x-www-form-urlencoded, application/json", &document),
        ("application/x-www-form-urlencoded2", "email=a"),
        ("*/*", &document),
        ("json", &document),
        ("; charset=utf-8", &document),
        ("application/octet-stream", "email=a"),
        ("APPLICATION/XML", "<email/>"),
    ] {
        refuses(&mut browser, PAGE, &[kind], body).await;
        refuses(&mut browser, LOGIN, &[kind], body).await;
        // A content type that is named must be the right one, even for nothing.
        refuses(&mut browser, LOGIN, &[kind], "").await;
    }
    for kinds in [[FORM, FORM], [FORM, JSON], [JSON, FORM], [JSON, "text/plain"], [JSON, JSON]] {
        refuses(&mut browser, PAGE, &kinds, "email=a").await;
        refuses(&mut browser, LOGIN, &kinds, &document).await;
    }
    refuses(&mut browser, PAGE, &[JSON], &document).await;
    refuses(&mut browser, LOGIN, &[FORM], "email=a").await;
    for parameters in ["", ";", ";charset=utf-8", " ; Charset=\"UTF-8\"", "; charset=iso-8859-1", "; boundary=x"] {
        let kind = format!("Application/X-WWW-Form-URLencoded{parameters}");
        let ask = Ask::new("POST", PAGE).header("content-type", kind).body("email=a");
        browser.send(ask).await.is_page(422, &[]);
        let ask = Ask::new("POST", LOGIN).header("content-type", format!("APPLICATION/json{parameters}"));
        browser.send(ask.body(document.clone())).await.is_problem(401, "invalid_credentials", &[]);
    }
}

pub(super) async fn content_codings(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    // `{}` and `a=1`, packed. Nothing unpacks a body, so none is a bomb.
    let document = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    let field = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xb4\x35\x04\x00\x81\x30\x62\x8d\x03\x00\x00\x00";
    browser.send(json(document).header("content-encoding", "gzip")).await.is_problem(400, "malformed", &[]);
    browser.send(form(field).header("content-encoding", "gzip")).await.is_page(400, &[]);
}

pub(super) async fn bodies_where_none_belongs(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let with = |method, path, kind| Ask::new(method, path).header("content-type", kind);
    for kind in [JSON, FORM, "multipart/form-data; boundary=x"] {
        browser.send(with("GET", "/auth/login", kind).body("{")).await.is_page(200, &[]);
        browser.send(with("GET", "/auth/api/v1/session", kind).body("{")).await.is_json(200, &[]);
        browser.send(with("GET", "/me", kind).body("{")).await.status(200);
    }
    let sessions = "/auth/api/v1/sessions";
    browser.send(with("DELETE", sessions, FORM).body("a=1")).await.is_problem(415, "unsupported_media_type", &[]);
    browser.send(with("DELETE", sessions, JSON).body("{")).await.is_problem(400, "malformed", &[]);
    browser.send(with("DELETE", sessions, JSON).body("{}")).await.is_json(200, &[]);
}
