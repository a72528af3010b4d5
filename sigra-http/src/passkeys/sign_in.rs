//! Signing in with a passkey.

use http::StatusCode;
use sigra_core::email::EmailAddress;
use sigra_core::secret::RawToken;
use sigra_passkeys::SignInOutcome;

use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::admitted_json;
use crate::wording;

/// Options, for the account of an address or for whichever passkey the browser has. Both alike for every address.
pub(super) async fn start(call: Call<'_>) -> Result<Reply, Fault> {
    let email = match call.text("email")? {
        "" => None,
        typed => {
            let parsed = EmailAddress::parse(typed);
            Some(parsed.map_err(|_| Fault::Validation(vec![wording::invalid_email()]))?)
        }
    };
    let browser = call.visit.ceremony().cloned().unwrap_or_else(RawToken::random);
    let options = service(&call)?.start_sign_in(call.sigra(), email.as_ref(), &browser).await?;
    let cookie = call.cookies().ceremony.issue(&browser, None);
    Ok(Reply::json(StatusCode::OK, options).cookie(cookie))
}

pub(super) async fn finish(call: Call<'_>) -> Result<Reply, Fault> {
    let Some(browser) = call.visit.ceremony() else {
        return Err(FaultCode::PasskeyRejected.into());
    };
    let entry = call.entry(call.flag("remember_me")?).await?;
    match service(&call)?.finish_sign_in(call.sigra(), &call.fields.to_json(), browser, &entry).await? {
        SignInOutcome::Admitted(admission) => {
            let reply = admitted_json(&call, &admission, FaultCode::PasskeyRejected)?;
            Ok(reply.cookie(call.cookies().ceremony.clear()))
        }
        SignInOutcome::Rejected => Err(FaultCode::PasskeyRejected.into()),
    }
}
