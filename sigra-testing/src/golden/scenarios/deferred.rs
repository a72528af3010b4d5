//! Accounts that exist before their address is proven.

use serde_json::{Value, json};
use sigra_core::config::{ConfirmationMode, Seconds};
use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost, OTHER_PASSWORD, link};
use crate::golden::{Browser, Knobs, Make};
use crate::scenario::PASSWORD;

const NEW: &str = "new@example.org";
const SENTENCE: &str = "is not confirmed yet.";

fn lenient(make: &Make<'_>) -> GoldenHost {
    let config = |config: &mut sigra_core::config::Config| {
        config.registration.confirmation = ConfirmationMode::Deferred;
    };
    GoldenHost::with(make, Knobs { config, ..Knobs::default() })
}

/// Where the first sign-in owes the proof already.
fn strict(make: &Make<'_>) -> GoldenHost {
    let config = |config: &mut sigra_core::config::Config| {
        config.registration.confirmation = ConfirmationMode::Deferred;
        config.registration.confirm_within_secs = Seconds::new(0);
    };
    GoldenHost::with(make, Knobs { config, ..Knobs::default() })
}

async fn sign_in(browser: &mut Browser<'_>) -> Value {
    browser.sign_in(ANN).await.is_json(200, &["set-cookie"])
}

pub(super) async fn registering(make: &Make<'_>) {
    let host = lenient(make);
    let mut ann = host.browser();
    let body = json!({ "email": ANN, "password": PASSWORD });
    // The same answer whether the address is free or taken.
    for mails in [(1, 0), (1, 1)] {
        let answer = ann.json("/auth/api/v1/register", body.clone()).await;
        assert_eq!(answer.is_json(202, &[]), json!({ "status": "check_mail" }));
        host.test.run_workers().await;
        let (confirm, notice) = (MailKind::CONFIRM_EMAIL, MailKind::ALREADY_REGISTERED);
        assert_eq!((host.test.count_mailed(&confirm, ANN), host.test.count_mailed(&notice, ANN)), mails);
    }
    let form = host.browser().post("/auth/register", &[("email", ANN), ("password", PASSWORD)]).await;
    form.leads_to("/auth/confirm", &[]);

    let signed_in = sign_in(&mut ann).await;
    assert_eq!((&signed_in["status"], &signed_in["user"]["confirmed"]), (&json!("authenticated"), &json!(false)));
    let page = ann.get("/auth/settings/sessions").await;
    page.is_page(200, &[]).says(SENTENCE).says("action=\"/auth/confirm/resend\"").says(&format!("value=\"{ANN}\""));
    let answer = ann.post("/auth/confirm/resend", &[("email", ANN)]).await;
    answer.leads_to("/auth/confirm", &["set-cookie"]);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::CONFIRM_EMAIL, ANN), 2);

    let path = link(&host, &MailKind::CONFIRM_EMAIL, ANN);
    host.browser().get(&path).await.is_page(200, &[]).says(ANN).says(&format!("action=\"{path}\""));
    ann.post(&path, &[]).await.leads_to("/auth/login", &["set-cookie"]);
    host.browser().get(&path).await.is_page(400, &[]);
    assert_eq!(ann.read("/auth/api/v1/session").await.is_json(200, &[])["user"]["confirmed"], true);
    ann.get("/auth/settings/sessions").await.status(200).never_says(SENTENCE);

    let code = json!({ "email": ANN, "code": host.test.mailed_code(ANN) });
    ann.json("/auth/api/v1/confirm", code).await.is_problem(400, "invalid_code", &[]);
}

