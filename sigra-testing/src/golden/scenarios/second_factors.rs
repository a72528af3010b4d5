use serde_json::{Value, json};
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, OTHER_PASSWORD, link, sessions_of};
use crate::golden::{Ask, Browser, Knobs, Make};
use crate::scenario::{PASSWORD, SoftApp};

const API: &str = "/auth/api/v1";
const MFA: &str = "/auth/api/v1/mfa";
const SETTINGS: &str = "/auth/settings/mfa";

fn host(make: &Make<'_>) -> GoldenHost {
    GoldenHost::with(make, Knobs { mfa: Some(false), ..Knobs::default() })
}

/// The code an app shows now.
fn code(host: &GoldenHost, app: &SoftApp) -> String {
    app.code(host.test.sigra.clock().now())
}

/// A code that is wrong now.
fn wrong(host: &GoldenHost, app: &SoftApp) -> &'static str {
    if code(host, app) == "000000" { "111111" } else { "000000" }
}

/// Sets an app up in a fresh session, and moves the time on, so that its next code is good.
async fn enrol(host: &GoldenHost, browser: &mut Browser<'_>) -> (SoftApp, Vec<String>) {
    let setup = browser.json(&format!("{MFA}/totp"), json!({})).await.is_json(200, &[]);
    let app = SoftApp::with_secret(setup["secret"].as_str().expect("a secret"));
    let answer = browser.json(&format!("{MFA}/totp/confirm"), json!({ "code": code(host, &app) })).await;
    let body = answer.is_json(200, &["set-cookie"]);
    answer.sets(&[host.issued("session", None)]);
    host.test.advance(30);
    (app, strings(&body["backup_codes"]))
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// An account with an app, and a browser that has just given its password.
async fn challenged<'h>(host: &'h GoldenHost) -> (Browser<'h>, SoftApp, Vec<String>) {
    let (app, codes) = enrol(host, &mut host.signed_in(ANN).await).await;
    let mut browser = host.browser();
    let answer = browser.sign_in(ANN).await;
    assert_eq!(answer.is_json(200, &["set-cookie"]), json!({ "status": "step_required", "steps": ["mfa"] }));
    answer.sets(&[host.issued("pending", Some(300))]);
    (browser, app, codes)
}

pub(super) async fn mf_13_enrolling_json(make: &Make<'_>) {
    let host = host(make);
    let mut other = host.signed_in(ANN).await;
    let mut browser = host.signed_in(ANN).await;
    let status = browser.read(&format!("{MFA}/status")).await.is_json(200, &[]);
    assert_eq!((&status["enabled"], &status["methods"]), (&json!(false), &json!([])));
    let confirm = format!("{MFA}/totp/confirm");
    browser.json(&confirm, json!({ "code": "123456" })).await.is_problem(409, "not_enrolled", &[]);
    let setup = browser.json(&format!("{MFA}/totp"), json!({})).await.is_json(200, &[]);
    let text = |name: &str| setup[name].as_str().expect("a text").to_owned();
    assert!(text("otpauth_uri").starts_with("otpauth://totp/Golden:ann%40example.org?secret="));
    assert!(text("otpauth_uri").contains(&text("secret")) && text("qr_svg").starts_with("<svg"));
    let app = SoftApp::with_secret(&text("secret"));
    // MF-13: nothing is demanded before a code came.
    host.signed_in(ANN).await;
    for code in [wrong(&host, &app), "", "12345x", "1234567"] {
        browser.json(&confirm, json!({ "code": code })).await.is_problem(400, "invalid_code", &[]);
    }
    let mut before = browser.clone();
    let answer = browser.json(&confirm, json!({ "code": code(&host, &app) })).await;
    let body = answer.is_json(200, &["set-cookie"]);
    answer.sets(&[host.issued("session", None)]);
    assert_eq!(strings(&body["backup_codes"]).len(), 10);
    // The session that did it goes on, under another token and with two factors; no other does.
    let session = browser.read(&format!("{API}/session")).await.is_json(200, &[]);
    assert_eq!(
        (&session["session"]["aal"], &session["session"]["methods"]),
        (&json!(2), &json!(["pwd", "otp", "mfa"]))
    );
    before.read("/me").await.is_problem(401, "unauthenticated", &[]);
    other.read("/me").await.is_problem(401, "unauthenticated", &[]);
    assert_eq!(sessions_of(&host, ANN).await, 1);
    browser.json(&format!("{MFA}/totp"), json!({})).await.is_problem(409, "already_enrolled", &[]);
    browser.json(&confirm, json!({ "code": code(&host, &app) })).await.is_problem(409, "already_enrolled", &[]);
    let status = browser.read(&format!("{MFA}/status")).await.is_json(200, &[]);
    assert_eq!((&status["enabled"], &status["backup_codes"]["left"]), (&json!(true), &json!(10)));
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::new("mfa_enabled"), ANN), 1);
    // MF-14: only from a fresh session.
    host.test.advance(300);
    browser.json(&format!("{MFA}/totp"), json!({})).await.is_problem(403, "reauth_required", &[]);
}

