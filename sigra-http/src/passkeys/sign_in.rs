//! Signing in with a passkey.

use http::StatusCode;
use sigra_core::email::EmailAddress;
use sigra_core::secret::RawToken;
use sigra_passkeys::SignInOutcome;

use super::{Service, with_cookie};
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
    let Service { passkeys, ceremony } = with_cookie(&call)?;
    let browser = ceremony.read_token(call.head.headers).unwrap_or_else(RawToken::random);
    let options = passkeys.start_sign_in(call.sigra(), email.as_ref(), &browser).await?;
    Ok(Reply::json(StatusCode::OK, options).cookie(ceremony.issue(&browser, None)))
}

pub(super) async fn finish(call: Call<'_>) -> Result<Reply, Fault> {
    let Service { passkeys, ceremony } = with_cookie(&call)?;
    let response = call.fields.to_json();
    call.must_read("passkey", &response)?;
    let Some(browser) = ceremony.read_token(call.head.headers) else {
        return Err(FaultCode::PasskeyRejected.into());
    };
    let entry = call.entry(call.flag("remember_me")?).await?;
    match passkeys.finish_sign_in(call.sigra(), &response, &browser, &entry).await? {
        SignInOutcome::Admitted(admission) => {
            // The ceremony is over, whether or not its user is let in.
            let over = ceremony.clear();
            match admitted_json(&call, &admission, FaultCode::PasskeyRejected) {
                Ok(reply) => Ok(reply.cookie(over)),
                Err(fault) => Err(Fault::Ending(Box::new(fault), over)),
            }
        }
        // The cookie stays: another ceremony of this browser, such as the one that waits for autofill, may hang on it.
        SignInOutcome::Rejected => Err(FaultCode::PasskeyRejected.into()),
    }
}
