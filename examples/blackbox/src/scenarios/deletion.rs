//! An account is to be deleted, is kept by both ways back, and is erased in the end.

use serde_json::json;

use crate::kit::{CHEAP, Engine, Launch, OTHER_PASSWORD, PASSWORD, UNLIMITED, eventually};

const EMAIL: &str = "ada@example.com";
const GRACE: u64 = 14 * 86_400;

/// Signing in takes it back, then the link does; at last it happens, at the first sweep after its day, and the address is free.
pub fn lc_01_an_account_goes_and_comes_back_and_goes(binary: &str, engine: Engine) {
    let mut host = Launch::new(binary).on(engine).env(&[CHEAP, UNLIMITED]).start();
    host.account(EMAIL);

    let client = host.signed_in(EMAIL, PASSWORD);
    let scheduled = client.delete("/auth/api/v1/account").expect(202).json();
    assert_eq!(scheduled["status"], "scheduled");
    assert!(scheduled["delete_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    client.get("/me").problem(401, "unauthenticated");
    let link = host.mailbox.first(EMAIL, "deletion_scheduled").link();

    let client = host.client();
    let answer = client.api("/login", &json!({ "email": EMAIL, "password": PASSWORD })).expect(200).json();
    assert_eq!(answer, json!({ "status": "step_required", "steps": ["reactivate"] }));
    client.get("/me").problem(401, "unauthenticated");
    let answer = client.api("/login/reactivate", &json!({})).expect(200).json();
    assert_eq!(answer["status"], "authenticated");
    client.get("/me").expect(200);
    host.mailbox.first(EMAIL, "deletion_cancelled");
    client.form(&link, &[]).expect(400);

    client.delete("/auth/api/v1/account").expect(202);
    let token = host.mailbox.nth(2, EMAIL, "deletion_scheduled").token();
    client.api("/reactivate/redeem", &json!({ "token": token })).expect(204);
    client.api("/login", &json!({ "email": EMAIL, "password": PASSWORD })).problem(401, "invalid_credentials");
    let token = host.mailbox.first(EMAIL, "reset_password").token();
    client.api("/password-reset/redeem", &json!({ "token": token, "password": OTHER_PASSWORD })).expect(204);

    let client = host.signed_in(EMAIL, OTHER_PASSWORD);
    client.delete("/auth/api/v1/account").expect(202);
    host.mailbox.nth(3, EMAIL, "deletion_scheduled");
    host.clock.advance(GRACE);
    let login = json!({ "email": EMAIL, "password": OTHER_PASSWORD });
    host.client().api("/login", &login).problem(401, "invalid_credentials");
    // A host sweeps when it starts.
    host.kill();
    host.start_again();
    eventually("the account to be erased", || {
        host.database().texts("SELECT email FROM sigra_users").is_empty().then_some(())
    });
    host.mailbox.first(EMAIL, "deletion_done");
    let client = host.client();
    client.api("/register", &json!({ "email": EMAIL, "password": PASSWORD })).expect(202);
    let token = host.mailbox.nth(2, EMAIL, "confirm_email").token();
    client.api("/confirm", &json!({ "token": token })).expect(200);
    host.signed_in(EMAIL, PASSWORD).get("/me").expect(200);
}
