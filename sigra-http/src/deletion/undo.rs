//! Taking a deletion back by the link in the mail about it.

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::views::{MessageView, UndoDeletionView};

pub(super) async fn token_page(call: Call<'_>) -> Result<Reply, Fault> {
    let token = call.param("token");
    let link = call.sigra().deletion().peek(token).await?.ok_or(FaultCode::InvalidToken)?;
    Ok(Reply::page(UndoDeletionView {
        email: link.email.to_string(),
        requested_at: link.requested_at.to_string(),
        delete_at: link.due_at.to_string(),
        action: call.path(&format!("/reactivate/{token}")),
    }))
}

pub(super) async fn token_form(call: Call<'_>) -> Result<Reply, Fault> {
    let view = MessageView::kept(call.path("/login"));
    redeem(&call, call.param("token"), Reply::page(view)).await
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    redeem(&call, call.text("token")?, Reply::no_content()).await
}

async fn redeem(call: &Call<'_>, token: &str, done: Reply) -> Result<Reply, Fault> {
    if call.sigra().deletion().undo(token, call.client()).await? {
        Ok(done)
    } else {
        Err(FaultCode::InvalidToken.into())
    }
}
