//! Taking a deletion back in the middle of signing in.

use sigra_core::flows::Reactivated;

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page};
use crate::views::ReactivateView;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let entry = call.entry(false).await?;
    let view = call.sigra().deletion().view(call.pending()?, &entry).await?.ok_or_else(|| call.no_pending())?;
    Ok(Reply::page(ReactivateView {
        email: view.user.email.to_string(),
        delete_at: view.user.deletion_due_at.map(|at| at.to_string()),
        return_to: call.return_to().map(|path| path.to_string()),
    }))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match reactivate(&call).await? {
        Reactivated::Admitted(admission) => admitted_page(&call, &admission, FaultCode::InvalidCredentials),
        Reactivated::NoPending => Err(call.no_pending()),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match reactivate(&call).await? {
        Reactivated::Admitted(admission) => admitted_json(&call, &admission, FaultCode::InvalidCredentials),
        Reactivated::NoPending => Err(call.no_pending()),
    }
}

async fn reactivate(call: &Call<'_>) -> Result<Reactivated, Fault> {
    let entry = call.entry(false).await?;
    Ok(call.sigra().deletion().reactivate(call.pending()?, &entry).await?)
}
