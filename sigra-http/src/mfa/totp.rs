//! Authenticator apps in the settings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::json;
use sigra_core::flows::Renewed;
use sigra_core::user::User;
use sigra_mfa::{BackupCode, BeginOutcome, ConfirmOutcome, DisableOutcome, TotpSetup};

use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::second_factors::answer_of;
use crate::security::{carried_on, page_with, to_settings, with_renewed};
use crate::views::{BackupCodesView, Link, TotpSecretView, TotpSetupView};
use crate::wording;

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
    let outcome = confirm(&call).await?;
    let Some((user, codes)) = enrolled(outcome)? else {
        let view = TotpSetupView { errors: vec![wording::wrong_code()].into(), ..setup_view(&call)? };
        return Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    let renewed = carry_raised(&call, &user).await?;
    let next = match renewed {
        Some(_) => Link { href: call.path("/settings/mfa"), text: String::from("I have kept them safe") },
        None => Link { href: call.path("/login"), text: String::from("Go to sign in") },
    };
    let view = codes_view(&user, &codes, true, next);
    Ok(with_renewed(Reply::page(view), &call, renewed))
}

pub(super) async fn confirm_json(call: Call<'_>) -> Result<Reply, Fault> {
    let outcome = confirm(&call).await?;
    let Some((user, codes)) = enrolled(outcome)? else {
        return Err(FaultCode::InvalidCode.into());
    };
    let renewed = carry_raised(&call, &user).await?;
    let reply = Reply::json(StatusCode::OK, json!({ "backup_codes": shown(&codes) }));
    Ok(with_renewed(reply, &call, renewed))
}

pub(super) async fn disable_form(call: Call<'_>) -> Result<Reply, Fault> {
    match disable(&call).await? {
        DisableOutcome::Disabled { user } => {
            let renewed = carry_lowered(&call, &user).await?;
            Ok(with_renewed(to_settings(&call, Notice::MfaDisabled), &call, renewed))
        }
        DisableOutcome::Wrong => page_with(&call, wording::wrong_code(), StatusCode::UNPROCESSABLE_ENTITY).await,
        DisableOutcome::LockedOut(wait) => {
            let page = page_with(&call, wording::locked_out(wait), StatusCode::TOO_MANY_REQUESTS).await?;
            Ok(page.retry_after(wait))
        }
        DisableOutcome::NotEnrolled => Err(FaultCode::NotEnrolled.into()),
        DisableOutcome::Stale => Err(Fault::Unauthenticated),
    }
}

pub(super) async fn disable_json(call: Call<'_>) -> Result<Reply, Fault> {
    match disable(&call).await? {
        DisableOutcome::Disabled { user } => {
            let renewed = carry_lowered(&call, &user).await?;
            Ok(with_renewed(Reply::no_content(), &call, renewed))
        }
        DisableOutcome::Wrong => Err(FaultCode::InvalidCode.into()),
        DisableOutcome::LockedOut(wait) => Err(Fault::LockedOut(wait)),
        DisableOutcome::NotEnrolled => Err(FaultCode::NotEnrolled.into()),
        DisableOutcome::Stale => Err(Fault::Unauthenticated),
    }
}

/// A secret for `user`, shown once.
pub(super) async fn begin(call: &Call<'_>, user: &User) -> Result<TotpSetup, Fault> {
    match service(call)?.begin_totp(user, call.client()).await? {
        BeginOutcome::Begun(setup) => Ok(setup),
        BeginOutcome::AlreadyEnrolled => Err(FaultCode::AlreadyEnrolled.into()),
        BeginOutcome::Unconfirmed => Err(FaultCode::Unconfirmed.into()),
    }
}

/// The account and its backup codes when an app was turned on; `None` when the code is wrong.
pub(super) fn enrolled(outcome: ConfirmOutcome) -> Result<Option<(User, Vec<BackupCode>)>, Fault> {
    match outcome {
        ConfirmOutcome::Enrolled { user, backup_codes } => Ok(Some((*user, backup_codes))),
        ConfirmOutcome::Wrong => Ok(None),
        ConfirmOutcome::NotPending => Err(FaultCode::NotEnrolled.into()),
        ConfirmOutcome::AlreadyEnrolled => Err(FaultCode::AlreadyEnrolled.into()),
        ConfirmOutcome::Stale => Err(Fault::Unauthenticated),
    }
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

/// Backup codes as text.
pub(super) fn shown(codes: &[BackupCode]) -> Vec<String> {
    codes.iter().map(|code| code.expose().to_string()).collect()
}

async fn confirm(call: &Call<'_>) -> Result<ConfirmOutcome, Fault> {
    let user = call.signed_in()?.user();
    Ok(service(call)?.confirm_totp(call.sigra(), user, call.text("code")?, call.client()).await?)
}

async fn disable(call: &Call<'_>) -> Result<DisableOutcome, Fault> {
    let (method, code) = answer_of(call)?;
    Ok(service(call)?.disable(call.sigra(), call.signed_in()?.user(), method, code, call.client()).await?)
}

async fn carry_raised(call: &Call<'_>, user: &User) -> Result<Option<Renewed>, Fault> {
    let raised = sigra_mfa::raised(&call.signed_in()?.session().assurance, call.sigra().clock().now());
    carried_on(call, user, Some(raised)).await
}

async fn carry_lowered(call: &Call<'_>, user: &User) -> Result<Option<Renewed>, Fault> {
    let lowered = sigra_mfa::lowered(&call.signed_in()?.session().assurance);
    carried_on(call, user, Some(lowered)).await
}

fn setup_view(call: &Call<'_>) -> Result<TotpSetupView, Fault> {
    Ok(TotpSetupView {
        email: call.signed_in()?.user().email.to_string(),
        action: call.path("/settings/mfa/totp/confirm"),
        restart_action: call.path("/settings/mfa/totp"),
        ..TotpSetupView::default()
    })
}
