use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN, link};
use crate::golden::Make;

pub(super) async fn tk_07_by_link(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.registered(ANN).await;
    let path = link(&host, &MailKind::CONFIRM_EMAIL, ANN);
    let mut scanner = host.browser();
    for _ in 0..3 {
        scanner.get(&path).await.is_page(200, &[]).says(ANN).says(&format!("action=\"{path}\""));
        assert!(host.account(ANN).await.is_none());
    }
    let mut browser = host.browser();
    let answer = browser.post(&path, &[]).await;
    answer.leads_to("/auth/login", &["set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "confirmed", Some(60))]);
    assert!(host.account(ANN).await.is_some());
    let page = browser.get("/auth/login").await;
    page.is_page(200, &["set-cookie"]).says("Your email address is confirmed.").sets(&[host.cleared("notice")]);
    browser.get("/auth/login").await.is_page(200, &[]).never_says("is confirmed.");

    for spent in [&path, &format!("/auth/confirm/{NOBODYS_TOKEN}"), "/auth/confirm/x"] {
        scanner.get(spent).await.is_page(400, &[]).says("used before, has expired");
        scanner.post(spent, &[]).await.is_page(400, &[]);
    }
}

pub(super) async fn by_code(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.registered(ANN).await;
    let code = host.test.mailed_code(ANN);
    let mut browser = host.browser();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for (email, code) in [(ANN, wrong), (BOB, &*code), ("ann", &*code), (ANN, ""), ("", "")] {
        let answer = browser.post("/auth/confirm", &[("email", email), ("code", code)]).await;
        answer.is_page(422, &[]).says("This code is wrong or no longer valid.").says(&format!("value=\"{email}\""));
    }
    let answer = browser.post("/auth/confirm", &[("email", ANN), ("code", &code)]).await;
    answer.leads_to("/auth/login", &["set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "confirmed", Some(60))]);
    host.browser().post("/auth/confirm", &[("email", ANN), ("code", &code)]).await.is_page(422, &[]);
}

pub(super) async fn by_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let confirm = "/auth/api/v1/confirm";
    for email in [ANN, BOB] {
        host.test.registered(email).await;
    }
    let token = host.test.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    let answer = browser.json(confirm, json!({ "token": token })).await;
    assert_eq!(answer.is_json(200, &[]), json!({ "status": "confirmed" }));
    browser.json(confirm, json!({ "token": token })).await.is_problem(400, "invalid_token", &[]);
    let code = host.test.mailed_code(BOB);
    browser.json(confirm, json!({ "email": ANN, "code": code })).await.is_problem(400, "invalid_code", &[]);
    let answer = browser.json(confirm, json!({ "email": BOB, "code": code })).await;
    assert_eq!(answer.is_json(200, &[]), json!({ "status": "confirmed" }));
    browser.json(confirm, json!({})).await.is_problem(400, "invalid_code", &[]);
    // A token beside a code decides alone.
    let body = json!({ "token": "", "email": BOB, "code": code });
    browser.json(confirm, body).await.is_problem(400, "invalid_token", &[]);
}

pub(super) async fn resending(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.registered(ANN).await;
    let mut browser = host.browser();
    let answer = browser.post("/auth/confirm/resend", &[("email", ANN)]).await;
    answer.leads_to("/auth/confirm", &["set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "mail_on_its_way", Some(60))]);
    browser.get("/auth/confirm").await.is_page(200, &["set-cookie"]).says("a new mail is on its way");
    browser.post("/auth/confirm/resend", &[("email", "ann")]).await.is_page(422, &[]);

    let resend = "/auth/api/v1/confirm/resend";
    let answer = browser.json(resend, json!({ "email": ANN })).await;
    assert_eq!(answer.is_json(202, &[]), json!({ "status": "check_mail" }));
    assert_eq!(browser.json(resend, json!({ "email": "ann" })).await.is_invalid(), ["email invalid_email"]);
    host.test.run_workers().await;
    assert!(host.test.count_mailed(&MailKind::CONFIRM_EMAIL, ANN) > 1);
}
