//! The audit trail.

use serde::{Deserialize, Serialize};
use sigra_core::ports::RecordedEvent;

use super::foreign::RecordedEventDef;
use super::id;
use crate::table::Row;

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Event(#[serde(with = "RecordedEventDef")] pub(crate) RecordedEvent);

impl Event {
    /// Oldest first.
    pub(crate) const BY_SUBJECT: &str = "events.subject";
}

impl Row for Event {
    const TABLE: &str = "events";

    fn key(&self) -> Vec<u8> {
        id!(self.0.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let about = self.0.subject.map(|subject| (Self::BY_SUBJECT, [id!(subject), id!(self.0.id)].concat()));
        about.into_iter().collect()
    }
}
