use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use sigra_core::door::{Gate, GateContext, GateVerdict};
use sigra_core::error::FlowError;

use super::{ANN, GoldenHost, NOBODYS_TOKEN};
use crate::golden::{Ask, Knobs, Make};
use crate::scenario::PASSWORD;

pub(super) async fn au_13_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let mut ids = Vec::new();
    for (failing, method, path) in [
        ("sessions.find", "GET", "/auth/api/v1/session"),
        ("sessions.list", "GET", "/auth/api/v1/sessions"),
        ("sessions.revoke_all", "DELETE", "/auth/api/v1/sessions"),
        ("registrations.submit", "POST", "/auth/api/v1/register"),
        ("tokens.peek", "POST", "/auth/api/v1/confirm"),
        ("requests.submit", "POST", "/auth/api/v1/magic-link"),
        ("requests.submit", "POST", "/auth/api/v1/password-reset"),
        ("tokens.redeem", "POST", "/auth/api/v1/magic-link/redeem"),
        ("tokens.peek", "POST", "/auth/api/v1/not-me/redeem"),
        ("accounts.find_by_email", "POST", "/auth/api/v1/login"),
        ("attempts.reserve", "POST", "/auth/api/v1/login"),
        ("sessions.insert", "POST", "/auth/api/v1/login"),
        ("evidence", "POST", "/auth/api/v1/login"),
        ("attempts.reserve", "POST", "/auth/api/v1/sudo"),
        ("sessions.revoke", "POST", "/auth/api/v1/logout"),
    ] {
        let body = json!({ "email": ANN, "password": PASSWORD, "token": NOBODYS_TOKEN });
        let ask = || match method {
            "POST" => Ask::json(path, &body),
            _ => Ask::new(method, path),
        };
        host.test.store.fail_always(failing);
        let answer = browser.send(ask()).await;
        ids.push(answer.is_internal());
        answer.never_says("the test said so").never_says(failing).sets(&[]);
        host.test.store.heal();
        // The store is back: what comes now is an answer like any other.
        browser.send(ask()).await.never_says("internal");
        browser.sign_in(ANN).await;
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "each request has an id of its own");
}

pub(super) async fn au_13_pages(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for (failing, path) in [("sessions.find", "/auth/settings/sessions"), ("tokens.peek", "/auth/magic-link/")] {
        let path = if path.ends_with('/') { format!("{path}{NOBODYS_TOKEN}") } else { path.to_owned() };
        host.test.store.fail_next(failing);
        let page = browser.get(&path).await;
        page.is_page(500, &[]).says("Nothing was changed.").says("<code>").never_says("the test said so");
        page.never_says(failing).never_says("href=\"/auth/magic-link/");
        browser.get("/auth/settings/sessions").await.is_page(200, &[]);
    }
    host.test.store.fail_all();
    for path in ["/auth/login", "/auth/register", "/auth/check-mail", "/auth/assets/sigra.css"] {
        browser.get(path).await.status(200);
    }
    let fields = [("email", ANN), ("password", PASSWORD)];
    for path in ["/auth/login", "/auth/register", "/auth/reset-password", "/auth/magic-link", "/auth/logout"] {
        browser.post(path, &fields).await.is_page(500, &[]).says("<code>");
    }
    host.test.store.heal();
    browser.post("/auth/login", &fields).await.leads_to("/", &["set-cookie"]);
}

pub(super) async fn au_13_host_routes(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.store.fail_all();
    browser.read("/me").await.is_internal();
    browser.get("/me").await.is_page(500, &[]);
    browser.read("/host/maybe").await.is_internal();
    browser.send(Ask::new("POST", "/host/fresh")).await.is_internal();
    browser.read("/host/free").await.status(200);
    host.test.store.heal();
    browser.read("/me").await.status(200);
}

/// A gate of a host's that panics.
struct Broken;

#[async_trait]
impl Gate for Broken {
    async fn judge(&self, _: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        panic!("the gate is broken, as it should be here")
    }
}

pub(super) async fn au_13_panics(make: &Make<'_>) {
    let host = GoldenHost::with(make, Knobs { gate: Some(Arc::new(Broken)), ..Knobs::default() });
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let body = json!({ "email": ANN, "password": PASSWORD });
    let answer = browser.json("/auth/api/v1/login", body).await;
    answer.is_internal();
    answer.never_says("broken");
    let page = browser.post("/auth/login", &[("email", ANN), ("password", PASSWORD)]).await;
    page.is_page(500, &[]).says("<code>").never_says("broken");
    browser.get("/auth/login").await.is_page(200, &[]);
}

pub(super) async fn the_guard_does_not_fail_open(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for failing in ["sessions.find", "sessions.touch"] {
        host.test.advance(60);
        host.test.store.fail_always(failing);
        browser.read("/me").await.is_internal();
        browser.read("/auth/api/v1/session").await.is_internal();
        host.test.store.heal();
    }
    browser.read("/me").await.status(200);
}
