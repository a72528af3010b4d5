use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN, sessions_of};
use crate::authenticator::SoftAuthenticator;
use crate::golden::{Answer, Ask, Browser, Knobs, Make};
use crate::scenario::{PASSWORD, SoftApp};

const API: &str = "/auth/api/v1";
const PASSKEYS: &str = "/auth/api/v1/passkeys";
const SETTINGS: &str = "/auth/settings/mfa";

fn host(make: &Make<'_>) -> GoldenHost {
    GoldenHost::with(make, Knobs { mfa: Some(false), passkeys: true, ..Knobs::default() })
}

fn body(response: &str) -> Value {
    serde_json::from_str(response).expect("an authenticator answers JSON")
}

/// Adds a passkey in a fresh session.
async fn register(browser: &mut Browser<'_>, origin: &str, phone: &mut SoftAuthenticator) -> Answer {
    let options = browser.json(&format!("{PASSKEYS}/register/start"), json!({})).await.is_json(200, &[]);
    let response = phone.create(&options, origin).expect("a passkey is made");
    browser.json(&format!("{PASSKEYS}/register/finish"), body(&response)).await
}

/// An account with a passkey, the browser it was added in, and the authenticator.
async fn registered<'h>(host: &'h GoldenHost) -> (Browser<'h>, SoftAuthenticator) {
    let mut browser = host.signed_in(ANN).await;
    let mut phone = SoftAuthenticator::synced();
    register(&mut browser, host.public_url(), &mut phone).await.status(201);
    (browser, phone)
}

async fn sign_in(browser: &mut Browser<'_>, origin: &str, phone: &mut SoftAuthenticator, start: Value) -> Answer {
    let options = browser.json(&format!("{PASSKEYS}/login/start"), start).await.is_json(200, &["set-cookie"]);
    let response = phone.get(&options, origin).expect("a passkey fits");
    browser.json(&format!("{PASSKEYS}/login/finish"), body(&response)).await
}

pub(super) async fn wa_02_registering(make: &Make<'_>) {
    let host = host(make);
    let mut other = host.signed_in(ANN).await;
    let mut browser = host.signed_in(ANN).await;
    let start = format!("{PASSKEYS}/register/start");
    let options = browser.json(&start, json!({})).await.is_json(200, &[]);
    // The form of parseCreationOptionsFromJSON, and what autofill needs.
    assert_eq!((&options["rp"]["id"], &options["user"]["name"]), (&json!("app.example.org"), &json!(ANN)));
    let selection = &options["authenticatorSelection"];
    assert_eq!((&selection["residentKey"], &selection["userVerification"]), (&json!("required"), &json!("required")));
    assert!(options["challenge"].is_string() && options["excludeCredentials"].is_array());
    let mut phone = SoftAuthenticator::synced();
    let mut response = body(&phone.create(&options, host.public_url()).expect("a passkey is made"));
    let finish = format!("{PASSKEYS}/register/finish");
    // The browser has made it, so a name that is none costs no passkey.
    response["nickname"] = json!(" \t");
    browser.json(&finish, response.clone()).await.is_invalid();
    response["nickname"] = json!(" my phone ");
    let body = browser.json(&finish, response).await.is_json(201, &["set-cookie"]);
    assert_eq!(
        (&body["nickname"], &body["synced"], &body["last_used_at"]),
        (&json!("my phone"), &json!(true), &json!(null))
    );
    other.read("/me").await.is_problem(401, "unauthenticated", &[]);
    browser.read("/me").await.status(200);
    assert_eq!(sessions_of(&host, ANN).await, 1);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::new("passkey_added"), ANN), 1);
    let list = browser.read(PASSKEYS).await.is_json(200, &[]);
    assert_eq!(list["passkeys"].as_array().map(Vec::len), Some(1));
    // The second one says which there are; an authenticator that has one declines.
    let options = browser.json(&start, json!({})).await.is_json(200, &[]);
    assert_eq!(options["excludeCredentials"].as_array().map(Vec::len), Some(1));
    assert!(phone.create(&options, host.public_url()).is_err());
    host.browser().json(&start, json!({})).await.is_problem(401, "unauthenticated", &[]);
    host.test.advance(300);
    browser.json(&start, json!({})).await.is_problem(403, "reauth_required", &[]);
}

