//! What becomes of requests that cannot be counted.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use sigra_core::audit::names;
use sigra_http::Surface;
use sigra_testing::UnreachableRateLimiter;
use sigra_testing::audited::{assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, TestHost};

const ANN: &str = "ann@example.org";

#[tokio::test]
async fn th_09_while_the_limiter_is_down_nothing_is_granted() {
    let host = TestHost::new();
    host.confirmed(ANN).await;
    host.hasher.take_jobs();
    let surface = Surface::builder(host.sigra.clone(), "https://app.example".parse().unwrap())
        .rate_limiter(Arc::new(UnreachableRateLimiter))
        .accounts()
        .build()
        .unwrap();
    for password in [PASSWORD, "a wrong password"] {
        let body = json!({ "email": ANN, "password": password }).to_string();
        let request = Request::post("/auth/api/v1/login")
            .header("content-type", "application/json")
            .header("sec-fetch-site", "same-origin")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let (head, body) = surface.handle(request, Some([192, 0, 2, 1].into())).await.into_parts();
        assert_eq!(head.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(head.headers.get(SET_COOKIE), None);
        let problem: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        assert_eq!(problem["code"], "internal");
        assert!(problem["request_id"].is_string());
    }
    assert_eq!(host.hasher.take_jobs(), [], "no password is looked at that is not counted");
    assert_none_audited(&host.store, names::LOGIN_SUCCESS, |_| true).await;
    assert_eq!(count_audited(&host.store, names::RATE_LIMITER_FAILURE, |_| true).await, 1);
}
