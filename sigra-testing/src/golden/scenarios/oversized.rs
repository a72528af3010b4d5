//! Heads that are longer, or say the same thing more often, than any browser's.

use super::{ANN, GoldenHost};
use crate::golden::{Ask, Make};
use crate::scenario::PASSWORD;

pub(super) async fn long_headers(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let long = "a".repeat(60_000);
    for name in ["accept", "accept-language", "authorization", "forwarded", "referer", "x-forwarded-for", "x-anything"]
    {
        let ask = |path| Ask::new("GET", path).header(name, &long);
        browser.send(ask("/auth/login")).await.is_page(200, &[]);
        browser.send(ask("/auth/api/v1/session")).await.is_json(200, &[]);
        browser.send(ask("/me")).await.status(200).says(ANN);
    }
    for name in ["origin", "sec-fetch-site"] {
        let ask = Ask::form("/auth/login", &[]).unproven().header(name, &long);
        browser.send(ask).await.is_page(403, &[]);
    }
    let typed = |path| Ask::new("POST", path).header("content-type", &long).body("x");
    browser.send(typed("/auth/login")).await.is_page(415, &[]);
    browser.send(typed("/auth/api/v1/login")).await.is_problem(415, "unsupported_media_type", &[]);
    let hops = "192.0.2.1, ".repeat(5_000);
    browser.send(Ask::get("/auth/login").header("x-forwarded-for", hops)).await.is_page(200, &[]);
    // What is kept of a name that long is short, and the session works.
    browser.user_agent = long.clone().into_bytes();
    browser.sign_in(ANN).await;
    browser.get("/auth/settings/sessions").await.is_page(200, &[]).never_says(&long);
}

pub(super) async fn se_03_many_cookies(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let browser = host.signed_in(ANN).await;
    let session = format!("{}={}", host.cookie_name("session"), browser.cookie("session").expect("a session"));
    let long = format!("a={}", "b".repeat(30_000));
    let ask = Ask::new("GET", "/me").header("cookie", format!("{long}; {session}; {long}"));
    host.browser().send(ask).await.status(200).says(ANN);
    let many = (0..40).fold(Ask::new("GET", "/me"), |ask, number| ask.header("cookie", format!("c{number}=x")));
    host.browser().send(many.clone().header("cookie", &session)).await.status(200).says(ANN);
    let twice = many.header("cookie", &session).header("cookie", &session);
    host.browser().send(twice).await.is_problem(401, "unauthenticated", &[]);
}

/// A device cookie that came twice is none: the sign-in is one from an unknown device, and hands out a new one.
pub(super) async fn se_03_every_cookie_counts_once(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let browser = host.signed_in(ANN).await;
    let device = format!("{}={}", host.cookie_name("device"), browser.cookie("device").expect("a device"));
    let form = || Ask::form("/auth/login", &[("email", ANN), ("password", PASSWORD)]);
    let once = host.browser().send(form().header("cookie", &device)).await;
    once.leads_to("/", &["set-cookie"]).sets(&[host.issued("session", None), host.cleared("pending")]);
    let fresh = [host.issued("session", None), host.cleared("pending"), host.issued("device", Some(180 * 86_400))];
    let twice = host.browser().send(form().header("cookie", format!("{device}; {device}"))).await;
    twice.leads_to("/", &["set-cookie"]).sets(&fresh);
    let lines = host.browser().send(form().header("cookie", &device).header("cookie", &device)).await;
    lines.leads_to("/", &["set-cookie"]).sets(&fresh);
}
