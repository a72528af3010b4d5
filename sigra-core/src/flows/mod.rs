//! What people do: one handle a capability, each method one operation.
//!
//! Outcomes a caller must handle are values. A [`FlowError`](crate::error::FlowError) means that no decision was
//! reached, and nothing is granted.

mod budget;
mod confirmation;
mod deletion;
mod delivery;
mod dormancy;
mod email_change;
mod enrollment;
mod export;
mod history;
mod input;
mod limits;
mod login;
mod magic_link;
mod not_me;
mod operator;
mod outbox;
mod passwords;
mod profiles;
mod quarantine;
mod reclaim;
mod registration;
mod requests;
mod reset;
mod second_factors;
mod services;
mod sessions;
mod sign_in_confirmation;
mod sudo;
mod sweeper;
mod unfinished;
mod workers;

pub(crate) use budget::may_mail;
pub use confirmation::{Confirmation, ConfirmationView, Confirmed, PreparedPromotion};
pub use deletion::{Deletion, DeletionScheduled, DeletionUndoView, Reactivated};
pub(crate) use delivery::Delivered;
pub use dormancy::{Dormancy, DormancySwept};
pub use email_change::{ChangeOutcome, ChangeRequested, EmailChange, UndoView};
pub use enrollment::{CodeOutcome, CodeRequested, Enrollment, EnrollmentView};
pub use export::Export;
pub use history::{History, HistoryEvent, HistoryPage};
pub use input::{InputFault, LinkView};
pub use limits::Limits;
pub use login::{Login, LoginOutcome, PasswordAttempt};
pub use magic_link::{MagicLink, MagicLinkOutcome};
pub use not_me::NotMe;
pub use operator::Operator;
pub use outbox::Outbox;
pub use passwords::{ForcedOutcome, NewPassword, PasswordOutcome, Passwords};
pub use profiles::{ProfileOutcome, Profiles};
pub use registration::{PreparedRegistration, Registration, RegistrationForm, Submitted};
pub use requests::Requested;
pub use reset::{Reset, ResetOutcome};
pub use second_factors::{Attempting, ChallengeOutcome, FactorAnswer, FactorAttempt, SecondFactors};
pub use sessions::{CurrentSession, Renewed, Sessions};
pub use sign_in_confirmation::SignInConfirmation;
pub use sudo::{Sudo, SudoAnswer, SudoOutcome};
pub use sweeper::{SweepOutcome, SweepReport, Sweeper, Swept};
pub use workers::{WorkReport, Workers};
