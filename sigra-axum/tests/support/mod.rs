//! An application over axum, called without a socket.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response as AxumResponse;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use sigra_axum::{CurrentUser, MaybeUser, mount, require_confirmed, require_fresh, require_mfa, require_mfa_enrolled};
use sigra_http::Surface;
use sigra_testing::golden::Subject;
use tower_service::Service;

/// A router, asked one request at a time.
pub(crate) struct Axum(pub(crate) Router);

#[async_trait]
impl Subject for Axum {
    async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        let mut request = request.map(Body::from);
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 40_000)));
        }
        let mut router = self.0.clone();
        let ready: Result<(), Infallible> =
            poll_fn(|context| <Router as Service<Request<Body>>>::poll_ready(&mut router, context)).await;
        let answer: Result<AxumResponse, Infallible> = router.call(request).await;
        let (Ok(()), Ok(response)) = (ready, answer);
        let (parts, body) = response.into_parts();
        Response::from_parts(parts, body.collect().await.expect("a body in memory does not break off").to_bytes())
    }
}

/// The host that the golden scenarios describe.
pub(crate) fn golden_host(surface: Surface) -> Box<dyn Subject> {
    let routes = Router::new()
        .route("/me", get(|user: CurrentUser| async move { user.email.to_string() }))
        .route("/host/fresh", post(|| async { StatusCode::NO_CONTENT }).layer(require_fresh()))
        .route("/host/mfa", get(|| async { "two factors" }).layer(require_mfa()))
        .route("/host/confirmed", get(|| async { "confirmed" }).layer(require_confirmed()))
        .route("/host/enrolled", get(|| async { "enrolled" }).layer(require_mfa_enrolled()))
        .route("/host/maybe", get(maybe).post(maybe))
        .route("/host/free", get(|| async { "free" }).post(|| async { "free" }));
    Box::new(Axum(mount(routes, surface)))
}

async fn maybe(user: MaybeUser) -> String {
    user.0.map_or_else(|| String::from("nobody"), |user| user.email.to_string())
}
