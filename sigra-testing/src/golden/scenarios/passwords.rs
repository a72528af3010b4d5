use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost, OTHER_PASSWORD, link, sessions_of};
use crate::golden::{Ask, Browser, Make};
use crate::scenario::{PASSWORD, WRONG_PASSWORD};

const API: &str = "/auth/api/v1";
const PAGE: &str = "/auth/settings/password";
const STEP: &str = "/auth/login/password-change";

/// Whether a password signs in, in a browser of its own.
async fn opens(host: &GoldenHost, password: &str) -> bool {
    let body = json!({ "email": ANN, "password": password });
    let answer = host.browser().json(&format!("{API}/login"), body).await;
    answer.header("set-cookie").is_some()
}

pub(super) async fn se_16_changing_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let (mut other, mut browser) = (host.signed_in(ANN).await, host.signed_in(ANN).await);
    let path = format!("{API}/password");
    let body = |present: &str, new: &str| json!({ "current_password": present, "password": new });
    browser.json(&path, body(WRONG_PASSWORD, OTHER_PASSWORD)).await.is_problem(403, "invalid_credentials", &[]);
    browser.json(&path, json!({ "password": OTHER_PASSWORD })).await.is_problem(403, "invalid_credentials", &[]);
    assert_eq!(browser.json(&path, body(PASSWORD, "short")).await.is_invalid(), ["password too_short"]);
    assert_eq!(browser.json(&path, body(PASSWORD, PASSWORD)).await.is_invalid(), ["password similar"]);
    browser.json(&path, json!({ "current_password": 1, "password": 2 })).await.is_problem(400, "malformed", &[]);
    // The present password is as good as a fresh session.
    host.test.advance(300);
    let mut before = browser.clone();
    let answer = browser.json(&path, body(PASSWORD, OTHER_PASSWORD)).await;
    answer.is(204, &["set-cookie"]).empty().sets(&[host.issued("session", None)]);
    browser.read("/me").await.status(200);
    before.read("/me").await.is_problem(401, "unauthenticated", &[]);
    other.read("/me").await.is_problem(401, "unauthenticated", &[]);
    assert_eq!(sessions_of(&host, ANN).await, 1);
    assert!(opens(&host, OTHER_PASSWORD).await && !opens(&host, PASSWORD).await);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::PASSWORD_CHANGED, ANN), 1);
    host.browser().json(&path, body(OTHER_PASSWORD, PASSWORD)).await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn changing_by_pages(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.advance(300);
    let page = browser.get(PAGE).await;
    page.is_page(200, &[]).says("Change your password").says("name=\"current_password\"").says(ANN);
    let form = |present, new| [("current_password", present), ("password", new)];
    let page = browser.post(PAGE, &form(WRONG_PASSWORD, OTHER_PASSWORD)).await;
    page.is_page(422, &[]).says("id=\"current_password-error\"").says("This password is wrong");
    page.never_says(WRONG_PASSWORD).never_says(OTHER_PASSWORD);
    let page = browser.post(PAGE, &form(PASSWORD, "short")).await;
    page.is_page(422, &[]).says("id=\"password-error\"").says("Use at least 15 characters");
    let page = browser.post(PAGE, &form(PASSWORD, PASSWORD)).await;
    page.is_page(422, &[]).says("This is the password you have now").never_says(PASSWORD);
    let answer = browser.post(PAGE, &form(PASSWORD, OTHER_PASSWORD)).await;
    answer.leads_to(PAGE, &["set-cookie"]);
    answer.sets(&[host.issued("session", None), host.set_cookie("notice", "password_changed", Some(60))]);
    browser.get(PAGE).await.status(200).says("Your new password is set, and every other session was ended.");
    assert!(opens(&host, OTHER_PASSWORD).await && !opens(&host, PASSWORD).await);
    host.browser().get(PAGE).await.leads_to(&format!("/auth/login?return_to={PAGE}"), &[]);
}

