//! Authenticator apps in the settings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::json;
use sigra_core::flows::{CurrentSession, Renewed};
use sigra_core::user::User;
use sigra_mfa::{BackupCode, BeginOutcome, ConfirmOutcome, DisableOutcome, TotpSetup};

use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::second_factors::answer_of;
use crate::security::{carried_on, page_beside_code, to_settings};
use crate::shown::with_renewed;
use crate::views::{BackupCodesView, Link, TotpSecretView, TotpSetupView};
use crate::wording;

/// What leads on from the page of backup codes.
pub(super) const KEPT: &str = "I have kept them safe";
/// The same, where the browser is not signed in.
pub(super) const KEPT_AND_OVER: &str = "I have kept them safe. Sign in again";
/// For a setting up that was begun too long ago, or not at all.
const SETUP_OVER: &str = "This took too long. Start over with a new key.";

pub(super) async fn begin_form(call: Call<'_>) -> Result<Reply, Fault> {
    let setup = begin(&call, call.signed_in()?.user()).await?;
    Ok(Reply::page(TotpSetupView { secret: Some(secret_view(&setup)), ..setup_view(&call)? }))
}

pub(super) async fn begin_json(call: Call<'_>) -> Result<Reply, Fault> {
    let setup = begin(&call, call.signed_in()?.user()).await?;
    Ok(Reply::json(StatusCode::OK, setup_json(&setup)))
}

pub(super) async fn confirm_page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(setup_view(&call)?))
}

pub(super) async fn confirm_form(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let (user, codes) = match confirm(&call, current.user()).await {
        Ok(enrolled) => enrolled,
        Err(fault) => return setup_again(fault, setup_view(&call)?),
    };
    let renewed = carry_raised(&call, current, &user).await;
    // Whose session is over comes there by way of the sign-in page.
    let text = if renewed.is_some() { KEPT } else { KEPT_AND_OVER };
    let next = Link { href: call.path("/settings/mfa"), text: text.to_owned() };
    let view = codes_view(&user, &codes, true, next);
    Ok(with_renewed(Reply::page(view), &call, renewed))
}

pub(super) async fn confirm_json(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let (user, codes) = confirm(&call, current.user()).await?;
    let renewed = carry_raised(&call, current, &user).await;
    let reply = codes_json(&codes, renewed.is_none());
    Ok(with_renewed(reply, &call, renewed))
}

pub(super) async fn disable_form(call: Call<'_>) -> Result<Reply, Fault> {
    match disable(&call).await {
        Ok(renewed) => Ok(with_renewed(to_settings(&call, Notice::MfaDisabled), &call, renewed)),
        Err(fault) => page_beside_code(&call, "/settings/mfa/disable", fault).await,
    }
}

pub(super) async fn disable_json(call: Call<'_>) -> Result<Reply, Fault> {
    let renewed = disable(&call).await?;
    Ok(with_renewed(Reply::no_content(), &call, renewed))
}

/// A secret for `user`, shown once.
pub(super) async fn begin(call: &Call<'_>, user: &User) -> Result<TotpSetup, Fault> {
    match service(call)?.begin_totp(user, call.client()).await? {
        BeginOutcome::Begun(setup) => Ok(setup),
        BeginOutcome::AlreadyEnrolled => Err(FaultCode::AlreadyEnrolled.into()),
        BeginOutcome::Unconfirmed => Err(FaultCode::Unconfirmed.into()),
    }
}

/// Turns the app on by its first code: the account as it is now, and its backup codes.
pub(super) async fn confirm(call: &Call<'_>, user: &User) -> Result<(User, Vec<BackupCode>), Fault> {
    match service(call)?.confirm_totp(call.sigra(), user, call.text("code")?, call.client()).await? {
        ConfirmOutcome::Enrolled { user, backup_codes } => Ok((*user, backup_codes)),
        ConfirmOutcome::Wrong => Err(FaultCode::InvalidCode.into()),
        ConfirmOutcome::NotPending => Err(FaultCode::NotEnrolled.into()),
        ConfirmOutcome::AlreadyEnrolled => Err(FaultCode::AlreadyEnrolled.into()),
        ConfirmOutcome::Stale => Err(Fault::Unauthenticated),
    }
}

