//! Accounts and sessions: the routes of registering, confirming, signing in, recovering and seeing sessions.
//!
//! Each file is one noun of the contract: it parses, calls one flow, and gives the outcome to a page or to JSON.

mod confirm;
mod login;
mod magic_link;
mod not_me;
mod register;
mod reset;
mod sessions;
mod settings;
mod sign_in_confirm;
mod sudo;

use crate::route::{Route, route};

/// The routes of accounts and sessions.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/register", Html, ANYONE, Read, "the registration form", register::page),
    route!(Post "/register", Html, ANYONE, Register, "registers", register::form),
    route!(Post "/api/v1/register", Json, ANYONE, Register, "registers", register::json),
    route!(Get "/confirm", Html, ANYONE, Read, "the form for the code in the mail", confirm::page),
    route!(Post "/confirm", Html, ANYONE, Redeem, "confirms an address by code", confirm::form),
    route!(Post "/confirm/resend", Html, ANYONE, Mail, "mails the confirmation again", confirm::resend_form),
    route!(Get "/confirm/{token}", Html, ANYONE, Read, "asks before it confirms an address by link", confirm::token_page),
    route!(Post "/confirm/{token}", Html, ANYONE, Redeem, "confirms an address by link", confirm::token_form),
    route!(Post "/api/v1/confirm", Json, ANYONE, Redeem, "confirms an address by link or code", confirm::json),
    route!(Post "/api/v1/confirm/resend", Json, ANYONE, Mail, "mails the confirmation again", confirm::resend_json),
    route!(Get "/check-mail", Html, ANYONE, Read, "says that a mail may be on its way", confirm::check_mail_page),
    route!(Get "/login", Html, ANYONE, Read, "the sign-in form", login::page),
    route!(Post "/login", Html, ANYONE, SignIn, "signs in with a password", login::form),
    route!(Post "/api/v1/login", Json, ANYONE, SignIn, "signs in with a password", login::json),
    route!(Get "/login/confirm", Html, OWES_CONFIRMATION, Read, "asks for the code that proves the address", sign_in_confirm::page),
    route!(Post "/login/confirm", Html, OWES_CONFIRMATION, Redeem, "proves the address and goes on signing in", sign_in_confirm::form),
    route!(Post "/login/confirm/mail-code", Html, OWES_CONFIRMATION, Mail, "mails another code", sign_in_confirm::mail_code_form),
    route!(Post "/api/v1/login/confirm", Json, OWES_CONFIRMATION, Redeem, "proves the address and goes on signing in", sign_in_confirm::json),
    route!(Post "/api/v1/login/confirm/mail-code", Json, OWES_CONFIRMATION, Mail, "mails another code", sign_in_confirm::mail_code_json),
    route!(Post "/logout", Html, ANYONE, Change, "signs out", login::logout_form),
    route!(Post "/api/v1/logout", Json, ANYONE, Change, "signs out", login::logout_json),
    route!(Get "/magic-link", Html, ANYONE, Read, "the form that asks for a sign-in link", magic_link::page),
    route!(Post "/magic-link", Html, ANYONE, Mail, "mails a sign-in link", magic_link::form),
    route!(Get "/magic-link/{token}", Html, ANYONE, Read, "asks before it signs in", magic_link::token_page),
    route!(Post "/magic-link/{token}", Html, ANYONE, Redeem, "signs in with a link", magic_link::token_form),
    route!(Post "/api/v1/magic-link", Json, ANYONE, Mail, "mails a sign-in link", magic_link::json),
    route!(Post "/api/v1/magic-link/redeem", Json, ANYONE, Redeem, "signs in with a link", magic_link::redeem_json),
    route!(Get "/reset-password", Html, ANYONE, Read, "the form that asks for a reset link", reset::page),
    route!(Post "/reset-password", Html, ANYONE, Mail, "mails a reset link", reset::form),
    route!(Get "/reset-password/{token}", Html, ANYONE, Read, "the form for a new password", reset::token_page),
    route!(Post "/reset-password/{token}", Html, ANYONE, Redeem, "sets a new password", reset::token_form),
    route!(Post "/api/v1/password-reset", Json, ANYONE, Mail, "mails a reset link", reset::json),
    route!(Post "/api/v1/password-reset/redeem", Json, ANYONE, Redeem, "sets a new password", reset::redeem_json),
    route!(Get "/sudo", Html, USER, Read, "the form to authenticate again", sudo::page),
    route!(Post "/sudo", Html, USER, SignIn, "authenticates again", sudo::form),
    route!(Post "/api/v1/sudo", Json, USER, SignIn, "authenticates again", sudo::json),
    route!(Get "/not-me/{token}", Html, ANYONE, Read, "asks before it ends every session", not_me::token_page),
    route!(Post "/not-me/{token}", Html, ANYONE, Redeem, "ends every session and starts a reset", not_me::token_form),
    route!(Post "/api/v1/not-me/redeem", Json, ANYONE, Redeem, "ends every session and starts a reset", not_me::json),
    route!(Get "/settings", Html, USER, Read, "the pages of the settings, and whose they are", settings::page),
    route!(Get "/settings/sessions", Html, USER, Read, "the user's sessions", sessions::page),
    route!(Post "/settings/sessions/revoke-others", Html, FRESH, Change, "ends all other sessions", sessions::revoke_others_form),
    route!(Post "/settings/sessions/{id}/revoke", Html, FRESH, Change, "ends one session", sessions::revoke_form),
    route!(Get "/api/v1/session", Json, USER, Read, "the current session", sessions::current_json),
    route!(Get "/api/v1/sessions", Json, USER, Read, "the user's sessions", sessions::list_json),
    route!(Delete "/api/v1/sessions/{id}", Json, FRESH, Change, "ends one session", sessions::revoke_json),
    route!(Delete "/api/v1/sessions", Json, FRESH, Change, "ends all other sessions", sessions::revoke_others_json),
];