pub(super) async fn pw_18_the_fifth_wrong_answer(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let body = json!({ "current_password": WRONG_PASSWORD, "password": OTHER_PASSWORD });
    for _ in 0..3 {
        browser.json(&format!("{API}/password"), body.clone()).await.is_problem(403, "invalid_credentials", &[]);
    }
    // Together with those of authenticating again.
    let sudo = json!({ "password": WRONG_PASSWORD });
    browser.json(&format!("{API}/sudo"), sudo).await.is_problem(403, "invalid_credentials", &[]);
    let mut page = browser.clone();
    let answer = browser.json(&format!("{API}/password"), body).await;
    answer.is_problem(403, "invalid_credentials", &["set-cookie"]).sets(&[host.cleared("session")]);
    page.read("/me").await.is_problem(401, "unauthenticated", &[]);
    assert!(opens(&host, PASSWORD).await);

    let mut browser = host.signed_in(ANN).await;
    let form = [("current_password", WRONG_PASSWORD), ("password", OTHER_PASSWORD)];
    for _ in 0..4 {
        browser.post(PAGE, &form).await.is_page(422, &[]);
    }
    let answer = browser.post(PAGE, &form).await;
    answer.leads_to("/auth/login", &["set-cookie"]).sets(&[host.cleared("session")]);
}

/// A browser that is signed in to an account whose password was disowned.
async fn passwordless<'h>(host: &'h GoldenHost) -> Browser<'h> {
    host.signed_in(ANN).await;
    host.signed_in(ANN).await;
    host.test.run_workers().await;
    let mut browser = host.browser();
    browser.post(&link(host, &MailKind::NEW_DEVICE, ANN), &[]).await.status(200);
    browser.post("/auth/magic-link", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    browser.post(&link(host, &MailKind::MAGIC_LINK, ANN), &[]).await.status(303);
    browser
}

pub(super) async fn first_password_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = passwordless(&host).await;
    let path = format!("{API}/password/set");
    assert_eq!(browser.json(&path, json!({ "password": "short" })).await.is_invalid(), ["password too_short"]);
    // There is none to show.
    let body = json!({ "current_password": "", "password": OTHER_PASSWORD });
    browser.json(&format!("{API}/password"), body).await.is_problem(403, "invalid_credentials", &[]);
    let mut before = browser.clone();
    let answer = browser.json(&path, json!({ "password": OTHER_PASSWORD })).await;
    answer.is(204, &["set-cookie"]).empty().sets(&[host.issued("session", None)]);
    before.read("/me").await.is_problem(401, "unauthenticated", &[]);
    assert!(opens(&host, OTHER_PASSWORD).await && !opens(&host, PASSWORD).await);
    browser.json(&path, json!({ "password": PASSWORD })).await.is_problem(409, "password_already_set", &[]);
    host.test.advance(300);
    browser.json(&path, json!({ "password": PASSWORD })).await.is_problem(403, "reauth_required", &[]);
}

pub(super) async fn first_password_by_pages(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = passwordless(&host).await;
    let page = browser.get(PAGE).await;
    page.is_page(200, &[]).says("Set a password").never_says("current_password").says("name=\"password\"");
    let mut stale = browser.clone();
    browser.post(PAGE, &[("password", "short")]).await.is_page(422, &[]).says("Use at least 15 characters");
    let answer = browser.post(PAGE, &[("password", OTHER_PASSWORD)]).await;
    answer.leads_to(PAGE, &["set-cookie"]);
    browser.get(PAGE).await.status(200).says("Your new password is set").says("current_password");
    stale.post(PAGE, &[("password", PASSWORD)]).await.leads_to(&format!("/auth/login?return_to={PAGE}"), &[]);
    assert!(opens(&host, OTHER_PASSWORD).await);

    let host = GoldenHost::new(make);
    let mut browser = passwordless(&host).await;
    host.test.advance(300);
    browser.get(PAGE).await.leads_to(&format!("/auth/sudo?return_to={PAGE}"), &[]);
    let answer = browser.post(PAGE, &[("password", OTHER_PASSWORD)]).await;
    answer.leads_to(&format!("/auth/sudo?return_to={PAGE}"), &[]);
    assert!(!opens(&host, OTHER_PASSWORD).await);
}

