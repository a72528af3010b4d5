use serde_json::json;

use super::{ANN, GoldenHost, NOBODYS_TOKEN};
use crate::golden::{Answer, Ask, Make};
use crate::scenario::PASSWORD;

const TEXT: &str = "text/plain; charset=utf-8";

fn says_exactly(answer: &Answer, text: &str) {
    answer.status(200).has("content-type", TEXT);
    assert_eq!((answer.text().as_str(), answer.header("x-frame-options")), (text, None));
}

pub(super) async fn demands(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = host.signed_in(ANN).await;
    says_exactly(&ann.read("/me").await, ANN);
    let mut garbage = host.browser();
    garbage.plant(&host.cookie_name("session"), NOBODYS_TOKEN);
    for client in [&mut host.browser(), &mut garbage] {
        client.read("/me").await.is_problem(401, "unauthenticated", &[]);
        client.get("/me").await.leads_to("/auth/login?return_to=/me", &[]);
    }
    host.test.advance(1_800);
    ann.read("/me").await.is_problem(401, "unauthenticated", &[]);
}

pub(super) async fn optional(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = host.signed_in(ANN).await;
    says_exactly(&ann.read("/host/maybe").await, ANN);
    says_exactly(&ann.post("/host/maybe", &[]).await, ANN);
    says_exactly(&host.browser().read("/host/maybe").await, "nobody");
    says_exactly(&host.browser().post("/host/maybe", &[]).await, "nobody");
}

pub(super) async fn free(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = host.signed_in(ANN).await;
    // It never asks, so a store that is away does not matter to it, and neither does what the cookie holds.
    host.test.store.fail_all();
    says_exactly(&ann.read("/host/free").await, "free");
    says_exactly(&ann.post("/host/free", &[]).await, "free");
    let foreign = Ask::new("POST", "/host/free").unproven().header("sec-fetch-site", "cross-site");
    says_exactly(&ann.send(foreign).await, "free");
    // Not one look-up: the fault is still there for the first who asks.
    host.test.store.heal();
    host.test.store.fail_next("sessions.find");
    says_exactly(&ann.read("/host/free").await, "free");
    ann.read("/me").await.is_internal();
}

pub(super) async fn fresh(make: &Make<'_>) {
    let host = GoldenHost::new(make);
    let mut ann = host.signed_in(ANN).await;
    let ask = || Ask::new("POST", "/host/fresh");
    ann.send(ask()).await.status(204).empty();
    host.browser().send(ask()).await.is_problem(401, "unauthenticated", &[]);
    host.test.advance(300);
    ann.send(ask()).await.is_problem(403, "reauth_required", &[]);
    ann.post("/host/fresh", &[]).await.leads_to("/auth/sudo", &[]);
    ann.json("/auth/api/v1/sudo", json!({ "password": PASSWORD })).await.status(204);
    ann.send(ask()).await.status(204).empty();
}
