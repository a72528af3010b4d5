//! Passwords: changing one, setting a first one, and replacing one that must be replaced.

mod forced;
mod settings;

use crate::route::{Route, route};

/// The routes of passwords.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/settings/password", Html, USER, Read, "the form to change the password, or to set a first one", settings::page),
    route!(Post "/settings/password", Html, USER, SignIn, "changes the password, or sets a first one", settings::form),
    route!(Get "/login/password-change", Html, OWES_PASSWORD_CHANGE, Read, "asks for the new password that a sign-in demands", forced::page),
    route!(Post "/login/password-change", Html, OWES_PASSWORD_CHANGE, SignIn, "replaces the password and signs in", forced::form),
    route!(Post "/api/v1/password", Json, USER, SignIn, "changes the password", settings::change_json),
    route!(Post "/api/v1/password/set", Json, FRESH, SignIn, "sets a first password", settings::set_json),
    route!(Post "/api/v1/login/password-change", Json, OWES_PASSWORD_CHANGE, SignIn, "replaces the password and signs in", forced::json),
];
