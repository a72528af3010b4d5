//! Between poem's types and those of `http`.

use std::io;
use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use poem::http::Response as HttpResponse;
use poem::{Request, Response, ResponseParts};
use sigra_http::{Head, ResponseBody};

/// What poem has in its bodies.
pub(crate) type PoemBody = BoxBody<Bytes, io::Error>;

/// The head of a request.
pub(crate) fn head(request: &Request) -> Head<'_> {
    Head { method: request.method(), uri: request.uri(), headers: request.headers() }
}

/// The address of the connection's other end.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    request.remote_addr().as_socket_addr().map(|address| address.ip())
}

/// The surface's answer. Its body keeps the length it knows.
pub(crate) fn translate(answer: HttpResponse<ResponseBody>) -> Response {
    let (parts, body) = answer.into_parts();
    let body: PoemBody = body.map_err(io::Error::other).boxed();
    let parts = ResponseParts {
        status: parts.status,
        version: parts.version,
        headers: parts.headers,
        extensions: parts.extensions,
    };
    Response::from_parts(parts, body.into())
}
