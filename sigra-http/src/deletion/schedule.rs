//! Scheduling the deletion of the account one is signed in to.

use http::StatusCode;
use sigra_core::config::DeletionStrategy;
use sigra_core::flows::DeletionScheduled;
use sigra_core::time::Timestamp;

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::reply::Reply;
use crate::views::DeleteAccountView;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let (now, rules) = (call.sigra().clock().now(), &call.config().deletion);
    Ok(Reply::page(DeleteAccountView {
        email: current.user().email.to_string(),
        fresh: current.session().is_fresh(now),
        delete_at: (now + rules.grace_secs.span()).to_string(),
        keeps_profile: rules.strategy == DeletionStrategy::SoftDelete,
    }))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    schedule(&call).await?;
    Ok(signed_out(call.to_login(Notice::DeletionScheduled), &call))
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    let delete_at = schedule(&call).await?;
    let body = serde_json::json!({ "status": "scheduled", "delete_at": delete_at.to_string() });
    Ok(signed_out(Reply::json(StatusCode::ACCEPTED, body), &call))
}

async fn schedule(call: &Call<'_>) -> Result<Timestamp, Fault> {
    match call.sigra().deletion().schedule(call.signed_in()?, call.client()).await? {
        DeletionScheduled::For(delete_at) => Ok(delete_at),
        DeletionScheduled::Superseded => Err(Fault::Unauthenticated),
    }
}

/// The session is over, and so is whatever the browser remembers of it.
fn signed_out(reply: Reply, call: &Call<'_>) -> Reply {
    let cookies = call.cookies();
    reply.cookie(cookies.session.clear()).cookie(cookies.pending.clear()).clear_cache()
}