pub(super) async fn wa_03_signing_in(make: &Make<'_>) {
    let host = host(make);
    let (_, mut phone) = registered(&host).await;
    for start in [json!({}), json!({ "email": ANN })] {
        let mut browser = host.browser();
        let answer = sign_in(&mut browser, host.public_url(), &mut phone, start).await;
        let session = answer.is_json(200, &["set-cookie"]);
        assert_eq!((&session["status"], &session["user"]["email"]), (&json!("authenticated"), &json!(ANN)));
        assert_eq!((&session["session"]["aal"], &session["session"]["methods"]), (&json!(2), &json!(["swk", "mfa"])));
        browser.read("/me").await.status(200);
        browser.json(&format!("{PASSKEYS}/register/start"), json!({})).await.is_json(200, &[]);
    }
    // Without user verification it is no sign-in.
    let mut browser = host.browser();
    phone.user_verified = false;
    let answer = sign_in(&mut browser, host.public_url(), &mut phone, json!({})).await;
    answer.is_problem(400, "passkey_rejected", &[]);
}

pub(super) async fn wa_14_nobody_is_told(make: &Make<'_>) {
    let host = host(make);
    registered(&host).await;
    host.test.confirmed(BOB).await;
    let start = format!("{PASSKEYS}/login/start");
    let mut shapes = Vec::new();
    for email in [ANN, BOB, "nobody@example.org"] {
        let mut browser = host.browser();
        let first = browser.json(&start, json!({ "email": email })).await;
        let again = host.browser().json(&start, json!({ "email": email })).await;
        let (first, again) = (first.is_json(200, &["set-cookie"]), again.is_json(200, &["set-cookie"]));
        assert_eq!(first["allowCredentials"], again["allowCredentials"], "stable for {email}");
        assert_ne!(first["challenge"], again["challenge"]);
        let credential = first["allowCredentials"][0].as_object().expect("a credential").keys().cloned();
        shapes.push((
            first.as_object().expect("options").keys().cloned().collect::<Vec<_>>(),
            credential.collect::<Vec<_>>(),
        ));
    }
    assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "{shapes:?}");
    host.browser().json(&start, json!({ "email": "?" })).await.is_invalid();
    let options = host.browser().json(&start, json!({})).await.is_json(200, &["set-cookie"]);
    assert_eq!(options["allowCredentials"], json!([]));
}

