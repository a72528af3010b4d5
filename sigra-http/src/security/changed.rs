//! The session that changed a factor goes on; no other does.

use sigra_core::assurance::Assurance;
use sigra_core::flows::{CurrentSession, Renewed};
use sigra_core::user::User;

use crate::call::Call;
use crate::reply::Reply;

/// Lets a session go on after a change that raised its user's epochs. `None` when it was changed or ended beside this
/// request, or cannot be reached: the change stands, what it has to show is shown, and the browser has to sign in again.
pub(crate) async fn carried_on(
    call: &Call<'_>,
    current: &CurrentSession,
    user: &User,
    assurance: Assurance,
) -> Option<Renewed> {
    let renewed = call.sigra().sessions().carry_on(current, user, Some(assurance), call.client()).await;
    renewed.unwrap_or_else(|error| {
        tracing::error!(
            request_id = call.visit.request_id(),
            error = &error as &dyn std::error::Error,
            "a session could not go on after a change"
        );
        None
    })
}

/// Hands out the token of a session that goes on, or takes the dead one away.
pub(crate) fn with_renewed(reply: Reply, call: &Call<'_>, renewed: Option<Renewed>) -> Reply {
    let cookie = &call.cookies().session;
    match renewed {
        Some(Renewed { session, token }) => reply.cookie(cookie.issue(&token, call.session_lifetime(&session))),
        None => reply.cookie(cookie.clear()),
    }
}
