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
    Ok(Reply::page(NotMeView { email: link.email.to_string(), action }).token_page())
}

pub(super) async fn token_form(call: Call<'_>) -> Result<Reply, Fault> {
    redeem(&call, call.param("token")).await?;
    let view = MessageView::rescued(call.path("/login"));
    Ok(Reply::page(view).token_page().cookie(call.cookies().session.clear()))
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    redeem(&call, call.text("token")?).await?;
    Ok(Reply::no_content())
}

async fn redeem(call: &Call<'_>, token: &str) -> Result<(), Fault> {
    if call.sigra().not_me().redeem(token, call.client()).await? { Ok(()) } else { Err(FaultCode::InvalidToken.into()) }
}
