use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, GoldenHost, NOBODYS_TOKEN, OTHER_PASSWORD, link, sessions_of};
use crate::golden::{Ask, Browser, Make};
use crate::scenario::PASSWORD;

const PAGE: &str = "/auth/settings/delete";
const STEP: &str = "/auth/login/reactivate";
const ENDED: &[&str] = &["clear-site-data", "set-cookie"];
const GRACE: u64 = 14 * 86_400;

fn delete() -> Ask {
    Ask::new("DELETE", "/auth/api/v1/account")
}

/// A host with an account whose deletion was scheduled, and the browser that did it.
async fn scheduled<'h>(host: &'h GoldenHost) -> Browser<'h> {
    let mut browser = host.signed_in(ANN).await;
    browser.send(delete()).await.status(202);
    host.test.run_workers().await;
    browser
}

async fn sweep(host: &GoldenHost) -> u64 {
    host.test.sigra.deletion().sweep(100).await.expect("the store must answer")
}

pub(super) async fn lc_01_by_pages(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let mut elsewhere = host.signed_in(ANN).await;
    let page = browser.get(PAGE).await;
    page.is_page(200, &[])
        .says(ANN)
        .says("16 January 2026")
        .says("Delete your account")
        .says(&format!("action=\"{PAGE}\""));
    let answer = browser.post(PAGE, &[]).await;
    answer.leads_to("/auth/login", ENDED).has("clear-site-data", "\"cache\"");
    let notice = host.set_cookie("notice", "deletion_scheduled", Some(60));
    answer.sets(&[notice, host.cleared("session"), host.cleared("pending")]);
    browser.get("/auth/login").await.says("Your account will be deleted");
    elsewhere.read("/me").await.is_problem(401, "unauthenticated", &[]);
    assert_eq!(sessions_of(&host, ANN).await, 0);

    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::DELETION_SCHEDULED, ANN), 1);
    host.test.advance(GRACE);
    assert_eq!((sweep(&host).await, sweep(&host).await), (1, 0));
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::DELETION_DONE, ANN), 1);
    assert!(host.account(ANN).await.is_none());
}

pub(super) async fn lc_01_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let mut replay = browser.clone();
    let answer = browser.send(delete()).await;
    let body = answer.is_json(202, ENDED);
    assert_eq!(body, json!({ "status": "scheduled", "delete_at": "2026-01-16T03:00:00.123456Z" }));
    answer.sets(&[host.cleared("session"), host.cleared("pending")]);
    // Once more, by whoever kept the cookie.
    replay.send(delete()).await.is_problem(401, "unauthenticated", &[]);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::DELETION_SCHEDULED, ANN), 1);
}

pub(super) async fn lc_01_signing_in_takes_it_back(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    scheduled(&host).await;
    let mut browser = host.browser();
    let form = [("email", ANN), ("password", PASSWORD), ("return_to", "/plants")];
    let step = format!("{STEP}?return_to=/plants");
    browser.post("/auth/login", &form).await.leads_to(&step, &["set-cookie"]);
    browser.get(&step).await.is_page(200, &[]).says(ANN).says("16 January 2026").says("/plants");
    // The sign-in opens nothing else.
    browser.read("/me").await.is_problem(401, "unauthenticated", &[]);
    browser.get("/auth/mfa").await.status(404);
    browser.post(STEP, &[("return_to", "/plants")]).await.leads_to("/plants", &["set-cookie"]);
    browser.read("/me").await.status(200).says(ANN);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::DELETION_CANCELLED, ANN), 1);
    // The link went with the deletion.
    host.browser().get(&link(&host, &MailKind::DELETION_SCHEDULED, ANN)).await.is_page(400, &[]);
    host.test.advance(GRACE);
    assert_eq!(sweep(&host).await, 0);

    let host = GoldenHost::new(make);
    scheduled(&host).await;
    let mut browser = host.browser();
    let path = "/auth/api/v1/login/reactivate";
    browser.json(path, json!({})).await.is_problem(401, "unauthenticated", &[]);
    let answer = browser.sign_in(ANN).await;
    assert_eq!(answer.json(), json!({ "status": "step_required", "steps": ["reactivate"] }));
    let answer = browser.json(path, json!({})).await;
    assert_eq!(answer.is_json(200, &["set-cookie"])["status"], "authenticated");
    browser.read("/me").await.status(200).says(ANN);
    browser.json(path, json!({})).await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn lc_01_the_link_takes_it_back(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    scheduled(&host).await;
    let path = link(&host, &MailKind::DELETION_SCHEDULED, ANN);
    let mut browser = host.browser();
    for _ in 0..2 {
        browser
            .get(&path)
            .await
            .is_page(200, &[])
            .says(ANN)
            .says("16 January 2026")
            .says(&format!("action=\"{path}\""));
    }
    browser.post(&path, &[]).await.is_page(200, &[]).says("Your account stays");
    browser.read("/me").await.is_problem(401, "unauthenticated", &[]);
    for spent in [&path, &format!("/auth/reactivate/{NOBODYS_TOKEN}")] {
        browser.get(spent).await.is_page(400, &[]);
        browser.post(spent, &[]).await.is_page(400, &[]);
    }
    // Whoever asked for the deletion may know the password, so it is worth nothing any more.
    let body = json!({ "email": ANN, "password": PASSWORD });
    browser.json("/auth/api/v1/login", body).await.is_problem(401, "invalid_credentials", &[]);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::DELETION_CANCELLED, ANN), 1);
    let reset = link(&host, &MailKind::RESET_PASSWORD, ANN);
    browser.post(&reset, &[("password", OTHER_PASSWORD)]).await.status(303);
    let body = json!({ "email": ANN, "password": OTHER_PASSWORD });
    assert_eq!(browser.json("/auth/api/v1/login", body).await.json()["status"], "authenticated");

    let host = GoldenHost::new(make);
    scheduled(&host).await;
    let redeem = "/auth/api/v1/reactivate/redeem";
    let token = host.test.mailed_token(&MailKind::DELETION_SCHEDULED, ANN);
    host.browser().json(redeem, json!({ "token": token })).await.is(204, &[]).empty();
    host.browser().json(redeem, json!({ "token": token })).await.is_problem(400, "invalid_token", &[]);
}

