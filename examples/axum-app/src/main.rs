//! A host on axum.

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::extract::State;
use axum::http::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use sigra_axum::{CurrentSession, MaybeSession, mount, require};
use sigra_example_host::{Host, pages, run};
use sigra_http::{Face, Requirement};

fn app(host: &Host) -> Router {
    let routes = Router::new()
        .route("/", get(home))
        .route("/healthz", get(health))
        .route("/me", get(me).route_layer(require(Requirement::USER.answering(Face::Json))))
        .route("/favicon.ico", get(async || pages::favicon()))
        .route("/dev/mail", get(sent_mails))
        .with_state(host.clone());
    mount(routes, host.surface.clone())
}

async fn home(State(host): State<Host>, MaybeSession(current): MaybeSession) -> Response<String> {
    pages::home(&host, current.as_deref())
}

async fn health(State(host): State<Host>) -> Response<String> {
    pages::health(&host).await
}

async fn me(current: CurrentSession) -> Response<String> {
    pages::me(&current)
}

async fn sent_mails(State(host): State<Host>) -> Response<String> {
    pages::mails(&host)
}

#[tokio::main]
async fn main() -> ExitCode {
    run("axum", "127.0.0.1:3000", async |listener, host, stop| {
        let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
        let service = app(&host).into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(stop.asked()).await
    })
    .await
}
