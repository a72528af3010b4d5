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

/// The page again, with what is wrong beside the form below this path, which was sent.
pub(crate) async fn page_with(call: &Call<'_>, form: &str, errors: Vec<FieldError>) -> Result<Reply, Fault> {
    let view = MfaSettingsView {
        errors: errors.into(),
        form: Some(call.path(form)),
        method: call.text("method")?.to_owned(),
        nickname: call.text("nickname")?.to_owned(),
        ..view(call).await?
    };
    Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// The page again where a code is wrong, or too many were.
///
/// # Errors
///
/// The fault, when it is another one.
#[cfg(feature = "mfa")]
pub(crate) async fn page_beside_code(call: &Call<'_>, form: &str, fault: Fault) -> Result<Reply, Fault> {
    let beside = fault.beside_code()?;
    let page = page_with(call, form, vec![beside.error.clone()]).await?;
    Ok(beside.on(page))
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
