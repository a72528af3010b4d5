//! Seeing and ending sessions.

use http::StatusCode;
use serde::Serialize;
use sigra_core::id::SessionId;
use sigra_core::session::Session;

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::shown::{ShownSession, ShownUser, methods};
use crate::views::{SessionRow, SessionsView};

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let sessions = call.sigra().sessions().list(current.user()).await?;
    let fresh = current.session().is_fresh(call.sigra().clock().now());
    let rows = sessions
        .iter()
        .map(|session| SessionRow {
            current: session.id == current.session().id,
            device: call.sigra().describe_device(session.client.user_agent.as_deref()),
            place: session.place.as_ref().map(ToString::to_string),
            ip: session.client.ip.map(|ip| ip.to_string()),
            created_at: session.created_at.to_string(),
            last_seen_at: session.last_seen_at.to_string(),
            methods: methods(session),
            revoke_action: call.path(&format!("/settings/sessions/{}/revoke", session.id)),
        })
        .collect();
    Ok(Reply::page(SessionsView { email: current.user().email.to_string(), sessions: rows, fresh }))
}

pub(super) async fn revoke_form(call: Call<'_>) -> Result<Reply, Fault> {
    let ended_own = revoke(&call).await?;
    Ok(if ended_own {
        Reply::see_other(call.path("/login")).cookie(call.cookies().session.clear())
    } else {
        Reply::see_other(call.path("/settings/sessions"))
    })
}

pub(super) async fn revoke_others_form(call: Call<'_>) -> Result<Reply, Fault> {
    call.sigra().sessions().revoke_others(call.signed_in()?, call.client()).await?;
    Ok(Reply::see_other(call.path("/settings/sessions")))
}

pub(super) async fn current_json(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let body = serde_json::json!({
        "user": ShownUser::from(current.user()),
        "session": ShownSession::from(current.session()),
    });
    Ok(Reply::json(StatusCode::OK, body))
}

pub(super) async fn list_json(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let sessions = call.sigra().sessions().list(current.user()).await?;
    let shown: Vec<_> = sessions.iter().map(|session| Listed::of(&call, session, current.session())).collect();
    Ok(Reply::json(StatusCode::OK, serde_json::json!({ "sessions": shown })))
}

pub(super) async fn revoke_json(call: Call<'_>) -> Result<Reply, Fault> {
    let ended_own = revoke(&call).await?;
    let reply = Reply::no_content();
    Ok(if ended_own { reply.cookie(call.cookies().session.clear()) } else { reply })
}

pub(super) async fn revoke_others_json(call: Call<'_>) -> Result<Reply, Fault> {
    let revoked = call.sigra().sessions().revoke_others(call.signed_in()?, call.client()).await?;
    Ok(Reply::json(StatusCode::OK, serde_json::json!({ "revoked": revoked })))
}

/// Ends the session the path names. Answers whether it was the caller's current one.
async fn revoke(call: &Call<'_>) -> Result<bool, Fault> {
    let current = call.signed_in()?;
    let id: SessionId = call.param("id").parse().map_err(|_| FaultCode::NotFound)?;
    if !call.sigra().sessions().revoke(current, id, call.client()).await? {
        return Err(FaultCode::NotFound.into());
    }
    Ok(id == current.session().id)
}

/// A session in a listing.
#[derive(Serialize)]
struct Listed {
    id: String,
    current: bool,
    device: String,
    ip: Option<String>,
    place: Option<String>,
    created_at: String,
    last_seen_at: String,
    methods: Vec<String>,
}

impl Listed {
    fn of(call: &Call<'_>, session: &Session, current: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            current: session.id == current.id,
            device: call.sigra().describe_device(session.client.user_agent.as_deref()),
            ip: session.client.ip.map(|ip| ip.to_string()),
            place: session.place.as_ref().map(ToString::to_string),
            created_at: session.created_at.to_string(),
            last_seen_at: session.last_seen_at.to_string(),
            methods: methods(session),
        }
    }
}
