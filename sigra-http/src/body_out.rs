//! The body of a response.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use sync_wrapper::SyncWrapper;

/// The body of a response: bytes, or a stream of them. Not printed: it may show a secret once.
///
/// A stream that fails breaks the response off, so that half a document is not taken for a whole one. It need not be
/// [`Sync`], though this is: some frameworks ask that of every body.
pub struct ResponseBody(Inner);

enum Inner {
    Full(Full<Bytes>),
    Stream(SyncWrapper<UnsyncBoxBody<Bytes, BodyFault>>),
}

impl ResponseBody {
    /// No bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::full(Bytes::new())
    }

    /// These bytes.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Inner::Full(Full::new(bytes.into())))
    }

    /// A stream of bytes, of a length nobody knows yet.
    #[must_use]
    pub fn stream(body: impl Body<Data = Bytes, Error = BodyFault> + Send + 'static) -> Self {
        Self(Inner::Stream(SyncWrapper::new(body.boxed_unsync())))
    }
}

/// Why a stream broke off.
pub type BodyFault = Box<dyn Error + Send + Sync>;

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseBody(..)")
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        match &mut self.get_mut().0 {
            Inner::Full(body) => Pin::new(body).poll_frame(context).map_err(|never: Infallible| match never {}),
            Inner::Stream(body) => Pin::new(body.get_mut()).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Full(body) => body.is_end_stream(),
            Inner::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Full(body) => body.size_hint(),
            Inner::Stream(_) => SizeHint::default(),
        }
    }
}