pub(super) async fn mf_16_enrolling_by_pages(make: &Make<'_>) {
    let host = host(make);
    let mut browser = host.signed_in(ANN).await;
    let page = browser.get(SETTINGS).await;
    page.is_page(200, &[]).says("Two-step verification").says("Set up an authenticator app").says(ANN);
    let page = browser.post(&format!("{SETTINGS}/totp"), &[]).await;
    page.is_page(200, &[]).says("src=\"data:image/svg+xml;base64,").has("cache-control", "no-store");
    let text = page.text();
    let secret = text.split("<code class=\"key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a secret");
    let app = SoftApp::with_secret(secret);
    let confirm = format!("{SETTINGS}/totp/confirm");
    let page = browser.post(&confirm, &[("code", wrong(&host, &app))]).await;
    page.is_page(422, &[]).says("This code is wrong").never_says(secret).never_says("data:image");
    page.says(&format!("href=\"{SETTINGS}\">Cancel"));
    // The secret was shown once.
    browser.get(&confirm).await.is_page(200, &[]).never_says(secret).says("Start over with a new key");
    let page = browser.post(&confirm, &[("code", &code(&host, &app))]).await;
    page.is_page(200, &["set-cookie"]).says("They are shown only now").sets(&[host.issued("session", None)]);
    assert_eq!(page.text().matches("<li><code>").count(), 10);
    let page = browser.get(SETTINGS).await;
    page.is_page(200, &[]).says("You have 10 codes left").says("Turn it off").never_says(secret);
    host.browser().get(SETTINGS).await.leads_to(&format!("/auth/login?return_to={SETTINGS}"), &[]);
}

