//! What the page shows.

use http::StatusCode;

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FieldError;
use crate::reply::Reply;
use crate::views::MfaSettingsView;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call).await?))
}

/// The page again, with what went wrong.
pub(crate) async fn page_with(call: &Call<'_>, error: FieldError, status: StatusCode) -> Result<Reply, Fault> {
    let view = MfaSettingsView { errors: vec![error].into(), ..view(call).await? };
    Ok(Reply::page(view).status(status))
}

/// Back to the page, with a notice.
pub(crate) fn to_settings(call: &Call<'_>, notice: Notice) -> Reply {
    Reply::see_other(call.path("/settings/mfa")).cookie(call.notice(notice))
}

async fn view(call: &Call<'_>) -> Result<MfaSettingsView, Fault> {
    let current = call.signed_in()?;
    Ok(MfaSettingsView {
        email: current.user().email.to_string(),
        fresh: current.session().is_fresh(call.sigra().clock().now()),
        #[cfg(feature = "mfa")]
        mfa: crate::mfa::section(call).await?,
        #[cfg(feature = "passkeys")]
        passkeys: crate::passkeys::section(call).await?,
        ..MfaSettingsView::default()
    })
}
