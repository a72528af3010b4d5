//! Asking for a change of address.

use http::StatusCode;
use sigra_core::flows::{ChangeRequested, InputFault};

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FieldError;
use crate::reply::Reply;
use crate::shown::{check_mail, field_errors, validation};
use crate::views::{EmailSettingsView, PendingEmailView};

const PATH: &str = "/settings/email";

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call, String::new(), Vec::new()).await?))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let typed = call.text("email")?;
    match ask(&call, typed).await? {
        None => Ok(Reply::see_other(call.path(PATH)).cookie(call.notice(Notice::EmailChangeAsked))),
        Some(fault) => {
            let view = view(&call, typed.to_owned(), field_errors(&[fault])).await?;
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

pub(super) async fn withdraw_form(call: Call<'_>) -> Result<Reply, Fault> {
    call.sigra().email_change().withdraw(call.signed_in()?, call.client()).await?;
    Ok(Reply::see_other(call.path(PATH)).cookie(call.notice(Notice::EmailChangeWithdrawn)))
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match ask(&call, call.text("email")?).await? {
        None => Ok(check_mail()),
        Some(fault) => Err(validation(&[fault])),
    }
}

/// Asks, and answers what is wrong with what was typed.
async fn ask(call: &Call<'_>, typed: &str) -> Result<Option<InputFault>, Fault> {
    match call.sigra().email_change().request(call.signed_in()?, typed, call.client()).await? {
        ChangeRequested::Noted => Ok(None),
        ChangeRequested::Rejected(fault) => Ok(Some(fault)),
        // The account changed beside this request, so this session is over.
        ChangeRequested::Superseded => Err(Fault::Unauthenticated),
    }
}

async fn view(call: &Call<'_>, typed: String, errors: Vec<FieldError>) -> Result<EmailSettingsView, Fault> {
    let current = call.signed_in()?;
    let pending = call.sigra().email_change().pending(current).await?;
    Ok(EmailSettingsView {
        email: current.user().email.to_string(),
        fresh: current.session().is_fresh(call.sigra().clock().now()),
        typed,
        pending: pending.map(|change| PendingEmailView {
            email: change.new.to_string(),
            requested_at: change.requested_at.to_string(),
            expires_at: change.expires_at.to_string(),
            withdraw_action: call.path("/settings/email/withdraw"),
        }),
        errors: errors.into(),
    })
}