pub(super) async fn mf_09_challenge_json(make: &Make<'_>) {
    let host = host(make);
    let (mut browser, app, _) = challenged(&host).await;
    let methods = browser.read(MFA).await.is_json(200, &[]);
    assert_eq!(methods, json!({ "methods": ["totp", "backup_code"] }));
    // It opens nothing else.
    browser.read("/me").await.is_problem(401, "unauthenticated", &[]);
    browser.read(&format!("{MFA}/status")).await.is_problem(401, "unauthenticated", &[]);
    browser.json(&format!("{API}/login/mfa-enrollment/totp"), json!({})).await.is_problem(401, "unauthenticated", &[]);
    for (body, status, problem) in [
        (json!({ "method": "totp", "code": wrong(&host, &app) }), 400, "invalid_code"),
        (json!({ "method": "totp", "code": "" }), 400, "invalid_code"),
        (json!({}), 400, "invalid_code"),
        (json!({ "method": "passkey", "code": "x" }), 409, "not_enrolled"),
        (json!({ "method": "pigeon", "code": "x" }), 409, "not_enrolled"),
        (json!({ "method": 1, "code": "x" }), 400, "malformed"),
        (json!({ "method": "totp", "code": 123_456 }), 400, "malformed"),
    ] {
        browser.json(MFA, body).await.is_problem(status, problem, &[]);
    }
    let mut copy = browser.clone();
    let body = json!({ "method": "totp", "code": code(&host, &app) });
    let answer = browser.json(MFA, body.clone()).await;
    let session = answer.is_json(200, &["set-cookie"]);
    assert_eq!((&session["status"], &session["user"]["email"]), (&json!("authenticated"), &json!(ANN)));
    assert_eq!(
        (&session["session"]["aal"], &session["session"]["methods"]),
        (&json!(2), &json!(["pwd", "otp", "mfa"]))
    );
    answer.sets(&[host.issued("session", None), host.cleared("pending"), host.issued("device", Some(15_552_000))]);
    browser.read("/me").await.status(200);
    // MF-03, MF-10: neither the pending sign-in nor the code works twice.
    copy.json(MFA, body.clone()).await.is_problem(401, "unauthenticated", &[]);
    copy.sign_in(ANN).await;
    copy.json(MFA, body).await.is_problem(400, "invalid_code", &[]);
    host.test.advance(300);
    copy.read(MFA).await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn challenge_by_pages(make: &Make<'_>) {
    let host = host(make);
    let (app, codes) = enrol(&host, &mut host.signed_in(ANN).await).await;
    let mut browser = host.browser();
    let fields = [("email", ANN), ("password", PASSWORD), ("return_to", "/after")];
    let answer = browser.post("/auth/login", &fields).await;
    answer.leads_to("/auth/mfa?return_to=/after", &["set-cookie"]).sets(&[host.issued("pending", Some(300))]);
    let page = browser.get("/auth/mfa?return_to=/after").await;
    page.is_page(200, &[]).says("value=\"/after\"").says("Use a backup code").says("name=\"trust_browser\"");
    browser.get("/auth/login/next").await.leads_to("/auth/mfa", &[]);
    let form = [("method", "totp"), ("code", wrong(&host, &app)), ("return_to", "/after")];
    browser.post("/auth/mfa", &form).await.is_page(422, &[]).says("This code is wrong").says("value=\"/after\"");
    let form = [("method", "backup_code"), ("code", "zzzzz-zzzzz"), ("trust_browser", "true")];
    let page = browser.post("/auth/mfa", &form).await;
    page.is_page(422, &[]).says("<details open>").says("checked").never_says("zzzzz");
    // Without a method the shape decides.
    let mut other = browser.clone();
    let answer = browser.post("/auth/mfa", &[("code", &code(&host, &app)), ("return_to", "/after")]).await;
    answer.leads_to("/after", &["set-cookie"]);
    browser.read("/me").await.status(200);
    // Taken elsewhere, it is over here: the way to go on is kept, and a notice says what happened.
    let form = [("method", "totp"), ("code", "1"), ("return_to", "/after")];
    other.post("/auth/mfa", &form).await.leads_to("/auth/login?return_to=/after", &["set-cookie"]);
    let answer = other.get("/auth/mfa?return_to=/after").await;
    answer.leads_to("/auth/login?return_to=/after", &["set-cookie"]);
    let page = other.get("/auth/login?return_to=/after").await;
    page.is_page(200, &["set-cookie"]).says("was finished elsewhere").says("value=\"/after\"");
    let answer = other.post("/auth/login", &[("email", ANN), ("password", PASSWORD)]).await;
    answer.leads_to("/auth/mfa", &["set-cookie"]);
    other.post("/auth/mfa", &[("code", &codes[0].to_uppercase())]).await.leads_to("/", &["set-cookie"]);
    host.browser().get("/auth/login/next?return_to=/x").await.leads_to("/x", &[]);
    // So it is when it has expired, wherever it leads.
    let mut late = host.browser();
    late.sign_in(ANN).await;
    host.test.advance(300);
    let form = [("code", codes[1].as_str()), ("return_to", "/after")];
    late.post("/auth/mfa", &form).await.leads_to("/auth/login?return_to=/after", &["set-cookie"]);
    late.get("/auth/mfa?return_to=//evil.example").await.leads_to("/auth/login", &["set-cookie"]);
}

pub(super) async fn mf_07_lockout(make: &Make<'_>) {
    let host = host(make);
    let (mut browser, app, codes) = challenged(&host).await;
    for method in ["totp", "backup_code", "totp", "backup_code", "totp", "backup_code"] {
        // What was sent empty is wrong, and no guess.
        browser.json(MFA, json!({ "method": method, "code": " " })).await.is_problem(400, "invalid_code", &[]);
        let body = json!({ "method": method, "code": wrong(&host, &app) });
        browser.json(MFA, body).await.is_problem(400, "invalid_code", &[]);
    }
    for body in
        [json!({ "method": "totp", "code": code(&host, &app) }), json!({ "method": "backup_code", "code": codes[0] })]
    {
        let answer = browser.json(MFA, body).await;
        answer.is_problem(429, "locked_out", &["retry-after"]);
        assert!((1..=60).contains(&answer.retry_after()));
    }
    let page = browser.post("/auth/mfa", &[("method", "totp"), ("code", &code(&host, &app))]).await;
    page.is_page(429, &["retry-after"]).says("Try again in 1 minute.");
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::MFA_LOCKED, ANN), 1);
    host.test.advance(60);
    let body = json!({ "method": "totp", "code": code(&host, &app) });
    browser.json(MFA, body).await.is_json(200, &["set-cookie"]);
}

/// Whoever has the password signs out at the second factor: the owner is told, and the link in the mail works.
pub(super) async fn th_22_given_up(make: &Make<'_>) {
    let host = host(make);
    let mut owner = host.signed_in(ANN).await;
    enrol(&host, &mut owner).await;
    let mut thief = host.browser();
    thief.sign_in(ANN).await;
    thief.json("/auth/api/v1/logout", json!({})).await.status(204);
    for told in [0, 1, 1] {
        let _ = host.test.sigra.sweeper().run_once().await.expect("nothing stands in its way");
        host.test.run_workers().await;
        assert_eq!(host.test.count_mailed(&MailKind::SIGN_IN_UNFINISHED, ANN), told);
        host.test.advance(300);
    }
    owner.get("/auth/settings/security").await.is_page(200, &[]).says("gave up at the second step.");
    host.browser().post(&link(&host, &MailKind::SIGN_IN_UNFINISHED, ANN), &[]).await.is_page(200, &["set-cookie"]);
    let body = json!({ "email": ANN, "password": PASSWORD });
    host.browser().json("/auth/api/v1/login", body).await.is_problem(401, "invalid_credentials", &[]);
}

