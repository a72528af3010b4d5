//! Following the link to a new address.

use http::StatusCode;
use sigra_core::flows::{ChangeOutcome, Renewed};

use super::signed_out;
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::views::EmailChangeTokenView;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let token = call.param("token");
    let link = call.sigra().email_change().peek(token).await?.ok_or(FaultCode::InvalidToken)?;
    Ok(Reply::page(EmailChangeTokenView {
        email: link.email.to_string(),
        requested_at: link.requested_at.to_string(),
        action: call.path(&format!("/email-change/{token}")),
    }))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let notice = call.notice(Notice::EmailChanged);
    // The session that asked goes on where it asked; everybody else signs in with the new address.
    let went_on = Reply::see_other(call.path("/settings/email")).cookie(notice);
    redeem(&call, call.param("token"), went_on, |notice| call.to_login(notice)).await
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    let changed = || Reply::json(StatusCode::OK, serde_json::json!({ "status": "changed" }));
    redeem(&call, call.text("token")?, changed(), |_| changed()).await
}

/// Redeems the link, and hands out the new token of the session that asked, or takes a dead one away.
async fn redeem(
    call: &Call<'_>,
    token: &str,
    went_on: Reply,
    ended: impl FnOnce(Notice) -> Reply,
) -> Result<Reply, Fault> {
    match call.sigra().email_change().redeem(token, call.current.as_deref(), call.client()).await? {
        ChangeOutcome::Changed(_, Some(renewed)) => {
            let Renewed { session, token } = *renewed;
            Ok(went_on.cookie(call.cookies().session.issue(&token, call.session_lifetime(&session))))
        }
        ChangeOutcome::Changed(user, None) => Ok(signed_out(ended(Notice::EmailChanged), call, &user)),
        ChangeOutcome::Reclaimed(user) => Ok(signed_out(ended(Notice::Reclaimed), call, &user)),
        ChangeOutcome::Invalid => Err(FaultCode::InvalidToken.into()),
    }
}
