use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use sigra_core::door::{Entry, Gate, GateContext, GateVerdict, Step};
use sigra_core::error::FlowError;
use sigra_core::secret::RawToken;

use super::{ANN, GoldenHost, sessions_of};
use crate::golden::{Ask, Knobs, Make};
use crate::scenario::PASSWORD;

/// Demands two steps of everybody.
struct Demanding;

#[async_trait]
impl Gate for Demanding {
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        assert_eq!(context.user.email.as_str(), ANN);
        Ok(GateVerdict::Require(Step::MFA))
    }
}

async fn host(make: &Make<'_>) -> GoldenHost {
    let host = GoldenHost::with(make, Knobs { gate: Some(Arc::new(Demanding)), ..Knobs::default() });
    host.test.confirmed(ANN).await;
    host
}

pub(super) async fn json(make: &Make<'_>) {
    let host = host(make).await;
    let mut browser = host.browser();
    let answer = browser.sign_in(ANN).await;
    assert_eq!(answer.is_json(200, &["set-cookie"]), json!({ "status": "step_required", "steps": ["mfa"] }));
    answer.sets(&[host.issued("pending", Some(300))]);
    assert_eq!(sessions_of(&host, ANN).await, 0);
}

pub(super) async fn form(make: &Make<'_>) {
    let host = host(make).await;
    let mut browser = host.browser();
    let answer = browser.post("/auth/login", &[("email", ANN), ("password", PASSWORD)]).await;
    answer.is_page(403, &["set-cookie"]).sets(&[host.issued("pending", Some(300))]);
    answer.says("something else is needed before you are signed in: mfa");
}

pub(super) async fn opens_nothing(make: &Make<'_>) {
    let host = host(make).await;
    let mut browser = host.browser();
    browser.sign_in(ANN).await;
    let token = browser.cookie("pending").expect("a pending sign-in");
    let mut disguised = host.browser();
    disguised.plant(&host.cookie_name("session"), &token);
    for client in [&mut browser, &mut disguised] {
        for path in ["/me", "/auth/api/v1/session", "/auth/api/v1/sessions"] {
            client.read(path).await.is_problem(401, "unauthenticated", &[]);
        }
        client.read("/host/maybe").await.status(200).says("nobody");
        client.get("/auth/settings/sessions").await.status(303);
        client.json("/auth/api/v1/sudo", json!({ "password": PASSWORD })).await.status(401);
        client.send(Ask::new("DELETE", "/auth/api/v1/sessions")).await.status(401);
    }
}

pub(super) async fn sign_out_wipes_it(make: &Make<'_>) {
    let host = host(make).await;
    let mut browser = host.browser();
    browser.sign_in(ANN).await;
    let token = browser.cookie("pending").and_then(|token| RawToken::parse(&token)).expect("a pending sign-in");
    let look = || async {
        host.test.sigra.door().pending(&token, &Entry::default()).await.expect("the store must answer").is_some()
    };
    assert!(look().await);
    let answer = browser.post("/auth/logout", &[]).await;
    answer.sets(&[host.cleared("session"), host.cleared("pending")]);
    assert!(!look().await && browser.cookie("pending").is_none());
}
