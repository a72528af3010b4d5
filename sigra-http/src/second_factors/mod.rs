//! Showing a second factor while signing in, whatever capability brings it.

mod challenge;

#[cfg(feature = "passkeys")]
pub(crate) use challenge::answer_json;
#[cfg(feature = "mfa")]
pub(crate) use challenge::answer_of;

use crate::route::{Route, route};

/// The routes of showing a second factor.
pub(crate) static ROUTES: &[Route] = &[
    route!(Get "/mfa", Html, OWES_FACTOR, Read, "asks for the second factor", challenge::page),
    route!(Post "/mfa", Html, OWES_FACTOR, SignIn, "takes the second factor", challenge::form),
    route!(Get "/login/next", Html, ANYONE, Read, "leads to the next step of a sign-in", challenge::next),
    route!(Get "/api/v1/mfa", Json, OWES_FACTOR, Read, "the second factors the sign-in can be completed with", challenge::methods_json),
    route!(Post "/api/v1/mfa", Json, OWES_FACTOR, SignIn, "takes the second factor", challenge::json),
];
