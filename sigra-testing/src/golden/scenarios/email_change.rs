use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN, link, sessions_of};
use crate::golden::{Answer, Browser, Make};
use crate::scenario::PASSWORD;

const NEW: &str = "new@example.org";
const ASK: &str = "/auth/api/v1/email-change";
const REDEEM: &str = "/auth/api/v1/email-change/redeem";
const CANCEL: &str = "/auth/api/v1/email-change/cancel";
const CONFIRM: MailKind = MailKind::EMAIL_CHANGE_CONFIRM;
const NOTICE: MailKind = MailKind::EMAIL_CHANGE_NOTICE;

/// Somebody who asked for [`NEW`], whose mails are sent.
async fn asked<'h>(host: &'h GoldenHost, email: &str) -> Browser<'h> {
    let mut browser = host.signed_in(email).await;
    browser.json(ASK, json!({ "email": NEW })).await.is_json(202, &[]);
    host.test.run_workers().await;
    browser
}

pub(super) async fn tk_17_forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut elsewhere = host.signed_in(ANN).await;
    let mut browser = host.signed_in(ANN).await;
    browser.get("/auth/settings/email").await.is_page(200, &[]).says(ANN).says("action=\"/auth/settings/email\"");
    let answer = browser.post("/auth/settings/email", &[("email", NEW)]).await;
    answer.leads_to("/auth/settings/email", &["set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "email_change_asked", Some(60))]);
    browser.get("/auth/settings/email").await.is_page(200, &["set-cookie"]).says("is on its way there").says(NEW);
    host.test.run_workers().await;

    let path = link(&host, &CONFIRM, NEW);
    for _ in 0..3 {
        // TK-07: a scanner opens the link and consumes nothing.
        let page = host.browser().get(&path).await;
        page.is_page(200, &[]).says(NEW).says(&format!("action=\"{path}\""));
    }
    browser.read("/me").await.status(200).says(ANN);
    let answer = browser.post(&path, &[]).await;
    answer.leads_to("/auth/settings/email", &["set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "email_changed", Some(60)), host.issued("session", None)]);
    browser.read("/me").await.status(200).says(NEW);
    browser.get("/auth/settings/email").await.is_page(200, &["set-cookie"]).says("is changed").says(NEW);
    elsewhere.read("/me").await.is_problem(401, "unauthenticated", &[]);
    assert_eq!(sessions_of(&host, NEW).await, 1);
    browser.get(&path).await.is_page(400, &[]);
    browser.post(&path, &[]).await.is_page(400, &[]);
    let mut again = host.browser();
    again.post("/auth/login", &[("email", ANN), ("password", PASSWORD)]).await.is_page(422, &[]);
    again.post("/auth/login", &[("email", NEW), ("password", PASSWORD)]).await.leads_to("/", &["set-cookie"]);
}

pub(super) async fn tk_17_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = asked(&host, ANN).await;
    let token = host.test.mailed_token(&CONFIRM, NEW);
    let before = browser.cookie("session");
    let answer = browser.json(REDEEM, json!({ "token": token })).await;
    assert_eq!(answer.is_json(200, &["set-cookie"]), json!({ "status": "changed" }));
    answer.sets(&[host.issued("session", None)]);
    assert_ne!(browser.cookie("session"), before, "SE-06");
    browser.read("/me").await.status(200).says(NEW);
    browser.json(REDEEM, json!({ "token": token })).await.is_problem(400, "invalid_token", &[]);
}

/// The link in another browser changes the address and ends the session that asked; nobody is signed in.
pub(super) async fn se_16_in_another_browser(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut asking = asked(&host, ANN).await;
    let mut bob = host.signed_in(BOB).await;
    // Another account's session is left alone.
    let answer = bob.post(&link(&host, &CONFIRM, NEW), &[]).await;
    answer.leads_to("/auth/login", &["set-cookie"]);
    answer.sets(&[host.set_cookie("notice", "email_changed", Some(60))]);
    bob.read("/me").await.status(200).says(BOB);
    asking.read("/me").await.is_problem(401, "unauthenticated", &[]);
    assert_eq!((sessions_of(&host, NEW).await, sessions_of(&host, BOB).await), (0, 1));

    // A browser of the same account that did not ask is signed out by its own redemption.
    let host = GoldenHost::new(make);
    asked(&host, ANN).await;
    let mut other = host.signed_in(ANN).await;
    let token = host.test.mailed_token(&CONFIRM, NEW);
    let answer = other.json(REDEEM, json!({ "token": token })).await;
    answer.is_json(200, &["set-cookie"]);
    answer.sets(&[host.cleared("session")]);
    assert_eq!(sessions_of(&host, NEW).await, 0);
}

pub(super) async fn undoing_forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    // Before it is redeemed.
    let mut thief = asked(&host, ANN).await;
    let path = link(&host, &NOTICE, ANN);
    for _ in 0..2 {
        let page = host.browser().get(&path).await;
        page.is_page(200, &[]).says(ANN).says("Keep this address").says(&format!("action=\"{path}\""));
    }
    let mut owner = host.signed_in(ANN).await;
    let answer = owner.post(&path, &[]).await;
    answer.is_page(200, &["set-cookie"]).says("signed out everywhere").sets(&[host.cleared("session")]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
    thief.read("/me").await.status(401);
    thief.post(&link(&host, &CONFIRM, NEW), &[]).await.is_page(400, &[]);
    host.test.run_workers().await;
    owner.get(&link(&host, &MailKind::RESET_PASSWORD, ANN)).await.is_page(200, &[]);
    for spent in [&path, &format!("/auth/email-change/{NOBODYS_TOKEN}/cancel")] {
        owner.get(spent).await.is_page(400, &[]);
        owner.post(spent, &[]).await.is_page(400, &[]);
    }

    // Afterwards.
    let host = GoldenHost::new(make);
    let mut thief = asked(&host, ANN).await;
    thief.post(&link(&host, &CONFIRM, NEW), &[]).await.status(303);
    host.test.run_workers().await;
    let path = link(&host, &MailKind::EMAIL_CHANGED, ANN);
    let mut owner = host.browser();
    owner.get(&path).await.is_page(200, &[]).says("Bring this address back").says(ANN);
    owner.post(&path, &[]).await.is_page(200, &["set-cookie"]);
    thief.read("/me").await.status(401);
    assert!(host.account(NEW).await.is_none());
    assert_eq!(sessions_of(&host, ANN).await, 0);
    owner.post("/auth/login", &[("email", ANN), ("password", PASSWORD)]).await.is_page(422, &[]);
}

pub(super) async fn cancelling_json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = asked(&host, ANN).await;
    host.browser().json(CANCEL, json!({})).await.is_problem(400, "invalid_token", &[]);
    // Without a token: one's own change. The link to the old address stays good.
    browser.json(CANCEL, json!({})).await.is(204, &[]).empty();
    browser.json(CANCEL, json!({})).await.is(204, &[]).empty();
    let token = host.test.mailed_token(&CONFIRM, NEW);
    browser.json(REDEEM, json!({ "token": token })).await.is_problem(400, "invalid_token", &[]);
    browser.read("/me").await.status(200).says(ANN);
    let undo = host.test.mailed_token(&NOTICE, ANN);
    let body = json!({ "token": undo });
    host.browser().json(CANCEL, body.clone()).await.is(204, &["set-cookie"]).sets(&[host.cleared("session")]);
    browser.read("/me").await.status(401);
    host.browser().json(CANCEL, body).await.is_problem(400, "invalid_token", &[]);
    for token in [NOBODYS_TOKEN, "", "x"] {
        host.browser().json(CANCEL, json!({ "token": token })).await.is_problem(400, "invalid_token", &[]);
    }

    // With the button of the page.
    let host = GoldenHost::new(make);
    let mut browser = asked(&host, ANN).await;
    browser.get("/auth/settings/email").await.says("action=\"/auth/settings/email/withdraw\"");
    browser.post("/auth/settings/email/withdraw", &[]).await.leads_to("/auth/settings/email", &["set-cookie"]);
    browser.get("/auth/settings/email").await.is_page(200, &["set-cookie"]).says("was withdrawn");
    browser.post(&link(&host, &CONFIRM, NEW), &[]).await.is_page(400, &[]);
}

pub(super) async fn se_20_only_fresh_sessions_ask(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    host.test.advance(300);
    browser.json(ASK, json!({ "email": NEW })).await.is_problem(403, "reauth_required", &[]);
    let answer = browser.post("/auth/settings/email", &[("email", NEW)]).await;
    answer.leads_to("/auth/sudo?return_to=/auth/settings/email", &[]);
    browser.get("/auth/settings/email").await.is_page(200, &[]).says("confirm that it is you");
    host.browser().json(ASK, json!({ "email": NEW })).await.is_problem(401, "unauthenticated", &[]);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&NOTICE, ANN), 0);
}

