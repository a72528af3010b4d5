use serde_json::{Value, json};
use sigra_core::config::{Config, Seconds};
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN};
use crate::golden::{Answer, Knobs, Make};
use crate::scenario::{PASSWORD, WRONG_PASSWORD};

/// Hosts in which an address is in different states, each with a password that does not open it.
async fn states(make: &Make<'_>) -> Vec<(&'static str, GoldenHost, String)> {
    let mut states = Vec::new();
    let mut add = |state, host, password: &str| states.push((state, host, password.to_owned()));
    add("unknown", GoldenHost::new(make), PASSWORD);
    let host = GoldenHost::new(make);
    host.test.registered(ANN).await;
    add("unconfirmed", host, PASSWORD);
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    add("wrong password", host, WRONG_PASSWORD);
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    add("over-long password", host, &"x".repeat(5_000));
    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    host.test.locked(ANN).await;
    add("locked", host, PASSWORD);
    let host = GoldenHost::new(make);
    let user = host.test.confirmed(ANN).await;
    host.test.store.edit_user(user.id, |user| user.disabled_at = Some(user.created_at));
    add("disabled", host, PASSWORD);
    let host = GoldenHost::new(make);
    let user = host.test.confirmed(ANN).await;
    host.test.store.edit_user(user.id, |user| user.deletion_due_at = Some(user.created_at));
    add("due for deletion", host, PASSWORD);
    let host = GoldenHost::new(make);
    let user = host.test.confirmed(ANN).await;
    assert!(host.test.sigra.operator().schedule_deletion(user.id, &host.test.client()).await.expect("it must answer"));
    add("to be deleted, wrong password", host, WRONG_PASSWORD);
    states
}

fn all_alike(answers: &[Answer]) {
    for answer in &answers[1..] {
        answer.alike(&answers[0]);
    }
}

pub(super) async fn th_15_sign_in(make: &Make<'_>) {
    let mut answers = Vec::new();
    for (_, host, password) in states(make).await {
        let mut browser = host.browser();
        let answer = browser.post("/auth/login", &[("email", ANN), ("password", &password)]).await;
        answer.is_page(422, &[]).sets(&[]);
        answers.push(answer);
    }
    all_alike(&answers);
}

pub(super) async fn th_15_sign_in_json(make: &Make<'_>) {
    let mut answers = Vec::new();
    for (state, host, password) in states(make).await {
        host.test.hasher.take_jobs();
        let body = json!({ "email": ANN, "password": password });
        let answer = host.browser().json("/auth/api/v1/login", body).await;
        answer.is_problem(401, "invalid_credentials", &[]);
        answers.push(answer);
        assert_eq!(host.test.hasher.take_jobs().len(), 1, "{state} costs as much as any");
    }
    all_alike(&answers);
}

/// The same request where the address is free, submitted, and taken.
async fn wherever(make: &Make<'_>, path: &str, fields: &[(&str, &str)]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for state in 0..3 {
        let host = GoldenHost::new(make);
        match state {
            0 => {}
            1 => host.test.registered(ANN).await,
            _ => drop(host.test.confirmed(ANN).await),
        }
        let mut browser = host.browser();
        answers.push(if path.contains("/api/") {
            let body = fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
            browser.json(path, Value::Object(body)).await
        } else {
            browser.post(path, fields).await
        });
    }
    all_alike(&answers);
    answers
}

pub(super) async fn th_17_registering(make: &Make<'_>) {
    let fields = [("email", ANN), ("password", PASSWORD)];
    wherever(make, "/auth/register", &fields).await[0].leads_to("/auth/confirm", &[]);
    wherever(make, "/auth/api/v1/register", &fields).await[0].is_json(202, &[]);

    let host = GoldenHost::new(make);
    host.test.confirmed(ANN).await;
    host.browser().post("/auth/register", &fields).await.status(303);
    host.test.run_workers().await;
    assert_eq!(host.test.count_mailed(&MailKind::ALREADY_REGISTERED, ANN), 1);
}