pub(super) async fn as_second_factor(make: &Make<'_>) {
    let host = host(make);
    let (mut manager, mut phone) = registered(&host).await;
    // A passkey alone is asked for only when losing it locks nobody out.
    let session = host.browser().sign_in(ANN).await.is_json(200, &["set-cookie"]);
    assert_eq!(session["session"]["aal"], json!(1));
    let (start, again) = (format!("{API}/mfa/passkey/start"), format!("{API}/sudo/passkey/start"));
    host.browser().json(&again, json!({})).await.is_problem(401, "unauthenticated", &[]);
    host.signed_in(BOB).await.json(&again, json!({})).await.is_problem(409, "not_enrolled", &[]);
    let finish = format!("{API}/mfa/passkey/finish");
    host.browser().json(&start, json!({})).await.is_problem(401, "unauthenticated", &[]);
    host.signed_in(BOB).await.json(&start, json!({})).await.is_problem(409, "not_enrolled", &[]);
    // To authenticate again it does.
    host.test.advance(300);
    let options = manager.json(&again, json!({})).await.is_json(200, &[]);
    let response = phone.get(&options, host.public_url()).expect("a passkey fits");
    let answer =
        manager.json(&format!("{API}/sudo"), json!({ "method": "passkey", "credential": body(&response) })).await;
    answer.is(204, &["set-cookie"]).empty();
    let codes = manager.json(&format!("{API}/mfa/backup-codes"), json!({})).await.is_json(200, &[]);
    assert_eq!(codes["backup_codes"].as_array().map(Vec::len), Some(10));
    let mut browser = host.browser();
    assert_eq!(browser.sign_in(ANN).await.is_json(200, &["set-cookie"])["steps"], json!(["mfa"]));
    let methods = browser.read(&format!("{API}/mfa")).await.is_json(200, &[]);
    assert_eq!(methods, json!({ "methods": ["backup_code", "passkey"] }));
    let options = browser.json(&start, json!({})).await.is_json(200, &[]);
    let response = phone.get(&options, host.public_url()).expect("a passkey fits");
    // Bound to the sign-in that asked.
    let mut other = host.browser();
    other.sign_in(ANN).await;
    other.json(&finish, body(&response)).await.is_problem(400, "passkey_rejected", &[]);
    let session = browser.json(&finish, body(&response)).await.is_json(200, &["set-cookie"]);
    assert_eq!(
        (&session["session"]["aal"], &session["session"]["methods"]),
        (&json!(2), &json!(["pwd", "swk", "mfa"]))
    );
    host.browser().json(&finish, json!({})).await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn wa_15_managing(make: &Make<'_>) {
    let host = host(make);
    let (mut browser, _) = registered(&host).await;
    let mut key = SoftAuthenticator::security_key();
    let second = register(&mut browser, host.public_url(), &mut key).await.is_json(201, &["set-cookie"]);
    let id = second["id"].as_str().expect("an id").to_owned();
    let one = format!("{PASSKEYS}/{id}");
    let mut bob = host.signed_in(BOB).await;
    for path in [one.as_str(), &format!("{PASSKEYS}/x")] {
        let ask = Ask::json(path, &json!({ "nickname": "mine" }));
        bob.send(Ask { method: http::Method::PATCH, ..ask }).await.is_problem(404, "not_found", &[]);
        bob.send(Ask::new("DELETE", path)).await.is_problem(404, "not_found", &[]);
    }
    let rename = |name: &str| Ask { method: http::Method::PATCH, ..Ask::json(&one, &json!({ "nickname": name })) };
    browser.send(rename("")).await.is_invalid();
    browser.send(rename(&"x".repeat(65))).await.is_invalid();
    browser.send(rename("the <b>blue</b> key")).await.is(204, &[]).empty();
    browser.get(SETTINGS).await.is_page(200, &["set-cookie"]).says("the &lt;b&gt;blue&lt;/b&gt; key");
    let page = browser.post(&format!("/auth/settings/passkeys/{id}/rename"), &[("nickname", " ")]).await;
    page.is_page(422, &[]).says("Use a name of 1 to 64 characters.").says(&format!("id=\"nickname-{id}-error\""));
    let long = format!("<i>{}", "y".repeat(64));
    let page = browser.post(&format!("/auth/settings/passkeys/{id}/rename"), &[("nickname", &long)]).await;
    page.is_page(422, &[])
        .says(&long.replace('<', "&lt;").replace('>', "&gt;"))
        .says("the &lt;b&gt;blue&lt;/b&gt; key");
    let answer = browser.post(&format!("/auth/settings/passkeys/{id}/rename"), &[("nickname", "key")]).await;
    answer.leads_to(SETTINGS, &["set-cookie"]);
    let answer = browser.send(Ask::new("DELETE", &one)).await;
    answer.is(204, &["set-cookie"]).empty().sets(&[host.issued("session", None)]);
    browser.send(Ask::new("DELETE", &one)).await.is_problem(404, "not_found", &[]);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::new("passkey_removed"), ANN), 1);
    // With a password left the last one may go, too.
    let list = browser.read(PASSKEYS).await.is_json(200, &[]);
    let id = list["passkeys"][0]["id"].as_str().expect("an id").to_owned();
    let answer = browser.post(&format!("/auth/settings/passkeys/{id}/delete"), &[]).await;
    answer.leads_to(SETTINGS, &["set-cookie"]);
}

pub(super) async fn wa_01_faults(make: &Make<'_>) {
    let host = host(make);
    let (_, mut phone) = registered(&host).await;
    let (start, finish) = (format!("{PASSKEYS}/login/start"), format!("{PASSKEYS}/login/finish"));
    let mut browser = host.browser();
    for junk in [json!({}), json!({ "id": 1 }), json!({ "id": "x", "response": {} })] {
        browser.json(&finish, junk.clone()).await.is_problem(400, "malformed", &[]);
        let mut signed_in = host.signed_in(ANN).await;
        signed_in.json(&format!("{PASSKEYS}/register/finish"), junk.clone()).await.is_problem(400, "malformed", &[]);
        // Nor does it count as an answer.
        for _ in 0..6 {
            let body = json!({ "method": "passkey", "credential": junk });
            signed_in.json(&format!("{API}/sudo"), body).await.is_problem(400, "malformed", &[]);
        }
        signed_in.json(&format!("{API}/sudo"), json!({ "password": PASSWORD })).await.is(204, &["set-cookie"]);
    }
    let options = browser.json(&start, json!({})).await.is_json(200, &["set-cookie"]);
    let response = body(&phone.get(&options, host.public_url()).expect("a passkey fits"));
    // Another browser cannot bring it, nor can it be brought twice, nor too late.
    let mut thief = host.browser();
    thief.json(&finish, response.clone()).await.is_problem(400, "passkey_rejected", &[]);
    thief.plant(&host.cookie_name("ceremony"), NOBODYS_TOKEN);
    thief.json(&finish, response.clone()).await.is_problem(400, "passkey_rejected", &[]);
    let mut copy = browser.clone();
    browser.json(&finish, response.clone()).await.is_json(200, &["set-cookie"]);
    copy.json(&finish, response).await.is_problem(400, "passkey_rejected", &[]);
    let options = copy.json(&start, json!({})).await.is_json(200, &["set-cookie"]);
    let late = body(&phone.get(&options, host.public_url()).expect("a passkey fits"));
    host.test.advance(300);
    copy.json(&finish, late).await.is_problem(400, "passkey_rejected", &[]);
    // From another origin.
    let options = copy.json(&start, json!({})).await.is_json(200, &["set-cookie"]);
    if let Ok(response) = phone.get(&options, "https://evil.example.org") {
        copy.json(&finish, body(&response)).await.is_problem(400, "passkey_rejected", &[]);
    }
}

