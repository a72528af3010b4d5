//! A request body that can be had back.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::answer::PoemBody;

/// Lends a body to an endpoint.
pub(crate) fn lend(body: poem::Body) -> (poem::Body, Loan) {
    let loan = Loan(Arc::new(Mutex::new(Some(body.into()))));
    let lent = Lent { owner: Loan(loan.0.clone()), reading: None };
    (poem::Body::from(lent.boxed()), loan)
}

/// What is left with the one who lends.
pub(crate) struct Loan(Arc<Mutex<Option<PoemBody>>>);

impl Loan {
    /// The body, if nobody has read from it. Whoever still holds the lent one can not any more.
    pub(crate) fn back(self) -> Option<PoemBody> {
        self.untouched().take()
    }

    fn untouched(&self) -> MutexGuard<'_, Option<PoemBody>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lent {
    owner: Loan,
    reading: Option<PoemBody>,
}

impl Body for Lent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.reading.is_none() {
            this.reading = this.owner.untouched().take();
        }
        match &mut this.reading {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(Some(Err(io::Error::other("the body went to another route")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ask(Body::is_end_stream).unwrap_or_default()
    }

    fn size_hint(&self) -> SizeHint {
        self.ask(Body::size_hint).unwrap_or_default()
    }
}

impl Lent {
    /// Asks the body, wherever it is. A body that went back is not taken for one that ended.
    fn ask<T>(&self, question: impl FnOnce(&PoemBody) -> T) -> Option<T> {
        match &self.reading {
            Some(body) => Some(question(body)),
            None => self.owner.untouched().as_ref().map(question),
        }
    }
}
