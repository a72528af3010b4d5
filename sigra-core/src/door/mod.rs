//! The one way in.
//!
//! Every way of signing in ends in a [`Proof`] and hands it to [`Door::admit`]. The door runs its [gates](Gate) in order
//! and answers [`Admission::Granted`], [`Admission::StepRequired`] or [`Admission::Refused`]. Nothing else can mint a
//! session: [`NewSession`](crate::session::NewSession) has no public constructor.
//!
//! A capability adds a gate, a factor or a step. It can never add a door. Four gates are built in. One demands the second
//! factor of whoever has one, and knows the [factors](crate::ports::Factor) only by what they say of themselves. Another
//! demands of whoever signs in to an account that is to be deleted that they take that back. The third demands the proof of an
//! address that was to follow the registration, and the last a new password of whoever must replace theirs.

mod admission;
mod admit;
mod confirmation;
mod gate;
mod notice;
mod password_change;
mod proof;
mod reactivation;
mod second_factor;
mod sign_in_code;

pub use admission::{Admission, Changed, Entry, Granted, PendingView, Refusal, StepRequired};
pub use admit::{Door, DoorParts};
pub(crate) use confirmation::ConfirmationGate;
pub use gate::{Gate, GateContext, GateVerdict, Step};
pub(crate) use notice::{NoticeParts, is_strangers_mailbox};
pub(crate) use password_change::PasswordChangeGate;
pub use proof::{Proof, Shown, WayIn};
pub(crate) use reactivation::ReactivationGate;
pub(crate) use second_factor::{Factors, SecondFactorGate};
pub(crate) use sign_in_code::{Owing, sign_in_code_digest};
