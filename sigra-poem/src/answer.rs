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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::{Body, Frame};
    use sigra_http::BodyFault;

    use super::*;

    /// A letter at a time, and then a fault. Not `Sync`.
    struct Breaks(Cell<u8>);

    impl Body for Breaks {
        type Data = Bytes;
        type Error = BodyFault;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
            let letter = self.0.replace(self.0.get() + 1);
            Poll::Ready(Some(match letter {
                b'a'..=b'c' => Ok(Frame::data(Bytes::from(vec![letter]))),
                _ => Err("the rest is lost".into()),
            }))
        }
    }

    fn translated(body: ResponseBody) -> PoemBody {
        translate(HttpResponse::new(body)).into_body().into()
    }

    #[tokio::test]
    async fn streams_stay_streams_and_break_off_where_they_fail() {
        let mut body = translated(ResponseBody::stream(Breaks(Cell::new(b'a'))));
        assert_eq!(body.size_hint().exact(), None);
        for letter in ["a", "b", "c"] {
            let frame = body.frame().await.expect("there is more").expect("it is whole so far");
            assert_eq!(frame.into_data().expect("it is data"), letter);
        }
        let fault = body.frame().await.expect("there is more").expect_err("it breaks off");
        assert_eq!(fault.to_string(), "the rest is lost");
    }

    #[tokio::test]
    async fn what_is_whole_keeps_its_length() {
        let body = translated(ResponseBody::full("abc"));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(body.collect().await.expect("it is in memory").to_bytes(), "abc");
    }
}
