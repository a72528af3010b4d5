use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost, NOBODYS_TOKEN, OTHER_PASSWORD, link, sessions_of};
use crate::golden::Make;
use crate::scenario::PASSWORD;

const RESET: MailKind = MailKind::RESET_PASSWORD;

pub(super) async fn tk_10_forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut elsewhere = host.signed_in(ANN).await;
    let mut browser = host.browser();
    browser.get("/auth/reset-password").await.is_page(200, &[]);
    browser.post("/auth/reset-password", &[("email", ANN)]).await.leads_to("/auth/check-mail", &[]);
    browser.post("/auth/reset-password", &[("email", "ann")]).await.is_page(422, &[]).says("value=\"ann\"");
    host.test.run_workers().await;

    let path = link(&host, &RESET, ANN);
    browser.get(&path).await.is_page(200, &[]).says(&format!("action=\"{path}\"")).says(ANN);
    // A password that is refused does not cost the link.
    let answer = browser.post(&path, &[("password", "short")]).await;
    answer.is_page(422, &[]).says("Use at least 15 characters.").says(&format!("action=\"{path}\""));
    browser.post(&path, &[]).await.is_page(422, &[]);
    elsewhere.read("/me").await.status(200);

    let answer = browser.post(&path, &[("password", OTHER_PASSWORD)]).await;
    answer.leads_to("/auth/login", &["set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "password_reset", Some(60))]);
    assert!(browser.cookie("session").is_none());
    assert_eq!(sessions_of(&host, ANN).await, 0);
    elsewhere.read("/me").await.is_problem(401, "unauthenticated", &[]);
    browser.get("/auth/login").await.is_page(200, &["set-cookie"]).says("Your password is changed");
    browser.post("/auth/login", &[("email", ANN), ("password", PASSWORD)]).await.is_page(422, &[]);
    browser.post("/auth/login", &[("email", ANN), ("password", OTHER_PASSWORD)]).await.leads_to("/", &["set-cookie"]);
    browser.post(&path, &[("password", PASSWORD)]).await.is_page(400, &[]);
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let answer = browser.json("/auth/api/v1/password-reset", json!({ "email": ANN })).await;
    assert_eq!(answer.is_json(202, &[]), json!({ "status": "check_mail" }));
    let answer = browser.json("/auth/api/v1/password-reset", json!({ "email": "ann" })).await;
    assert_eq!(answer.is_invalid(), ["email invalid_email"]);
    host.test.run_workers().await;
    let token = host.test.mailed_token(&RESET, ANN);
    let redeem = "/auth/api/v1/password-reset/redeem";
    let answer = browser.json(redeem, json!({ "token": token, "password": "short" })).await;
    assert_eq!(answer.is_invalid(), ["password too_short"]);
    let body = json!({ "token": token, "password": OTHER_PASSWORD });
    browser.json(redeem, body.clone()).await.is(204, &[]).empty();
    browser.json(redeem, body).await.is_problem(400, "invalid_token", &[]);
}

pub(super) async fn faults(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    browser.post("/auth/reset-password", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    let token = host.test.mailed_token(&RESET, ANN);
    host.test.advance(3_600);
    for token in [&*token, NOBODYS_TOKEN, "x"] {
        let path = format!("/auth/reset-password/{token}");
        browser.get(&path).await.is_page(400, &[]);
        // Whether the new password would do is not told to whoever has no link.
        for password in ["short", OTHER_PASSWORD] {
            browser.post(&path, &[("password", password)]).await.is_page(400, &[]);
            let body = json!({ "token": token, "password": password });
            let answer = browser.json("/auth/api/v1/password-reset/redeem", body).await;
            answer.is_problem(400, "invalid_token", &[]);
        }
    }
}
