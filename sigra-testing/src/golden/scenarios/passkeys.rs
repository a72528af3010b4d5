use serde_json::{Value, json};
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN, sessions_of};
use crate::authenticator::SoftAuthenticator;
use crate::golden::{Answer, Ask, Browser, Knobs, Make};
use crate::scenario::PASSWORD;

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
    let start = format!("{API}/mfa/passkey/start");
    let finish = format!("{API}/mfa/passkey/finish");
    host.browser().json(&start, json!({})).await.is_problem(401, "unauthenticated", &[]);
    host.signed_in(BOB).await.json(&start, json!({})).await.is_problem(409, "not_enrolled", &[]);
    // To authenticate again it does.
    host.test.advance(300);
    let options = manager.json(&start, json!({})).await.is_json(200, &[]);
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
    page.is_page(422, &[]).says("Use a name of 1 to 64 characters.");
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
        browser.json(&finish, junk).await.is_problem(400, "passkey_rejected", &[]);
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
