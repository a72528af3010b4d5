//! The address of an account: changed, and brought back from the old mailbox.

use serde_json::json;

use crate::kit::{Engine, Launch, PASSWORD};

const OLD: &str = "ada@example.com";
const NEW: &str = "ada@example.net";
const TAKEN: &str = "bob@example.com";

/// Through the JSON endpoints, and a taken address on the way.
pub fn tk_17_as_json(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).start();
    host.account(OLD);
    host.account(TAKEN);
    let client = host.signed_in(OLD, PASSWORD);
    let other = host.signed_in(OLD, PASSWORD);
    let taken = client.api("/email-change", &json!({ "email": TAKEN })).expect(202).json();
    host.mailbox.first(OLD, "email_change_notice");
    let free = client.api("/email-change", &json!({ "email": NEW })).expect(202).json();
    assert_eq!(taken, free);
    let token = host.mailbox.first(NEW, "email_change_confirm").token();

    let changed = client.api("/email-change/redeem", &json!({ "token": token })).expect(200).json();
    assert_eq!(changed, json!({ "status": "changed" }));
    assert_eq!(client.get("/me").expect(200).json()["email"], NEW);
    other.get("/me").expect(401);
    client.api("/email-change/redeem", &json!({ "token": token })).problem(400, "invalid_token");
    let stranger = host.client();
    stranger.api("/login", &json!({ "email": OLD, "password": PASSWORD })).problem(401, "invalid_credentials");
    host.signed_in(NEW, PASSWORD);
    host.mailbox.first(NEW, "email_changed");

    let undo = host.mailbox.first(OLD, "email_changed").link();
    let token = undo.strip_suffix("/cancel").expect("it is the link that undoes").rsplit('/').next().unwrap();
    stranger.api("/email-change/cancel", &json!({ "token": token })).expect(204);
    assert_eq!(stranger.cookie("sigra_session"), None, "an undo signs nobody in");
    client.get("/me").expect(401);
    stranger.api("/login", &json!({ "email": NEW, "password": PASSWORD })).problem(401, "invalid_credentials");
    host.mailbox.first(OLD, "reset_password");
    stranger.api("/email-change/cancel", &json!({ "token": token })).problem(400, "invalid_token");
}

/// Through the pages' forms.
pub fn tk_17_as_forms(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).start();
    host.account(OLD);
    let client = host.signed_in(OLD, PASSWORD);
    assert!(client.get("/auth/settings/email").expect(200).body.contains(OLD));
    client.form("/auth/settings/email", &[("email", NEW)]).leads_to("/auth/settings/email");
    let link = host.mailbox.first(NEW, "email_change_confirm").link();
    for _ in 0..2 {
        let page = host.client().get(&link).expect(200);
        assert!(page.body.contains(NEW) && page.header("referrer-policy") == Some("no-referrer"), "{page:?}");
    }
    assert_eq!(client.get("/me").expect(200).json()["email"], OLD);
    client.form(&link, &[]).leads_to("/auth/settings/email");
    assert_eq!(client.get("/me").expect(200).json()["email"], NEW);
    client.form(&link, &[]).expect(400);

    let undo = host.mailbox.first(OLD, "email_change_notice").link();
    let owner = host.client();
    assert!(owner.get(&undo).expect(200).body.contains(OLD));
    owner.form(&undo, &[]).expect(200);
    client.get("/me").expect(401);
    let reset = host.mailbox.first(OLD, "reset_password").link();
    owner.get(&reset).expect(200);
    owner.get(&undo).expect(400);
}