pub(super) async fn guards(make: &Make<'_>) {
    let host = lenient(make);
    host.test.registered(ANN).await;
    let mut ann = host.browser();
    ann.read("/host/confirmed").await.is_problem(401, "unauthenticated", &[]);
    sign_in(&mut ann).await;
    ann.read("/me").await.status(200).says(ANN);
    ann.read("/host/confirmed").await.is_problem(403, "unconfirmed", &[]);
    let page = ann.get("/host/confirmed").await;
    page.is_page(403, &[]).says("Confirm your email address to go on.").says("href=\"/auth/confirm\"");
    page.says("action=\"/auth/confirm/resend\"");
    let code = json!({ "email": ANN, "code": host.test.mailed_code(ANN) });
    let confirmed = ann.json("/auth/api/v1/confirm", code).await;
    assert_eq!(confirmed.is_json(200, &[]), json!({ "status": "confirmed" }));
    ann.read("/host/confirmed").await.status(200).says("confirmed");
}

pub(super) async fn step_json(make: &Make<'_>) {
    let host = strict(make);
    host.test.registered(ANN).await;
    let mut ann = host.browser();
    let answer = ann.sign_in(ANN).await;
    assert_eq!(answer.is_json(200, &["set-cookie"]), json!({ "status": "step_required", "steps": ["confirm_email"] }));
    answer.sets(&[host.issued("pending", Some(600))]);
    host.test.run_workers().await;
    let first = host.test.mailed_code_of(&MailKind::CONFIRM_CODE, ANN);
    let wrong = if first == "000000" { "111111" } else { "000000" };
    let confirm = "/auth/api/v1/login/confirm";
    for code in [wrong, "", "x"] {
        ann.json(confirm, json!({ "code": code })).await.is_problem(400, "invalid_code", &[]);
    }
    host.browser().json(confirm, json!({ "code": first })).await.is_problem(401, "unauthenticated", &[]);
    ann.read("/me").await.is_problem(401, "unauthenticated", &[]);
    let again = ann.json("/auth/api/v1/login/confirm/mail-code", json!({})).await;
    assert_eq!(again.is_json(202, &[]), json!({ "status": "check_mail" }));
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::CONFIRM_CODE, ANN), 2);
    let code = host.test.mailed_code_of(&MailKind::CONFIRM_CODE, ANN);
    let answer = ann.json(confirm, json!({ "code": code })).await;
    let body = answer.is_json(200, &["set-cookie"]);
    answer.sets(&[host.issued("session", None), host.cleared("pending"), host.issued("device", Some(15_552_000))]);
    assert_eq!((&body["status"], &body["user"]["confirmed"]), (&json!("authenticated"), &json!(true)));
    assert_eq!((&body["session"]["aal"], &body["session"]["methods"]), (&json!(1), &json!(["pwd", "email_code"])));
    ann.json(confirm, json!({ "code": code })).await.is_problem(401, "unauthenticated", &[]);
    ann.read("/me").await.status(200).says(ANN);
}

pub(super) async fn step_by_pages(make: &Make<'_>) {
    let host = strict(make);
    host.test.registered(ANN).await;
    host.browser().get("/auth/login/confirm").await.leads_to("/auth/login", &["set-cookie"]);
    let mut ann = host.browser();
    let form = [("email", ANN), ("password", PASSWORD), ("return_to", "/after")];
    let answer = ann.post("/auth/login", &form).await;
    answer.leads_to("/auth/login/confirm?return_to=/after", &["set-cookie"]);
    let page = ann.get("/auth/login/confirm?return_to=/after").await;
    page.is_page(200, &[]).says(ANN).says("action=\"/auth/login/confirm\"").says("value=\"/after\"");
    let wrong = ann.post("/auth/login/confirm", &[("code", "x"), ("return_to", "/after")]).await;
    wrong.is_page(422, &[]).says("This code is wrong or no longer valid.").says("value=\"/after\"");
    let again = ann.post("/auth/login/confirm/mail-code", &[("return_to", "/after")]).await;
    again.leads_to("/auth/login/confirm?return_to=/after", &["set-cookie"]);
    ann.get("/auth/login/confirm").await.is_page(200, &["set-cookie"]).says("A code is on its way");
    host.test.run_workers().await;
    let code = host.test.mailed_code_of(&MailKind::CONFIRM_CODE, ANN);
    let answer = ann.post("/auth/login/confirm", &[("code", &code), ("return_to", "/after")]).await;
    answer.leads_to("/after", &["set-cookie", "set-cookie", "set-cookie"]);
    ann.read("/me").await.status(200).says(ANN);
    ann.get("/auth/settings/sessions").await.status(200).never_says(SENTENCE);
}

