//! The one way in.
//!
//! Every way of signing in ends in a [`Proof`] and hands it to [`Door::admit`]. The door runs its [gates](Gate) in order
//! and answers [`Admission::Granted`], [`Admission::StepRequired`] or [`Admission::Refused`]. Nothing else can mint a
//! session: [`NewSession`](crate::session::NewSession) has no public constructor.
//!
//! A capability adds a gate, a factor or a step. It can never add a door.

mod admit;
mod gate;
mod notice;
mod proof;

pub use admit::{Admission, Door, DoorParts, Entry, Granted, PendingView, Refusal, StepRequired};
pub use gate::{Gate, GateContext, GateVerdict, Step};
pub(crate) use notice::NoticeParts;
pub use proof::{Proof, Shown};