pub(super) async fn passkeys_by_pages(make: &Make<'_>) {
    let host = host(make);
    let mut browser = host.browser();
    let page = browser.get("/auth/login").await;
    page.is_page(200, &[]).says("autocomplete=\"username webauthn\"").says("data-passkey=\"sign-in\"");
    let answer = browser.post("/auth/login", &[("email", "nobody@example.org"), ("password", PASSWORD)]).await;
    answer.is_page(422, &[]).says("data-passkey=\"sign-in\"");
    let (mut browser, _) = registered(&host).await;
    browser.get(SETTINGS).await.is_page(200, &["set-cookie"]).says("The passkey was added").says("Remove</button>");
    host.test.advance(300);
    browser.get("/auth/sudo").await.is_page(200, &[]).says("data-passkey=\"sudo\"").says("name=\"password\"");
    browser
        .get(SETTINGS)
        .await
        .is_page(200, &[])
        .says("confirm that it is you")
        .never_says("data-passkey=\"register\"");
}

/// Shows a passkey to authenticate again.
async fn step_up(browser: &mut Browser<'_>, origin: &str, phone: &mut SoftAuthenticator) {
    let options = browser.json(&format!("{API}/sudo/passkey/start"), json!({})).await.is_json(200, &[]);
    let response = phone.get(&options, origin).expect("a passkey fits");
    let answer = json!({ "method": "passkey", "credential": body(&response) });
    browser.json(&format!("{API}/sudo"), answer).await.is(204, &["set-cookie"]).empty();
}

pub(super) async fn a_backup_code_alone_makes_no_others(make: &Make<'_>) {
    let host = host(make);
    let (mut manager, mut phone) = registered(&host).await;
    step_up(&mut manager, host.public_url(), &mut phone).await;
    let renew = format!("{API}/mfa/backup-codes");
    let codes = manager.json(&renew, json!({})).await.is_json(200, &[]);
    let mut thief = host.browser();
    thief.sign_in(ANN).await;
    let answer = json!({ "method": "backup_code", "code": codes["backup_codes"][0] });
    let session = thief.json(&format!("{API}/mfa"), answer).await.is_json(200, &["set-cookie"]);
    assert_eq!(session["session"]["aal"], json!(2));
    thief.json(&renew, json!({})).await.is_problem(403, "reauth_required", &[]);
    let answer = thief.post(&format!("{SETTINGS}/backup-codes"), &[]).await;
    answer.leads_to(&format!("/auth/sudo?return_to={SETTINGS}"), &[]);
    let page = thief.get(SETTINGS).await;
    page.is_page(200, &[]).says("with a passkey</a> first").never_says("action=\"/auth/settings/mfa/backup-codes\"");
    let answer = json!({ "method": "backup_code", "code": codes["backup_codes"][1] });
    thief.json(&format!("{API}/sudo"), answer).await.is(204, &["set-cookie"]);
    thief.json(&renew, json!({})).await.is_problem(403, "reauth_required", &[]);
    // Whoever has the passkey does.
    step_up(&mut thief, host.public_url(), &mut phone).await;
    thief.json(&renew, json!({})).await.is_json(200, &[]);
}

pub(super) async fn stepping_up(make: &Make<'_>) {
    let host = host(make);
    let (_, mut phone) = registered(&host).await;
    let mut browser = host.signed_in(ANN).await;
    // It has a passkey to show, though sign-ins do not demand it.
    browser.read("/host/enrolled").await.is_problem(403, "not_enrolled", &[]);
    browser.read("/host/mfa").await.is_problem(403, "reauth_required", &[]);
    browser.get("/host/mfa").await.leads_to("/auth/sudo?return_to=/host/mfa", &[]);
    let page = browser.get("/auth/sudo?return_to=/host/mfa").await;
    page.is_page(200, &[]).says("data-start=\"/auth/api/v1/sudo/passkey/start\"").says("data-next=\"/host/mfa\"");
    // Though another sign-in is under way in this browser.
    browser.plant(&host.cookie_name("pending"), NOBODYS_TOKEN);
    step_up(&mut browser, host.public_url(), &mut phone).await;
    browser.read("/host/mfa").await.status(200).says("two factors");
}

