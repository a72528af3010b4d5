//! New backup codes.

use http::StatusCode;
use serde_json::json;
use sigra_core::assurance::Aal;
use sigra_mfa::RegenerateOutcome;

use super::service;
use super::totp::{codes_view, shown};
use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::security::page_with;
use crate::views::Link;
use crate::wording;

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match regenerate(&call).await? {
        RegenerateOutcome::Regenerated { codes } => {
            let next = Link { href: call.path("/settings/mfa"), text: String::from("I have kept them safe") };
            Ok(Reply::page(codes_view(call.signed_in()?.user(), &codes, false, next)))
        }
        RegenerateOutcome::Wrong => page_with(&call, wording::wrong_code(), StatusCode::UNPROCESSABLE_ENTITY).await,
        RegenerateOutcome::LockedOut(wait) => {
            let page = page_with(&call, wording::locked_out(wait), StatusCode::TOO_MANY_REQUESTS).await?;
            Ok(page.retry_after(wait))
        }
        RegenerateOutcome::NotEnrolled => Err(FaultCode::NotEnrolled.into()),
        RegenerateOutcome::Stale => Err(Fault::Unauthenticated),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match regenerate(&call).await? {
        RegenerateOutcome::Regenerated { codes } => {
            Ok(Reply::json(StatusCode::OK, json!({ "backup_codes": shown(&codes) })))
        }
        RegenerateOutcome::Wrong => Err(FaultCode::InvalidCode.into()),
        RegenerateOutcome::LockedOut(wait) => Err(Fault::LockedOut(wait)),
        RegenerateOutcome::NotEnrolled => Err(FaultCode::NotEnrolled.into()),
        RegenerateOutcome::Stale => Err(Fault::Unauthenticated),
    }
}

async fn regenerate(call: &Call<'_>) -> Result<RegenerateOutcome, Fault> {
    let current = call.signed_in()?;
    let code = Some(call.text("code")?).filter(|code| !code.is_empty());
    let proven = current.session().assurance.aal >= Aal::Two;
    let regenerated = service(call)?.regenerate_backup_codes(call.sigra(), current.user(), code, proven, call.client());
    Ok(regenerated.await?)
}
