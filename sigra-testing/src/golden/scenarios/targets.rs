//! Request targets nobody types: broken escapes, dot segments, other forms, and very long ones.

use super::{ANN, GoldenHost};
use crate::golden::{Answer, Ask, Knobs, Make};

const HTML: &str = "text/html; charset=utf-8";

/// Broken, not UTF-8, overlong, or hiding what ends a segment or a string.
const BAD: [&str; 11] = ["%", "a%", "%f", "%zz", "%+1", "%u0041", "%ff", "%c0%af", "%ed%a0%80", "a%2fb", "%00"];

fn is_lost(answer: &Answer) {
    answer.status(404).has("content-type", HTML).has("cache-control", "no-store").sets(&[]);
}

pub(super) async fn se_19_escapes_in_paths(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for bad in BAD {
        for page in ["confirm", "magic-link", "reset-password", "not-me"] {
            is_lost(&browser.get(&format!("/auth/{page}/{bad}")).await);
            is_lost(&browser.post(&format!("/auth/{page}/{bad}"), &[]).await);
        }
        browser.post(&format!("/auth/settings/sessions/{bad}/revoke"), &[]).await.is_page(404, &[]);
        let session = browser.send(Ask::new("DELETE", &format!("/auth/api/v1/sessions/{bad}"))).await;
        session.is_problem(404, "not_found", &[]);
        browser.get(&format!("/auth/{bad}")).await.is_page(404, &[]);
        browser.get(&format!("/auth/assets/{bad}")).await.is_page(404, &[]);
        browser.read(&format!("/auth/api/v1/{bad}")).await.is_problem(404, "not_found", &[]);
    }
    // A good escape is decoded once, and what it decodes to is nobody's.
    for id in ["%61", "%2561", "%252f", "%25", "%20", "%c3%a4"] {
        let session = browser.send(Ask::new("DELETE", &format!("/auth/api/v1/sessions/{id}"))).await;
        session.is_problem(404, "not_found", &[]);
    }
}

pub(super) async fn escapes_in_queries(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let mut ann = host.signed_in(ANN).await;
    let plain = browser.get("/auth/login").await;
    for bad in BAD.into_iter().chain(["%2f%2fevil.example", "%5c", "%0d%0aset-cookie:%20a=b", "+", "&&=&", "?"]) {
        browser.get(&format!("/auth/login?return_to={bad}")).await.alike(&plain);
        browser.get(&format!("/auth/login?{bad}={bad}&{bad}")).await.alike(&plain);
        ann.read(&format!("/auth/api/v1/session?{bad}={bad}")).await.is_json(200, &[]);
        ann.read(&format!("/me?{bad}={bad}")).await.status(200).says(ANN);
        ann.read(&format!("/host/free?{bad}")).await.status(200);
    }
    browser.get("/auth/login?").await.alike(&plain);
    browser.get("/auth/assets/sigra.css?v=%zz").await.is_asset("text/css; charset=utf-8");
    browser.get("/me?%zz").await.leads_to("/auth/login", &[]);
}

pub(super) async fn th_13_dots_and_slashes(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for path in [
        "/auth/../auth/login",
        "/auth/login/..",
        "/auth/login/.",
        "/auth/settings/../login",
        "/auth/%2e/login",
        "/auth/%2e%2e/me",
        "/auth/..;/me",
        "/auth/login;x=1",
        "/auth/login%3f",
        "/auth/login%23",
        "/auth/login%20",
        "/auth/login//",
        "/auth//",
        "/auth/settings//sessions",
        "/auth/login.html",
        "/auth/assets/../login",
        "/auth/assets/sigra.css/",
        "/auth/assets/",
    ] {
        browser.get(path).await.is_page(404, &[]);
        browser.post(path, &[("email", ANN), ("password", "x")]).await.is_page(404, &[]);
    }
    for path in ["/auth/api/v1/../v1/session", "/auth/api//v1/session", "/auth/api/v1/session/", "/auth/api/v2/session"]
    {
        browser.read(path).await.is_problem(404, "not_found", &[]);
    }
}

pub(super) async fn absolute_form(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let plain = browser.get("/auth/login").await;
    for origin in ["https://app.example.org", "http://app.example.org:8080", "http://evil.example"] {
        browser.get(&format!("{origin}/auth/login")).await.alike(&plain);
        browser.read(&format!("{origin}/me")).await.status(200).says(ANN);
        browser.read(&format!("{origin}/auth/api/v1/session")).await.is_json(200, &[]);
        let mut nobody = host.browser();
        nobody.get(&format!("{origin}/me")).await.leads_to("/auth/login?return_to=/me", &[]);
    }
    // The target's host is the one that counts (RFC 9112 §3.2.2).
    let host = GoldenHost::with(make, Knobs { loopback_only: true, ..Knobs::loopback() });
    let ask = |target: &str, name: &str| Ask::get(target).header("host", name);
    host.browser().send(ask("http://evil.example/auth/login", "localhost")).await.status(421);
    host.browser().send(ask("http://evil.example/host/free", "localhost")).await.status(421);
    host.browser().send(ask("http://localhost:3000/auth/login", "localhost:3000")).await.is_page(200, &[]);
}

pub(super) async fn asterisk_and_authority_form(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    browser.send(Ask::new("OPTIONS", "*")).await.status(404).sets(&[]);
    browser.send(Ask::new("CONNECT", "app.example.org:443").unproven()).await.status(404).sets(&[]);
}

pub(super) async fn long_targets(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let mut nobody = host.browser();
    let long = "a".repeat(60_000);
    browser.get(&format!("/auth/{long}")).await.is_page(404, &[]);
    browser.get(&format!("/auth/{}", "a/".repeat(30_000))).await.is_page(404, &[]);
    browser.read(&format!("/auth/api/v1/{long}")).await.is_problem(404, "not_found", &[]);
    let session = browser.send(Ask::new("DELETE", &format!("/auth/api/v1/sessions/{long}"))).await;
    session.is_problem(404, "not_found", &[]);
    browser.get(&format!("/auth/login?x={long}")).await.is_page(200, &[]);
    browser.read(&format!("/me?x={long}")).await.status(200).says(ANN);
    // A way back that long is forgotten, not cut.
    nobody.get(&format!("/auth/settings/sessions?x={long}")).await.leads_to("/auth/login", &[]);
    nobody.get(&format!("/me?x={long}")).await.leads_to("/auth/login", &[]);
    nobody.get(&format!("/auth/login?return_to=/{long}")).await.is_page(200, &[]).never_says(&long);
}
