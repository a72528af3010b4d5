//! What is stored about an account, as one document that is streamed.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use sigra_core::export::{ExportDocument, ExportError};

use crate::body_out::{BodyFault, ResponseBody};
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::route::{Route, route};

/// The routes of the export.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/settings/export", Html, FRESH, Export, "downloads what is stored about the account", download),
    route!(Get "/api/v1/export", Json, FRESH, Export, "what is stored about the account", json),
];

async fn download(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::stream(document(&call).await?, "application/json").attached_as("account-export.json"))
}

async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::stream(document(&call).await?, "application/json"))
}

async fn document(call: &Call<'_>) -> Result<ResponseBody, Fault> {
    let current = call.signed_in()?;
    // HEAD hands nothing out, so nothing is read, and no export is recorded.
    if *call.head.method == Method::HEAD {
        return Ok(streamed(stream::empty()));
    }
    let mut document = call.sigra().export().begin(current, call.client()).await?;
    // A storage that is away is found out while the answer can still say so.
    let mut first = document.next().await?.unwrap_or_default();
    first.extend(document.next().await?.unwrap_or_default());
    Ok(streamed(pieces(document, first, call.visit.request_id().to_owned())))
}

/// The pieces of a document, each read when the client has room for it. One that fails breaks the answer off.
fn pieces(
    document: ExportDocument,
    first: Vec<u8>,
    request_id: String,
) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send + 'static {
    let rest = stream::unfold(Some((document, request_id)), |state| async {
        let (mut document, request_id) = state?;
        match document.next().await {
            Ok(piece) => piece.map(|piece| (Ok(Bytes::from(piece)), Some((document, request_id)))),
            Err(error) => {
                tracing::error!(
                    name: "sigra.export.broken_off",
                    request_id,
                    error = &error as &dyn std::error::Error,
                    "an export broke off"
                );
                Some((Err(error.into()), None))
            }
        }
    });
    stream::iter([Ok(Bytes::from(first))]).chain(rest)
}

fn streamed(pieces: impl Stream<Item = Result<Bytes, BodyFault>> + Send + 'static) -> ResponseBody {
    ResponseBody::stream(StreamBody::new(pieces.map_ok(Frame::data)))
}

impl From<ExportError> for Fault {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Flow(error) => error.into(),
            // The session ended with what it was begun under.
            _ => Self::Unauthenticated,
        }
    }
}
