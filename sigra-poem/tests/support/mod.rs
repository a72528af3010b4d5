//! An application over poem, called without a socket.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, StatusCode};
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Body, Endpoint, EndpointExt as _, RequestParts, Route, get, handler, post};
use sigra_http::Surface;
use sigra_poem::{CurrentUser, MaybeUser, mount, require_confirmed, require_fresh, require_mfa, require_mfa_enrolled};
use sigra_testing::golden::Subject;

/// An endpoint, asked one request at a time.
pub(crate) struct Poem(pub(crate) BoxEndpoint<'static>);

impl Poem {
    pub(crate) fn new(endpoint: impl Endpoint + 'static) -> Self {
        Self(endpoint.map_to_response().boxed())
    }
}

#[async_trait]
impl Subject for Poem {
    async fn call(&self, request: Request<Bytes>, peer: Option<IpAddr>) -> Response<Bytes> {
        let remote = peer.map(|peer| RemoteAddr(SocketAddr::new(peer, 40_000).into())).unwrap_or_default();
        let (parts, body) = request.into_parts();
        let parts = RequestParts::from((parts, LocalAddr::default(), remote, Scheme::HTTP));
        let answer = self.0.get_response(poem::Request::from_parts(parts, Body::from_bytes(body))).await;
        let (parts, body) = answer.into_parts();
        let mut response = Response::new(body.into_bytes().await.expect("a body in memory does not break off"));
        *response.status_mut() = parts.status;
        *response.headers_mut() = parts.headers;
        response
    }
}

#[handler]
async fn me(user: CurrentUser) -> String {
    user.email.to_string()
}

#[handler]
async fn maybe(user: MaybeUser) -> String {
    user.0.map_or_else(|| String::from("nobody"), |user| user.email.to_string())
}

#[handler]
async fn fresh() -> StatusCode {
    StatusCode::NO_CONTENT
}

#[handler]
async fn free() -> &'static str {
    "free"
}

/// The host that the golden scenarios describe.
pub(crate) fn golden_host(surface: Surface) -> Box<dyn Subject> {
    let routes = Route::new()
        .at("/me", get(me))
        .at("/host/fresh", post(fresh.with(require_fresh())))
        .at("/host/mfa", get(make_sync(|_| "two factors")).with(require_mfa()))
        .at("/host/confirmed", get(make_sync(|_| "confirmed")).with(require_confirmed()))
        .at("/host/enrolled", get(make_sync(|_| "enrolled")).with(require_mfa_enrolled()))
        .at("/host/maybe", get(maybe).post(maybe))
        .at("/host/free", get(free).post(free));
    Box::new(Poem::new(mount(routes, surface)))
}
