//! Setting up a second factor in the middle of signing in.

use http::StatusCode;
use sigra_core::door::{Admission, Changed};
use sigra_core::flows::{CodeOutcome, CodeRequested, EnrollmentView};
use sigra_core::user::{Epochs, User};

use super::totp::{
    KEPT, KEPT_AND_OVER, begin, codes_json, codes_view, confirm, secret_view, setup_again, setup_json, shown,
};
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page, with_pending, with_session};
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
    let (changed, codes) = match confirm(&call, &user).await {
        Ok(enrolled) => enrolled,
        Err(fault) => return setup_again(fault, setup_view(&call, &user)),
    };
    let page = |href, text: &str| {
        let next = Link { href, text: text.to_owned() };
        Reply::page(codes_view(&changed, &codes, true, next))
    };
    Ok(match resume(&call, user.epochs, &changed).await {
        Some(Admission::Granted(granted)) => {
            let href = call.return_to().map_or_else(|| String::from("/"), |path| path.to_string());
            with_session(page(href, KEPT), &call, &granted)
        }
        Some(Admission::StepRequired(held)) => with_pending(page(call.led_by("/login/next"), KEPT), &call, &held),
        Some(Admission::Refused(_)) | None => {
            page(call.led_by("/login"), KEPT_AND_OVER).cookie(call.cookies().pending.clear())
        }
    })
}

pub(super) async fn confirm_json(call: Call<'_>) -> Result<Reply, Fault> {
    let Some(user) = allowed(&call).await? else {
        return Err(Fault::Forbidden(FaultCode::Unconfirmed));
    };
    let (changed, codes) = confirm(&call, &user).await?;
    Ok(match resume(&call, user.epochs, &changed).await {
        Some(admission @ (Admission::Granted(_) | Admission::StepRequired(_))) => {
            admitted_json(&call, &admission, FaultCode::InvalidCredentials)?
                .with_member("backup_codes", shown(&codes).into())
        }
        Some(Admission::Refused(_)) | None => codes_json(&codes, true).cookie(call.cookies().pending.clear()),
    })
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
    call.sigra().enrollment().view(call.pending()?, &entry).await?.ok_or_else(|| call.no_pending())
}

/// Goes on with the sign-in after the change. `None` when that cannot be done: the change stands, and its codes are shown
/// once, so they answer this request whatever comes of the sign-in.
async fn resume(call: &Call<'_>, before: Epochs, user: &User) -> Option<Admission> {
    let resumed = async {
        let entry = call.entry(false).await?;
        let changed = Changed { before, user: user.clone() };
        let shown = Some(sigra_mfa::shown());
        Ok::<_, Fault>(call.sigra().door().resume_changed(call.pending()?, changed, shown, &entry).await?)
    };
    match resumed.await {
        Ok(admission) => Some(admission),
        Err(fault) => {
            tracing::error!(
                name: "sigra.http.sign_in_lost",
                request_id = call.visit.request_id(),
                ?fault,
                "a sign-in could not go on after a second factor was set up"
            );
            None
        }
    }
}

fn here(call: &Call<'_>) -> Reply {
    Reply::see_other(call.led_by("/login/mfa-enrollment"))
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
