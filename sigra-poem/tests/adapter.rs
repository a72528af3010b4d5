//! What is poem's own: extractors, middleware, nesting, errors, and what a route that does not ask costs.

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use poem::endpoint::make_sync;
use poem::{Endpoint, EndpointExt as _, Error, Result, Route, get, handler, post};
use sigra_core::assurance::Aal;
use sigra_http::{HttpConfig, Requirement, Surface};
use sigra_poem::{
    CurrentSession, CurrentUser, MaybeSession, MaybeUser, Scope, mount, require, require_aal, require_user,
};
use sigra_testing::golden::{Ask, GoldenHost, Subject};
use support::Poem;

const ANN: &str = "ann@example.org";

fn boxed(endpoint: impl Endpoint + 'static) -> Box<dyn Subject> {
    Box::new(Poem::new(endpoint))
}

fn surface(prefix: &str) -> Surface {
    let test = sigra_testing::scenario::TestHost::new();
    let config = HttpConfig { prefix: prefix.to_owned(), ..HttpConfig::default() };
    let public_url = "https://app.example.org".parse().expect("it is an origin");
    Surface::builder(test.sigra, public_url).config(config).accounts().build().expect("the surface is sound")
}

async fn ask(app: &Poem, path: &str) -> Response<Bytes> {
    app.call(Request::get(path).body(Bytes::new()).expect("it is a path"), None).await
}

async fn status(app: &Poem, path: &str) -> u16 {
    ask(app, path).await.status().as_u16()
}

#[handler]
async fn current_user(user: CurrentUser) -> String {
    user.email.to_string()
}

#[handler]
async fn maybe_user(user: MaybeUser) -> String {
    user.0.is_some().to_string()
}

#[handler]
async fn current_session(session: CurrentSession) -> String {
    session.user().email.to_string()
}

#[handler]
async fn maybe_session(session: MaybeSession) -> String {
    session.0.is_some().to_string()
}

#[handler]
async fn current_scope(scope: Scope) -> String {
    format!("{:?}", scope.0)
}

#[handler]
async fn echo(body: String) -> String {
    body
}

#[tokio::test]
async fn every_extractor_knows_who_it_is() {
    let make = |surface| {
        let routes = Route::new()
            .at("/user", get(current_user))
            .at("/maybe", get(maybe_user))
            .at("/session", get(current_session))
            .at("/maybe-session", get(maybe_session))
            .at("/scope", get(current_scope));
        boxed(mount(routes, surface))
    };
    let host = GoldenHost::new(&make);
    let mut ann = host.signed_in(ANN).await;
    let id = host.test.store.users()[0].id.to_string();
    for (path, answer) in
        [("/user", ANN), ("/session", ANN), ("/maybe", "true"), ("/maybe-session", "true"), ("/scope", &id)]
    {
        ann.read(path).await.status(200).says(answer);
    }
    let mut nobody = host.browser();
    for path in ["/user", "/session", "/scope"] {
        nobody.read(path).await.is_problem(401, "unauthenticated", &[]);
        nobody.get(path).await.leads_to(&format!("/auth/login?return_to={path}"), &[]);
    }
    for path in ["/maybe", "/maybe-session"] {
        nobody.read(path).await.status(200).says("false");
        host.test.store.fail_next("sessions.find");
        ann.read(path).await.is_internal();
    }
}

#[tokio::test]
async fn guards_are_middleware_of_routes_and_of_routers() {
    let make = |surface| {
        let admin = Route::new().at("/users", get(make_sync(|_| "users"))).with(require_user());
        let routes = Route::new()
            .nest("/admin", admin)
            .at("/strong", get(make_sync(|_| "strong")).with(require_aal(Aal::Two)))
            .at("/open", post(echo).with(require(Requirement::ANYONE)));
        boxed(mount(routes, surface))
    };
    let host = GoldenHost::new(&make);
    let mut ann = host.signed_in(ANN).await;
    ann.read("/admin/users").await.status(200).says("users");
    ann.read("/strong").await.is_problem(403, "not_enrolled", &[]);
    ann.post("/open", &[("a", "b")]).await.status(200).says("a=b");
    let foreign = Ask::new("POST", "/open").unproven().header("sec-fetch-site", "cross-site");
    ann.send(foreign).await.is_problem(403, "cross_origin", &[]);
    // What is nested leads back to the whole path.
    let mut nobody = host.browser();
    nobody.get("/admin/users?page=2").await.leads_to("/auth/login?return_to=/admin/users%3Fpage%3D2", &[]);
}

#[tokio::test]
async fn extractors_of_nested_routers_lead_back_to_the_whole_path() {
    let make = |surface| {
        let inner = Route::new().at("/list", get(current_user));
        boxed(mount(Route::new().nest("/a", Route::new().nest("/b", inner)), surface))
    };
    let host = GoldenHost::new(&make);
    host.browser().get("/a/b/list").await.leads_to("/auth/login?return_to=/a/b/list", &[]);
}

