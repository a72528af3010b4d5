//! Replacing a forgotten password.

use http::StatusCode;
use sigra_core::flows::{Requested, ResetOutcome};

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::{check_mail, field_errors, validation};
use crate::views::{ResetPasswordTokenView, ResetPasswordView};
use crate::wording;

pub(super) async fn page(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(ResetPasswordView::default()))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let email = call.text("email")?;
    match call.sigra().reset().request(email, call.client()).await? {
        Requested::Noted => Ok(Reply::see_other(call.path("/check-mail"))),
        Requested::InvalidEmail => {
            let view = ResetPasswordView { email: email.to_owned(), errors: vec![wording::invalid_email()].into() };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

pub(super) async fn token_page(call: Call<'_>) -> Result<Reply, Fault> {
    let link = call.sigra().reset().peek(call.param("token")).await?.ok_or(FaultCode::InvalidToken)?;
    Ok(Reply::page(token_view(&call, link.email.to_string())))
}

pub(super) async fn token_form(call: Call<'_>) -> Result<Reply, Fault> {
    let (token, password) = (call.param("token"), call.text("password")?);
    match call.sigra().reset().redeem(token, password, call.client()).await? {
        ResetOutcome::Done(_) => Ok(call.to_login(Notice::PasswordReset)),
        ResetOutcome::Rejected(faults) => {
            let link = call.sigra().reset().peek(token).await?.ok_or(FaultCode::InvalidToken)?;
            let mut view = token_view(&call, link.email.to_string());
            view.errors = field_errors(&faults).into();
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        ResetOutcome::Invalid => Err(FaultCode::InvalidToken.into()),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match call.sigra().reset().request(call.text("email")?, call.client()).await? {
        Requested::Noted => Ok(check_mail()),
        Requested::InvalidEmail => Err(Fault::Validation(vec![wording::invalid_email()])),
    }
}

pub(super) async fn redeem_json(call: Call<'_>) -> Result<Reply, Fault> {
    let (token, password) = (call.text("token")?, call.text("password")?);
    match call.sigra().reset().redeem(token, password, call.client()).await? {
        ResetOutcome::Done(_) => Ok(Reply::no_content()),
        ResetOutcome::Rejected(faults) => Err(validation(&faults)),
        ResetOutcome::Invalid => Err(FaultCode::InvalidToken.into()),
    }
}

fn token_view(call: &Call<'_>, email: String) -> ResetPasswordTokenView {
    let action = call.path(&format!("/reset-password/{}", call.param("token")));
    ResetPasswordTokenView { email, action, ..ResetPasswordTokenView::default() }
}
