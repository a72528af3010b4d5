//! The audit trail: what is recorded and under which name.

mod catalogue;
mod event;
mod shown;

pub use catalogue::{EVENTS, EventName, names};
pub use event::{AuditEvent, Outcome};
pub use shown::{HIDDEN, SHOWN, is_shown};
