use super::{ANN, GoldenHost};
use crate::golden::{Ask, Knobs, Make};
use crate::scenario::PASSWORD;

pub(super) async fn cs_06_pages_and_files(make: &Make<'_>) {
    for knobs in [Knobs::default(), Knobs::loopback()] {
        let host = GoldenHost::with(make, knobs);
        let mut browser = host.browser();
        let page = browser.get("/auth/login").await;
        page.is_page(200, &[]).says("<!DOCTYPE html>");
        browser.get("/auth/assets/sigra.css").await.is_asset("text/css; charset=utf-8");
        browser.get("/auth/assets/sigra.js").await.is_asset("text/javascript; charset=utf-8");
        // The files are the ones that the page links, under a name that changes with them.
        let links: Vec<_> =
            page.text().split('"').filter(|part| part.contains("/assets/")).map(str::to_owned).collect();
        assert_eq!(links.len(), 2);
        for link in links {
            assert!(link.starts_with("/auth/assets/sigra.") && link.contains("?v="), "{link}");
            browser.get(&link).await.status(200);
        }
    }
}

pub(super) async fn cs_10_host_headers(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let plain = host.browser().get("/auth/login").await;
    for name in ["x-forwarded-host", "x-forwarded-proto", "forwarded", "x-original-url", "x-rewrite-url", "host"] {
        let ask = Ask::get("/auth/login").header(name, "evil.example");
        host.browser().send(ask).await.alike(&plain);
        let form = Ask::form("/auth/login", &[("email", ANN), ("password", PASSWORD)]);
        let answer = host.browser().send(form.header(name, "evil.example")).await;
        answer.leads_to("/", &["set-cookie"]).never_says("evil.example");
    }
    // A session's cookie stays what the public URL makes it.
    let form = Ask::form("/auth/login", &[("email", ANN), ("password", PASSWORD)]);
    let answer = host.browser().send(form.header("x-forwarded-proto", "http")).await;
    answer.sets(&[host.issued("session", None), host.cleared("pending"), host.issued("device", Some(180 * 86_400))]);
    host.test.run_workers().await;
    assert!(host.test.mailer.sent().iter().all(|mail| !mail.text.contains("evil.example")));
}

pub(super) async fn loopback_only(make: &Make<'_>) {
    let host = GoldenHost::with(make, Knobs { loopback_only: true, ..Knobs::loopback() });
    let mut browser = host.browser();
    for name in ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000", "127.8.9.1"] {
        browser.send(Ask::get("/auth/login").header("host", name)).await.is_page(200, &[]);
        browser.send(Ask::get("/host/free").header("host", name)).await.status(200);
    }
    for name in ["evil.example", "evil.example:3000", "localhost.evil.example", "app.localhost", "", "0.0.0.0"] {
        for path in ["/auth/login", "/auth/nothing", "/host/free", "/me"] {
            let answer = browser.send(Ask::get(path).header("host", name)).await;
            answer.is(421, &["content-type"]).has("content-type", "text/plain; charset=utf-8");
            let head = Ask { method: http::Method::HEAD, ..Ask::get(path) };
            browser.send(head.header("host", name)).await.heads(&answer);
        }
    }
    let two = Ask::get("/auth/login").header("host", "localhost").header("host", "evil.example");
    browser.send(two).await.status(421);
    // Elsewhere any name is served, for the proxy in front decides.
    let host = GoldenHost::new(make);
    host.browser().send(Ask::get("/auth/login").header("host", "10.0.0.1")).await.is_page(200, &[]);
}

pub(super) async fn se_25_loopback_cookies(make: &Make<'_>) {
    let host = GoldenHost::with(make, Knobs::loopback());
    let mut browser = host.signed_in(ANN).await;
    assert_eq!(host.cookie_name("session"), "sigra_session");
    let answer = browser.sign_in(ANN).await;
    answer.sets(&[host.issued("session", None), host.cleared("pending")]);
    browser.read("/me").await.status(200);
    let token = browser.cookie("session").expect("a session");
    let mut prefixed = host.browser();
    prefixed.plant("__Host-sigra_session", &token);
    prefixed.read("/auth/api/v1/session").await.is_problem(401, "unauthenticated", &[]);
}
