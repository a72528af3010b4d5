use serde_json::json;
use sigra_core::mail::MailKind;

use super::{ANN, BOB, GoldenHost, NOBODYS_TOKEN, link, sessions_of};
use crate::golden::{Browser, Make};

/// Somebody signs in from a second browser, and the owner is told.
async fn told<'h>(host: &'h GoldenHost) -> (Browser<'h>, String) {
    let owner = host.signed_in(ANN).await;
    host.signed_in(ANN).await;
    host.test.run_workers().await;
    (owner, link(host, &MailKind::NEW_DEVICE, ANN))
}

pub(super) async fn forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let (mut owner, path) = told(&host).await;
    for _ in 0..2 {
        host.browser().get(&path).await.is_page(200, &[]).says(ANN).says(&format!("action=\"{path}\""));
    }
    assert_eq!(sessions_of(&host, ANN).await, 2);
    let answer = owner.post(&path, &[]).await;
    answer.is_page(200, &["set-cookie"]).says("signed out everywhere").sets(&[host.cleared("session")]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
    assert!(owner.cookie("session").is_none());
    host.test.run_workers().await;
    owner.get(&link(&host, &MailKind::RESET_PASSWORD, ANN)).await.is_page(200, &[]);
    for spent in [&path, &format!("/auth/not-me/{NOBODYS_TOKEN}")] {
        owner.get(spent).await.is_page(400, &[]);
        owner.post(spent, &[]).await.is_page(400, &[]);
    }
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let (mut owner, _) = told(&host).await;
    let redeem = "/auth/api/v1/not-me/redeem";
    let token = host.test.mailed_token(&MailKind::NEW_DEVICE, ANN);
    owner.json(redeem, json!({ "token": token })).await.is(204, &["set-cookie"]).sets(&[host.cleared("session")]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
    host.browser().json(redeem, json!({ "token": token })).await.is_problem(400, "invalid_token", &[]);
}

pub(super) async fn another_account_stays_signed_in(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let (_, path) = told(&host).await;
    let mut bob = host.signed_in(BOB).await;
    bob.post(&path, &[]).await.is_page(200, &[]);
    bob.read("/me").await.status(200).says(BOB);
    assert_eq!((sessions_of(&host, ANN).await, sessions_of(&host, BOB).await), (0, 1));
}
