//! What services outside say of a form: the codes, the sentences, the statuses.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use sigra_core::config::WhenUnanswered;
use sigra_http::Surface;
use sigra_testing::KnownBad;
use sigra_testing::scenario::TestHost;

const LEAKED: &str = "a long password that leaked";

fn surface(passwords: &KnownBad, domains: &KnownBad) -> Surface {
    let host = TestHost::builder()
        .breached_passwords(Arc::new(passwords.clone()))
        .mail_domains(Arc::new(domains.clone()))
        .config(|config| config.breach_check.when_unanswered = WhenUnanswered::Refuse)
        .build();
    Surface::builder(host.sigra, "https://app.example".parse().unwrap()).accounts().build().unwrap()
}

async fn post(surface: &Surface, path: &str, media_type: &str, body: String) -> (Response<()>, String) {
    let request = Request::post(path)
        .header("content-type", media_type)
        .header("sec-fetch-site", "same-origin")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let (head, body) = surface.handle(request, Some([192, 0, 2, 1].into())).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(head, ()), String::from_utf8(body.to_vec()).unwrap())
}

async fn register(surface: &Surface, email: &str, password: &str) -> (Response<()>, Value) {
    let body = json!({ "email": email, "password": password }).to_string();
    let (head, body) = post(surface, "/auth/api/v1/register", "application/json", body).await;
    (head, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn pw_10_a_breached_password_and_an_undeliverable_address_have_their_codes_and_sentences() {
    let surface = surface(&KnownBad::new([LEAKED]), &KnownBad::new(["nomail.example"]));
    for (email, password, field, code) in [
        ("ann@example.org", LEAKED, "password", "breached"),
        ("ann@nomail.example", "another long password", "email", "invalid_email"),
    ] {
        let (head, problem) = register(&surface, email, password).await;
        assert_eq!(head.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1);
        assert_eq!((&errors[0]["field"], &errors[0]["code"]), (&json!(field), &json!(code)));
    }
    let form = "email=ann%40nomail.example&password=a+long+password+that+leaked".to_owned();
    let (head, page) = post(&surface, "/auth/register", "application/x-www-form-urlencoded", form).await;
    assert_eq!(head.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("This address cannot receive mail."), "{page}");
    let form = "email=ann%40example.org&password=a+long+password+that+leaked".to_owned();
    let (_, page) = post(&surface, "/auth/register", "application/x-www-form-urlencoded", form).await;
    assert!(page.contains("known from a data breach"), "{page}");
}

#[tokio::test]
async fn pw_11_a_check_that_is_demanded_and_not_made_is_worth_another_try() {
    let passwords = KnownBad::default();
    let surface = surface(&passwords, &KnownBad::default());
    passwords.silent(true);
    let (head, problem) = register(&surface, "ann@example.org", LEAKED).await;
    assert_eq!((head.status(), &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("overloaded")));
    assert_eq!(head.headers()["retry-after"], "30");
    passwords.silent(false);
    let (head, _) = register(&surface, "ann@example.org", LEAKED).await;
    assert_eq!(head.status(), StatusCode::ACCEPTED);
}
