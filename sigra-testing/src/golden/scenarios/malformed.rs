use serde_json::json;

use super::{ANN, GoldenHost};
use crate::golden::{Ask, Make};
use crate::scenario::PASSWORD;

const FORM: &str = "application/x-www-form-urlencoded";
const LOGIN: &str = "/auth/api/v1/login";
const HALF_MEGABYTE: usize = 512 * 1_024;

pub(super) async fn pw_05_too_large(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let form = |ask: Ask| ask.header("content-type", FORM);
    let json = |ask: Ask| ask.header("content-type", "application/json");
    // Announced, without a byte of it sent; and of unknown length.
    let announced = |ask: Ask| ask.header("content-length", "1048576");
    let flood = |ask: Ask| ask.body(vec![b'a'; HALF_MEGABYTE]);
    browser.send(announced(form(Ask::new("POST", "/auth/login")))).await.is_page(413, &[]);
    browser.send(flood(form(Ask::new("POST", "/auth/login")))).await.is_page(413, &[]);
    browser.send(announced(json(Ask::new("POST", LOGIN)))).await.is_problem(413, "payload_too_large", &[]);
    browser.send(flood(json(Ask::new("POST", LOGIN)))).await.is_problem(413, "payload_too_large", &[]);
    assert!(host.test.hasher.jobs().is_empty());
    let whole = format!("email={ANN}&password={}", "x".repeat(64 * 1_024 - 32));
    browser.send(form(Ask::new("POST", "/auth/login")).body(whole)).await.is_page(422, &[]);
}

pub(super) async fn content_types(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let json = json!({ "email": ANN, "password": PASSWORD }).to_string();
    for kind in [FORM, "text/plain", "application/jsonx", "multipart/form-data; boundary=x", "", "\u{e4}"] {
        let ask = Ask::new("POST", LOGIN).header("content-type", kind).body(json.clone());
        browser.send(ask).await.is_problem(415, "unsupported_media_type", &[]);
    }
    browser.send(Ask::new("POST", LOGIN).body(json.clone())).await.is_problem(415, "unsupported_media_type", &[]);
    let twice = Ask::new("POST", LOGIN).header("content-type", "application/json");
    let twice = twice.header("content-type", "application/json").body(json.clone());
    browser.send(twice).await.is_problem(415, "unsupported_media_type", &[]);
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        let ask = Ask::new("POST", "/auth/login").header("content-type", kind).body("email=a");
        browser.send(ask).await.is_page(415, &[]);
    }
    let ask = Ask::new("POST", LOGIN).header("content-type", "Application/JSON ; charset=UTF-8").body(json);
    browser.send(ask).await.is_problem(401, "invalid_credentials", &[]);
}

pub(super) async fn empty_bodies(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for path in ["/auth/login", "/auth/register", "/auth/magic-link", "/auth/reset-password", "/auth/confirm"] {
        browser.send(Ask::new("POST", path)).await.is_page(422, &[]);
        browser.post(path, &[]).await.is_page(422, &[]);
    }
    for (path, status) in
        [("login", 401), ("register", 422), ("confirm", 400), ("magic-link", 422), ("not-me/redeem", 400)]
    {
        browser.send(Ask::new("POST", &format!("/auth/api/v1/{path}"))).await.status(status);
        let typed = Ask::new("POST", &format!("/auth/api/v1/{path}")).header("content-type", "application/json");
        browser.send(typed).await.status(status);
    }
}

pub(super) async fn forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let login = |body: &[u8]| Ask::new("POST", "/auth/login").header("content-type", FORM).body(body.to_vec());
    for body in [
        &b"email=a&email=b"[..],
        b"email=a&%65mail=b",
        b"email=%",
        b"email=%f",
        b"email=%zz",
        b"email=%ff",
        b"email=\xff",
        b"remember_me=2",
    ] {
        browser.send(login(body)).await.is_page(400, &[]);
    }
    let odd = format!("&&email=%61nn%40example.org&=x&password={}&role=admin&", PASSWORD.replace(' ', "+"));
    browser.send(login(odd.as_bytes())).await.leads_to("/", &["set-cookie"]);
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let deep = format!("{{\"email\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        &b"{"[..],
        b"[]",
        b"null",
        b"\"x\"",
        b"1",
        b"{}x",
        b"{\"email\":\"a\",\"email\":\"b\"}",
        b"{\"profile\":{\"a\":1,\"\\u0061\":2}}",
        b"{\"email\":\"\xff\"}",
        b"{\"email\":\"\\ud800\"}",
        b"{'email':'a'}",
        b"\xef\xbb\xbf{}",
        b"{\"email\":[\"ann@example.org\"]}",
        b"{\"email\":{\"$gt\":\"\"}}",
        b"{\"email\":null}",
        b"{\"password\":0}",
        b"{\"remember_me\":[]}",
        deep.as_bytes(),
    ] {
        let ask = Ask::new("POST", LOGIN).header("content-type", "application/json").body(body.to_vec());
        browser.send(ask).await.is_problem(400, "malformed", &[]);
    }
}

