use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN, link, sessions_of};
use crate::golden::Make;

const LINK: MailKind = MailKind::MAGIC_LINK;

pub(super) async fn tk_07_forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    browser.get("/auth/magic-link").await.is_page(200, &[]);
    browser.post("/auth/magic-link", &[("email", ANN)]).await.leads_to("/auth/check-mail", &[]);
    browser.get("/auth/check-mail").await.is_page(200, &[]).says("Check your mail");
    browser.post("/auth/magic-link", &[("email", "ann")]).await.is_page(422, &[]).says("value=\"ann\"");
    host.test.run_workers().await;

    let path = link(&host, &LINK, ANN);
    for _ in 0..3 {
        let page = host.browser().get(&path).await;
        page.is_page(200, &[]).says(ANN).says("January 2026").says(&format!("action=\"{path}\""));
    }
    assert_eq!(sessions_of(&host, ANN).await, 0);
    let answer = browser.post(&path, &[]).await;
    answer.leads_to("/", &["set-cookie"]);
    answer.sets(&[host.issued("session", None), host.cleared("pending"), host.issued("device", Some(180 * 86_400))]);
    browser.read("/me").await.status(200).says(ANN);
    browser.get(&path).await.is_page(400, &[]);
    browser.post(&path, &[]).await.is_page(400, &[]);
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let answer = browser.json("/auth/api/v1/magic-link", json!({ "email": ANN })).await;
    assert_eq!(answer.is_json(202, &[]), json!({ "status": "check_mail" }));
    let answer = browser.json("/auth/api/v1/magic-link", json!({ "email": "@" })).await;
    assert_eq!(answer.is_invalid(), ["email invalid_email"]);
    host.test.run_workers().await;
    let token = host.test.mailed_token(&LINK, ANN);
    let answer = browser.json("/auth/api/v1/magic-link/redeem", json!({ "token": token })).await;
    let body = answer.is_json(200, &["set-cookie"]);
    assert_eq!((&body["status"], &body["session"]["methods"]), (&json!("authenticated"), &json!(["magic_link"])));
    let again = browser.json("/auth/api/v1/magic-link/redeem", json!({ "token": token })).await;
    again.is_problem(400, "invalid_token", &[]);
}

pub(super) async fn somebody_else_is_signed_in(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.signed_in(BOB).await;
    host.browser().post("/auth/magic-link", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    let path = link(&host, &LINK, ANN);
    browser.get(&path).await.is_page(200, &[]).says(&format!("signed in as <strong>{BOB}</strong>")).says(ANN);
    browser.read("/me").await.says(BOB);
    browser.post(&path, &[]).await.leads_to("/", &["set-cookie"]);
    browser.read("/me").await.says(ANN);
    assert_eq!((sessions_of(&host, ANN).await, sessions_of(&host, BOB).await), (1, 0));
}

pub(super) async fn faults(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    // TK-02: a link for another purpose is as good as none.
    let mut browser = host.browser();
    browser.post("/auth/reset-password", &[("email", ANN)]).await.status(303);
    browser.post("/auth/magic-link", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    let reset = host.test.mailed_token(&MailKind::RESET_PASSWORD, ANN);
    let magic = host.test.mailed_token(&LINK, ANN);
    host.test.advance(601);
    for token in [&reset, &magic, NOBODYS_TOKEN, "x", "%20"] {
        let path = format!("/auth/magic-link/{token}");
        browser.get(&path).await.is_page(400, &[]);
        browser.post(&path, &[]).await.is_page(400, &[]);
        let answer = browser.json("/auth/api/v1/magic-link/redeem", json!({ "token": token })).await;
        answer.is_problem(400, "invalid_token", &[]);
    }
    assert_eq!(sessions_of(&host, ANN).await, 0);
}
