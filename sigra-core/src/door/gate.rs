//! Gates and the steps they can demand.

use std::fmt;

use async_trait::async_trait;

use crate::assurance::{Assurance, Method};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::secret::RawToken;
use crate::time::Timestamp;
use crate::user::User;

/// Something a sign-in still owes before it becomes a session.
///
/// Steps are taken in the order of their rank. A pending sign-in reaches only its first outstanding step and sign-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    rank: u16,
    name: &'static str,
}

impl Step {
    /// Show a second factor.
    pub const MFA: Self = Self::new(100, "mfa");
    /// Take back the deletion of the account.
    pub const REACTIVATE: Self = Self::new(200, "reactivate");
    /// Prove the address.
    pub const CONFIRM_EMAIL: Self = Self::new(300, "confirm_email");
    /// Set up a second factor.
    pub const MFA_ENROLLMENT: Self = Self::new(400, "mfa_enrollment");
    /// Choose a new password.
    pub const PASSWORD_CHANGE: Self = Self::new(500, "password_change");

    /// A step of a host or another capability. Lower ranks come first; the built-in ones are 100 to 500.
    #[must_use]
    pub const fn new(rank: u16, name: &'static str) -> Self {
        Self { rank, name }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A condition on signing in.
///
/// # Contract
///
/// A gate looks only at what it is given and at its own storage; it changes nothing. It is asked again at every step
/// and must answer by the state it finds then: a step counts as taken when its gate no longer demands it.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Judges a sign-in.
    ///
    /// # Errors
    ///
    /// When it cannot judge. Nobody is let in then.
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError>;
}

/// What a gate judges.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GateContext<'a> {
    /// Who is signing in, as stored now.
    pub user: &'a User,
    /// What was shown so far.
    pub assurance: &'a Assurance,
    /// From where.
    pub client: &'a ClientInfo,
    /// Whether the browser is one the account has signed in from.
    pub known_device: bool,
    /// The token of a trusted browser it presented, which may be anybody's.
    pub trust: Option<&'a RawToken>,
    /// The time.
    pub now: Timestamp,
}

/// What a gate answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateVerdict {
    /// Nothing against it.
    Pass,
    /// Nothing against it, on the strength of something that is no factor. The method is noted, the level stays what it
    /// is, and the session is not fresh.
    Vouched(Method),
    /// Only after this step.
    Require(Step),
    /// Not at all, for this reason (a fixed word for the audit trail).
    Refuse(&'static str),
}
