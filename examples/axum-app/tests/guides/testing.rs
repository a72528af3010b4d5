//! The code of `docs/guides/testing-your-app.md`, which shows parts of this file word for word.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::routing::{get, post};
use sigra_axum::{CurrentUser, mount, require, require_fresh};
use sigra_core::audit::names;
use sigra_core::flows::{LoginOutcome, PasswordAttempt, ResetOutcome};
use sigra_core::mail::MailKind;
use sigra_http::{Requirement, Surface};
use sigra_store_seaorm::{SeaOrmStore, migrations};
use sigra_testing::audited::{assert_audited, assert_none_audited, count_audited};
use sigra_testing::scenario::{PASSWORD, PUBLIC_URL, TestHost, WRONG_PASSWORD};
use tower::ServiceExt as _;

/// Your application, as `main` makes it and as tests make it: from a surface.
fn app(surface: Surface) -> Router {
    let routes = Router::new()
        .route("/garden", get(|user: CurrentUser| async move { format!("the garden of {}", user.email) }))
        .route("/garden/burn", post(|| async { "burnt" }).layer(require_fresh()))
        .route("/garden/wish", post(|| async { "noted" }).layer(require(Requirement::ANYONE)));
    mount(routes, surface)
}

#[tokio::test]
async fn a_member_sees_the_garden() {
    let host = TestHost::new();
    let app = app(host.surface());
    let cookie = host.cookie_for(&host.confirmed("ann@example.org").await).await;

    let request = Request::get("/garden").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();

    assert_eq!(answer.status(), StatusCode::OK);
    let body = to_bytes(answer.into_body(), 64 * 1024).await.unwrap();
    assert_eq!(body, "the garden of ann@example.org");
}

