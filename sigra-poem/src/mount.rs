//! Mounting the surface, and receiving every other request.

use poem::error::NotFoundError;
use poem::http::Request as HttpRequest;
use poem::{Endpoint, IntoEndpoint, IntoResponse as _, Request, Response, Result};
use sigra_http::Surface;

use crate::answer::{PoemBody, head, peer, translate};

/// Mounts the routes of `surface` below its prefix, and lets the routes of `routes` use the extractors and guards.
///
/// Call it last, around everything: what is added afterwards is outside, and the prefix is the whole path. An application
/// that itself lives below a path has that path in the prefix. The surface's routes go before the host's, so no catch-all
/// route takes them away. With an empty prefix the surface also answers what neither knows.
pub fn mount<E: IntoEndpoint>(routes: E, surface: Surface) -> SigraEndpoint<E::Endpoint> {
    SigraEndpoint { surface, routes: routes.into_endpoint() }
}

/// What [`mount`] answers: a host's routes and sigra's. Errors of the host's are responses by then.
#[derive(Clone, Debug)]
pub struct SigraEndpoint<E> {
    surface: Surface,
    routes: E,
}

impl<E: Endpoint> Endpoint for SigraEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let peer = peer(&request);
        if self.surface.owns(request.uri().path()) {
            let request: HttpRequest<PoemBody> = request.into();
            return Ok(translate(self.surface.handle(request, peer).await));
        }
        let received = match self.surface.receive(head(&request), peer) {
            Ok(received) => received,
            Err(answer) => return Ok(translate(*answer)),
        };
        request.set_data(received.clone());
        let unknown = self.surface.prefix().is_empty().then(|| without_body(&request));
        let mut response = match (self.routes.call(request).await, unknown) {
            (Ok(answer), _) => answer.into_response(),
            (Err(error), Some(request)) if error.is::<NotFoundError>() => {
                translate(self.surface.handle(request, peer).await)
            }
            (Err(error), _) => error.into_response(),
        };
        received.finish(response.headers_mut()).await;
        Ok(response)
    }
}

/// As much of a request as matters where no path is known.
fn without_body(request: &Request) -> HttpRequest<PoemBody> {
    let mut copy = HttpRequest::new(poem::Body::empty().into());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