pub(super) async fn mf_17_backup_codes(make: &Make<'_>) {
    let host = host(make);
    let (mut browser, app, codes) = challenged(&host).await;
    let show = |code: &str| json!({ "method": "backup_code", "code": code });
    let session = browser.json(MFA, show(&codes[3])).await.is_json(200, &["set-cookie"]);
    assert_eq!(session["session"]["methods"], json!(["pwd", "backup_code", "mfa"]));
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::new("backup_code_used"), ANN), 1);
    let mut again = host.browser();
    again.sign_in(ANN).await;
    again.json(MFA, show(&codes[3])).await.is_problem(400, "invalid_code", &[]);

    let renew = format!("{MFA}/backup-codes");
    for code in [wrong(&host, &app), &codes[4], ""] {
        browser.json(&renew, json!({ "code": code })).await.is_problem(400, "invalid_code", &[]);
    }
    host.test.advance(30);
    let body = browser.json(&renew, json!({ "code": code(&host, &app) })).await.is_json(200, &[]);
    let renewed = strings(&body["backup_codes"]);
    assert!(renewed.len() == 10 && renewed.iter().all(|code| !codes.contains(code)));
    again.json(MFA, show(&codes[4])).await.is_problem(400, "invalid_code", &[]);
    again.json(MFA, show(&renewed[0])).await.is_json(200, &["set-cookie"]);
    host.test.advance(30);
    let page = browser.post(&format!("{SETTINGS}/backup-codes"), &[("code", &code(&host, &app))]).await;
    page.is_page(200, &[]).says("Your backup codes").never_says("Two-step verification is on");
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::new("backup_codes_regenerated"), ANN), 2);
    let mut plain = host.signed_in(BOB).await;
    plain.json(&renew, json!({ "code": "123456" })).await.is_problem(409, "not_enrolled", &[]);
}

pub(super) async fn mf_19_trusted_browsers(make: &Make<'_>) {
    let host = host(make);
    let (mut browser, app, _) = challenged(&host).await;
    let body = json!({ "method": "totp", "code": code(&host, &app), "trust_browser": true });
    let answer = browser.json(MFA, body).await;
    answer.is_json(200, &["set-cookie"]);
    let trust = host.issued("trust", Some(2_592_000));
    let device = host.issued("device", Some(15_552_000));
    answer.sets(&[host.issued("session", None), host.cleared("pending"), device, trust]);
    let mut manager = browser.clone();
    // The same browser, later: no second factor, no two factors, not fresh.
    browser.forget("session");
    let session = browser.sign_in(ANN).await.is_json(200, &["set-cookie"]);
    assert_eq!(session["session"]["methods"], json!(["pwd", "trusted_browser"]));
    assert_eq!(session["session"]["aal"], json!(1));
    browser.json(&format!("{MFA}/disable"), json!({})).await.is_problem(403, "reauth_required", &[]);
    // Not for somebody else.
    let (mut bob, bobs) = (host.signed_in(BOB).await, host.browser());
    enrol(&host, &mut bob).await;
    let mut stolen = bobs;
    stolen.plant(&host.cookie_name("trust"), &browser.cookie("trust").expect("a token"));
    assert_eq!(stolen.sign_in(BOB).await.is_json(200, &["set-cookie"])["steps"], json!(["mfa"]));

    let list = manager.read(&format!("{MFA}/trusted-browsers")).await.is_json(200, &[]);
    let row = &list["trusted_browsers"][0];
    assert_eq!((&row["device"], &row["ip"]), (&json!("Firefox on Linux"), &json!("198.51.100.7")));
    let id = row["id"].as_str().expect("an id").to_owned();
    let page = manager.get(SETTINGS).await;
    page.is_page(200, &[]).says(&format!("{SETTINGS}/trusted-browsers/{id}/revoke"));
    let one = format!("{MFA}/trusted-browsers/{id}");
    bob.send(Ask::new("DELETE", &one)).await.is_problem(404, "not_found", &[]);
    manager.send(Ask::new("DELETE", &format!("{MFA}/trusted-browsers/x"))).await.is_problem(404, "not_found", &[]);
    manager.send(Ask::new("DELETE", &one)).await.is(204, &[]).empty();
    manager.send(Ask::new("DELETE", &one)).await.is_problem(404, "not_found", &[]);
    browser.forget("session");
    assert_eq!(browser.sign_in(ANN).await.is_json(200, &["set-cookie"])["steps"], json!(["mfa"]));
    let answer = manager.send(Ask::new("DELETE", &format!("{MFA}/trusted-browsers"))).await;
    assert_eq!(answer.is_json(200, &["set-cookie"]), json!({ "revoked": 0 }));
    answer.sets(&[host.cleared("trust")]);
    let answer = manager.post(&format!("{SETTINGS}/trusted-browsers/revoke-all"), &[]).await;
    answer.leads_to(SETTINGS, &["set-cookie"]);
}

