//! Second factors: authenticator apps, backup codes and trusted browsers.

mod backup_codes;
mod enrollment;
mod section;
mod totp;
mod trusted;

pub(crate) use section::section;

use sigra_mfa::Mfa;

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::route::{Route, route};

/// The routes of second factors.
pub(crate) static ROUTES: &[Route] = &[
    route!(Post "/settings/mfa/totp", Html, FRESH, Change, "sets up an authenticator app", totp::begin_form),
    route!(Get "/settings/mfa/totp/confirm", Html, USER, Read, "asks for the first code of the app", totp::confirm_page),
    route!(Post "/settings/mfa/totp/confirm", Html, FRESH, SignIn, "turns the app on by its first code", totp::confirm_form),
    route!(Post "/settings/mfa/backup-codes", Html, FRESH, SignIn, "makes new backup codes", backup_codes::form),
    route!(Post "/settings/mfa/disable", Html, FRESH, SignIn, "turns second factors off", totp::disable_form),
    route!(Post "/settings/mfa/trusted-browsers/{id}/revoke", Html, FRESH, Change, "stops trusting a browser", trusted::revoke_form),
    route!(Post "/settings/mfa/trusted-browsers/revoke-all", Html, FRESH, Change, "stops trusting every browser", trusted::revoke_all_form),
    route!(Get "/login/mfa-enrollment", Html, OWES_ENROLLMENT, Read, "asks to set up a second factor", enrollment::page),
    route!(Post "/login/mfa-enrollment", Html, OWES_ENROLLMENT, Change, "sets up an authenticator app", enrollment::begin_form),
    route!(Post "/login/mfa-enrollment/mail-code", Html, OWES_ENROLLMENT, Mail, "mails a code to whoever uses a new browser", enrollment::mail_code_form),
    route!(Post "/login/mfa-enrollment/code", Html, OWES_ENROLLMENT, Redeem, "takes the mailed code", enrollment::code_form),
    route!(Post "/login/mfa-enrollment/totp", Html, OWES_ENROLLMENT, Change, "sets up an authenticator app", enrollment::begin_form),
    route!(Post "/login/mfa-enrollment/totp/confirm", Html, OWES_ENROLLMENT, SignIn, "turns the app on and signs in", enrollment::confirm_form),
    route!(Get "/api/v1/mfa/status", Json, USER, Read, "the second factors of the account", section::status_json),
    route!(Post "/api/v1/mfa/totp", Json, FRESH, Change, "sets up an authenticator app", totp::begin_json),
    route!(Post "/api/v1/mfa/totp/confirm", Json, FRESH, SignIn, "turns the app on by its first code", totp::confirm_json),
    route!(Post "/api/v1/mfa/backup-codes", Json, FRESH, SignIn, "makes new backup codes", backup_codes::json),
    route!(Post "/api/v1/mfa/disable", Json, FRESH, SignIn, "turns second factors off", totp::disable_json),
    route!(Get "/api/v1/mfa/trusted-browsers", Json, USER, Read, "the trusted browsers", trusted::list_json),
    route!(Delete "/api/v1/mfa/trusted-browsers", Json, FRESH, Change, "stops trusting every browser", trusted::revoke_all_json),
    route!(Delete "/api/v1/mfa/trusted-browsers/{id}", Json, FRESH, Change, "stops trusting a browser", trusted::revoke_json),
    route!(Post "/api/v1/login/mfa-enrollment/mail-code", Json, OWES_ENROLLMENT, Mail, "mails a code to whoever uses a new browser", enrollment::mail_code_json),
    route!(Post "/api/v1/login/mfa-enrollment/code", Json, OWES_ENROLLMENT, Redeem, "takes the mailed code", enrollment::code_json),
    route!(Post "/api/v1/login/mfa-enrollment/totp", Json, OWES_ENROLLMENT, Change, "sets up an authenticator app", enrollment::begin_json),
    route!(Post "/api/v1/login/mfa-enrollment/totp/confirm", Json, OWES_ENROLLMENT, SignIn, "turns the app on and signs in", enrollment::confirm_json),
];

/// The service of a surface that has these routes.
fn service<'c>(call: &'c Call<'_>) -> Result<&'c Mfa, Fault> {
    call.surface.inner.services.mfa.as_ref().ok_or_else(|| FaultCode::NotFound.into())
}
