//! Mounting the surface, and receiving every other request.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::response::Response;
use sigra_http::{Head, Surface};
use tower_layer::Layer;
use tower_service::Service;

/// Mounts the routes of `surface` below its prefix, and lets the routes of `router` use the extractors and guards.
///
/// Call it last, on the outermost router: routes added afterwards are outside, and the prefix is the whole path. An
/// application that itself lives below a path has that path in the prefix. The surface's routes go before the router's, so
/// no catch-all route takes them away. With an empty prefix the surface also answers what neither knows.
pub fn mount(router: Router, surface: Surface) -> Router {
    let router = match surface.prefix() {
        "" => router.fallback_service(Unknown { surface: surface.clone() }),
        _ => router,
    };
    router.layer(SigraLayer::new(surface))
}

/// Answers what the surface [owns](Surface::owns), and receives every other request for the extractors and guards.
#[derive(Clone, Debug)]
pub struct SigraLayer {
    surface: Surface,
}

impl SigraLayer {
    /// A layer over `surface`. [`mount`] adds it by itself.
    #[must_use]
    pub const fn new(surface: Surface) -> Self {
        Self { surface }
    }
}

impl<S> Layer<S> for SigraLayer {
    type Service = SigraService<S>;

    fn layer(&self, inner: S) -> SigraService<S> {
        SigraService { surface: self.surface.clone(), inner }
    }
}

/// The service behind [`SigraLayer`].
#[derive(Clone, Debug)]
pub struct SigraService<S> {
    surface: Surface,
    inner: S,
}

impl<S> Service<Request> for SigraService<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let surface = self.surface.clone();
        Box::pin(async move {
            let peer = peer(&request);
            // Nesting strips what a router is nested at; the surface wants the path the client sent.
            let uri = request.extensions().get().map_or_else(|| request.uri().clone(), |OriginalUri(uri)| uri.clone());
            if surface.owns(uri.path()) {
                *request.uri_mut() = uri;
                return Ok(surface.handle(request, peer).await.map(Body::new));
            }
            let received = match surface.receive(Head { uri: &uri, ..Head::from(&request) }, peer) {
                Ok(received) => received,
                Err(answer) => return Ok(answer.map(Body::new)),
            };
            request.extensions_mut().insert(received.clone());
            let mut response = inner.call(request).await?;
            received.finish(response.headers_mut()).await;
            Ok(response)
        })
    }
}

/// What neither the host nor the surface knows.
#[derive(Clone)]
struct Unknown {
    surface: Surface,
}

impl Service<Request> for Unknown {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let surface = self.surface.clone();
        Box::pin(async move { Ok(surface.handle(request, None).await.map(Body::new)) })
    }
}

fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}
