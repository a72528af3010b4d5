use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost, sessions_of};
use crate::golden::{Ask, Make};
use crate::scenario::{PASSWORD, WRONG_PASSWORD};

const SUDO: &str = "/auth/api/v1/sudo";
const WINDOW: u64 = 300;

pub(super) async fn forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.advance(WINDOW);
    let answer = browser.post("/auth/settings/sessions/revoke-others", &[]).await;
    answer.leads_to("/auth/sudo?return_to=/auth/settings/sessions", &[]);
    let page = browser.get("/auth/sudo?return_to=/auth/settings/sessions").await;
    page.is_page(200, &[]).says("value=\"/auth/settings/sessions\"").says(ANN);

    let answer = browser.post("/auth/sudo", &[("password", WRONG_PASSWORD), ("return_to", "/x")]).await;
    answer.is_page(422, &[]).says("This password is wrong.").says("value=\"/x\"").never_says(WRONG_PASSWORD);
    let mut before = browser.clone();
    let answer = browser.post("/auth/sudo", &[("password", PASSWORD), ("return_to", "/auth/settings/sessions")]).await;
    answer.leads_to("/auth/settings/sessions", &["set-cookie"]).sets(&[host.issued("session", None)]);
    // SE-06: stepping up changes the token.
    before.read("/me").await.is_problem(401, "unauthenticated", &[]);
    let answer = browser.post("/auth/settings/sessions/revoke-others", &[]).await;
    answer.leads_to("/auth/settings/sessions", &[]);
    browser.post("/auth/sudo", &[("password", PASSWORD)]).await.leads_to("/", &["set-cookie"]);

    let mut nobody = host.browser();
    nobody.get("/auth/sudo").await.leads_to("/auth/login?return_to=/auth/sudo", &[]);
    nobody.post("/auth/sudo", &[("password", PASSWORD)]).await.leads_to("/auth/login?return_to=/auth/sudo", &[]);
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.advance(WINDOW - 1);
    browser.send(Ask::new("DELETE", "/auth/api/v1/sessions")).await.is_json(200, &[]);
    host.test.advance(1);
    let stale = browser.send(Ask::new("DELETE", "/auth/api/v1/sessions")).await;
    stale.is_problem(403, "reauth_required", &[]);
    for wrong in [json!({ "password": WRONG_PASSWORD }), json!({}), json!({ "password": "x".repeat(2_000) })] {
        browser.json(SUDO, wrong).await.is_problem(403, "invalid_credentials", &[]);
    }
    let mut before = browser.clone();
    let answer = browser.json(SUDO, json!({ "password": PASSWORD })).await;
    answer.is(204, &["set-cookie"]).empty().sets(&[host.issued("session", None)]);
    before.read("/me").await.is_problem(401, "unauthenticated", &[]);
    browser.send(Ask::new("DELETE", "/auth/api/v1/sessions")).await.is_json(200, &[]);
    host.browser().json(SUDO, json!({ "password": PASSWORD })).await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn the_fifth_wrong_answer(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut other = host.signed_in(ANN).await;
    let mut browser = host.signed_in(ANN).await;
    let mut copy = browser.clone();
    for _ in 0..4 {
        let answer = browser.json(SUDO, json!({ "password": WRONG_PASSWORD })).await;
        answer.is_problem(403, "invalid_credentials", &[]);
    }
    let answer = browser.json(SUDO, json!({ "password": WRONG_PASSWORD })).await;
    answer.is_problem(403, "invalid_credentials", &["set-cookie"]).sets(&[host.cleared("session")]);
    copy.json(SUDO, json!({ "password": PASSWORD })).await.is_problem(401, "unauthenticated", &[]);
    assert_eq!(sessions_of(&host, ANN).await, 1);

    for _ in 0..4 {
        other.post("/auth/sudo", &[("password", WRONG_PASSWORD)]).await.is_page(422, &[]);
    }
    let answer = other.post("/auth/sudo", &[("password", WRONG_PASSWORD)]).await;
    answer.leads_to("/auth/login", &["set-cookie"]).sets(&[host.cleared("session")]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
}

pub(super) async fn se_24_remembered_sessions_are_not_fresh(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let body = json!({ "email": ANN, "password": PASSWORD, "remember_me": true });
    browser.json("/auth/api/v1/login", body).await.status(200);
    let answer = browser.send(Ask::new("DELETE", "/auth/api/v1/sessions")).await;
    answer.is_problem(403, "reauth_required", &[]);
    let answer = browser.send(Ask::form("/host/fresh", &[])).await;
    answer.status(303).has("location", "/auth/sudo");
    let answer = browser.json(SUDO, json!({ "password": PASSWORD })).await;
    answer.is(204, &["set-cookie"]).sets(&[host.issued("session", Some(30 * 86_400))]);
    browser.send(Ask::new("DELETE", "/auth/api/v1/sessions")).await.is_json(200, &[]);
    assert_eq!(host.test.count_mailed(&MailKind::NEW_DEVICE, ANN), 0);
}
