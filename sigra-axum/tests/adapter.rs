//! What is axum's own: extractors, layers, nesting, and what a route that does not ask costs.

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use sigra_axum::{
    CurrentSession, CurrentUser, MaybeSession, MaybeUser, Scope, mount, require, require_aal, require_user,
};
use sigra_core::assurance::Aal;
use sigra_http::{HttpConfig, Requirement, Surface};
use sigra_testing::golden::{Ask, GoldenHost, Subject};
use support::Axum;

const ANN: &str = "ann@example.org";

fn boxed(router: Router) -> Box<dyn Subject> {
    Box::new(Axum(router))
}

fn surface(prefix: &str) -> Surface {
    let test = sigra_testing::scenario::TestHost::new();
    let config = HttpConfig { prefix: prefix.to_owned(), ..HttpConfig::default() };
    let public_url = "https://app.example.org".parse().expect("it is an origin");
    Surface::builder(test.sigra, public_url).config(config).accounts().build().expect("the surface is sound")
}

async fn ask(router: &Axum, path: &str) -> Response<Bytes> {
    router.call(Request::get(path).body(Bytes::new()).expect("it is a path"), None).await
}

async fn status(router: &Axum, path: &str) -> u16 {
    ask(router, path).await.status().as_u16()
}

#[tokio::test]
async fn every_extractor_knows_who_it_is() {
    let make = |surface| {
        let routes = Router::new()
            .route("/user", get(|user: CurrentUser| async move { user.email.to_string() }))
            .route("/maybe", get(|user: MaybeUser| async move { format!("{}", user.0.is_some()) }))
            .route("/session", get(|session: CurrentSession| async move { session.user().email.to_string() }))
            .route("/maybe-session", get(|session: MaybeSession| async move { format!("{}", session.0.is_some()) }))
            .route("/option", get(|session: Option<CurrentSession>| async move { format!("{}", session.is_some()) }))
            .route("/scope", get(|scope: Scope| async move { format!("{:?}", scope.0) }));
        boxed(mount(routes, surface))
    };
    let host = GoldenHost::new(&make);
    let mut ann = host.signed_in(ANN).await;
    let user = host.test.store.users()[0].id.to_string();
    for (path, answer) in [
        ("/user", ANN),
        ("/session", ANN),
        ("/maybe", "true"),
        ("/maybe-session", "true"),
        ("/option", "true"),
        ("/scope", &user),
    ] {
        ann.read(path).await.status(200).says(answer);
    }
    let mut nobody = host.browser();
    for path in ["/user", "/session", "/scope"] {
        nobody.read(path).await.is_problem(401, "unauthenticated", &[]);
        nobody.get(path).await.leads_to(&format!("/auth/login?return_to={path}"), &[]);
    }
    for path in ["/maybe", "/maybe-session", "/option"] {
        nobody.read(path).await.status(200).says("false");
        host.test.store.fail_next("sessions.find");
        ann.read(path).await.is_internal();
    }
}

#[tokio::test]
async fn guards_are_layers_of_routes_and_of_routers() {
    let make = |surface| {
        let admin = Router::new().route("/users", get(|| async { "users" })).route_layer(require_user());
        let routes = Router::new()
            .nest("/admin", admin)
            .route("/strong", get(|| async { "strong" }).layer(require_aal(Aal::Two)))
            .route("/open", post(|| async { "open" }).layer(require(Requirement::ANYONE)));
        boxed(mount(routes, surface))
    };
    let host = GoldenHost::new(&make);
    let mut ann = host.signed_in(ANN).await;
    ann.read("/admin/users").await.status(200).says("users");
    ann.read("/strong").await.is_problem(403, "not_enrolled", &[]);
    ann.post("/open", &[]).await.status(200);
    let foreign = Ask::new("POST", "/open").unproven().header("sec-fetch-site", "cross-site");
    ann.send(foreign).await.is_problem(403, "cross_origin", &[]);
    // What is nested leads back to the whole path.
    let mut nobody = host.browser();
    nobody.get("/admin/users?page=2").await.leads_to("/auth/login?return_to=/admin/users%3Fpage%3D2", &[]);
}

#[tokio::test]
async fn extractors_of_nested_routers_lead_back_to_the_whole_path() {
    let make = |surface| {
        let inner = Router::new().route("/list", get(|user: CurrentUser| async move { user.email.to_string() }));
        boxed(mount(Router::new().nest("/a", Router::new().nest("/b", inner)), surface))
    };
    let host = GoldenHost::new(&make);
    host.browser().get("/a/b/list").await.leads_to("/auth/login?return_to=/a/b/list", &[]);
}

#[tokio::test]
async fn a_host_that_lives_below_a_path_has_it_in_the_prefix() {
    let routes = Router::new().nest("/app", Router::new().route("/x", get(|| async { "x" })));
    let router = Axum(mount(routes, surface("/app/auth")));
    assert_eq!(status(&router, "/app/auth/login").await, 200);
    assert_eq!(status(&router, "/app/x").await, 200);
    assert_eq!(status(&router, "/auth/login").await, 404);
}

#[tokio::test]
async fn no_catch_all_route_takes_the_surfaces_routes_away() {
    for (prefix, login) in [("", "/login"), ("/auth", "/auth/login")] {
        let routes = Router::new().route("/{*rest}", get(|| async { StatusCode::IM_A_TEAPOT }));
        let router = Axum(mount(routes, surface(prefix)));
        assert_eq!(status(&router, login).await, 200);
        assert_eq!(status(&router, "/anything").await, 418);
        assert_eq!(status(&router, "/").await, 404);
    }
}

/// Where the log goes while a test looks at it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked while writing").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn outside_of_mount_nothing_passes_and_the_log_says_why() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let routes = Router::new()
        .route("/user", get(|user: CurrentUser| async move { user.email.to_string() }))
        .route("/maybe", get(|_: MaybeUser| async {}))
        .route("/session", get(|_: Option<CurrentSession>| async {}))
        .route("/guarded", get(|| async {}).layer(require_user()));
    let late = mount(Router::new(), surface("/auth")).route("/late", get(|_: MaybeUser| async {}));
    for (router, path) in [(&routes, "/user"), (&routes, "/maybe"), (&routes, "/session"), (&routes, "/guarded")]
        .into_iter()
        .chain([(&late, "/late")])
    {
        let answer = ask(&Axum(router.clone()), path).await;
        assert_eq!((answer.status().as_u16(), answer.body().len()), (500, 0), "{path}");
    }
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(lines.matches("outside of what the adapter's `mount` mounted").count(), 5, "{lines}");
}

#[tokio::test]
async fn th_12_without_connect_info_everything_works() {
    let host = GoldenHost::new(&support::golden_host);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    browser.peer = None;
    browser.sign_in(ANN).await;
    browser.read("/me").await.status(200).says(ANN);
    browser.read("/auth/api/v1/sessions").await.is_json(200, &[]);
}
