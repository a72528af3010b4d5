//! What people do: one handle a capability, each method one operation.
//!
//! Outcomes a caller must handle are values. A [`FlowError`](crate::error::FlowError) means that no decision was
//! reached, and nothing is granted.

mod budget;
mod confirmation;
mod enrollment;
mod input;
mod login;
mod magic_link;
mod not_me;
mod registration;
mod requests;
mod reset;
mod second_factors;
mod services;
mod sessions;
mod sign_in_confirmation;
mod sudo;
mod workers;

pub(crate) use budget::may_mail;
pub use confirmation::{Confirmation, ConfirmationView, Confirmed, PreparedPromotion};
pub use enrollment::{CodeOutcome, CodeRequested, Enrollment, EnrollmentView};
pub use input::{InputFault, LinkView};
pub use login::{Login, LoginOutcome, PasswordAttempt};
pub use magic_link::{MagicLink, MagicLinkOutcome};
pub use not_me::NotMe;
pub use registration::{PreparedRegistration, Registration, RegistrationForm, Submitted};
pub use requests::Requested;
pub use reset::{Reset, ResetOutcome};
pub use second_factors::{Attempting, ChallengeOutcome, FactorAnswer, FactorAttempt, SecondFactors};
pub use sessions::{CurrentSession, Renewed, Sessions};
pub use sign_in_confirmation::SignInConfirmation;
pub use sudo::{Sudo, SudoAnswer, SudoOutcome};
pub use workers::{WorkReport, Workers};