pub(super) async fn proven_meanwhile(make: &Make<'_>) {
    let host = strict(make);
    host.test.registered(ANN).await;
    let mut ann = host.browser();
    sign_in(&mut ann).await;
    let path = link(&host, &MailKind::CONFIRM_EMAIL, ANN);
    host.browser().post(&path, &[]).await.leads_to("/auth/login", &["set-cookie"]);
    ann.get("/auth/login/confirm").await.is_page(200, &[]).says("is confirmed.").says("action=\"/auth/login/confirm\"");
    ann.post("/auth/login/confirm", &[]).await.status(303);
    ann.read("/me").await.status(200).says(ANN);
}

/// Somebody registers with Ann's address and stays signed in; Ann signs in by a link, and another time resets.
pub(super) async fn tk_16_taking_over(make: &Make<'_>) {
    for by_reset in [false, true] {
        let host = lenient(make);
        host.test.registered(ANN).await;
        let (mut mallory, mut ann) = (host.browser(), host.browser());
        sign_in(&mut mallory).await;
        mallory.read("/me").await.status(200).says(ANN);
        let (ask, kind) = if by_reset {
            ("/auth/api/v1/password-reset", MailKind::RESET_PASSWORD)
        } else {
            ("/auth/api/v1/magic-link", MailKind::MAGIC_LINK)
        };
        ann.json(ask, json!({ "email": ANN })).await.status(202);
        host.test.run_workers().await;
        let token = host.test.mailed_token(&kind, ANN);
        let redeem = json!({ "token": token, "password": OTHER_PASSWORD });
        let answer = ann.json(&format!("{ask}/redeem"), redeem).await;
        answer.status(if by_reset { 204 } else { 200 });
        mallory.read("/me").await.is_problem(401, "unauthenticated", &[]);
        let known = json!({ "email": ANN, "password": PASSWORD });
        mallory.json("/auth/api/v1/login", known).await.is_problem(401, "invalid_credentials", &[]);
        if by_reset {
            let body = json!({ "email": ANN, "password": OTHER_PASSWORD });
            let signed_in = ann.json("/auth/api/v1/login", body).await.is_json(200, &["set-cookie"]);
            assert_eq!(signed_in["user"]["confirmed"], true);
        }
        ann.read("/host/confirmed").await.status(200).says("confirmed");
    }
}

/// An account that was not proven, and is moved to an address that is: nothing of before counts, in the browser that redeems
/// either, and the page says what to do.
pub(super) async fn tk_16_a_new_address(make: &Make<'_>) {
    let host = lenient(make);
    host.test.registered(ANN).await;
    let mut browser = host.browser();
    sign_in(&mut browser).await;
    browser.json("/auth/api/v1/email-change", json!({ "email": NEW })).await.is_json(202, &[]);
    host.test.run_workers().await;
    let path = link(&host, &MailKind::EMAIL_CHANGE_CONFIRM, NEW);
    let answer = browser.post(&path, &[]).await;
    answer.leads_to("/auth/login", &["set-cookie", "set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "reclaimed", Some(60)), host.cleared("session")]);
    browser.get("/auth/login").await.is_page(200, &["set-cookie"]).says("choose a new password");
    for address in [ANN, NEW] {
        let known = json!({ "email": address, "password": PASSWORD });
        host.browser().json("/auth/api/v1/login", known).await.is_problem(401, "invalid_credentials", &[]);
    }
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::EMAIL_CHANGED, ANN), 0);
    let notice = link(&host, &MailKind::EMAIL_CHANGE_NOTICE, ANN);
    host.browser().get(&notice).await.is_page(400, &[]);
}
