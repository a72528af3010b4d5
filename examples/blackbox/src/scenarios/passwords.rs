//! Changing the password over the wire.

use serde_json::json;

use crate::kit::{CHEAP, Launch, PASSWORD};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "an altogether other password";

/// The owner changes the password beside a thief who holds a session; then the owner is told.
pub fn se_16_a_change_leaves_one_session(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let (owner, thief) = (host.signed_in(EMAIL, PASSWORD), host.signed_in(EMAIL, PASSWORD));
    let change = |present: &str| json!({ "current_password": present, "password": NEW });
    thief.api("/password", &change("not the right password")).problem(403, "invalid_credentials");
    owner.api("/password", &change(PASSWORD)).expect(204);
    owner.get("/me").expect(200);
    thief.get("/me").expect(401);
    thief.api("/password", &change(PASSWORD)).problem(401, "unauthenticated");
    let old = json!({ "email": EMAIL, "password": PASSWORD });
    host.client().api("/login", &old).problem(401, "invalid_credentials");
    host.signed_in(EMAIL, NEW);
    let notice = host.mailbox.first(EMAIL, "password_changed");
    assert!(notice.text.contains("/auth/not-me/"), "{}", notice.text);
    owner.api("/password/set", &json!({ "password": PASSWORD })).problem(409, "password_already_set");
}