pub(super) async fn tk_19_faults(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for wrong in [
        "",
        "ann",
        "a@example.org, b@example.org",
        "a@b@example.org",
        "a@example.org\nbcc: b@example.org",
        "Ann@Example.org",
    ] {
        let answer = browser.json(ASK, json!({ "email": wrong })).await;
        assert_eq!(answer.is_invalid(), ["email invalid_email"], "{wrong:?}");
    }
    let answer = browser.post("/auth/settings/email", &[("email", "ann")]).await;
    answer.is_page(422, &[]).says("value=\"ann\"").says("Enter a complete email address");
    browser.post("/auth/settings/email", &[("email", ANN)]).await.is_page(422, &[]).says("your address already");
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&NOTICE, ANN), 0);
}

/// A taken address is answered as a free one is, on every way, and so is the old mailbox.
pub(super) async fn th_18_taken_and_free_addresses_are_alike(make: &Make<'_>) {
    let (mut forms, mut jsons, mut pages) = (Vec::new(), Vec::new(), Vec::<Answer>::new());
    for state in 0..3 {
        let host = GoldenHost::new(make);
        match state {
            0 => {}
            1 => host.test.registered(NEW).await,
            _ => drop(host.test.confirmed(NEW).await),
        }
        let mut browser = host.signed_in(ANN).await;
        forms.push(browser.post("/auth/settings/email", &[("email", NEW)]).await);
        browser.get("/auth/settings/email").await.status(200);
        jsons.push(browser.json(ASK, json!({ "email": NEW })).await);
        host.test.run_workers().await;
        pages.push(browser.get("/auth/settings/email").await);
        assert_eq!(host.test.count_mailed(&NOTICE, ANN), 1, "the older request was replaced");
        assert_eq!(host.test.count_mailed(&CONFIRM, NEW), usize::from(state < 2));
    }
    for answers in [&forms, &jsons, &pages] {
        for answer in &answers[1..] {
            answer.alike(&answers[0]);
        }
    }
    assert_eq!(jsons[0].is_json(202, &[]), json!({ "status": "check_mail" }));
}

