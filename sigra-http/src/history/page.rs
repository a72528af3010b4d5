//! A page of it.

use http::StatusCode;
use serde::Serialize;
use sigra_core::flows::{HistoryEvent, HistoryPage};
use sigra_core::id::{EventId, SessionId};

use super::sentences;
use crate::call::Call;
use crate::fault::Fault;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::views::{SecurityEventRow, SecurityHistoryView};

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let before = cursor(&call)?;
    let HistoryPage { events, next, .. } = call.sigra().history().page(current.user(), before).await?;
    let session = current.session().id;
    Ok(Reply::page(SecurityHistoryView {
        email: current.user().email.to_string(),
        events: events.into_iter().map(|event| row(event, session)).collect(),
        newest: before.is_none(),
        older: next.map(|next| call.path(&format!("/settings/security?cursor={next}"))),
    }))
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let HistoryPage { events, next, .. } = call.sigra().history().page(current.user(), cursor(&call)?).await?;
    let session = current.session().id;
    let events: Vec<_> = events.into_iter().map(|event| Listed::of(event, session)).collect();
    let body = serde_json::json!({ "events": events, "next": next.map(|next| next.to_string()) });
    Ok(Reply::json(StatusCode::OK, body))
}

/// Where the page begins, in the one form it is handed out in.
fn cursor(call: &Call<'_>) -> Result<Option<EventId>, Fault> {
    let Some(text) = call.query("cursor")? else { return Ok(None) };
    let id: EventId = text.parse().map_err(|_| FaultCode::Malformed)?;
    if id.to_string() == text { Ok(Some(id)) } else { Err(FaultCode::Malformed.into()) }
}

fn row(event: HistoryEvent, session: SessionId) -> SecurityEventRow {
    let shown = Listed::of(event, session);
    SecurityEventRow {
        sentence: sentences::of(&shown.name).to_owned(),
        failed: shown.outcome == "failure",
        current: shown.current,
        at: shown.at,
        device: shown.device,
        place: shown.place,
        ip: shown.ip,
        methods: shown.methods,
    }
}

/// An event in a listing.
#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    at: String,
    outcome: &'static str,
    current: bool,
    device: Option<String>,
    ip: Option<String>,
    place: Option<String>,
    methods: Vec<String>,
}

impl Listed {
    fn of(event: HistoryEvent, session: SessionId) -> Self {
        Self {
            id: event.id.to_string(),
            name: event.name,
            at: event.at.to_string(),
            outcome: event.outcome.as_str(),
            current: event.session == Some(session),
            device: event.device,
            ip: event.ip.map(|ip| ip.to_string()),
            place: event.place.map(|place| place.to_string()),
            methods: event.methods,
        }
    }
}