pub(super) async fn mf_14_sudo(make: &Make<'_>) {
    let host = host(make);
    let mut browser = host.signed_in(ANN).await;
    let (app, codes) = enrol(&host, &mut browser).await;
    host.test.advance(300);
    let sudo = format!("{API}/sudo");
    // The password alone does not do.
    browser.json(&sudo, json!({ "password": PASSWORD })).await.is_problem(403, "invalid_credentials", &[]);
    let body = json!({ "password": PASSWORD, "method": "totp", "code": wrong(&host, &app) });
    browser.json(&sudo, body).await.is_problem(403, "invalid_credentials", &[]);
    let body = json!({ "password": PASSWORD, "method": "totp", "code": code(&host, &app) });
    browser.json(&sudo, body).await.is(204, &["set-cookie"]).empty();
    host.test.advance(300);
    let body = json!({ "method": "backup_code", "code": codes[0] });
    browser.json(&sudo, body).await.is(204, &["set-cookie"]).empty();
    host.test.advance(300);
    let page = browser.get("/auth/sudo?return_to=/auth/settings/mfa").await;
    page.is_page(200, &[]).says("show your second factor").never_says("name=\"password\"");
    let form = [("method", "totp"), ("code", wrong(&host, &app)), ("return_to", SETTINGS)];
    browser.post("/auth/sudo", &form).await.is_page(422, &[]).says("was used before");
    let now = code(&host, &app);
    let form = [("method", "totp"), ("code", now.as_str()), ("return_to", SETTINGS)];
    browser.post("/auth/sudo", &form).await.leads_to(SETTINGS, &["set-cookie"]);
}

/// One factor must not change another: the password alone does not change itself where there is an app.
pub(super) async fn se_20_changing_the_password(make: &Make<'_>) {
    const PAGE: &str = "/auth/settings/password";
    let host = host(make);
    let mut browser = host.signed_in(ANN).await;
    let (app, _) = enrol(&host, &mut browser).await;
    host.test.advance(300);
    let body = json!({ "current_password": PASSWORD, "password": OTHER_PASSWORD });
    browser.json(&format!("{API}/password"), body.clone()).await.is_problem(403, "reauth_required", &[]);
    browser.get(PAGE).await.leads_to(&format!("/auth/sudo?return_to={PAGE}"), &[]);
    let form = [("current_password", PASSWORD), ("password", OTHER_PASSWORD)];
    browser.post(PAGE, &form).await.leads_to(&format!("/auth/sudo?return_to={PAGE}"), &[]);
    let now = code(&host, &app);
    let sudo = [("method", "totp"), ("code", now.as_str()), ("return_to", PAGE)];
    browser.post("/auth/sudo", &sudo).await.leads_to(PAGE, &["set-cookie"]);
    browser.get(PAGE).await.is_page(200, &[]).says("Change your password");
    let answer = browser.json(&format!("{API}/password"), body).await;
    answer.is(204, &["set-cookie"]).sets(&[host.issued("session", None)]);
    // What the session has shown stands.
    let session = browser.read(&format!("{API}/session")).await.is_json(200, &[]);
    assert_eq!(session["session"]["aal"], json!(2));
}

