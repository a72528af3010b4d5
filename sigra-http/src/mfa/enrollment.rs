//! Setting up a second factor in the middle of signing in.

use http::StatusCode;
use sigra_core::door::{Admission, Changed};
use sigra_core::flows::{CodeOutcome, CodeRequested, EnrollmentView};
use sigra_core::user::{Epochs, User};
use sigra_mfa::BackupCode;

use super::service;
use super::totp::{begin, codes_view, enrolled, secret_view, setup_json, shown};
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page, step_page, with_pending, with_session};
use crate::views::{Link, MfaEnrollmentView, TotpSetupView};
use crate::wording;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call).await?))
}

pub(super) async fn mail_code_form(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(match mail_code(&call).await? {
        CodeRequested::Noted => here(&call).cookie(call.notice(Notice::CodeMailed)),
        CodeRequested::NoPending => here(&call),
    })
}

pub(super) async fn mail_code_json(call: Call<'_>) -> Result<Reply, Fault> {
    // Where none is needed none is sent, and the next step is open.
    let (CodeRequested::Noted | CodeRequested::NoPending) = mail_code(&call).await?;
    Ok(crate::shown::check_mail())
}

pub(super) async fn code_form(call: Call<'_>) -> Result<Reply, Fault> {
    match enter_code(&call).await? {
        CodeOutcome::Admitted(admission) => admitted_page(&call, &admission, FaultCode::InvalidCredentials),
        CodeOutcome::Wrong => {
            let error = FieldError::new("code", FaultCode::InvalidCode.as_str(), wording::INVALID_CODE);
            let view = MfaEnrollmentView { errors: vec![error].into(), ..view(&call).await? };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        CodeOutcome::NoPending => Ok(here(&call)),
    }
}

pub(super) async fn code_json(call: Call<'_>) -> Result<Reply, Fault> {
    match enter_code(&call).await? {
        CodeOutcome::Admitted(admission) => admitted_json(&call, &admission, FaultCode::InvalidCredentials),
        CodeOutcome::Wrong | CodeOutcome::NoPending => Err(FaultCode::InvalidCode.into()),
    }
}

pub(super) async fn begin_form(call: Call<'_>) -> Result<Reply, Fault> {
    let Some(user) = allowed(&call).await? else {
        return Ok(here(&call));
    };
    let setup = begin(&call, &user).await?;
    Ok(Reply::page(TotpSetupView { secret: Some(secret_view(&setup)), ..setup_view(&call, &user) }))
}

pub(super) async fn begin_json(call: Call<'_>) -> Result<Reply, Fault> {
    let Some(user) = allowed(&call).await? else {
        return Err(Fault::Forbidden(FaultCode::Unconfirmed));
    };
    let setup = begin(&call, &user).await?;
    Ok(Reply::json(StatusCode::OK, setup_json(&setup)))
}

pub(super) async fn confirm_form(call: Call<'_>) -> Result<Reply, Fault> {
    let Some(user) = allowed(&call).await? else {
        return Ok(here(&call));
    };
    let Some((changed, codes)) = confirm(&call, &user).await? else {
        let view = TotpSetupView { errors: vec![wording::wrong_code()].into(), ..setup_view(&call, &user) };
        return Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    // The codes are shown once, so they answer this request whatever comes of the sign-in.
    let (reply, next) = match resume(&call, user.epochs, &changed).await? {
        Admission::Granted(granted) => {
            let target = call.return_to().map_or_else(|| String::from("/"), |path| path.to_string());
            (Some(granted), target)
        }
        Admission::StepRequired(held) => {
            let next = match step_page(&call, &held.steps).body {
                crate::reply::ReplyBody::SeeOther(path) => path,
                _ => call.path("/login"),
            };
            let link = Link { href: next, text: String::from("I have kept them safe") };
            return Ok(with_pending(Reply::page(codes_view(&changed, &codes, true, link)), &call, &held));
        }
        Admission::Refused(_) => (None, call.path("/login")),
    };
    let link = Link { href: next, text: String::from("I have kept them safe") };
    let page = Reply::page(codes_view(&changed, &codes, true, link));
    Ok(match reply {
        Some(granted) => with_session(page, &call, &granted),
        None => page.cookie(call.cookies().pending.clear()),
    })
}

pub(super) async fn confirm_json(call: Call<'_>) -> Result<Reply, Fault> {
    let Some(user) = allowed(&call).await? else {
        return Err(Fault::Forbidden(FaultCode::Unconfirmed));
    };
    let Some((changed, codes)) = confirm(&call, &user).await? else {
        return Err(FaultCode::InvalidCode.into());
    };
    let admission = resume(&call, user.epochs, &changed).await?;
    Ok(admitted_json(&call, &admission, FaultCode::InvalidCredentials)?
        .with_member("backup_codes", shown(&codes).into()))
}

async fn mail_code(call: &Call<'_>) -> Result<CodeRequested, Fault> {
    let entry = call.entry(false).await?;
    Ok(call.sigra().enrollment().mail_code(call.pending()?, &entry).await?)
}

async fn enter_code(call: &Call<'_>) -> Result<CodeOutcome, Fault> {
    let entry = call.entry(false).await?;
    Ok(call.sigra().enrollment().enter_code(call.pending()?, call.text("code")?, &entry).await?)
}

/// The user, if the mailbox need not be shown first.
async fn allowed(call: &Call<'_>) -> Result<Option<User>, Fault> {
    let EnrollmentView { view, code_needed } = pending(call).await?;
    Ok((!code_needed).then_some(view.user))
}

async fn pending(call: &Call<'_>) -> Result<EnrollmentView, Fault> {
    let entry = call.entry(false).await?;
    call.sigra().enrollment().view(call.pending()?, &entry).await?.ok_or(Fault::NoPending)
}

async fn confirm(call: &Call<'_>, user: &User) -> Result<Option<(User, Vec<BackupCode>)>, Fault> {
    enrolled(service(call)?.confirm_totp(call.sigra(), user, call.text("code")?, call.client()).await?)
}

async fn resume(call: &Call<'_>, before: Epochs, user: &User) -> Result<Admission, Fault> {
    let entry = call.entry(false).await?;
    let changed = Changed { before, user: user.clone() };
    Ok(call.sigra().door().resume_changed(call.pending()?, changed, Some(sigra_mfa::shown()), &entry).await?)
}

fn here(call: &Call<'_>) -> Reply {
    let page = call.path("/login/mfa-enrollment");
    Reply::see_other(call.return_to().map_or(page.clone(), |back| back.carried_by(&page)))
}

async fn view(call: &Call<'_>) -> Result<MfaEnrollmentView, Fault> {
    let EnrollmentView { view, code_needed } = pending(call).await?;
    Ok(MfaEnrollmentView {
        email: view.user.email.to_string(),
        code_needed,
        return_to: call.return_to().map(|path| path.to_string()),
        ..MfaEnrollmentView::default()
    })
}

fn setup_view(call: &Call<'_>, user: &User) -> TotpSetupView {
    TotpSetupView {
        email: user.email.to_string(),
        action: call.path("/login/mfa-enrollment/totp/confirm"),
        restart_action: call.path("/login/mfa-enrollment/totp"),
        return_to: call.return_to().map(|path| path.to_string()),
        ..TotpSetupView::default()
    }
}
