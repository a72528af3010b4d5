//! Confirming an address.

use http::StatusCode;
use sigra_core::flows::{Confirmed, Requested};

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::shown::check_mail;
use crate::views::{CheckMailView, ConfirmTokenView, ConfirmView};
use crate::wording;

pub(super) async fn page(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(ConfirmView::default()))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let (email, code) = (call.text("email")?, call.text("code")?);
    match call.sigra().confirmation().by_code(email, code, call.client()).await? {
        Confirmed::Created(_) | Confirmed::Proven(_) => Ok(call.to_login(Notice::Confirmed)),
        Confirmed::Invalid => {
            let error = FieldError::new("code", FaultCode::InvalidCode.as_str(), wording::INVALID_CODE);
            let view = ConfirmView { email: email.to_owned(), errors: vec![error].into() };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

pub(super) async fn resend_form(call: Call<'_>) -> Result<Reply, Fault> {
    let email = call.text("email")?;
    match call.sigra().confirmation().resend(email, call.client()).await? {
        Requested::Noted => Ok(Reply::see_other(call.path("/confirm")).cookie(call.notice(Notice::MailOnItsWay))),
        Requested::InvalidEmail => {
            let view = ConfirmView { email: email.to_owned(), errors: vec![wording::invalid_email()].into() };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

pub(super) async fn token_page(call: Call<'_>) -> Result<Reply, Fault> {
    let token = call.param("token");
    let view = call.sigra().confirmation().peek(token).await?.ok_or(FaultCode::InvalidToken)?;
    Ok(Reply::page(ConfirmTokenView {
        email: view.email.to_string(),
        submitted_at: view.submitted_at.to_string(),
        device: view.device,
        action: call.path(&format!("/confirm/{token}")),
    }))
}

pub(super) async fn token_form(call: Call<'_>) -> Result<Reply, Fault> {
    match call.sigra().confirmation().by_token(call.param("token"), call.client()).await? {
        Confirmed::Created(_) | Confirmed::Proven(_) => Ok(call.to_login(Notice::Confirmed)),
        Confirmed::Invalid => Err(FaultCode::InvalidToken.into()),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    let confirmation = call.sigra().confirmation();
    let token = call.text("token")?;
    let (outcome, fault) = if call.fields.has("token") {
        (confirmation.by_token(token, call.client()).await?, FaultCode::InvalidToken)
    } else {
        let (email, code) = (call.text("email")?, call.text("code")?);
        (confirmation.by_code(email, code, call.client()).await?, FaultCode::InvalidCode)
    };
    match outcome {
        Confirmed::Created(_) | Confirmed::Proven(_) => {
            Ok(Reply::json(StatusCode::OK, serde_json::json!({ "status": "confirmed" })))
        }
        Confirmed::Invalid => Err(fault.into()),
    }
}

pub(super) async fn resend_json(call: Call<'_>) -> Result<Reply, Fault> {
    match call.sigra().confirmation().resend(call.text("email")?, call.client()).await? {
        Requested::Noted => Ok(check_mail()),
        Requested::InvalidEmail => Err(Fault::Validation(vec![wording::invalid_email()])),
    }
}

pub(super) async fn check_mail_page(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(CheckMailView::default()))
}