/// The page that takes the first code, again: with what is wrong beside the field, and without the secret.
pub(super) fn setup_again(fault: Fault, view: TotpSetupView) -> Result<Reply, Fault> {
    let error = match fault {
        Fault::Code(FaultCode::InvalidCode) => wording::wrong_code(),
        Fault::Code(code @ FaultCode::NotEnrolled) => FieldError::new("code", code.as_str(), SETUP_OVER),
        other => return Err(other),
    };
    let view = TotpSetupView { errors: vec![error].into(), ..view };
    Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// A secret as JSON.
pub(super) fn setup_json(setup: &TotpSetup) -> serde_json::Value {
    json!({
        "secret": setup.secret.as_str(),
        "otpauth_uri": setup.otpauth_uri.as_str(),
        "qr_svg": setup.qr_svg.as_str(),
    })
}

/// A secret as a page shows it.
pub(super) fn secret_view(setup: &TotpSetup) -> TotpSecretView {
    let secret = &setup.secret;
    let groups: Vec<_> = secret.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group)).collect();
    TotpSecretView {
        text: groups.join(" "),
        otpauth_uri: setup.otpauth_uri.to_string(),
        qr_image: format!("data:image/svg+xml;base64,{}", STANDARD.encode(setup.qr_svg.as_bytes())),
    }
}

/// The page of backup codes.
pub(super) fn codes_view(user: &User, codes: &[BackupCode], enrolled: bool, next: Link) -> BackupCodesView {
    BackupCodesView { email: user.email.to_string(), enrolled, codes: shown(codes), next }
}

/// Backup codes as JSON, with `sign_in_again` where the session or sign-in they were made in does not go on.
pub(super) fn codes_json(codes: &[BackupCode], sign_in_again: bool) -> Reply {
    let reply = Reply::json(StatusCode::OK, json!({ "backup_codes": shown(codes) }));
    if sign_in_again { reply.with_member("sign_in_again", true.into()) } else { reply }
}

/// Backup codes as text.
pub(super) fn shown(codes: &[BackupCode]) -> Vec<String> {
    codes.iter().map(|code| code.expose().to_string()).collect()
}

/// Turns the app off. What became of the session, as [`carried_on`] says.
async fn disable(call: &Call<'_>) -> Result<Option<Renewed>, Fault> {
    let current = call.signed_in()?;
    let (method, code) = answer_of(call)?;
    match service(call)?.disable(call.sigra(), current.user(), method, code, call.client()).await? {
        DisableOutcome::Disabled { user } => {
            let lowered = sigra_mfa::lowered(&current.session().assurance);
            Ok(carried_on(call, current, &user, lowered).await)
        }
        DisableOutcome::Wrong => Err(FaultCode::InvalidCode.into()),
        DisableOutcome::LockedOut(wait) => Err(Fault::LockedOut(wait)),
        DisableOutcome::NotEnrolled => Err(FaultCode::NotEnrolled.into()),
        DisableOutcome::Stale => Err(Fault::Unauthenticated),
    }
}

async fn carry_raised(call: &Call<'_>, current: &CurrentSession, user: &User) -> Option<Renewed> {
    let raised = sigra_mfa::raised(&current.session().assurance, call.sigra().clock().now());
    carried_on(call, current, user, raised).await
}

fn setup_view(call: &Call<'_>) -> Result<TotpSetupView, Fault> {
    Ok(TotpSetupView {
        email: call.signed_in()?.user().email.to_string(),
        action: call.path("/settings/mfa/totp/confirm"),
        restart_action: call.path("/settings/mfa/totp"),
        cancel: Some(call.path("/settings/mfa")),
        ..TotpSetupView::default()
    })
}
