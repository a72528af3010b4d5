//! The process that is measured: the example host's own assembly behind axum, and beside it a bare handler.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::http::Response;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use sigra_axum::{CurrentSession, mount, require};
use sigra_example_host::{Host, Settings, environment, pages, start_logging};
use sigra_http::{Face, Requirement};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::error::BenchError;
use crate::process::resident;

/// As long as the answer of `/me` to a seeded account.
pub(crate) const BARE_BODY: &str = concat!(
    r#"{"email":"user00000000@bench.example","id":"00000000-0000-7000-8000-000000000000","session":{"aal":1,"#,
    r#""created_at":"2026-01-01T00:00:00Z","id":"00000000-0000-7000-8000-000000000000","methods":["pwd"]}}"#
);

/// Serves until stdin ends, so that no host outlives its bench. Tells the two addresses on stdout.
pub(crate) fn serve() -> Result<(), BenchError> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let env = environment().map_err(BenchError::failed)?;
        start_logging(env).map_err(BenchError::failed)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let bare = TcpListener::bind(("127.0.0.1", 0)).await?;
        let settings = Settings::read(env, listener.local_addr()?).map_err(BenchError::failed)?;
        let host = Host::open(settings).await.map_err(BenchError::failed)?;
        println!("{} {}", listener.local_addr()?, bare.local_addr()?);

        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(host.clone().work(stopped));
        tokio::spawn(async { axum::serve(bare.tap_io(at_once), Router::new().route("/bare", get(unguarded))).await });
        let service = app(&host).into_make_service_with_connect_info::<SocketAddr>();
        tokio::select! {
            ended = axum::serve(listener.tap_io(at_once), service) => Ok(ended?),
            _ = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])) => Ok(()),
        }
    })
}

/// Erases every account whose deletion is due, in batches as large as those of housekeeping. Tells on stdout how many, in how many
/// seconds, and the memory resident before and at most, in KiB.
pub(crate) fn sweep() -> Result<(), BenchError> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let env = environment().map_err(BenchError::failed)?;
        let settings = Settings::read(env, SocketAddr::from(([127, 0, 0, 1], 0))).map_err(BenchError::failed)?;
        let host = Host::open(settings).await.map_err(BenchError::failed)?;
        let sigra = host.surface.sigra();
        let (before, start, mut erased) = (resident("VmRSS:", "self")?, Instant::now(), 0);
        loop {
            match sigra.deletion().sweep(sigra.config().housekeeping.batch).await.map_err(BenchError::failed)? {
                0 => break,
                some => erased += some,
            }
        }
        println!("{erased} {} {before} {}", start.elapsed().as_secs_f64(), resident("VmHWM:", "self")?);
        Ok(())
    })
}

/// As the example on axum takes its connections.
fn at_once(connection: &mut TcpStream) {
    _ = connection.set_nodelay(true);
}

/// The part of the example on axum that is measured.
fn app(host: &Host) -> Router {
    let routes = Router::new().route("/me", get(me).layer(require(Requirement::USER.answering(Face::Json))));
    mount(routes, host.surface.clone())
}

async fn me(current: CurrentSession) -> Response<String> {
    pages::me(&current)
}

async fn unguarded() -> impl IntoResponse {
    ([("content-type", "application/json")], BARE_BODY)
}
