use serde_json::json;

use super::{ANN, GoldenHost, NOBODYS_TOKEN, sessions_of};
use crate::golden::{Ask, Make};

const NAMES: &[&str] = &["clear-site-data", "set-cookie"];

pub(super) async fn se_13_forms(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let mut replay = browser.clone();
    let answer = browser.post("/auth/logout", &[]).await;
    answer.leads_to("/", NAMES).has("clear-site-data", "\"cache\"");
    answer.sets(&[host.cleared("session"), host.cleared("pending")]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
    for path in ["/auth/api/v1/session", "/me"] {
        replay.read(path).await.is_problem(401, "unauthenticated", &[]);
        browser.read(path).await.is_problem(401, "unauthenticated", &[]);
    }
    assert!(browser.cookie("device").is_some(), "the device stays known");
}

pub(super) async fn json(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    let mut replay = browser.clone();
    let answer = browser.json("/auth/api/v1/logout", json!({})).await;
    answer.is(204, NAMES).empty().has("clear-site-data", "\"cache\"");
    answer.sets(&[host.cleared("session"), host.cleared("pending")]);
    replay.read("/me").await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn se_14_needs_post(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut browser = host.signed_in(ANN).await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/auth/logout", "/auth/api/v1/logout"] {
            let answer = browser.send(Ask::new(method, path)).await;
            answer.is(405, &["allow", "content-type"]).has("allow", "POST");
        }
    }
    browser.read("/me").await.status(200);
}

pub(super) async fn without_a_session(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut nobody = host.browser();
    let mut stranger = host.browser();
    stranger.plant(&host.cookie_name("session"), NOBODYS_TOKEN);
    stranger.plant(&host.cookie_name("pending"), "garbage");
    let answer = nobody.post("/auth/logout", &[]).await;
    answer.leads_to("/", NAMES).sets(&[host.cleared("session"), host.cleared("pending")]);
    stranger.post("/auth/logout", &[]).await.alike(&answer);
    let answer = nobody.send(Ask::new("POST", "/auth/api/v1/logout")).await;
    answer.is(204, NAMES);
}
