//! The second factor of a pending sign-in.

use std::time::Duration;

use http::StatusCode;
use sigra_core::door::Admission;
use sigra_core::flows::{ChallengeOutcome, FactorAnswer};
use sigra_core::ports::TrustToken;

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::{admitted_json, admitted_page, step_page};
use crate::views::MfaView;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call).await?))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let (method, code) = answer_of(&call)?;
    match answer(&call, method, code, FaultCode::InvalidCode).await {
        Ok((admission, trust)) => {
            let reply = admitted_page(&call, &admission, FaultCode::InvalidCredentials)?;
            Ok(with_trust(reply, &call, trust))
        }
        Err(fault) => {
            // Which kinds the account has is on the page; one it has not is as wrong as any.
            let unknown = matches!(fault, Fault::Code(FaultCode::NotEnrolled));
            let beside = if unknown { FaultCode::InvalidCode.into() } else { fault }.beside_code()?;
            let view = MfaView { errors: vec![beside.error.clone()].into(), ..view(&call).await? };
            Ok(beside.on(Reply::page(view)))
        }
    }
}

/// Where the script of the pages goes after a step it took: on to the next one, or to where the sign-in leads.
pub(super) async fn next(call: Call<'_>) -> Result<Reply, Fault> {
    let view = match call.visit.pending() {
        Some(pending) => call.sigra().door().pending(pending, &call.entry(false).await?).await?,
        None => None,
    };
    match view {
        Some(view) => Ok(step_page(&call, &view.steps)),
        None => Ok(Reply::see_other(call.return_to().map_or_else(|| String::from("/"), |path| path.to_string()))),
    }
}

pub(super) async fn methods_json(call: Call<'_>) -> Result<Reply, Fault> {
    let names: Vec<_> = kinds(&call).await?.iter().map(|kind| kind.name()).collect();
    Ok(Reply::json(StatusCode::OK, serde_json::json!({ "methods": names })))
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    let (method, code) = answer_of(&call)?;
    answer_json(&call, method, code, FaultCode::InvalidCode).await
}

/// Shows a factor in the pending sign-in, and answers as JSON. `wrong` is how a wrong one is called.
pub(crate) async fn answer_json(
    call: &Call<'_>,
    method: &str,
    response: &str,
    wrong: FaultCode,
) -> Result<Reply, Fault> {
    let (admission, trust) = answer(call, method, response, wrong).await?;
    Ok(with_trust(admitted_json(call, &admission, FaultCode::InvalidCredentials)?, call, trust))
}

async fn answer(
    call: &Call<'_>,
    method: &str,
    response: &str,
    wrong: FaultCode,
) -> Result<(Admission, Option<TrustToken>), Fault> {
    // Nothing was typed, so there is nothing to count as an attempt.
    if response.trim().is_empty() {
        return Err(wrong.into());
    }
    call.must_read(method, response)?;
    let entry = call.entry(false).await?;
    let trust = call.flag("trust_browser")?;
    let answer = FactorAnswer { method, response };
    match call.sigra().second_factors().answer(call.pending()?, answer, trust, &entry).await? {
        ChallengeOutcome::Admitted(admission, trust) => Ok((admission, trust)),
        ChallengeOutcome::Wrong => Err(wrong.into()),
        ChallengeOutcome::LockedOut(wait) => Err(Fault::LockedOut(wait)),
        ChallengeOutcome::NotEnrolled => Err(FaultCode::NotEnrolled.into()),
        ChallengeOutcome::NoPending => Err(call.no_pending()),
    }
}

/// The method and the code of a request. Without a method, six digits are a one-time password and all else is a backup code.
pub(crate) fn answer_of<'c>(call: &'c Call<'_>) -> Result<(&'c str, &'c str), Fault> {
    let (method, code) = (call.text("method")?, call.text("code")?);
    if !method.is_empty() {
        return Ok((method, code));
    }
    let digits = code.chars().filter(|c| !c.is_whitespace());
    let is_totp = digits.clone().count() == 6 && digits.clone().all(|c| c.is_ascii_digit());
    Ok((if is_totp { "totp" } else { "backup_code" }, code))
}

fn with_trust(reply: Reply, call: &Call<'_>, trust: Option<TrustToken>) -> Reply {
    match trust {
        Some(TrustToken { token, expires_at }) => {
            let lifetime: Duration = expires_at.since(call.sigra().clock().now());
            reply.cookie(call.cookies().trust.issue(&token, Some(lifetime)))
        }
        None => reply,
    }
}

async fn kinds(call: &Call<'_>) -> Result<Vec<sigra_core::ports::FactorKind>, Fault> {
    let entry = call.entry(false).await?;
    let challenge = call.sigra().second_factors().challenge(call.pending()?, &entry).await?;
    Ok(challenge.ok_or_else(|| call.no_pending())?.1)
}

async fn view(call: &Call<'_>) -> Result<MfaView, Fault> {
    let kinds = kinds(call).await?;
    let has = |name: &str| kinds.iter().any(|kind| kind.name() == name);
    Ok(MfaView {
        totp: has("totp"),
        backup_code: has("backup_code"),
        passkey: has("passkey"),
        method: call.text("method")?.to_owned(),
        can_trust: call.sigra().trusts_browsers(),
        trust_browser: call.flag("trust_browser")?,
        return_to: call.return_to().map(|path| path.to_string()),
        ..MfaView::default()
    })
}
