use serde_json::json;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN, sessions_of};
use crate::golden::{Answer, Make};
use crate::scenario::{PASSWORD, WRONG_PASSWORD};

const LOGIN: &str = "/auth/api/v1/login";
const HALF_A_YEAR: u64 = 180 * 86_400;

pub(super) async fn se_01_forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    browser.get("/auth/login").await.is_page(200, &[]).says("<h1>Sign in</h1>");
    let answer = browser.post("/auth/login", &[("email", ANN), ("password", PASSWORD)]).await;
    // CS-12: 303, so the password is not sent on.
    answer.leads_to("/", &["set-cookie"]);
    answer.sets(&[host.issued("session", None), host.cleared("pending"), host.issued("device", Some(HALF_A_YEAR))]);
    browser.read("/me").await.status(200).says(ANN);

    let mut browser = host.browser();
    let answer = browser.post("/auth/login", &[("email", ANN), ("password", WRONG_PASSWORD)]).await;
    answer.is_page(422, &[]).says("wrong, or the address is not confirmed").says("reset your password");
    answer.says(&format!("value=\"{ANN}\"")).never_says(WRONG_PASSWORD);
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let user = host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let answer = browser.sign_in(ANN).await;
    answer.sets(&[host.issued("session", None), host.cleared("pending"), host.issued("device", Some(HALF_A_YEAR))]);
    let body = answer.is_json(200, &["set-cookie"]);
    assert_eq!(body["status"], "authenticated");
    assert_eq!(body["user"], json!({ "id": user.id.to_string(), "email": ANN, "confirmed": true }));
    assert_session(&body["session"]);
    answer.never_says(&browser.cookie("device").expect("a device cookie").to_uppercase());
}

fn assert_session(session: &serde_json::Value) {
    assert_eq!((&session["aal"], &session["methods"]), (&json!(1), &json!(["pwd"])));
    let names: Vec<_> = session.as_object().into_iter().flat_map(|session| session.keys()).collect();
    assert_eq!(names, ["aal", "expires_at", "id", "methods"]);
    assert!(session["expires_at"].as_str().is_some_and(|at| at.starts_with("2026-") && at.ends_with('Z')), "{session}");
}

pub(super) async fn faults(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    for (email, password) in [(ANN, WRONG_PASSWORD), (ANN, ""), (BOB, PASSWORD), ("", ""), ("ann", PASSWORD)] {
        let answer = browser.json(LOGIN, json!({ "email": email, "password": password })).await;
        answer.is_problem(401, "invalid_credentials", &[]);
    }
    browser.json(LOGIN, json!({})).await.is_problem(401, "invalid_credentials", &[]);
    let odd = json!({ "email": ANN, "password": PASSWORD, "remember_me": "perhaps" });
    browser.json(LOGIN, odd).await.is_problem(400, "malformed", &[]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
}

pub(super) async fn se_02_remembered(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let month = Some(30 * 86_400);
    let shapes = [host.issued("session", month), host.cleared("pending"), host.issued("device", Some(HALF_A_YEAR))];
    for ticked in ["true", "on", "1"] {
        let fields = [("email", ANN), ("password", PASSWORD), ("remember_me", ticked)];
        host.browser().post("/auth/login", &fields).await.leads_to("/", &["set-cookie"]).sets(&shapes);
    }
    let body = json!({ "email": ANN, "password": PASSWORD, "remember_me": true });
    host.browser().json(LOGIN, body).await.sets(&shapes).is_json(200, &["set-cookie"]);
}

pub(super) async fn se_06_tokens_change(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let mut before = browser.clone();
    browser.sign_in(ANN).await;
    assert_ne!(before.cookie("session"), browser.cookie("session"));
    before.read("/auth/api/v1/session").await.is_problem(401, "unauthenticated", &[]);
    browser.read("/auth/api/v1/session").await.is_json(200, &[]);
    assert_eq!(sessions_of(&host, ANN).await, 1);
}

pub(super) async fn se_07_tokens_are_not_adopted(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    for which in ["session", "pending", "device"] {
        browser.plant(&host.cookie_name(which), NOBODYS_TOKEN);
    }
    browser.read("/auth/api/v1/session").await.is_problem(401, "unauthenticated", &[]);
    browser.sign_in(ANN).await;
    for which in ["session", "device"] {
        assert_ne!(browser.cookie(which).as_deref(), Some(NOBODYS_TOKEN));
    }
    let mut planted = host.browser();
    planted.plant(&host.cookie_name("session"), NOBODYS_TOKEN);
    planted.read("/auth/api/v1/session").await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn known_devices_keep_their_cookie(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    browser.forget("session");
    let answer = browser.sign_in(ANN).await;
    answer.sets(&[host.issued("session", None), host.cleared("pending")]);
    // Another account does not know the device.
    host.test.confirmed(BOB).await;
    let expected = [host.issued("session", None), host.cleared("pending"), host.issued("device", Some(HALF_A_YEAR))];
    browser.sign_in(BOB).await.sets(&expected);
}

pub(super) async fn overload(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = host.signed_in(ANN).await;
    let patient = |answer: &Answer| assert!(answer.retry_after() <= 60);
    let body = json!({ "email": ANN, "password": PASSWORD });
    for path in [LOGIN, "/auth/api/v1/register", "/auth/api/v1/sudo"] {
        host.test.hasher.overload(1);
        patient(ann.json(path, body.clone()).await.is_problem(503, "overloaded", &["retry-after"]));
    }
    for path in ["/auth/login", "/auth/register", "/auth/sudo"] {
        host.test.hasher.overload(1);
        let answer = ann.post(path, &[("email", ANN), ("password", PASSWORD)]).await;
        patient(answer.is_page(503, &["retry-after"]));
    }
    ann.sign_in(ANN).await;
}
