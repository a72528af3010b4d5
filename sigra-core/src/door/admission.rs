//! What comes to the door, and what it answers.

use super::gate::Step;
use crate::client::ClientInfo;
use crate::id::SessionId;
use crate::secret::RawToken;
use crate::session::{PendingSignIn, Session};
use crate::user::{Epochs, User};

/// What the client of a sign-in brought along.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Facts about the client.
    pub client: ClientInfo,
    /// The session the browser holds until now. It ends when a new one is minted.
    pub session: Option<SessionId>,
    /// The device token it presented.
    pub device: Option<RawToken>,
    /// The token of a trusted browser it presented.
    pub trust: Option<RawToken>,
    /// Whether the user asked to be remembered.
    pub remember: bool,
}

/// A change of the account that a pending sign-in made in its own step, and that raised an epoch. The sign-in survives
/// it; nothing else does.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The epochs the change was conditional on, which are those of the pending sign-in.
    pub before: Epochs,
    /// The account as the change left it.
    pub user: User,
}

/// What the door answers.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// Signed in.
    Granted(Box<Granted>),
    /// Accepted so far; a step is owed.
    StepRequired(Box<StepRequired>),
    /// Not let in.
    Refused(Refusal),
}

/// A sign-in that was completed.
#[derive(Debug)]
pub struct Granted {
    /// The account.
    pub user: User,
    /// The session that was minted.
    pub session: Session,
    /// Its token, for the cookie.
    pub token: RawToken,
    /// A device token for the browser to keep, when it had none that the account knows.
    pub device: Option<RawToken>,
}

/// A sign-in that owes a step.
#[derive(Debug)]
pub struct StepRequired {
    /// The pending sign-in.
    pub pending: PendingSignIn,
    /// Its token, for the cookie.
    pub token: RawToken,
    /// The steps owed, in the order they must be taken. Never empty.
    pub steps: Vec<Step>,
}

/// Why somebody is not let in. For logs and the audit trail; the answer to the user is the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The account is disabled.
    Disabled,
    /// The pending sign-in is unknown, over, or the step is not its first.
    NoPending,
    /// A gate refused, for this reason.
    Gate(&'static str),
    /// The account has changed since the proof was made, or is gone.
    Stale,
}

impl Refusal {
    /// The reason as a fixed word.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Gate(reason) => reason,
            Self::NoPending => "no_pending_sign_in",
            Self::Stale => "stale_proof",
        }
    }
}

/// A pending sign-in as it stands.
#[derive(Clone, Debug)]
pub struct PendingView {
    /// The pending sign-in.
    pub pending: PendingSignIn,
    /// Who is signing in.
    pub user: User,
    /// Whether the browser is one the account has signed in from.
    pub known_device: bool,
    /// The steps still owed, in order. Empty when the gates have nothing against it any more.
    pub steps: Vec<Step>,
}

impl PendingView {
    /// Whether this is the step to take now.
    #[must_use]
    pub fn owes_first(&self, step: Step) -> bool {
        self.steps.first() == Some(&step)
    }
}
