//! The new password that a sign-in demands.

use http::StatusCode;
use sigra_core::flows::ForcedOutcome;

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page, field_errors, validation};
use crate::views::PasswordChangeView;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call).await?))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match complete(&call).await? {
        ForcedOutcome::Admitted(admission) => admitted_page(&call, &admission, FaultCode::InvalidCredentials),
        ForcedOutcome::Changed => Ok(call.to_login(Notice::PasswordReset).cookie(call.cookies().pending.clear())),
        ForcedOutcome::Rejected(faults) => {
            let view = PasswordChangeView { errors: field_errors(&faults).into(), ..view(&call).await? };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        ForcedOutcome::NoPending => Err(call.no_pending()),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match complete(&call).await? {
        ForcedOutcome::Admitted(admission) => admitted_json(&call, &admission, FaultCode::InvalidCredentials),
        // The password is replaced, but nobody is signed in.
        ForcedOutcome::Changed => Err(Fault::Ending(Box::new(call.no_pending()), call.cookies().pending.clear())),
        ForcedOutcome::Rejected(faults) => Err(validation(&faults)),
        ForcedOutcome::NoPending => Err(call.no_pending()),
    }
}

async fn complete(call: &Call<'_>) -> Result<ForcedOutcome, Fault> {
    let entry = call.entry(false).await?;
    Ok(call.sigra().passwords().complete_forced_change(call.pending()?, call.text("password")?, &entry).await?)
}

async fn view(call: &Call<'_>) -> Result<PasswordChangeView, Fault> {
    let entry = call.entry(false).await?;
    let owed = call.sigra().passwords().owed(call.pending()?, &entry).await?.ok_or_else(|| call.no_pending())?;
    Ok(PasswordChangeView {
        email: owed.user.email.to_string(),
        return_to: call.return_to().map(|path| path.to_string()),
        ..PasswordChangeView::default()
    })
}
