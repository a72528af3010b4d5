//! The one way in.
//!
//! Every way of signing in ends in a [`Proof`] and hands it to [`Door::admit`]. The door runs its [gates](Gate) in order
//! and answers [`Admission::Granted`], [`Admission::StepRequired`] or [`Admission::Refused`]. Nothing else can mint a
//! session: [`NewSession`](crate::session::NewSession) has no public constructor.
//!
//! A capability adds a gate, a factor or a step. It can never add a door. Two gates are built in. One demands the second
//! factor of whoever has one; it knows the [factors](crate::ports::Factor) only by what they say of themselves. The other
//! demands the proof of an address that was to follow the registration.

mod admit;
mod confirmation;
mod gate;
mod notice;
mod proof;
mod second_factor;
mod sign_in_code;

pub use admit::{Admission, Changed, Door, DoorParts, Entry, Granted, PendingView, Refusal, StepRequired};
pub(crate) use confirmation::ConfirmationGate;
pub use gate::{Gate, GateContext, GateVerdict, Step};
pub(crate) use notice::NoticeParts;
pub use proof::{Proof, Shown, WayIn};
pub(crate) use second_factor::{Factors, SecondFactorGate};
pub(crate) use sign_in_code::{Owing, sign_in_code_digest};