/// Asks as a page of the application does: `same-origin` for what is not a GET.
async fn status(app: &Router, method: &str, path: &str, cookie: Option<&str>, site: &str) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path).header("sec-fetch-site", site);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn only_a_fresh_member_burns_the_garden_and_only_from_here() {
    let host = TestHost::new();
    let (app, ann) = (app(host.surface()), host.confirmed("ann@example.org").await);
    let fresh = host.cookie_for(&ann).await;
    let burn = async |cookie, site| status(&app, "POST", "/garden/burn", cookie, site).await;

    assert_eq!(burn(Some(&*fresh), "same-origin").await, StatusCode::OK);
    assert_eq!(burn(Some(&*fresh), "cross-site").await, StatusCode::FORBIDDEN);
    assert_eq!(burn(Some(&*fresh), "same-site").await, StatusCode::FORBIDDEN);
    assert_eq!(burn(None, "same-origin").await, StatusCode::UNAUTHORIZED);

    let stale = host.stale(&ann).await.cookie_header(&PUBLIC_URL.parse().unwrap());
    assert_eq!(burn(Some(&*stale), "same-origin").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn strangers_make_wishes_from_our_pages_alone() {
    let app = app(TestHost::new().surface());
    assert_eq!(status(&app, "POST", "/garden/wish", None, "same-origin").await, StatusCode::OK);
    assert_eq!(status(&app, "POST", "/garden/wish", None, "cross-site").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_route_of_ours_is_open_to_strangers() {
    let host = TestHost::new();
    let app = app(host.surface());
    for (method, path) in [("GET", "/garden"), ("POST", "/garden/burn")] {
        assert_eq!(status(&app, method, path, None, "same-origin").await, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn a_session_ends_after_thirty_idle_minutes() {
    let host = TestHost::new();
    let app = app(host.surface());
    let cookie = host.cookie_for(&host.confirmed("ann@example.org").await).await;

    host.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(status(&app, "GET", "/garden", Some(&cookie), "none").await, StatusCode::OK);
    host.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(status(&app, "GET", "/garden", Some(&cookie), "none").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_reset_link_is_good_for_an_hour() {
    let host = TestHost::new();
    let ann = host.confirmed("ann@example.org").await;
    let session = host.signed_in(&ann).await;

    let _ = host.sigra.reset().request("ann@example.org", &host.client()).await.unwrap();
    host.run_workers().await;
    let link = host.mailed_token(&MailKind::RESET_PASSWORD, "ann@example.org");

    host.advance(59 * 60);
    let outcome = host.sigra.reset().redeem(&link, "a different long password", &host.client()).await.unwrap();
    assert!(matches!(outcome, ResetOutcome::Done(_)));
    assert!(host.resolve(&session.cookie()).await.is_none());
    assert!(matches!(host.login("ann@example.org", PASSWORD).await, LoginOutcome::InvalidCredentials));
}

#[tokio::test]
async fn who_signed_in_and_who_failed_is_on_record() {
    let host = TestHost::new();
    let ann = host.confirmed("ann@example.org").await;
    let session = host.signed_in(&ann).await;
    let event = assert_audited(&host.store, names::LOGIN_SUCCESS, |event| event.actor == Some(ann.id)).await;
    assert_eq!(event.session, Some(session.session.id));

    let _ = host.login("ann@example.org", WRONG_PASSWORD).await;
    assert_eq!(count_audited(&host.store, names::LOGIN_FAILURE, |_| true).await, 1);
    assert_none_audited(&host.store, names::LOCKOUT, |_| true).await;
}

#[tokio::test]
async fn without_its_database_the_application_lets_nobody_in() {
    let host = TestHost::new();
    let app = app(host.surface());
    let cookie = host.cookie_for(&host.confirmed("ann@example.org").await).await;

    host.store.fail_all();
    assert_eq!(status(&app, "GET", "/garden", Some(&cookie), "none").await, StatusCode::INTERNAL_SERVER_ERROR);
    host.store.heal();
    assert_eq!(status(&app, "GET", "/garden", Some(&cookie), "none").await, StatusCode::OK);
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_recorded_does_not_happen() {
    let host = TestHost::new();
    let ann = host.confirmed("ann@example.org").await;
    host.store.fail_next("evidence");
    let entry = host.entry();
    let attempt = PasswordAttempt { email: "ann@example.org", password: PASSWORD, entry: &entry };
    assert!(host.sigra.login().password(attempt).await.is_err());
    assert!(host.sigra.stores().sessions.list(ann.id, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn mail_is_tried_again_when_its_server_is_away() {
    let host = TestHost::new();
    host.confirmed("ann@example.org").await;
    host.mailer.fail_temporarily(1);
    let _ = host.sigra.magic_link().request("ann@example.org", &host.client()).await.unwrap();

    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, "ann@example.org"), 0);
    host.advance(30);
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::MAGIC_LINK, "ann@example.org"), 1);
}

#[tokio::test]
async fn the_garden_grows_on_sqlite_too() {
    let folder = tempfile::tempdir().unwrap();
    let pool = sigra_store_seaorm::open(&format!("sqlite:{}", folder.path().join("test.db").display())).await.unwrap();
    migrations::migrate(&pool).await.unwrap();
    let store = SeaOrmStore::new(pool);
    let host = TestHost::over(store.clone(), store.stores()).build();
    let app = app(host.surface());

    let cookie = host.cookie_for(&host.confirmed("ann@example.org").await).await;
    assert_eq!(status(&app, "GET", "/garden", Some(&cookie), "none").await, StatusCode::OK);
    let trail = &*host.sigra.stores().audit;
    assert_audited(trail, names::LOGIN_SUCCESS, |_| true).await;
}

#[tokio::test]
async fn a_surface_answers_without_a_framework() {
    let host = TestHost::new();
    let request = Request::get("/auth/login").body(String::new()).unwrap();
    let answer = host.surface().handle(request, Some([192, 0, 2, 1].into())).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[test]
fn the_guide_shows_this_file_word_for_word() {
    let guide = include_str!("../../../../docs/guides/testing-your-app.md");
    super::shown_word_for_word(guide, include_str!("testing.rs"));
}