pub(super) async fn mf_25_turning_off(make: &Make<'_>) {
    let host = host(make);
    let (mut other, app, codes) = challenged(&host).await;
    other.json(MFA, json!({ "method": "totp", "code": code(&host, &app) })).await.is_json(200, &["set-cookie"]);
    let mut browser = host.browser();
    browser.sign_in(ANN).await;
    browser.json(MFA, json!({ "method": "backup_code", "code": codes[0] })).await.is_json(200, &["set-cookie"]);
    let off = format!("{MFA}/disable");
    for (body, status, problem) in [
        (json!({ "method": "totp", "code": wrong(&host, &app) }), 400, "invalid_code"),
        (json!({ "method": "backup_code", "code": codes[0] }), 400, "invalid_code"),
        (json!({ "method": "passkey", "code": "x" }), 409, "not_enrolled"),
    ] {
        browser.json(&off, body).await.is_problem(status, problem, &[]);
    }
    // Beside the field that is wrong, which is open, and without what was typed.
    let page = browser.post(&format!("{SETTINGS}/disable"), &[("method", "totp"), ("code", "987654")]).await;
    page.is_page(422, &[]).says("id=\"disable-code-error\"").says("<details open>").never_says("987654");
    page.never_says("role=\"alert\"").never_says("id=\"codes-code-error\"");
    let page = browser.post(&format!("{SETTINGS}/disable"), &[("method", "backup_code"), ("code", "x")]).await;
    page.is_page(422, &[]).says("id=\"disable-backup-code-error\"").never_says("id=\"disable-code-error\"");
    let page = browser.post(&format!("{SETTINGS}/backup-codes"), &[("code", "1")]).await;
    page.is_page(422, &[]).says("id=\"codes-code-error\"").never_says("id=\"disable-code-error\"");
    host.test.advance(30);
    let answer = browser.json(&off, json!({ "method": "totp", "code": code(&host, &app) })).await;
    answer.is(204, &["set-cookie"]).empty().sets(&[host.issued("session", None)]);
    let session = browser.read(&format!("{API}/session")).await.is_json(200, &[]);
    assert_eq!(session["session"]["aal"], json!(1));
    other.read("/me").await.is_problem(401, "unauthenticated", &[]);
    browser.json(&off, json!({ "method": "totp", "code": "1" })).await.is_problem(409, "not_enrolled", &[]);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::new("mfa_disabled"), ANN), 1);
    host.browser().sign_in(ANN).await.is_json(200, &["set-cookie"])["session"]["aal"].as_u64().expect("a level");
    // By pages, with a backup code.
    let (_, codes) = enrol(&host, &mut browser).await;
    let answer = browser.post(&format!("{SETTINGS}/disable"), &[("code", &codes[0])]).await;
    answer.leads_to(SETTINGS, &["set-cookie"]);
    browser.get(SETTINGS).await.is_page(200, &["set-cookie"]).says("Two-step verification is off");
}

pub(super) async fn required_json(make: &Make<'_>) {
    let host = GoldenHost::with(make, Knobs { mfa: Some(true), ..Knobs::default() });
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let answer = browser.sign_in(ANN).await;
    let owed = json!({ "status": "step_required", "steps": ["mfa_enrollment"] });
    assert_eq!(answer.is_json(200, &["set-cookie"]), owed);
    let step = format!("{API}/login/mfa-enrollment");
    // From a device the account does not know, the mailbox comes first.
    browser.json(&format!("{step}/totp"), json!({})).await.is_problem(403, "unconfirmed", &[]);
    browser.json(&format!("{step}/code"), json!({ "code": "123456" })).await.is_problem(400, "invalid_code", &[]);
    let answer = browser.json(&format!("{step}/mail-code"), json!({})).await;
    assert_eq!(answer.is_json(202, &[]), json!({ "status": "check_mail" }));
    host.test.run_workers().await;
    let mailed = host.test.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
    let answer = browser.json(&format!("{step}/code"), json!({ "code": mailed })).await;
    assert_eq!(answer.is_json(200, &["set-cookie"]), owed);
    let setup = browser.json(&format!("{step}/totp"), json!({})).await.is_json(200, &[]);
    let app = SoftApp::with_secret(setup["secret"].as_str().expect("a secret"));
    let confirm = format!("{step}/totp/confirm");
    browser.json(&confirm, json!({ "code": wrong(&host, &app) })).await.is_problem(400, "invalid_code", &[]);
    let answer = browser.json(&confirm, json!({ "code": code(&host, &app) })).await;
    let body = answer.is_json(200, &["set-cookie"]);
    assert_eq!((&body["status"], strings(&body["backup_codes"]).len()), (&json!("authenticated"), 10));
    assert_eq!(body["session"]["methods"], json!(["pwd", "email_code", "otp", "mfa"]));
    browser.read("/me").await.status(200);
    browser.json(&confirm, json!({ "code": "1" })).await.is_problem(401, "unauthenticated", &[]);
    // And from then on it is shown.
    let mut later = host.browser();
    assert_eq!(later.sign_in(ANN).await.is_json(200, &["set-cookie"])["steps"], json!(["mfa"]));
}