pub(super) async fn se_20_needs_a_fresh_session(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.advance(host.test.sigra.config().sessions.sudo_secs.get().into());
    browser
        .get(PAGE)
        .await
        .is_page(200, &[])
        .says("confirm that it is you")
        .never_says("<button type=\"submit\" class=\"danger\"");
    browser.post(PAGE, &[]).await.leads_to("/auth/sudo?return_to=/auth/settings/delete", &[]);
    browser.send(delete()).await.is_problem(403, "reauth_required", &[]);
    browser.read("/me").await.status(200);
    host.browser().send(delete()).await.is_problem(401, "unauthenticated", &[]);
}

/// During the grace period the address answers as any address with an account does; once the deletion is due, it answers as
/// none, and so it does to whoever knows the password.
pub(super) async fn the_address_answers_alike(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    scheduled(&host).await;
    let form = [("email", ANN), ("password", OTHER_PASSWORD)];
    let mut browser = host.browser();
    let taken = browser.post("/auth/register", &form).await;
    let free = browser.post("/auth/register", &[("email", "free@example.org"), ("password", OTHER_PASSWORD)]).await;
    taken.alike(&free);
    for path in ["/auth/magic-link", "/auth/reset-password"] {
        let here = browser.post(path, &[("email", ANN)]).await;
        here.alike(&browser.post(path, &[("email", "free@example.org")]).await);
    }
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::ALREADY_REGISTERED, ANN), 1);
    // A link proves the mailbox, and leads to the same step.
    let magic = link(&host, &MailKind::MAGIC_LINK, ANN);
    browser.post(&magic, &[]).await.leads_to(STEP, &["set-cookie"]);
    // A new password does not bring the account back by itself.
    let reset = link(&host, &MailKind::RESET_PASSWORD, ANN);
    browser.post(&reset, &[("password", OTHER_PASSWORD)]).await.status(303);
    let mut browser = host.browser();
    let body = json!({ "email": ANN, "password": OTHER_PASSWORD });
    assert_eq!(browser.json("/auth/api/v1/login", body.clone()).await.json()["steps"], json!(["reactivate"]));

    host.test.advance(GRACE);
    let due = host.browser().json("/auth/api/v1/login", body.clone()).await;
    due.is_problem(401, "invalid_credentials", &[]);
    let unknown = json!({ "email": "free@example.org", "password": OTHER_PASSWORD });
    due.alike(&host.browser().json("/auth/api/v1/login", unknown).await);
    host.browser().get(&link(&host, &MailKind::DELETION_SCHEDULED, ANN)).await.is_page(400, &[]);
    browser.post("/auth/magic-link", &[("email", ANN)]).await.status(303);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::MAGIC_LINK, ANN), 1, "no link could be used");
}

pub(super) async fn lc_02_an_erased_account_is_nobodys(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut old = scheduled(&host).await;
    let before = host.account(ANN).await.expect("the account must be there").id;
    host.test.advance(GRACE);
    assert_eq!(sweep(&host).await, 1);
    let again = host.test.confirmed(ANN).await;
    assert_ne!(again.id, before);
    old.read("/me").await.is_problem(401, "unauthenticated", &[]);
    host.browser().get(&link(&host, &MailKind::DELETION_SCHEDULED, ANN)).await.is_page(400, &[]);
    let mut browser = host.browser();
    assert_eq!(browser.sign_in(ANN).await.json()["status"], "authenticated");
    assert_eq!(sessions_of(&host, ANN).await, 1);
}
