//! sigra on plain [hyper]: an adapter in one file, over nothing but the public interface of [`sigra_http`].
//!
//! The guide `docs/guides/writing-an-adapter.md` explains every part of it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use hyper::service::{Service, service_fn};
use sigra_http::sigra_core::flows::CurrentSession;
use sigra_http::{Head, HostRequest, Requirement, ResponseBody, Surface};

/// What a host answers. [`ResponseBody`] is an `http_body::Body`, which is all that hyper asks of it.
pub type Answer = Response<ResponseBody>;

/// What happens instead of an answer of the host's own.
#[derive(Debug)]
pub enum Instead<B> {
    /// A guard did not let the request through, and answers it.
    Refused(Box<Answer>),
    /// The host has no such route. The request goes to the surface.
    NoRoute(Box<Request<B>>),
}

/// So that `?` after a guard leaves a route.
impl<B> From<Box<Answer>> for Instead<B> {
    fn from(answer: Box<Answer>) -> Self {
        Self::Refused(answer)
    }
}

/// Answers one request: by the `surface` what it owns and what the host's `routes` have no route for, by them the rest.
///
/// `peer` is the address of the TCP connection.
pub async fn serve<B, F>(
    surface: &Surface,
    peer: Option<IpAddr>,
    mut request: Request<B>,
    routes: impl FnOnce(Request<B>) -> F,
) -> Answer
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
    F: Future<Output = Result<Answer, Instead<B>>>,
{
    if surface.owns(request.uri().path()) {
        return surface.handle(request, peer).await;
    }
    let received = match surface.receive(Head::from(&request), peer) {
        Ok(received) => received,
        Err(answer) => return *answer,
    };
    request.extensions_mut().insert(received.clone());
    let mut answer = match routes(request).await {
        Ok(answer) => answer,
        Err(Instead::Refused(answer)) => *answer,
        Err(Instead::NoRoute(request)) => surface.handle(*request, peer).await,
    };
    received.finish(answer.headers_mut()).await;
    answer
}

/// [`serve`] for every request of one connection.
pub fn service<R, F>(
    surface: Surface,
    peer: Option<IpAddr>,
    routes: R,
) -> impl Service<Request<Incoming>, Response = Answer, Error = Infallible, Future: Send>
where
    R: Fn(Request<Incoming>) -> F + Clone + Send + Sync,
    F: Future<Output = Result<Answer, Instead<Incoming>>> + Send,
{
    service_fn(move |request| {
        let (surface, routes) = (surface.clone(), routes.clone());
        async move { Ok(serve(&surface, peer, request, routes).await) }
    })
}

/// Applies a requirement, origin rule included, and answers the session if there is one.
///
/// # Errors
///
/// The answer to give instead.
pub async fn require<B>(
    request: &Request<B>,
    requirement: Requirement,
) -> Result<Option<Arc<CurrentSession>>, Box<Answer>> {
    HostRequest::demand(request.extensions().get(), requirement, Head::from(request)).await
}

/// The session behind a request that must have one.
///
/// # Errors
///
/// The answer to give instead.
pub async fn signed_in<B>(request: &Request<B>) -> Result<Arc<CurrentSession>, Box<Answer>> {
    HostRequest::session(request.extensions().get(), Head::from(request)).await
}
