//! The way of an account: registered, confirmed, signed in, its password reset.

use serde_json::json;

use crate::kit::{Client, Engine, Host, Launch, OTHER_PASSWORD, PASSWORD};

const EMAIL: &str = "ada@example.com";

/// Everything through the JSON endpoints; the address is confirmed by the token of the link.
pub fn by_link_as_json(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).start();
    host.account(EMAIL);
    life_as_json(&host);
}

/// Everything through the JSON endpoints; the address is confirmed by the code.
pub fn by_code_as_json(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).start();
    let client = host.client();
    let answer = client.api("/register", &json!({ "email": EMAIL, "password": PASSWORD })).expect(202);
    assert_eq!(answer.json(), json!({ "status": "check_mail" }));
    let code = host.mailbox.first(EMAIL, "confirm_email").code();
    let unconfirmed = client.api("/login", &json!({ "email": EMAIL, "password": PASSWORD }));
    unconfirmed.problem(401, "invalid_credentials");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    client.api("/confirm", &json!({ "email": EMAIL, "code": wrong })).problem(400, "invalid_code");
    let confirmed = client.api("/confirm", &json!({ "email": EMAIL, "code": code })).expect(200);
    assert_eq!(confirmed.json(), json!({ "status": "confirmed" }));
    client.api("/confirm", &json!({ "email": EMAIL, "code": code })).problem(400, "invalid_code");
    life_as_json(&host);
}

