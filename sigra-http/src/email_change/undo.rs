//! Undoing a change of address from the old mailbox, and withdrawing one's own.

use super::signed_out;
use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::views::{EmailChangeCancelView, MessageView};

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let token = call.param("token");
    let link = call.sigra().email_change().peek_undo(token).await?.ok_or(FaultCode::InvalidToken)?;
    Ok(Reply::page(EmailChangeCancelView {
        email: link.email.to_string(),
        changed: link.changed,
        requested_at: link.requested_at.to_string(),
        action: call.path(&format!("/email-change/{token}/cancel")),
    }))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let view = MessageView::rescued(call.path("/login"));
    undo(&call, call.param("token"), Reply::page(view)).await
}

/// With a token it undoes; without one, the session's own pending change is withdrawn, if there is one.
pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    if call.fields.has("token") {
        return undo(&call, call.text("token")?, Reply::no_content()).await;
    }
    let current = call.current.as_deref().ok_or(FaultCode::InvalidToken)?;
    call.sigra().email_change().withdraw(current, call.client()).await?;
    Ok(Reply::no_content())
}

async fn undo(call: &Call<'_>, token: &str, done: Reply) -> Result<Reply, Fault> {
    let user = call.sigra().email_change().undo(token, call.client()).await?.ok_or(FaultCode::InvalidToken)?;
    Ok(signed_out(done, call, &user))
}
