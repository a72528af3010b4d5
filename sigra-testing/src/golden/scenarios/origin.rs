use serde_json::json;

use super::{ANN, GoldenHost, sessions_of};
use crate::golden::{Ask, Make};
use crate::scenario::PASSWORD;

const UNSAFE: &[(&str, &str)] = &[
    ("POST", "/auth/register"),
    ("POST", "/auth/confirm"),
    ("POST", "/auth/confirm/resend"),
    ("POST", "/auth/confirm/x"),
    ("POST", "/auth/login"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/magic-link"),
    ("POST", "/auth/magic-link/x"),
    ("POST", "/auth/reset-password"),
    ("POST", "/auth/reset-password/x"),
    ("POST", "/auth/sudo"),
    ("POST", "/auth/not-me/x"),
    ("POST", "/auth/settings/delete"),
    ("POST", "/auth/login/reactivate"),
    ("POST", "/auth/reactivate/x"),
    ("DELETE", "/auth/api/v1/account"),
    ("POST", "/auth/api/v1/login/reactivate"),
    ("POST", "/auth/api/v1/reactivate/redeem"),
    ("POST", "/auth/settings/sessions/x/revoke"),
    ("POST", "/auth/settings/sessions/revoke-others"),
    ("POST", "/auth/api/v1/register"),
    ("POST", "/auth/api/v1/confirm"),
    ("POST", "/auth/api/v1/confirm/resend"),
    ("POST", "/auth/api/v1/login"),
    ("POST", "/auth/api/v1/logout"),
    ("DELETE", "/auth/api/v1/sessions/x"),
    ("DELETE", "/auth/api/v1/sessions"),
    ("POST", "/auth/api/v1/magic-link"),
    ("POST", "/auth/api/v1/magic-link/redeem"),
    ("POST", "/auth/api/v1/password-reset"),
    ("POST", "/auth/api/v1/password-reset/redeem"),
    ("POST", "/auth/api/v1/sudo"),
    ("POST", "/auth/api/v1/not-me/redeem"),
];

/// What a request brings, and whether it passes.
const PROOFS: &[(&[(&str, &str)], bool)] = &[
    (&[("sec-fetch-site", "same-origin")], true),
    (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
    (&[("sec-fetch-site", "none")], true),
    (&[("origin", "https://app.example.org")], true),
    (&[], false),
    (&[("sec-fetch-site", "cross-site")], false),
    (&[("sec-fetch-site", "same-site")], false),
    (&[("sec-fetch-site", "")], false),
    (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], false),
    (&[("sec-fetch-site", "cross-site"), ("origin", "https://app.example.org")], false),
    (&[("origin", "null")], false),
    (&[("origin", "")], false),
    (&[("origin", "http://app.example.org")], false),
    (&[("origin", "https://app.example.org:443")], false),
    (&[("origin", "https://app.example.org.evil.example")], false),
    (&[("origin", "https://evil.example"), ("referer", "https://app.example.org/")], false),
    (&[("origin", "https://app.example.org"), ("origin", "https://evil.example")], false),
    (&[("referer", "https://app.example.org/auth/login")], false),
];

fn asked(method: &str, path: &str, proofs: &[(&str, &str)]) -> Ask {
    let kind = if path.contains("/api/") { "application/json" } else { "application/x-www-form-urlencoded" };
    let ask = Ask::new(method, path).unproven().header("content-type", kind).header("accept", "text/html");
    proofs.iter().fold(ask, |ask, (name, value)| ask.header(name, value))
}

pub(super) async fn cs_01_every_unsafe_route(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    for (method, path) in UNSAFE {
        let mut browser = host.signed_in(ANN).await;
        let sessions = sessions_of(&host, ANN).await;
        for proofs in [&[][..], &[("sec-fetch-site", "cross-site")], &[("origin", "https://evil.example")]] {
            let answer = browser.send(asked(method, path, proofs)).await;
            if path.contains("/api/") {
                answer.is_problem(403, "cross_origin", &[]);
            } else {
                answer.is_page(403, &[]).says("from another site");
            }
            answer.sets(&[]);
        }
        assert_eq!(sessions_of(&host, ANN).await, sessions, "{method} {path}");
    }
    host.test.run_workers().await;
}

pub(super) async fn cs_02_every_header(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for (proofs, passes) in PROOFS {
        let answer = browser.send(asked("POST", "/auth/magic-link", proofs)).await;
        answer.status(if *passes { 422 } else { 403 });
        let answer = browser.send(asked("POST", "/auth/api/v1/magic-link", proofs)).await;
        answer.status(if *passes { 422 } else { 403 });
        let answer = browser.send(asked("POST", "/host/maybe", proofs)).await;
        answer.status(if *passes { 200 } else { 403 });
    }
    // A value that is no text is no proof.
    let odd = asked("POST", "/auth/magic-link", &[]).header("origin", b"https://app.example.org\xff");
    browser.send(odd).await.is_page(403, &[]);
}

pub(super) async fn cs_03_native_clients(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let body = json!({ "email": ANN, "password": PASSWORD });
    let answer = host.browser().send(Ask::json("/auth/api/v1/login", &body).unproven()).await;
    answer.is_json(200, &["set-cookie"]);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let ask = Ask::new("POST", "/auth/api/v1/login").unproven().header("content-type", kind);
        host.browser().send(ask.body(body.to_string())).await.is_problem(403, "cross_origin", &[]);
    }
    let mut with_cookie = host.browser();
    with_cookie.plant("theme", "dark");
    let answer = with_cookie.send(Ask::json("/auth/api/v1/login", &body).unproven()).await;
    answer.is_problem(403, "cross_origin", &[]);
    // CS-11: nothing is shared with other origins.
    let preflight = Ask::new("OPTIONS", "/auth/api/v1/login")
        .unproven()
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    host.browser().send(preflight).await.is_problem(405, "method_not_allowed", &["allow"]).has("allow", "POST");
}

pub(super) async fn the_hosts_own_routes(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for path in ["/host/fresh", "/host/maybe"] {
        let ask = || Ask::new("POST", path).unproven().header("sec-fetch-site", "cross-site");
        browser.send(ask()).await.is_problem(403, "cross_origin", &[]);
        browser.send(ask().header("accept", "text/html")).await.is_page(403, &[]);
    }
    let json = Ask::json("/host/fresh", &json!({})).unproven();
    browser.send(json.clone()).await.is_problem(403, "cross_origin", &[]);
    host.browser().send(json).await.is_problem(401, "unauthenticated", &[]);
    // Reading is not forbidden to links from elsewhere.
    let link = Ask::new("GET", "/me").unproven().header("sec-fetch-site", "cross-site");
    browser.send(link).await.status(200);
    browser.post("/host/free", &[]).await.status(200);
}
