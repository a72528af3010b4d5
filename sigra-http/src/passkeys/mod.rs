//! Passkeys: signing in with one, as a second factor, adding and removing them.

mod manage;
mod register;
mod second_factor;
mod sign_in;

pub(crate) use manage::section;

use sigra_passkeys::Passkeys;

use crate::call::Call;
use crate::cookie::CookieName;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::public_url::PublicUrl;
use crate::route::{Route, route};

/// The routes of passkeys.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/settings/passkeys", Html, USER, Read, "leads to the page that shows the passkeys", manage::page),
    route!(Post "/settings/passkeys/{id}/rename", Html, USER, Change, "renames a passkey", manage::rename_form),
    route!(Post "/settings/passkeys/{id}/delete", Html, FRESH, Change, "removes a passkey", manage::delete_form),
    route!(Get "/api/v1/passkeys", Json, USER, Read, "the account's passkeys", manage::list_json),
    route!(Patch "/api/v1/passkeys/{id}", Json, USER, Change, "renames a passkey", manage::rename_json),
    route!(Delete "/api/v1/passkeys/{id}", Json, FRESH, Change, "removes a passkey", manage::delete_json),
    route!(Post "/api/v1/passkeys/register/start", Json, FRESH, Change, "options for a new passkey", register::start),
    route!(Post "/api/v1/passkeys/register/finish", Json, FRESH, Change, "adds a passkey", register::finish),
    route!(Post "/api/v1/passkeys/login/start", Json, ANYONE, Ceremony, "options for signing in with a passkey", sign_in::start),
    route!(Post "/api/v1/passkeys/login/finish", Json, ANYONE, SignIn, "signs in with a passkey", sign_in::finish),
    route!(Post "/api/v1/mfa/passkey/start", Json, OWES_FACTOR_OR_USER, Ceremony, "options for showing a passkey as second factor", second_factor::start),
    route!(Post "/api/v1/sudo/passkey/start", Json, USER, Ceremony, "options for authenticating again with a passkey", second_factor::start_sudo),
    route!(Post "/api/v1/mfa/passkey/finish", Json, OWES_FACTOR, SignIn, "takes a passkey as second factor", second_factor::finish),
];

/// Passkeys, and the cookie that binds a sign-in ceremony to the browser it was begun in.
#[derive(Clone)]
pub(crate) struct Service {
    passkeys: Passkeys,
    ceremony: CookieName,
}

impl Service {
    /// `None` where no cookie may be set, and so no surface is built.
    pub(crate) fn new(passkeys: Passkeys, public_url: &PublicUrl) -> Option<Self> {
        Some(Self { passkeys, ceremony: CookieName::new("sigra_ceremony", public_url).ok()? })
    }
}

/// The service of a surface that has these routes.
fn service<'c>(call: &'c Call<'_>) -> Result<&'c Passkeys, Fault> {
    Ok(&with_cookie(call)?.passkeys)
}

fn with_cookie<'c>(call: &'c Call<'_>) -> Result<&'c Service, Fault> {
    call.surface.inner.services.passkeys.as_ref().ok_or_else(|| FaultCode::NotFound.into())
}