pub(super) async fn tk_06_tokens(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    for path in ["confirm", "magic-link/redeem", "password-reset/redeem", "not-me/redeem"] {
        let path = format!("/auth/api/v1/{path}");
        for token in [json!(null), json!([]), json!({}), json!(0), json!(true), json!(["x"])] {
            let body = json!({ "token": token, "password": PASSWORD });
            browser.json(&path, body).await.is_problem(400, "malformed", &[]);
        }
        for token in ["", " ", "0", "null", "%00", "\u{0}", "AAAA"] {
            let body = json!({ "token": token, "password": PASSWORD });
            browser.json(&path, body).await.is_problem(400, "invalid_token", &[]);
        }
    }
}

pub(super) async fn nul(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for email in ["ann\0@example.org", "ann@example.org\0", "\0"] {
        let fields = [("email", email), ("password", PASSWORD)];
        browser.post("/auth/register", &fields).await.is_page(422, &[]);
        browser.post("/auth/login", &fields).await.is_page(422, &[]);
        browser.post("/auth/reset-password", &fields).await.is_page(422, &[]);
        let body = json!({ "email": email, "password": PASSWORD });
        assert_eq!(browser.json("/auth/api/v1/register", body.clone()).await.is_invalid(), ["email invalid_email"]);
        browser.json(LOGIN, body).await.is_problem(401, "invalid_credentials", &[]);
    }
    let body = json!({ "email": ANN, "password": PASSWORD, "profile": { "name": "a\0b" } });
    browser.json("/auth/api/v1/register", body).await.is_invalid();
    // No database is asked about a password's text, so it may be anything.
    host.test.registered_with(ANN, "a\0 long enough password").await;
}

pub(super) async fn odd_headers(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    browser.user_agent = b"\xff\xfe\x80".to_vec();
    for (name, value) in [
        ("cookie", &b"\xff=\xfe; ;;=; a"[..]),
        ("referer", b"\xff"),
        ("accept", b"\xff"),
        ("accept-language", b"\xff"),
        ("x-forwarded-for", b"\xff, 1.2.3"),
        ("forwarded", b"for=\xff"),
        ("authorization", b"Bearer \xff"),
        ("content-length", b"many"),
        ("x-request-id", b"\xff"),
    ] {
        let ask = |path| Ask::new("GET", path).header(name, value);
        browser.send(ask("/auth/api/v1/session")).await.is_json(200, &[]);
        browser.send(ask("/me")).await.status(200);
        browser.send(ask("/auth/login")).await.is_page(200, &[]);
    }
    let form = Ask::form("/auth/login", &[("email", ANN), ("password", "\u{1f511}")]);
    browser.send(form.header("origin", b"\xff")).await.is_page(422, &[]);
}

pub(super) async fn se_03_cookies(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let browser = host.signed_in(ANN).await;
    let token = browser.cookie("session").expect("a session");
    let name = "__Host-sigra_session";
    for (cookies, known) in [
        (&[format!("{name}={token}")][..], true),
        (&[format!("theme=dark; {name}={token}; a=b")], true),
        (&[String::from("theme=dark"), format!("{name}={token}")], true),
        (&[format!("{name}={token}; {name}={token}")], false),
        (&[format!("{name}={token}"), format!("{name}=x")], false),
        (&[format!("__host-sigra_session={token}")], false),
        (&[format!("__HOST-sigra_session={token}")], false),
        (&[format!("sigra_session={token}")], false),
        (&[format!("__Secure-sigra_session={token}")], false),
        (&[format!("{name}=\"{token}\"")], false),
        (&[format!("{name}={token}=")], false),
        (&[format!("{name}={}", token.to_lowercase())], false),
        (&[format!("{name}=")], false),
    ] {
        let ask = |path| cookies.iter().fold(Ask::new("GET", path), |ask, line| ask.header("cookie", line));
        let expected = if known { 200 } else { 401 };
        host.browser().send(ask("/auth/api/v1/session")).await.status(expected);
        host.browser().send(ask("/me")).await.status(expected);
    }
}
