//! A host on axum.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use sigra_axum::{CurrentSession, mount, require};
use sigra_example_host::{
    Host, PATIENCE, Settings, SettingsError, environment, listen_address, pages, shut_down, start_logging,
};
use sigra_http::{Face, Requirement};
use tokio::net::TcpListener;
use tokio::sync::watch;

fn app(host: &Host) -> Router {
    let routes = Router::new()
        .route("/", get(home))
        .route("/healthz", get(health))
        .route("/me", get(me).layer(require(Requirement::USER.answering(Face::Json))))
        .route("/favicon.ico", get(StatusCode::NO_CONTENT))
        .route("/dev/mail", get(sent_mails))
        .with_state(host.clone());
    mount(routes, host.surface.clone())
}

async fn home(State(host): State<Host>, current: Option<CurrentSession>) -> impl IntoResponse {
    (pages::HEADERS, Html(pages::home(&host.surface, current.as_deref(), host.mail_dir.is_some())))
}

async fn health(State(host): State<Host>) -> Response {
    match host.surface.sigra().stores().health.ping().await {
        Ok(()) => "ok".into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn me(current: CurrentSession) -> impl IntoResponse {
    (pages::HEADERS, Json(pages::me(&current)))
}

async fn sent_mails(State(host): State<Host>) -> Response {
    match host.mail_dir.as_deref().map(|folder| pages::mails(&host.surface, folder)) {
        Some(Ok(page)) => (pages::HEADERS, Html(page)).into_response(),
        Some(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let env = environment()?;
    start_logging(env)?;
    let address = listen_address(env, "127.0.0.1:3000")?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        SettingsError::new("SIGRA_LISTEN", format!("{address}: {error}"), "an address and port that are free")
    })?;
    let settings = Settings::read(env, listener.local_addr()?)?;
    let (url, notices) = (settings.public_url.clone(), settings.notices.clone());
    let host = Host::open(settings).await?;
    println!("sigra example on axum: {url}");
    notices.iter().for_each(|notice| println!("{notice}"));

    let (stop, mut stopped) = watch::channel(false);
    let worker = tokio::spawn(host.clone().work(stop.subscribe()));
    let service = app(&host).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        _ = shut_down().await;
        stop.send_replace(true);
    });
    tokio::select! {
        ended = server.into_future() => ended?,
        () = async {
            _ = stopped.wait_for(|stopped| *stopped).await;
            tokio::time::sleep(PATIENCE).await;
        } => eprintln!("warning: gave up on requests that did not come to an end"),
    }
    worker.await?;
    Ok(())
}
