//! Signing in with a link in a mail.

use http::StatusCode;
use sigra_core::flows::{MagicLinkOutcome, Requested};

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page, check_mail};
use crate::views::{MagicLinkTokenView, MagicLinkView};
use crate::wording;

pub(super) async fn page(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(MagicLinkView::default()))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let email = call.text("email")?;
    match call.sigra().magic_link().request(email, call.client()).await? {
        Requested::Noted => Ok(Reply::see_other(call.path("/check-mail"))),
        Requested::InvalidEmail => {
            let view = MagicLinkView { email: email.to_owned(), errors: vec![wording::invalid_email()].into() };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

pub(super) async fn token_page(call: Call<'_>) -> Result<Reply, Fault> {
    let token = call.param("token");
    let view = call.sigra().magic_link().peek(token).await?.ok_or(FaultCode::InvalidToken)?;
    let current = call.visit.current().await?;
    let signed_in_as = current.filter(|current| current.user().email != view.email);
    Ok(Reply::page(MagicLinkTokenView {
        email: view.email.to_string(),
        requested_at: view.requested_at.to_string(),
        signed_in_as: signed_in_as.map(|current| current.user().email.to_string()),
        action: call.path(&format!("/magic-link/{token}")),
    }))
}

pub(super) async fn token_form(call: Call<'_>) -> Result<Reply, Fault> {
    let entry = call.entry(false).await?;
    match call.sigra().magic_link().redeem(call.param("token"), &entry).await? {
        MagicLinkOutcome::Admitted(admission) => admitted_page(&call, &admission, FaultCode::InvalidToken),
        MagicLinkOutcome::Invalid => Err(FaultCode::InvalidToken.into()),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match call.sigra().magic_link().request(call.text("email")?, call.client()).await? {
        Requested::Noted => Ok(check_mail()),
        Requested::InvalidEmail => Err(Fault::Validation(vec![wording::invalid_email()])),
    }
}

pub(super) async fn redeem_json(call: Call<'_>) -> Result<Reply, Fault> {
    let entry = call.entry(false).await?;
    match call.sigra().magic_link().redeem(call.text("token")?, &entry).await? {
        MagicLinkOutcome::Admitted(admission) => admitted_json(&call, &admission, FaultCode::InvalidToken),
        MagicLinkOutcome::Invalid => Err(FaultCode::InvalidToken.into()),
    }
}
