//! Disowning what a security notice reports.

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::views::{MessageView, NotMeView};

pub(super) async fn token_page(call: Call<'_>) -> Result<Reply, Fault> {
    let token = call.param("token");
    let link = call.sigra().not_me().peek(token).await?.ok_or(FaultCode::InvalidToken)?;
    let action = call.path(&format!("/not-me/{token}"));
    Ok(Reply::page(NotMeView { email: link.email.to_string(), action }))
}

pub(super) async fn token_form(call: Call<'_>) -> Result<Reply, Fault> {
    let view = MessageView::rescued(call.path("/login"));
    redeem(&call, call.param("token"), Reply::page(view)).await
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    redeem(&call, call.text("token")?, Reply::no_content()).await
}

/// Redeems the link. The browser's cookie goes too, unless the session it names is another account's and goes on.
async fn redeem(call: &Call<'_>, token: &str, done: Reply) -> Result<Reply, Fault> {
    if !call.sigra().not_me().redeem(token, call.client()).await? {
        return Err(FaultCode::InvalidToken.into());
    }
    let ended = matches!(call.visit.current().await, Ok(None));
    Ok(if ended { done.cookie(call.cookies().session.clear()) } else { done })
}
