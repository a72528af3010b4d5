//! A host on axum.

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use sigra_axum::{CurrentSession, mount, require};
use sigra_example_host::{Host, Settings, SettingsError, listen_address, pages, shut_down, start_logging};
use sigra_http::{Face, Requirement};
use tokio::net::TcpListener;
use tokio::sync::watch;

fn app(host: &Host) -> Router {
    let routes = Router::new()
        .route("/", get(home))
        .route("/healthz", get(health))
        .route("/me", get(me).layer(require(Requirement::USER.answering(Face::Json))))
        .route("/dev/mail", get(sent_mails))
        .with_state(host.clone());
    mount(routes, host.surface.clone())
}

async fn home(State(host): State<Host>, current: Option<CurrentSession>) -> Html<String> {
    Html(pages::home(&host.surface, current.as_deref(), host.mail_dir.is_some()))
}

async fn health(State(host): State<Host>) -> Response {
    match host.surface.sigra().stores().health.ping().await {
        Ok(()) => "ok".into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn me(current: CurrentSession) -> Json<serde_json::Value> {
    Json(pages::me(&current))
}

async fn sent_mails(State(host): State<Host>) -> Response {
    match host.mail_dir.as_deref().map(|folder| pages::mails(&host.surface, folder)) {
        Some(Ok(page)) => Html(page).into_response(),
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
    start_logging();
    let env = |name: &str| std::env::var(name).ok();
    let address = listen_address(env, "127.0.0.1:3000")?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        SettingsError::new("SIGRA_LISTEN", format!("{address}: {error}"), "an address and port that are free")
    })?;
    let mut settings = Settings::read(env, listener.local_addr()?)?;
    println!("sigra example on axum: {}", settings.public_url);
    settings.notices.drain(..).for_each(|notice| println!("{notice}"));
    let host = Host::open(settings).await?;

    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(host.clone().work(stopped));
    let service = app(&host).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(async { _ = shut_down().await }).await?;
    stop.send_replace(true);
    worker.await?;
    Ok(())
}
