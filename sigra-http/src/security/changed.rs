//! The session that changed a factor goes on; no other does.

use sigra_core::assurance::Assurance;
use sigra_core::flows::Renewed;
use sigra_core::user::User;

use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;

/// Lets the current session go on after a change that raised its user's epochs. `None` when it was changed or ended beside
/// this request: the change stands, and the browser has to sign in again.
pub(crate) async fn carried_on(
    call: &Call<'_>,
    user: &User,
    assurance: Option<Assurance>,
) -> Result<Option<Renewed>, Fault> {
    Ok(call.sigra().sessions().carry_on(call.signed_in()?, user, assurance, call.client()).await?)
}

/// Hands out the token of a session that goes on, or takes the dead one away.
pub(crate) fn with_renewed(reply: Reply, call: &Call<'_>, renewed: Option<Renewed>) -> Reply {
    let cookie = &call.cookies().session;
    match renewed {
        Some(Renewed { session, token }) => reply.cookie(cookie.issue(&token, call.session_lifetime(&session))),
        None => reply.cookie(cookie.clear()),
    }
}