/// An account whose next sign-in must replace its password.
async fn required(make: &Make<'_>) -> GoldenHost {
    let host = GoldenHost::new(make);
    let ann = host.test.confirmed(ANN).await;
    let passwords = host.test.sigra.passwords();
    assert!(passwords.require_change(ann.id, None, &host.test.client()).await.expect("it must be required"));
    host
}

pub(super) async fn pw_16_forced_json(make: &Make<'_>) {
    let host = required(make).await;
    let mut browser = host.browser();
    let answer = browser.sign_in(ANN).await;
    assert_eq!(
        answer.is_json(200, &["set-cookie"]),
        json!({ "status": "step_required", "steps": ["password_change"] })
    );
    answer.sets(&[host.issued("pending", Some(300))]);
    // It opens nothing else.
    browser.read("/me").await.is_problem(401, "unauthenticated", &[]);
    browser.send(Ask::get(PAGE)).await.status(303);
    let body = json!({ "current_password": PASSWORD, "password": OTHER_PASSWORD });
    browser.json(&format!("{API}/password"), body).await.is_problem(401, "unauthenticated", &[]);
    let path = format!("{API}/login/password-change");
    assert_eq!(browser.json(&path, json!({ "password": "short" })).await.is_invalid(), ["password too_short"]);
    assert_eq!(browser.json(&path, json!({ "password": PASSWORD })).await.is_invalid(), ["password similar"]);
    let mut copy = browser.clone();
    let answer = browser.json(&path, json!({ "password": OTHER_PASSWORD })).await;
    let body = answer.is_json(200, &["set-cookie"]);
    assert_eq!((&body["status"], &body["user"]["email"]), (&json!("authenticated"), &json!(ANN)));
    answer.sets(&[host.issued("session", None), host.cleared("pending"), host.issued("device", Some(15_552_000))]);
    browser.read("/me").await.status(200);
    copy.json(&path, json!({ "password": PASSWORD })).await.is_problem(401, "unauthenticated", &[]);
    assert!(opens(&host, OTHER_PASSWORD).await && !opens(&host, PASSWORD).await);
    assert_eq!(
        host.test.sigra.sessions().list(&host.account(ANN).await.expect("it is there")).await.expect("a list").len(),
        2
    );
}

pub(super) async fn forced_by_pages(make: &Make<'_>) {
    let host = required(make).await;
    let mut browser = host.browser();
    host.browser().get(STEP).await.leads_to("/auth/login", &["set-cookie"]);
    let form = [("email", ANN), ("password", PASSWORD), ("return_to", "/me")];
    let answer = browser.post("/auth/login", &form).await;
    let step = format!("{STEP}?return_to=%2Fme");
    answer.is(303, &["location", "set-cookie"]);
    let location = answer.header("location").expect("it leads somewhere");
    assert!(location.starts_with(&format!("{STEP}?return_to=")), "{location} and not {step}");
    let page = browser.get(&location).await;
    page.is_page(200, &[]).says("Choose a new password").says("value=\"/me\"").never_says("current_password");
    let page = browser.post(STEP, &[("password", PASSWORD), ("return_to", "/me")]).await;
    page.is_page(422, &[]).says("This is the password you have now").says("value=\"/me\"").never_says(PASSWORD);
    let answer = browser.post(STEP, &[("password", OTHER_PASSWORD), ("return_to", "/me")]).await;
    answer.leads_to("/me", &["set-cookie"]);
    browser.read("/me").await.status(200).says(ANN);
    assert!(opens(&host, OTHER_PASSWORD).await);

    // A reset by mail does as well.
    let host = required(make).await;
    let mut browser = host.browser();
    browser.post("/auth/reset-password", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    browser.post(&link(&host, &MailKind::RESET_PASSWORD, ANN), &[("password", OTHER_PASSWORD)]).await.status(303);
    let answer = browser.post("/auth/login", &[("email", ANN), ("password", OTHER_PASSWORD)]).await;
    answer.leads_to("/", &["set-cookie"]);
}