/// Codes that were made are shown, though the session or sign-in they were made in cannot go on.
pub(super) async fn mf_17_codes_are_shown_whatever_follows(make: &Make<'_>) {
    let host = host(make);
    let store = &host.test.store;
    for email in [ANN, BOB] {
        let mut browser = host.signed_in(email).await;
        let setup = browser.json(&format!("{MFA}/totp"), json!({})).await.is_json(200, &[]);
        let app = SoftApp::with_secret(setup["secret"].as_str().expect("a secret"));
        store.fail_always("sessions.elevate");
        if email == ANN {
            let answer = browser.json(&format!("{MFA}/totp/confirm"), json!({ "code": code(&host, &app) })).await;
            let body = answer.is_json(200, &["set-cookie"]);
            assert_eq!((&body["sign_in_again"], strings(&body["backup_codes"]).len()), (&json!(true), 10));
            answer.sets(&[host.cleared("session")]);
        } else {
            let code = code(&host, &app);
            let page = browser.post(&format!("{SETTINGS}/totp/confirm"), &[("code", &code)]).await;
            page.is_page(200, &["set-cookie"]).says("They are shown only now").says("Sign in again");
            page.sets(&[host.cleared("session")]);
        }
        store.heal();
        assert_eq!(browser.sign_in(email).await.is_json(200, &["set-cookie"])["steps"], json!(["mfa"]));
    }
    let host = GoldenHost::with(make, Knobs { mfa: Some(true), ..Knobs::default() });
    for email in [ANN, BOB] {
        let (mut browser, app) = enrolling(&host, email).await;
        host.test.store.fail_always("sessions.insert");
        let confirm = "/login/mfa-enrollment/totp/confirm";
        let answer = if email == ANN {
            let answer = browser.json(&format!("{API}{confirm}"), json!({ "code": code(&host, &app) })).await;
            let body = answer.is_json(200, &["set-cookie"]);
            assert_eq!((&body["sign_in_again"], strings(&body["backup_codes"]).len()), (&json!(true), 10));
            answer
        } else {
            let code = code(&host, &app);
            let page = browser.post(&format!("/auth{confirm}"), &[("code", &code), ("return_to", "/x")]).await;
            page.is_page(200, &["set-cookie"])
                .says("They are shown only now")
                .says("href=\"/auth/login?return_to=/x\"");
            page
        };
        answer.sets(&[host.cleared("pending")]);
        host.test.store.heal();
        assert_eq!(browser.sign_in(email).await.is_json(200, &["set-cookie"])["steps"], json!(["mfa"]));
    }
}

/// A browser in the middle of signing in, with a secret that only its first code turns on.
async fn enrolling<'h>(host: &'h GoldenHost, email: &str) -> (Browser<'h>, SoftApp) {
    host.test.confirmed(email).await;
    let mut browser = host.browser();
    browser.sign_in(email).await;
    let step = format!("{API}/login/mfa-enrollment");
    browser.json(&format!("{step}/mail-code"), json!({})).await.is_json(202, &[]);
    host.test.run_workers().await;
    let mailed = host.test.mailed_code_of(&MailKind::ENROLLMENT_CODE, email);
    browser.json(&format!("{step}/code"), json!({ "code": mailed })).await.is_json(200, &["set-cookie"]);
    let setup = browser.json(&format!("{step}/totp"), json!({})).await.is_json(200, &[]);
    let app = SoftApp::with_secret(setup["secret"].as_str().expect("a secret"));
    (browser, app)
}

pub(super) async fn required_by_pages(make: &Make<'_>) {
    let host = GoldenHost::with(make, Knobs { mfa: Some(true), ..Knobs::default() });
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    let step = "/auth/login/mfa-enrollment";
    let answer = browser.post("/auth/login", &[("email", ANN), ("password", PASSWORD), ("return_to", "/x")]).await;
    answer.leads_to(&format!("{step}?return_to=/x"), &["set-cookie"]);
    browser.get(&format!("{step}?return_to=/x")).await.is_page(200, &[]).says("This browser is new").says(ANN);
    browser.post(step, &[("return_to", "/x")]).await.leads_to(&format!("{step}?return_to=/x"), &[]);
    let answer = browser.post(&format!("{step}/mail-code"), &[("return_to", "/x")]).await;
    answer.leads_to(&format!("{step}?return_to=/x"), &["set-cookie"]);
    browser.get(step).await.is_page(200, &["set-cookie"]).says("A code is on its way");
    host.test.run_workers().await;
    let mailed = host.test.mailed_code_of(&MailKind::ENROLLMENT_CODE, ANN);
    browser.post(&format!("{step}/code"), &[("code", "12345x")]).await.is_page(422, &[]).says("This code is wrong");
    let answer = browser.post(&format!("{step}/code"), &[("code", &mailed), ("return_to", "/x")]).await;
    answer.leads_to(&format!("{step}?return_to=/x"), &["set-cookie"]);
    let page = browser.post(&format!("{step}/totp"), &[("return_to", "/x")]).await;
    page.is_page(200, &[]).says("value=\"/x\"");
    let text = page.text();
    let secret = text.split("<code class=\"key\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a secret");
    let app = SoftApp::with_secret(secret);
    let confirm = format!("{step}/totp/confirm");
    browser.post(&confirm, &[("code", wrong(&host, &app))]).await.is_page(422, &[]).never_says(secret);
    let page = browser.post(&confirm, &[("code", &code(&host, &app)), ("return_to", "/x")]).await;
    page.is_page(200, &["set-cookie"]).says("They are shown only now").says("href=\"/x\"");
    browser.read("/me").await.status(200);
    browser.get(step).await.leads_to("/auth/login", &["set-cookie"]);
}