fn life_as_json(host: &Host) {
    let client = host.client();
    client.get("/me").problem(401, "unauthenticated");
    client.api("/login", &json!({ "email": EMAIL, "password": "wrong" })).problem(401, "invalid_credentials");
    let answer = client.api("/login", &json!({ "email": EMAIL, "password": PASSWORD })).expect(200).json();
    assert_eq!(answer["status"], "authenticated");
    assert_eq!(answer["user"]["email"], EMAIL);
    assert_eq!(answer["user"]["confirmed"], true);
    assert_eq!((&answer["session"]["aal"], &answer["session"]["methods"]), (&json!(1), &json!(["pwd"])));

    let me = client.get("/me").expect(200).json();
    assert_eq!((&me["email"], &me["id"]), (&json!(EMAIL), &answer["user"]["id"]));
    assert_eq!(me["session"]["id"], answer["session"]["id"]);
    assert_eq!((&me["session"]["aal"], &me["session"]["methods"]), (&json!(1), &json!(["pwd"])));
    assert!(me["session"]["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(client.get("/auth/api/v1/session").expect(200).json()["user"], answer["user"]);

    let other = host.signed_in(EMAIL, PASSWORD);
    let sessions = client.get("/auth/api/v1/sessions").expect(200).json();
    let sessions = sessions["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other_one = sessions.iter().find(|session| session["current"] == false).unwrap();
    client.delete(&format!("/auth/api/v1/sessions/{}", other_one["id"].as_str().unwrap())).expect(204);
    other.get("/me").expect(401);
    client.delete(&format!("/auth/api/v1/sessions/{}", other_one["id"].as_str().unwrap())).expect(404);

    client.api("/sudo", &json!({ "password": "wrong" })).problem(403, "invalid_credentials");
    client.api("/sudo", &json!({ "password": PASSWORD })).expect(204);
    client.get("/me").expect(200);

    let stranger = host.client();
    stranger.api("/password-reset", &json!({ "email": EMAIL })).expect(202);
    let token = host.mailbox.first(EMAIL, "reset_password").token();
    let short = stranger.api("/password-reset/redeem", &json!({ "token": token, "password": "short" }));
    let fault = short.problem(422, "validation").json();
    assert_eq!((&fault["errors"][0]["field"], &fault["errors"][0]["code"]), (&json!("password"), &json!("too_short")));
    client.get("/me").expect(200);
    let redeem = json!({ "token": token, "password": OTHER_PASSWORD });
    stranger.api("/password-reset/redeem", &redeem).expect(204);
    assert_eq!(stranger.cookie("sigra_session"), None, "a reset signs nobody in");
    stranger.api("/password-reset/redeem", &redeem).problem(400, "invalid_token");
    has_only_the_new_password(host, &client);
    host.mailbox.first(EMAIL, "password_changed");
}

/// Everything through the pages' forms; the address is confirmed by the link.
pub fn by_link_as_forms(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).start();
    let client = host.client();
    register_as_form(&client);
    let link = host.mailbox.first(EMAIL, "confirm_email").link();
    for _ in 0..2 {
        let page = client.get(&link).expect(200);
        assert!(page.body.contains(EMAIL) && page.header("referrer-policy") == Some("no-referrer"), "{page:?}");
    }
    client.form(&link, &[]).leads_to("/auth/login");
    client.form(&link, &[]).expect(400);
    client.get(&link).expect(400);
    life_as_forms(&host, &client);
}

/// Everything through the pages' forms; the address is confirmed by the code.
pub fn by_code_as_forms(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).start();
    let client = host.client();
    register_as_form(&client);
    let code = host.mailbox.first(EMAIL, "confirm_email").code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let again = client.form("/auth/confirm", &[("email", EMAIL), ("code", wrong)]).expect(422);
    assert!(again.body.contains(EMAIL), "what was typed comes back");
    client.form("/auth/confirm", &[("email", EMAIL), ("code", &code)]).leads_to("/auth/login");
    life_as_forms(&host, &client);
}

fn register_as_form(client: &Client) {
    let faulty = client.form("/auth/register", &[("email", EMAIL), ("password", "hunter2")]).expect(422);
    assert!(faulty.body.contains(EMAIL) && !faulty.body.contains("hunter2"), "{faulty:?}");
    client.form("/auth/register", &[("email", EMAIL), ("password", PASSWORD)]).leads_to("/auth/confirm");
    client.get("/auth/confirm").expect(200);
}

fn life_as_forms(host: &Host, client: &Client) {
    client
        .get("/auth/settings/sessions?from=mail")
        .leads_to("/auth/login?return_to=/auth/settings/sessions%3Ffrom%3Dmail");
    let faulty = client.form("/auth/login", &[("email", EMAIL), ("password", "wrong")]).expect(422);
    assert!(faulty.body.contains(EMAIL));
    let fields = [("email", EMAIL), ("password", PASSWORD), ("return_to", "//evil.example")];
    client.form("/auth/login", &fields).leads_to("/");
    assert!(client.get("/").expect(200).body.contains(EMAIL));
    assert!(client.get("/auth/settings/sessions").expect(200).body.contains("This session"));

    let other = host.signed_in(EMAIL, PASSWORD);
    host.clock.advance(6 * 60);
    client.form("/auth/settings/sessions/revoke-others", &[]).leads_to("/auth/sudo?return_to=/auth/settings/sessions");
    let sudo = [("password", PASSWORD), ("return_to", "/auth/settings/sessions")];
    client.form("/auth/sudo", &sudo).leads_to("/auth/settings/sessions");
    client.form("/auth/settings/sessions/revoke-others", &[]).leads_to("/auth/settings/sessions");
    other.get("/me").expect(401);

    let stranger = host.client();
    let asked = stranger.form("/auth/reset-password", &[("email", EMAIL)]).expect(303);
    stranger.get(asked.header("location").unwrap()).expect(200);
    let link = host.mailbox.first(EMAIL, "reset_password").link();
    stranger.get(&link).expect(200);
    stranger.form(&link, &[("password", "hunter2")]).expect(422);
    stranger.form(&link, &[("password", OTHER_PASSWORD)]).leads_to("/auth/login");
    has_only_the_new_password(host, client);

    let again = host.signed_in(EMAIL, OTHER_PASSWORD);
    let left = again.form("/auth/logout", &[]).leads_to("/");
    assert_eq!(left.header("clear-site-data"), Some("\"cache\""));
    again.get("/me").expect(401);
}

fn has_only_the_new_password(host: &Host, with_old_session: &Client) {
    with_old_session.get("/me").expect(401);
    let client = host.client();
    client.api("/login", &json!({ "email": EMAIL, "password": PASSWORD })).problem(401, "invalid_credentials");
    host.signed_in(EMAIL, OTHER_PASSWORD).get("/me").expect(200);
}

/// A link by mail signs in, once, and only who posts it.
pub fn magic_link(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).start();
    host.account(EMAIL);
    let client = host.client();
    client.form("/auth/magic-link", &[("email", EMAIL)]).expect(303);
    let link = host.mailbox.first(EMAIL, "magic_link").link();
    let page = client.get(&link).expect(200);
    assert!(page.body.contains(EMAIL));
    client.get("/me").expect(401);
    client.form(&link, &[]).leads_to("/");
    assert_eq!(client.get("/me").expect(200).json()["session"]["methods"], json!(["magic_link"]));
    client.form(&link, &[]).expect(400);
    client.api("/magic-link", &json!({ "email": "nobody@example.com" })).expect(202);
    client.api("/magic-link", &json!({ "email": EMAIL })).expect(202);
    let token = host.mailbox.nth(2, EMAIL, "magic_link").token();
    let api = host.client();
    api.api("/magic-link/redeem", &json!({ "token": token })).expect(200);
    api.get("/me").expect(200);
    assert!(host.mailbox.all().iter().all(|mail| mail.to == EMAIL), "no mail to an address without an account");
}
