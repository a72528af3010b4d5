//! The audit trail: what is recorded and under which name.

mod catalogue;
mod event;

pub use catalogue::{EVENTS, EventName, names};
pub use event::{AuditEvent, Outcome};
