//! The session that changed a factor goes on; no other does.

use sigra_core::assurance::Assurance;
use sigra_core::flows::{CurrentSession, Renewed};
use sigra_core::user::User;

use crate::call::Call;

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
            name: "sigra.http.session_lost",
            request_id = call.visit.request_id(),
            error = &error as &dyn std::error::Error,
            "a session could not go on after a change"
        );
        None
    })
}
