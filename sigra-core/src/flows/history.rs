//! What happened to an account, for its owner to look through.

use std::net::IpAddr;

use serde_json::Value;

use crate::audit::{Outcome, is_shown};
use crate::client::Place;
use crate::error::FlowError;
use crate::id::{EventId, SessionId};
use crate::ports::RecordedEvent;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// How many events a page has at most.
const PAGE: usize = 25;

/// How many rows are asked for at once, and how often a page asks at most. What is not shown may stand between what is, so a
/// page can have fewer events than there is room for, and go on behind them.
const ROWS: u32 = 100;
const READS: usize = 5;

/// The security history of an account: the part of the audit trail that its owner [may see](crate::audit::SHOWN).
#[derive(Clone, Copy)]
pub struct History<'a>(pub(crate) &'a Inner);

/// One page of a history, newest first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HistoryPage {
    /// At most 25 events.
    pub events: Vec<HistoryEvent>,
    /// What the next page begins behind; `None` when there is nothing older. A page whose rows were mostly not for showing has
    /// fewer events, or none, and still a next one.
    pub next: Option<EventId>,
}

/// One event, with what its owner may know about it. What was typed is not in the trail, so it is not here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HistoryEvent {
    /// Identity of the row.
    pub id: EventId,
    /// What happened: one of [`SHOWN`](crate::audit::SHOWN).
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Whether it came about.
    pub outcome: Outcome,
    /// With which session.
    pub session: Option<SessionId>,
    /// From which address.
    pub ip: Option<IpAddr>,
    /// Where that address is now, as far as is known.
    pub place: Option<Place>,
    /// The browser, in words; `None` when no browser was at hand.
    pub device: Option<String>,
    /// The ways of signing in, or the factor, it was done with: names as sessions have them.
    pub methods: Vec<String>,
}

impl History<'_> {
    /// The events before `before`, or the newest. An id that is another account's, or nobody's, is a place in time like any
    /// other: only this account's events are read.
    ///
    /// Costs a bounded number of indexed reads, however long the trail is.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.history.page")]
    pub async fn page(&self, user: &User, before: Option<EventId>) -> Result<HistoryPage, FlowError> {
        let mut events: Vec<HistoryEvent> = Vec::new();
        let mut behind = before;
        for _ in 0..READS {
            let rows = self.0.stores.audit.page(Some(user.id), behind, ROWS).await?;
            let last = rows.len() < ROWS as usize;
            for row in rows {
                let (id, shown) = (row.id, is_shown(&row.name));
                if shown && events.len() == PAGE {
                    return Ok(HistoryPage { next: events.last().map(|event| event.id), events });
                }
                behind = Some(id);
                events.extend(shown.then(|| self.event(row)));
            }
            if last {
                return Ok(HistoryPage { events, next: None });
            }
        }
        Ok(HistoryPage { events, next: behind })
    }

    fn event(&self, row: RecordedEvent) -> HistoryEvent {
        let methods = match (row.metadata.get("methods"), row.metadata.get("method")) {
            (Some(Value::Array(methods)), _) => methods.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            (_, Some(Value::String(method))) => vec![method.clone()],
            _ => Vec::new(),
        };
        let user_agent = row.client.user_agent.as_deref();
        HistoryEvent {
            id: row.id,
            name: row.name,
            at: row.at,
            outcome: row.outcome,
            session: row.session,
            ip: row.client.ip,
            place: row.client.ip.and_then(|ip| self.0.geo.place(ip)),
            device: (row.client.ip.is_some() || user_agent.is_some()).then(|| self.0.describer.describe(user_agent)),
            methods,
        }
    }
}
