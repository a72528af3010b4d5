//! Deleting one's account, and taking that back.

mod reactivate;
mod schedule;
mod undo;

use crate::route::{Route, route};

/// The routes of deletion.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/settings/delete", Html, USER, Read, "says what deleting the account means", schedule::page),
    route!(Post "/settings/delete", Html, FRESH, Change, "schedules the deletion of the account and signs out everywhere", schedule::form),
    route!(Get "/login/reactivate", Html, OWES_REACTIVATION, Read, "asks whether to keep an account that is to be deleted", reactivate::page),
    route!(Post "/login/reactivate", Html, OWES_REACTIVATION, Redeem, "takes the deletion back and signs in", reactivate::form),
    route!(Get "/reactivate/{token}", Html, ANYONE, Read, "asks whether to keep the account the link is for", undo::token_page),
    route!(Post "/reactivate/{token}", Html, ANYONE, Redeem, "takes the deletion back and starts a reset", undo::token_form),
    route!(Delete "/api/v1/account", Json, FRESH, Change, "schedules the deletion of the account and signs out everywhere", schedule::json),
    route!(Post "/api/v1/login/reactivate", Json, OWES_REACTIVATION, Redeem, "takes the deletion back and signs in", reactivate::json),
    route!(Post "/api/v1/reactivate/redeem", Json, ANYONE, Redeem, "takes the deletion back and starts a reset", undo::json),
];
