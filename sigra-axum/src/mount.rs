//! Mounting the surface, and opening a visit for every request.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::response::Response;
use http::Uri;
use http::request::Parts;
use sigra_http::{GuardDecision, Requirement, Surface, Visit};
use tower_layer::Layer;
use tower_service::Service;

/// Mounts the routes of `surface` below its prefix, and lets the routes of `router` use the extractors and guards.
///
/// Call it last, on the outermost router: routes added afterwards are outside, and the prefix is the whole path. An
/// application that itself lives below a path has that path in the prefix.
pub fn mount(router: Router, surface: Surface) -> Router {
    let routes = Routes { surface: surface.clone() };
    let router = match surface.prefix() {
        "" => router.fallback_service(routes),
        prefix => router.nest_service(prefix, routes),
    };
    router.layer(SigraLayer::new(surface))
}

/// Opens a visit for every request, without looking anything up, and gives the response what a lookup owes it.
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

    fn call(&mut self, request: Request) -> Self::Future {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let surface = self.surface.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            if let Some(answer) = surface.misdirected(&parts) {
                return Ok(answer.map(Body::new));
            }
            let lazy = LazyVisit { surface, uri: parts.uri.clone(), visit: Arc::default() };
            parts.extensions.insert(lazy.clone());
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            if let Some(visit) = lazy.visit.get() {
                visit.finish(response.headers_mut()).await;
            }
            Ok(response)
        })
    }
}

/// A visit that is opened by the first who asks, and shared by all who do.
#[derive(Clone)]
pub(crate) struct LazyVisit {
    surface: Surface,
    uri: Uri,
    visit: Arc<OnceLock<Visit>>,
}

impl LazyVisit {
    /// Applies the guard of a requirement, origin rule included.
    pub(crate) async fn guard(&self, requirement: Requirement, parts: &mut Parts) -> GuardDecision {
        let visit = self.visit.get_or_init(|| self.surface.visit(parts, peer(parts)));
        // Nesting strips what the router is nested at; the way back needs the path the client sent.
        let nested = std::mem::replace(&mut parts.uri, self.uri.clone());
        let decision = self.surface.guard(requirement, parts, visit).await;
        parts.uri = nested;
        decision
    }
}

/// The surface's own routes.
#[derive(Clone)]
struct Routes {
    surface: Surface,
}

impl Service<Request> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // Nesting strips the prefix; the surface wants the path the client sent.
        if let Some(OriginalUri(uri)) = request.extensions().get::<OriginalUri>().cloned() {
            *request.uri_mut() = uri;
        }
        let surface = self.surface.clone();
        Box::pin(async move {
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
            Ok(surface.handle(request, peer).await.map(Body::new))
        })
    }
}

fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}
