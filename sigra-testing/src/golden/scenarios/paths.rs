use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost, link, sessions_of};
use crate::golden::{Ask, Knobs, Make};

pub(super) async fn th_13_variants(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for path in [
        "/auth/",
        "/auth/login/",
        "/auth//login",
        "/auth/Login",
        "/auth/log%69n",
        "/auth/login%2f",
        "/auth/login%00",
        "/auth/./login",
        "/auth/confirm/a/b",
        "/auth/confirm/",
        "/auth/nothing",
        "/auth/apis",
    ] {
        browser.get(path).await.is_page(404, &[]);
        browser.post(path, &[("email", ANN), ("password", "x")]).await.is_page(404, &[]);
    }
    browser.get("/auth").await.is_page(404, &[]);
    for path in ["/auth/api", "/auth/api/", "/auth/api/v1/login/", "/auth/api/v1//login", "/auth/api/v1/Login"] {
        browser.read(path).await.is_problem(404, "not_found", &[]);
        browser.json(path, json!({})).await.is_problem(404, "not_found", &[]);
    }
    // These are the host's, and it has nothing there.
    for path in ["//auth/login", "/AUTH/login", "/%61uth/login", "/authx/login", "/authlogin"] {
        browser.get(path).await.status(404);
        browser.post(path, &[("email", ANN), ("password", "x")]).await.status(404);
    }
}

pub(super) async fn methods(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    for (path, allow) in [
        ("/auth/login", "GET, HEAD, POST"),
        ("/auth/confirm/x", "GET, HEAD, POST"),
        ("/auth/confirm/resend", "POST"),
        ("/auth/check-mail", "GET, HEAD"),
        ("/auth/logout", "POST"),
        ("/auth/settings/sessions", "GET, HEAD"),
        ("/auth/assets/sigra.css", "GET, HEAD"),
    ] {
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"] {
            let answer = browser.send(Ask::new(method, path)).await;
            answer.status(405).has("allow", allow).has("content-type", "text/html; charset=utf-8");
        }
    }
    for (path, allow) in [
        ("/auth/api/v1/login", "POST"),
        ("/auth/api/v1/session", "GET, HEAD"),
        ("/auth/api/v1/sessions", "DELETE, GET, HEAD"),
        ("/auth/api/v1/sessions/x", "DELETE"),
    ] {
        for method in ["PUT", "PATCH", "OPTIONS", "PROPFIND"] {
            let answer = browser.send(Ask::new(method, path)).await;
            answer.is_problem(405, "method_not_allowed", &["allow"]).has("allow", allow);
        }
    }
}

pub(super) async fn cs_05_overrides(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let page = "/auth/settings/sessions?_method=DELETE&_method=POST";
    let overridden = |ask: Ask| {
        let ask = ask.header("x-http-method-override", "DELETE").header("x-http-method", "DELETE");
        ask.header("x-method-override", "POST")
    };
    browser.send(overridden(Ask::get(page))).await.is_page(200, &[]);
    browser.send(overridden(Ask::new("GET", "/auth/api/v1/sessions?_method=DELETE"))).await.is_json(200, &[]);
    browser.send(overridden(Ask::get("/auth/logout"))).await.is_page(405, &["allow"]);
    let form = Ask::form("/auth/check-mail", &[("_method", "GET")]);
    browser.send(overridden(form)).await.is_page(405, &["allow"]);
    assert_eq!(sessions_of(&host, ANN).await, 1);
}

/// What a path does not take, and what no path takes.
pub(super) async fn other_methods(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for path in ["/auth/logout", "/auth/confirm/resend", "/auth/settings/sessions/x/revoke"] {
        for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
            let answer = browser.send(Ask::new(method, path)).await;
            answer.is_page_or_its_head(405, &["allow"]).has("allow", "POST");
        }
    }
    for path in ["/auth/check-mail", "/auth/settings/sessions", "/auth/assets/sigra.js"] {
        browser.post(path, &[]).await.is_page(405, &["allow"]).has("allow", "GET, HEAD");
    }
    for path in ["/auth/api/v1/login", "/auth/api/v1/not-me/redeem"] {
        let get = browser.read(path).await;
        get.is_problem(405, "method_not_allowed", &["allow"]).has("allow", "POST");
        browser.send(Ask::new("HEAD", path)).await.heads(&get);
    }
    browser.json("/auth/api/v1/session", json!({})).await.is_problem(405, "method_not_allowed", &["allow"]);
    // An unknown path has no methods; and no proof of the origin is asked for what is not there.
    for method in ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PROPFIND", "get"] {
        let page = browser.send(Ask::new(method, "/auth/nothing").unproven()).await;
        page.is_page_or_its_head(404, &[]);
        let document = browser.send(Ask::new(method, "/auth/api/v1/nothing").unproven()).await;
        document.is(404, &["content-type"]).has("content-type", "application/problem+json");
    }
    browser.read("/auth/api/v1/session").await.is_json(200, &[]);
}

pub(super) async fn heads(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = host.signed_in(ANN).await;
    let mut nobody = host.browser();
    nobody.post("/auth/magic-link", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    for path in [
        "/auth/login",
        "/auth/register",
        "/auth/settings/sessions",
        "/auth/api/v1/session",
        "/auth/api/v1/sessions",
        "/auth/assets/sigra.css",
        "/auth/assets/sigra.js",
        "/auth/nothing",
        "/auth/api/v1/nothing",
        "/auth/logout",
        "/auth/api/v1/login",
        "/auth/confirm/x",
        "/me",
        "/host/maybe",
        "/host/free",
        &link(&host, &MailKind::MAGIC_LINK, ANN),
    ] {
        for browser in [&mut ann, &mut nobody] {
            let get = browser.get(path).await;
            let head = Ask { method: http::Method::HEAD, ..Ask::get(path) };
            browser.send(head).await.heads(&get);
        }
    }
    // Without `Accept` a program asks, and is told so.
    let get = nobody.read("/me").await;
    nobody.send(Ask::new("HEAD", "/me")).await.heads(&get);
    nobody.post(&link(&host, &MailKind::MAGIC_LINK, ANN), &[]).await.leads_to("/", &["set-cookie"]);
}

pub(super) async fn prefixes(make: &Make<'_>) {
    for prefix in ["", "/accounts/v2"] {
        let host = GoldenHost::with(make, Knobs { prefix, ..Knobs::default() });
        host.test.confirmed(ANN).await;
        let mut browser = host.browser();
        let page = browser.get(&format!("{prefix}/login")).await;
        page.is_page(200, &[]).says(&format!("action=\"{prefix}/login\""));
        let answer = browser.get(&format!("{prefix}/settings/sessions")).await;
        answer.leads_to(&format!("{prefix}/login?return_to={prefix}/settings/sessions"), &[]);
        let body = json!({ "email": ANN, "password": crate::scenario::PASSWORD });
        browser.json(&format!("{prefix}/api/v1/login"), body).await.is_json(200, &["set-cookie"]);
        browser.read("/me").await.status(200).says(ANN);
        browser.get(&format!("{prefix}/nothing")).await.is_page(404, &[]);
        let page = browser.get(&format!("{prefix}/settings/sessions")).await;
        page.is_page(200, &[]).says(&format!("href=\"{prefix}/assets/"));
    }
}
