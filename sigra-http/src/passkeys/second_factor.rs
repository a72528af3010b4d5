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
use crate::second_factors::{answer, outcome_json};

/// Options for whoever owes a second factor, or is signed in and about to authenticate again.
pub(super) async fn start(call: Call<'_>) -> Result<Reply, Fault> {
    let (user, occasion) = match &call.current {
        Some(current) => (current.user().clone(), Occasion::Session(current.session().id)),
        None => pending(&call).await?,
    };
    let options = service(&call)?.start_second_factor(&user, occasion).await?;
    Ok(Reply::json(StatusCode::OK, options.ok_or(FaultCode::NotEnrolled)?))
}

pub(super) async fn finish(call: Call<'_>) -> Result<Reply, Fault> {
    let outcome = answer(&call, "passkey", &call.fields.to_json()).await?;
    outcome_json(&call, outcome, FaultCode::PasskeyRejected)
}

async fn pending(call: &Call<'_>) -> Result<(User, Occasion), Fault> {
    let view = call.sigra().door().pending(call.pending()?, &call.entry(false).await?).await?;
    let PendingView { user, pending, .. } = view.ok_or(Fault::NoPending)?;
    Ok((user, Occasion::SignIn(pending.id)))
}
