//! New backup codes.

use sigra_mfa::{BackupCode, RegenerateOutcome};

use super::service;
use super::totp::{KEPT, codes_json, codes_view};
use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::security::page_beside_code;
use crate::views::Link;

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match regenerate(&call).await {
        Ok(codes) => {
            let next = Link { href: call.path("/settings/mfa"), text: KEPT.to_owned() };
            Ok(Reply::page(codes_view(call.signed_in()?.user(), &codes, false, next)))
        }
        Err(fault) => page_beside_code(&call, "/settings/mfa/backup-codes", fault).await,
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(codes_json(&regenerate(&call).await?, false))
}

async fn regenerate(call: &Call<'_>) -> Result<Vec<BackupCode>, Fault> {
    let current = call.signed_in()?;
    let code = Some(call.text("code")?).filter(|code| !code.is_empty());
    let proven = sigra_mfa::proves(&current.session().assurance);
    let regenerated = service(call)?.regenerate_backup_codes(call.sigra(), current.user(), code, proven, call.client());
    match regenerated.await? {
        RegenerateOutcome::Regenerated { codes } => Ok(codes),
        RegenerateOutcome::Wrong => Err(FaultCode::InvalidCode.into()),
        RegenerateOutcome::Unproven => Err(Fault::NotFresh),
        RegenerateOutcome::LockedOut(wait) => Err(Fault::LockedOut(wait)),
        RegenerateOutcome::NotEnrolled => Err(FaultCode::NotEnrolled.into()),
        RegenerateOutcome::Stale => Err(Fault::Unauthenticated),
    }
}
