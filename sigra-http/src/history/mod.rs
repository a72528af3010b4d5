//! The security history: what happened to an account, for its owner.

mod page;
mod sentences;

use crate::route::{Route, route};

/// The routes of the security history.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/settings/security", Html, USER, Read, "what happened to the account", page::page),
    route!(Get "/api/v1/security-events", Json, USER, Read, "what happened to the account", page::json),
];
