//! What the account has.

use http::StatusCode;
use serde_json::json;
use sigra_core::assurance::Aal;

use super::trusted::row;
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::views::MfaSection;

/// Second factors in the settings. `None` on a surface that does not have these routes.
pub(crate) async fn section(call: &Call<'_>) -> Result<Option<MfaSection>, Fault> {
    let Some(mfa) = &call.surface.inner.services.mfa else {
        return Ok(None);
    };
    let current = call.signed_in()?;
    let user = current.user();
    let status = mfa.status(user).await?;
    let factors = call.sigra().second_factors();
    let has_passkey = factors.held(user).await?.iter().any(|kind| kind.name() == "passkey");
    let totp = status.totp_enrolled_at.is_some();
    let trusted = mfa.list_trusted(user).await?;
    Ok(Some(MfaSection {
        totp_since: status.totp_enrolled_at.map(|at| at.to_string()),
        backup_codes_left: status.backup_codes_left,
        few_left: status.backup_codes_few,
        can_make_codes: totp || (has_passkey && current.session().assurance.aal >= Aal::Two),
        codes_missing: has_passkey && !factors.demanded(user).await?,
        totp_action: call.path("/settings/mfa/totp"),
        codes_action: call.path("/settings/mfa/backup-codes"),
        disable_action: call.path("/settings/mfa/disable"),
        trusted_browsers: trusted.iter().map(|browser| row(call, browser)).collect(),
        revoke_all_action: call.path("/settings/mfa/trusted-browsers/revoke-all"),
    }))
}

pub(super) async fn status_json(call: Call<'_>) -> Result<Reply, Fault> {
    let user = call.signed_in()?.user();
    let status = super::service(&call)?.status(user).await?;
    let factors = call.sigra().second_factors();
    let methods: Vec<_> = factors.held(user).await?.iter().map(|kind| kind.name()).collect();
    let body = json!({
        "enabled": factors.demanded(user).await?,
        "methods": methods,
        "totp": { "enrolled": status.totp_enrolled_at.is_some(), "enrolled_at": status.totp_enrolled_at.map(|at| at.to_string()) },
        "backup_codes": { "left": status.backup_codes_left, "few_left": status.backup_codes_few },
        "trusted_browsers": status.trusted_browsers,
    });
    Ok(Reply::json(StatusCode::OK, body))
}