/// Who has nothing to show is led to set it up; who has something, to show it.
pub(super) async fn guards(make: &Make<'_>) {
    let host = host(make);
    let (mut manager, paths) = (host.signed_in(ANN).await, ["/host/mfa", "/host/enrolled"]);
    for path in paths {
        manager.read(path).await.is_problem(403, "not_enrolled", &[]);
        manager.get(path).await.leads_to(SETTINGS, &[]);
        host.browser().read(path).await.is_problem(401, "unauthenticated", &[]);
    }
    let (app, codes) = enrol(&host, &mut manager).await;
    for path in paths {
        manager.read(path).await.status(200);
    }
    // A trusted browser spares the code, and shows none.
    let mut browser = host.browser();
    browser.sign_in(ANN).await;
    let body = json!({ "method": "totp", "code": code(&host, &app), "trust_browser": true });
    browser.json(MFA, body).await.is_json(200, &["set-cookie"]);
    browser.forget("session");
    browser.sign_in(ANN).await;
    browser.read("/host/enrolled").await.status(200).says("enrolled");
    browser.read("/host/mfa").await.is_problem(403, "reauth_required", &[]);
    browser.get("/host/mfa").await.leads_to("/auth/sudo?return_to=/host/mfa", &[]);
    let form = [("method", "backup_code"), ("code", codes[0].as_str()), ("return_to", "/host/mfa")];
    browser.post("/auth/sudo", &form).await.leads_to("/host/mfa", &["set-cookie"]);
    browser.read("/host/mfa").await.status(200).says("two factors");
}

/// An account that has nothing to confirm with is told what does it instead.
pub(super) async fn sudo_without_a_password(make: &Make<'_>) {
    let host = host(make);
    host.signed_in(ANN).await;
    host.signed_in(ANN).await;
    host.test.run_workers().await;
    // Disowning the notice takes the password away.
    host.browser().post(&link(&host, &MailKind::NEW_DEVICE, ANN), &[]).await.is_page(200, &["set-cookie"]);
    host.browser().json(&format!("{API}/magic-link"), json!({ "email": ANN })).await.is_json(202, &[]);
    host.test.run_workers().await;
    let mut browser = host.browser();
    browser.post(&link(&host, &MailKind::MAGIC_LINK, ANN), &[]).await.leads_to("/", &["set-cookie"]);
    let page = browser.get("/auth/sudo?return_to=/x").await;
    page.is_page(200, &[]).never_says("name=\"password\"").never_says("name=\"code\"").never_says("data-passkey");
    page.says("href=\"/auth/login?return_to=/x\">Sign in again");
}

pub(super) async fn faults(make: &Make<'_>) {
    let host = host(make);
    let mut nobody = host.browser();
    for path in ["totp", "totp/confirm", "backup-codes", "disable"] {
        nobody.json(&format!("{MFA}/{path}"), json!({})).await.is_problem(401, "unauthenticated", &[]);
        let settings = format!("{SETTINGS}/{path}");
        nobody.post(&settings, &[]).await.status(303);
        nobody.send(Ask::json(&format!("{MFA}/{path}"), &json!([]))).await.is_problem(400, "malformed", &[]);
        nobody.send(Ask::new("PUT", &format!("{MFA}/{path}"))).await.status(405);
    }
    nobody.json(MFA, json!({ "method": "totp", "code": "1" })).await.is_problem(401, "unauthenticated", &[]);
    // A session is no pending sign-in.
    let mut browser = host.signed_in(ANN).await;
    browser.json(MFA, json!({ "method": "totp", "code": "1" })).await.is_problem(401, "unauthenticated", &[]);
    browser.get("/auth/mfa").await.leads_to("/auth/login", &["set-cookie"]);
    let mut elsewhere = browser.clone();
    let ask = Ask::json(&format!("{MFA}/totp"), &json!({})).header("sec-fetch-site", "cross-site");
    elsewhere.send(Ask { proof: false, ..ask }).await.is_problem(403, "cross_origin", &[]);
}
