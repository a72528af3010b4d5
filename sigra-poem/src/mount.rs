//! Mounting the surface, and receiving every request.

use poem::error::NotFoundError;
use poem::http::Request as HttpRequest;
use poem::{Endpoint, Error, IntoEndpoint, IntoResponse as _, Request, Response, Result};
use sigra_http::Surface;

use crate::answer::{PoemBody, head, peer, translate};
use crate::lent::lend;

/// Mounts the routes of `surface` below its prefix, and lets the routes of `routes` use the extractors and guards.
///
/// Call it last, around everything: what is added afterwards is outside, and the prefix is the whole path. An application
/// that itself lives below a path has that path in the prefix.
///
/// The surface takes the requests below the prefix before any router of poem's looks at them. With an empty prefix it gets
/// what `routes` answer with a [`NotFoundError`], unless they have read from the body.
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
        if self.surface.covers(request.uri().path()) {
            return Ok(self.own(request).await);
        }
        let received = match self.surface.receive(head(&request), peer(&request)) {
            Ok(received) => received,
            Err(answer) => return Ok(translate(*answer)),
        };
        request.set_data(received.clone());
        let mut response = match self.surface.prefix() {
            "" => self.routes_first(request).await,
            _ => self.routes.get_response(request).await,
        };
        received.finish(response.headers_mut()).await;
        Ok(response)
    }
}

impl<E: Endpoint> SigraEndpoint<E> {
    /// A request to one of the surface's own routes.
    async fn own(&self, request: Request) -> Response {
        let peer = peer(&request);
        let request: HttpRequest<PoemBody> = request.into();
        translate(self.surface.handle(request, peer).await)
    }

    /// The host's routes, and the surface's for what they do not have.
    async fn routes_first(&self, request: Request) -> Response {
        let peer = peer(&request);
        let mut again = HttpRequest::new(());
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        let (parts, body) = request.into_parts();
        let (body, loan) = lend(body);
        match self.routes.call(Request::from_parts(parts, body)).await {
            Ok(answer) => answer.into_response(),
            Err(error) => match loan.back().filter(|_| error.is::<NotFoundError>()) {
                Some(body) => translate(self.surface.handle(again.map(|()| body), peer).await),
                None => Error::into_response(error),
            },
        }
    }
}