pub(super) async fn th_18_requests(make: &Make<'_>) {
    for path in ["/auth/magic-link", "/auth/reset-password", "/auth/confirm/resend"] {
        wherever(make, path, &[("email", ANN)]).await[0].status(303);
    }
    for path in ["/auth/api/v1/magic-link", "/auth/api/v1/password-reset", "/auth/api/v1/confirm/resend"] {
        let answers = wherever(make, path, &[("email", ANN)]).await;
        assert_eq!(answers[0].is_json(202, &[]), json!({ "status": "check_mail" }));
    }
}

pub(super) async fn confirming(make: &Make<'_>) {
    let fields = [("email", ANN), ("code", "12345")];
    wherever(make, "/auth/confirm", &fields).await[0].is_page(422, &[]);
    wherever(make, "/auth/api/v1/confirm", &fields).await[0].is_problem(400, "invalid_code", &[]);
}

pub(super) async fn links(make: &Make<'_>) {
    // Unknown, used, expired and another purpose: one answer, but for the path.
    let host = GoldenHost::new(make);
    host.test.registered(ANN).await;
    let another_purpose = host.test.mailed_token(&MailKind::CONFIRM_EMAIL, ANN);
    host.test.confirmed("bob@example.org").await;
    let used = host.test.mailed_token(&MailKind::CONFIRM_EMAIL, "bob@example.org");
    for redeem in ["magic-link", "password-reset", "not-me"] {
        let mut answers = Vec::new();
        for token in [NOBODYS_TOKEN, &used, &another_purpose, "short"] {
            let body = json!({ "token": token, "password": PASSWORD });
            answers.push(host.browser().json(&format!("/auth/api/v1/{redeem}/redeem"), body).await);
        }
        answers[0].is_problem(400, "invalid_token", &[]);
        all_alike(&answers);
    }
}

/// Registering an address and changing to it where it is free, taken, and kept from everybody. Only a free one gets mail that goes on.
pub(super) async fn lc_06_an_address_in_quarantine(make: &Make<'_>) {
    let fields = [("email", ANN), ("password", PASSWORD)];
    let body = json!({ "email": ANN, "password": PASSWORD });
    let mut answers = [(); 4].map(|()| Vec::new());
    for (state, mails) in [("free", 4), ("taken", 0), ("kept", 0)] {
        let config = |config: &mut Config| config.lifecycle.address_quarantine_secs = Seconds::new(30 * 86_400);
        let host = GoldenHost::with(make, Knobs { config, ..Knobs::default() });
        if state != "free" {
            let ann = host.test.confirmed(ANN).await;
            if state == "kept" {
                let operator = host.test.sigra.operator();
                assert!(operator.erase(ann.id, &host.test.client()).await.expect("the store must answer"));
            }
        }
        let mut bob = host.signed_in(BOB).await;
        let before = host.test.count_mailed(&MailKind::CONFIRM_EMAIL, ANN);
        answers[0].push(host.browser().post("/auth/register", &fields).await);
        answers[1].push(host.browser().json("/auth/api/v1/register", body.clone()).await);
        for path in ["/auth/settings/email", "/auth/api/v1/email-change"] {
            let page = path.starts_with("/auth/settings");
            let answer = match page {
                true => bob.post(path, &[("email", ANN)]).await,
                false => bob.json(path, json!({ "email": ANN })).await,
            };
            host.test.run_workers().await;
            answers[2 + usize::from(!page)].push(answer);
        }
        let registered = host.test.count_mailed(&MailKind::CONFIRM_EMAIL, ANN) - before;
        let changing = host.test.count_mailed(&MailKind::EMAIL_CHANGE_CONFIRM, ANN);
        assert_eq!(registered + changing, mails, "{state}");
        let notices = host.test.count_mailed(&MailKind::EMAIL_CHANGE_NOTICE, BOB);
        assert_eq!(notices, 2, "{state}: the mailbox of whoever asks is told alike");
    }
    for answers in &answers {
        all_alike(answers);
    }
    answers[0][0].leads_to("/auth/confirm", &[]);
    answers[1][0].is_json(202, &[]);
    answers[3][0].is_json(202, &[]);
}