/// An address that was taken meanwhile, a session that ended, a replaced link: all as a link that never was.
pub(super) async fn tk_18_dead_links_are_alike(make: &Make<'_>) {
    let mut answers = Vec::new();
    for state in 0..4 {
        let host = GoldenHost::new(make);
        let mut browser = asked(&host, ANN).await;
        let mut token = host.test.mailed_token(&CONFIRM, NEW);
        match state {
            0 => token = NOBODYS_TOKEN.to_owned(),
            1 => drop(host.test.confirmed(NEW).await),
            2 => drop(browser.json("/auth/api/v1/logout", json!({})).await),
            _ => drop(browser.json(ASK, json!({ "email": "other@example.org" })).await),
        }
        answers.push(host.browser().json(REDEEM, json!({ "token": token })).await);
        assert!(host.account(ANN).await.is_some());
    }
    answers[0].is_problem(400, "invalid_token", &[]);
    for answer in &answers[1..] {
        answer.alike(&answers[0]);
    }
}

/// Whoever has an address that somebody else changed away from gets nothing of that account, and neither do the links that went there.
pub(super) async fn lc_02_a_renamed_address_is_a_strangers(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut old = asked(&host, ANN).await;
    let token = host.test.mailed_token(&CONFIRM, NEW);
    old.json(REDEEM, json!({ "token": token })).await.status(200);
    host.test.run_workers().await;
    let renamed = host.account(NEW).await.expect("the account has the new address");
    let undo = [link(&host, &NOTICE, ANN), link(&host, &MailKind::EMAIL_CHANGED, ANN)];
    // When nothing can be undone any more.
    host.test.advance(3 * 86_400);
    let stranger = host.test.confirmed(ANN).await;
    assert_ne!(stranger.id, renamed.id);
    for path in undo {
        host.browser().post(&path, &[]).await.is_page(400, &[]);
    }
    let mut browser = host.browser();
    assert_eq!(browser.sign_in(ANN).await.json()["status"], "authenticated");
    assert_eq!((sessions_of(&host, ANN).await, sessions_of(&host, NEW).await), (1, 0));
    browser.read("/me").await.status(200).says(ANN);
    assert_eq!(host.account(NEW).await.map(|user| user.id), Some(renamed.id));
    let mut owner = host.browser();
    assert_eq!(owner.sign_in(NEW).await.json()["status"], "authenticated");
}
