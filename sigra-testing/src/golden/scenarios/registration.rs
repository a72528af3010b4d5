use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost};
use crate::golden::Make;
use crate::scenario::PASSWORD;

pub(super) async fn forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    browser.get("/auth/register").await.is_page(200, &[]).says("<h1>Create account</h1>");
    let fields = [("email", ANN), ("password", PASSWORD)];
    browser.post("/auth/register", &fields).await.leads_to("/auth/confirm", &[]);
    browser.get("/auth/confirm").await.is_page(200, &[]);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 1);

    // PW-14: what was typed stays, but for the password, and each field says what is wrong.
    let answer = browser.post("/auth/register", &[("email", "<b>ann"), ("password", PASSWORD)]).await;
    answer.is_page(422, &[]).says("value=\"&lt;b&gt;ann\"").says("Enter a complete email address");
    answer.never_says(PASSWORD);
    let answer = browser.post("/auth/register", &[("email", "m\u{131}ke@example.org"), ("password", PASSWORD)]).await;
    answer.is_page(422, &[]).says("can be mistaken for another one");
    let answer = browser.post("/auth/register", &[("email", ANN), ("password", "too short")]).await;
    answer.is_page(422, &[]).says(&format!("value=\"{ANN}\"")).says("Use at least 15 characters.");
    answer.never_says("too short");
}

pub(super) async fn pw_14_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let register = "/auth/api/v1/register";
    let answer = browser.json(register, json!({ "email": ANN, "password": PASSWORD })).await;
    assert_eq!(answer.is_json(202, &[]), json!({ "status": "check_mail" }));
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 1);
    for (email, password, faults) in [
        (ANN, "fourteen chars", &["password too_short"][..]),
        ("ann", PASSWORD, &["email invalid_email"]),
        // A password is judged against its address, so only once there is one.
        ("", "", &["email invalid_email"]),
        ("\u{430}nn@example.org", PASSWORD, &["email invalid_email"]),
        ("ann@example.org,eve@example.org", PASSWORD, &["email invalid_email"]),
        ("ann@example.org\nBcc: eve@example.org", PASSWORD, &["email invalid_email"]),
        (ANN, &"x".repeat(1_025), &["password too_long"]),
    ] {
        let answer = browser.json(register, json!({ "email": email, "password": password })).await;
        assert_eq!(answer.is_invalid(), faults, "{email} {password}");
    }
}

pub(super) async fn profiles(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.browser();
    let body = |profile| json!({ "email": ANN, "password": PASSWORD, "profile": profile, "is_admin": true });
    for bad in [json!(null), json!([]), json!("name"), json!({ "name": "x".repeat(20_000) })] {
        let answer = browser.json("/auth/api/v1/register", body(bad)).await;
        assert_eq!(answer.is_invalid(), ["profile invalid_profile"]);
    }
    browser.json("/auth/api/v1/register", body(json!({ "name": "Ann" }))).await.is_json(202, &[]);
    host.test.run_workers().await;
    let token = host.test.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    browser.json("/auth/api/v1/confirm", json!({ "token": token })).await.is_json(200, &[]);
    assert_eq!(host.account(ANN).await.expect("it was confirmed").profile, json!({ "name": "Ann" }));
}