pub(super) async fn ceremony_cookies(make: &Make<'_>) {
    let host = host(make);
    let (_, mut phone) = registered(&host).await;
    let (start, finish) = (format!("{PASSKEYS}/login/start"), format!("{PASSKEYS}/login/finish"));
    let mut browser = host.browser();
    let options = browser.json(&start, json!({})).await.is_json(200, &["set-cookie"]);
    let token = browser.cookie("ceremony").expect("a ceremony");
    // What fails beside it takes nothing from it.
    browser.json(&finish, json!({})).await.is_problem(400, "malformed", &[]);
    let strange = SoftAuthenticator::synced().get(&options, host.public_url());
    assert!(strange.is_err(), "it has no passkey");
    let mut other = host.browser();
    let others = other.json(&start, json!({})).await.is_json(200, &["set-cookie"]);
    let response = body(&phone.get(&others, host.public_url()).expect("a passkey fits"));
    browser.json(&finish, response).await.is_problem(400, "passkey_rejected", &[]).sets(&[]);
    // A second one begun in this browser shares the cookie.
    browser.json(&start, json!({})).await.is_json(200, &["set-cookie"]);
    assert_eq!(browser.cookie("ceremony").as_deref(), Some(token.as_str()));
    let response = body(&phone.get(&options, host.public_url()).expect("a passkey fits"));
    let answer = browser.json(&finish, response).await;
    answer.is_json(200, &["set-cookie"]);
    answer.sets(&[
        host.issued("session", None),
        host.cleared("pending"),
        host.issued("device", Some(15_552_000)),
        host.cleared("ceremony"),
    ]);
}

/// Everything an account can have is told of, and nothing of it could be used.
pub(super) async fn au_07_an_export_of_everything(make: &Make<'_>) {
    let host = host(make);
    let (mut browser, mut phone) = registered(&host).await;
    let setup = browser.json(&format!("{API}/mfa/totp"), json!({})).await.is_json(200, &[]);
    let secret = setup["secret"].as_str().expect("a secret").to_owned();
    let app = SoftApp::with_secret(&secret);
    let code = || app.code(host.test.sigra.clock().now());
    let codes = browser.json(&format!("{API}/mfa/totp/confirm"), json!({ "code": code() })).await;
    let codes = codes.is_json(200, &["set-cookie"])["backup_codes"].clone();
    host.test.advance(30);
    let mut trusted = host.browser();
    trusted.sign_in(ANN).await;
    let shown = json!({ "method": "totp", "code": code(), "trust_browser": true });
    trusted.json(&format!("{API}/mfa"), shown).await.status(200);
    let mut third = host.browser();
    sign_in(&mut third, host.public_url(), &mut phone, json!({})).await.status(200);

    let answer = browser.read(&format!("{API}/export")).await;
    let document = answer.is_json(200, &[]);
    let of = |section: &str, member: &str| -> Vec<Value> {
        let records = document[section].as_array().expect("a section is a list").iter();
        records.map(|record| record[member].clone()).collect()
    };
    assert_eq!(of("second_factors", "method"), [json!("totp"), json!("backup_code")]);
    assert_eq!(of("second_factors", "left"), [json!(null), json!(10)]);
    assert_eq!(of("trusted_browsers", "method"), [json!("totp")]);
    assert_eq!(of("passkeys", "backed_up"), [json!(true)]);
    assert_eq!(of("sessions", "current").len(), 3);
    for section in ["second_factors", "trusted_browsers", "passkeys", "sessions", "account"] {
        assert!(of("omissions", "section").contains(&json!(section)), "{section} says what it leaves out");
    }
    super::export::no_member_is_a_secret(&document);
    answer.never_says(&secret).never_says(&secret.replace(' ', "")).never_says(PASSWORD).never_says("$plain$");
    for code in codes.as_array().expect("codes are a list") {
        answer.never_says(code.as_str().expect("a code is a text"));
    }
    for browser in [&browser, &trusted, &third] {
        for token in ["session", "device", "trust", "pending"].into_iter().filter_map(|which| browser.cookie(which)) {
            super::export::forms_of(&token).iter().for_each(|form| _ = answer.never_says(form));
        }
    }
    for credential in phone.credentials() {
        answer.never_says(&URL_SAFE_NO_PAD.encode(&credential.id));
        answer.never_says(&URL_SAFE_NO_PAD.encode(&credential.user_handle));
    }
}
