//! A passkey as second factor of a sign-in, or to authenticate again.

use http::StatusCode;
use sigra_core::door::PendingView;
use sigra_core::ports::Occasion;
use sigra_core::user::User;

use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::second_factors::answer_json;

/// Options for whoever owes a second factor, or is signed in and about to authenticate again.
pub(super) async fn start(call: Call<'_>) -> Result<Reply, Fault> {
    if call.current.is_some() {
        return start_sudo(call).await;
    }
    let view = call.sigra().door().pending(call.pending()?, &call.entry(false).await?).await?;
    let PendingView { user, pending, .. } = view.ok_or_else(|| call.no_pending())?;
    options(&call, &user, Occasion::SignIn(pending.id)).await
}

/// Options for whoever is about to authenticate again, whatever other sign-in is under way in this browser.
pub(super) async fn start_sudo(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    options(&call, current.user(), Occasion::Session(current.session().id)).await
}

pub(super) async fn finish(call: Call<'_>) -> Result<Reply, Fault> {
    answer_json(&call, "passkey", &call.fields.to_json(), FaultCode::PasskeyRejected).await
}

async fn options(call: &Call<'_>, user: &User, occasion: Occasion) -> Result<Reply, Fault> {
    let options = service(call)?.start_second_factor(user, occasion).await?;
    Ok(Reply::json(StatusCode::OK, options.ok_or(FaultCode::NotEnrolled)?))
}