#[tokio::test]
async fn a_refused_head_is_a_refused_get_without_its_body() {
    let make = |surface| {
        let guarded = make_sync(|_| "guarded").with(require_user());
        boxed(mount(Route::new().at("/user", get(current_user)).at("/guarded", get(guarded)), surface))
    };
    let host = GoldenHost::new(&make);
    let mut nobody = host.browser();
    for path in ["/user", "/guarded"] {
        let refused = nobody.read(path).await;
        let head = nobody.send(Ask::new("HEAD", path)).await;
        head.heads(&refused);
        head.empty().has("content-length", &refused.text().len().to_string());
    }
}

#[tokio::test]
async fn errors_of_the_host_get_what_a_lookup_owes_the_browser() {
    #[handler]
    async fn failing(_user: CurrentUser) -> Result<String> {
        Err(Error::from_string("no", StatusCode::IM_A_TEAPOT))
    }
    let make = |surface| boxed(mount(Route::new().at("/fails", get(failing)), surface));
    let host = GoldenHost::new(&make);
    host.test.confirmed(ANN).await;
    let mut ann = host.browser();
    let fields = [("email", ANN), ("password", sigra_testing::scenario::PASSWORD), ("remember_me", "true")];
    ann.post("/auth/login", &fields).await.leads_to("/", &["set-cookie"]);
    let token = ann.cookie("session").expect("it signed in");
    host.test.advance(86_400);
    let answer = ann.read("/fails").await;
    answer.status(418).says("no");
    assert!(answer.header("set-cookie").is_some(), "a remembered session is moved to another token");
    assert_ne!(ann.cookie("session").expect("it is still signed in"), token);
}

#[tokio::test]
async fn a_host_that_lives_below_a_path_has_it_in_the_prefix() {
    let routes = Route::new().nest("/app", Route::new().at("/x", get(make_sync(|_| "x"))));
    let app = Poem::new(mount(routes, surface("/app/auth")));
    assert_eq!(status(&app, "/app/auth/login").await, 200);
    assert_eq!(status(&app, "/app/x").await, 200);
    assert_eq!(status(&app, "/auth/login").await, 404);
}

#[tokio::test]
async fn the_surface_takes_what_is_below_its_prefix_and_nothing_else() {
    let everything = Route::new().at("/*rest", make_sync(|_| StatusCode::IM_A_TEAPOT));
    let app = Poem::new(mount(everything, surface("/auth")));
    for own in ["/auth", "/auth/", "/auth/nothing", "/auth/%", "/auth/%ff", "/auth//login", "/auth?x"] {
        assert_eq!(status(&app, own).await, 404, "{own}");
    }
    for other in ["/authx", "/authx/login", "//auth/login", "/AUTH/login", "/%61uth/login", "/x?/auth/login"] {
        assert_eq!(status(&app, other).await, 418, "{other}");
    }
}

#[tokio::test]
async fn without_a_prefix_no_catch_all_route_takes_the_surfaces_routes_away() {
    let everything = Route::new().at("/*rest", make_sync(|_| StatusCode::IM_A_TEAPOT));
    let app = Poem::new(mount(everything, surface("")));
    assert_eq!(status(&app, "/login").await, 200);
    assert_eq!(status(&app, "/anything").await, 418);
}

#[tokio::test]
async fn without_a_prefix_the_surface_answers_what_neither_knows() {
    let routes =
        Route::new().at("/echo", post(echo)).nest("/nested/router", Route::new().at("/x", get(make_sync(|_| "x"))));
    let make = |surface| boxed(mount(Route::new().at("/echo", post(echo)), surface));
    let app = Poem::new(mount(routes, surface("")));
    for lost in ["/", "/nothing", "/nested/router/y"] {
        let page = ask(&app, lost).await;
        assert_eq!(page.status(), 404, "{lost}");
        assert!(page.body().starts_with(b"<!DOCTYPE html>"), "{lost}");
    }
    let host = GoldenHost::with(&make, sigra_testing::golden::Knobs { prefix: "", ..Default::default() });
    host.browser().post("/echo", &[("a", "b")]).await.status(200).says("a=b");
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
    let routes = Poem::new(
        Route::new()
            .at("/user", get(current_user))
            .at("/maybe", get(maybe_user))
            .at("/session", get(maybe_session))
            .at("/guarded", get(make_sync(|_| "").with(require_user()))),
    );
    let late = Route::new().nest("/", mount(Route::new(), surface("/auth"))).at("/late", get(maybe_user));
    let late = Poem::new(late);
    for (app, path) in [(&routes, "/user"), (&routes, "/maybe"), (&routes, "/session"), (&routes, "/guarded")]
        .into_iter()
        .chain([(&late, "/late")])
    {
        let answer = ask(app, path).await;
        assert_eq!((answer.status().as_u16(), answer.body().len()), (500, 0), "{path}");
    }
    assert_eq!(status(&late, "/auth/login").await, 200);
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(lines.matches("outside of what the adapter's `mount` mounted").count(), 5, "{lines}");
}

#[tokio::test]
async fn th_12_without_an_address_everything_works() {
    let host = GoldenHost::new(&support::golden_host);
    host.test.confirmed(ANN).await;
    let mut browser = host.browser();
    browser.peer = None;
    browser.sign_in(ANN).await;
    browser.read("/me").await.status(200).says(ANN);
    browser.read("/auth/api/v1/sessions").await.is_json(200, &[]);
}
