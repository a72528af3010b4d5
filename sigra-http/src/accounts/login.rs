//! Signing in with a password, and signing out.

use http::StatusCode;
use sigra_core::flows::{LoginOutcome, PasswordAttempt};

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page};
use crate::views::LoginView;
use crate::wording;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let view = LoginView { return_to: call.return_to().map(|path| path.to_string()), ..LoginView::default() };
    Ok(Reply::page(view))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match sign_in(&call).await? {
        LoginOutcome::Admitted(admission) => admitted_page(&call, &admission, FaultCode::InvalidCredentials),
        LoginOutcome::InvalidCredentials => {
            let view = LoginView {
                email: call.text("email")?.to_owned(),
                remember_me: call.flag("remember_me")?,
                return_to: call.return_to().map(|path| path.to_string()),
                error: Some(wording::INVALID_CREDENTIALS.to_owned()),
            };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match sign_in(&call).await? {
        LoginOutcome::Admitted(admission) => admitted_json(&call, &admission, FaultCode::InvalidCredentials),
        LoginOutcome::InvalidCredentials => Err(FaultCode::InvalidCredentials.into()),
    }
}

pub(super) async fn logout_form(call: Call<'_>) -> Result<Reply, Fault> {
    sign_out(&call, Reply::see_other("/")).await
}

pub(super) async fn logout_json(call: Call<'_>) -> Result<Reply, Fault> {
    sign_out(&call, Reply::no_content()).await
}

async fn sign_in(call: &Call<'_>) -> Result<LoginOutcome, Fault> {
    let entry = call.entry(call.flag("remember_me")?).await?;
    let attempt = PasswordAttempt { email: call.text("email")?, password: call.text("password")?, entry: &entry };
    Ok(call.sigra().login().password(attempt).await?)
}

async fn sign_out(call: &Call<'_>, reply: Reply) -> Result<Reply, Fault> {
    if let Some(current) = call.visit.current().await? {
        call.sigra().sessions().sign_out(&current, call.client()).await?;
    }
    if let Some(pending) = call.visit.pending() {
        call.sigra().door().abandon(pending).await?;
    }
    Ok(reply.cookie(call.cookies().session.clear()).cookie(call.cookies().pending.clear()).clear_cache())
}
