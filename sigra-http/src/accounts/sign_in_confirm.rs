//! Proving the address in the middle of signing in.

use http::StatusCode;
use sigra_core::flows::{CodeOutcome, CodeRequested};

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page, check_mail};
use crate::views::SignInConfirmView;
use crate::wording;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call).await?))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match enter_code(&call).await? {
        CodeOutcome::Admitted(admission) => admitted_page(&call, &admission, FaultCode::InvalidCredentials),
        CodeOutcome::Wrong => {
            let error = FieldError::new("code", FaultCode::InvalidCode.as_str(), wording::INVALID_CODE);
            let view = SignInConfirmView { errors: vec![error].into(), ..view(&call).await? };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        CodeOutcome::NoPending => Err(call.no_pending()),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match enter_code(&call).await? {
        CodeOutcome::Admitted(admission) => admitted_json(&call, &admission, FaultCode::InvalidCredentials),
        CodeOutcome::Wrong => Err(FaultCode::InvalidCode.into()),
        CodeOutcome::NoPending => Err(call.no_pending()),
    }
}

pub(super) async fn mail_code_form(call: Call<'_>) -> Result<Reply, Fault> {
    let here = Reply::see_other(call.led_by("/login/confirm"));
    Ok(match mail_code(&call).await? {
        CodeRequested::Noted => here.cookie(call.notice(Notice::CodeMailed)),
        CodeRequested::NoPending => here,
    })
}

pub(super) async fn mail_code_json(call: Call<'_>) -> Result<Reply, Fault> {
    // Where none is needed none is sent, and the sign-in goes on without.
    let (CodeRequested::Noted | CodeRequested::NoPending) = mail_code(&call).await?;
    Ok(check_mail())
}

async fn mail_code(call: &Call<'_>) -> Result<CodeRequested, Fault> {
    let entry = call.entry(false).await?;
    Ok(call.sigra().sign_in_confirmation().mail_code(call.pending()?, &entry).await?)
}

async fn enter_code(call: &Call<'_>) -> Result<CodeOutcome, Fault> {
    let entry = call.entry(false).await?;
    Ok(call.sigra().sign_in_confirmation().enter_code(call.pending()?, call.text("code")?, &entry).await?)
}

async fn view(call: &Call<'_>) -> Result<SignInConfirmView, Fault> {
    let entry = call.entry(false).await?;
    let pending = call.sigra().sign_in_confirmation().view(call.pending()?, &entry).await?;
    let pending = pending.ok_or_else(|| call.no_pending())?;
    Ok(SignInConfirmView {
        email: pending.user.email.to_string(),
        proven: pending.steps.is_empty(),
        return_to: call.return_to().map(|path| path.to_string()),
        ..SignInConfirmView::default()
    })
}
