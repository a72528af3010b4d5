//! Second factors: what a capability brings so that the door can demand and recognize them.

use std::fmt;

use async_trait::async_trait;

use crate::assurance::Method;
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::{PendingId, SessionId, UserId};
use crate::mail::MailKind;
use crate::secret::RawToken;
use crate::time::Timestamp;
use crate::user::User;

/// A kind of factor, by the name it has in the HTTP interface and the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactorKind(&'static str);

impl FactorKind {
    /// A kind. Names are lower-case ASCII with underscores and unique among the factors of a host.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.0
    }
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What having a factor of a kind means for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It makes every sign-in take a second factor.
    Alone,
    /// It does so only together with a [`Standing::Recovery`] factor, or losing it would lock its owner out.
    WithRecovery,
    /// It stands in for a factor that was lost, and demands nothing by itself.
    Recovery,
}

/// A kind of second factor. A capability brings one; the door, re-authentication and the attempt counter are shared.
///
/// # Contract
///
/// - [`Factor::check`] is atomic: what can be used once is used up in the step that accepts it, and of concurrent checks
///   of one response one succeeds. It does not count attempts: its caller has reserved one.
/// - A response is bound to the [`Occasion`] where the kind has a way to do so.
/// - Adding or removing a factor raises the user's factor epoch in the same transaction.
#[async_trait]
pub trait Factor: Send + Sync {
    /// The kind.
    fn kind(&self) -> FactorKind;

    /// What having one means.
    fn standing(&self) -> Standing;

    /// Whether one of these signs in by itself.
    fn signs_in(&self) -> bool;

    /// How many the account has that could be shown now.
    ///
    /// # Errors
    ///
    /// When it cannot be known. Nobody is let in then.
    async fn count(&self, user: UserId) -> Result<u32, FlowError>;

    /// Whether the account has set this kind up, even if none could be shown now. Not the same as [`Factor::count`] where what
    /// is shown gets used up: what makes a sign-in take a second factor must not vanish with the last use. Part of every
    /// sign-in, so it should cost little for accounts that [never had a factor](User::ever_had_a_factor).
    ///
    /// # Errors
    ///
    /// When it cannot be known. Nobody is let in then.
    async fn is_set_up(&self, user: &User) -> Result<bool, FlowError> {
        Ok(self.count(user.id).await? > 0)
    }

    /// Verifies a response, and uses it up.
    ///
    /// # Errors
    ///
    /// When no decision was reached. The response may be used up nevertheless.
    async fn check(&self, check: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError>;

    /// Removes what was added at or after `since`, because the owner disowns what happened then. Idempotent.
    ///
    /// # Errors
    ///
    /// When it could not be done; the caller tries again as a whole.
    async fn disown(
        &self,
        user: &User,
        since: Timestamp,
        client: &ClientInfo,
        notices: &dyn Notices,
    ) -> Result<(), FlowError>;
}

/// A response to be verified. Redacted when printed: the response may be a secret.
#[derive(Clone, Copy)]
pub struct FactorCheck<'a> {
    /// Whose factor it must be.
    pub user: &'a User,
    /// What was typed or sent.
    pub response: &'a str,
    /// What it was asked for.
    pub occasion: Occasion,
    /// From where it came.
    pub client: &'a ClientInfo,
    /// The time.
    pub now: Timestamp,
    /// Tells the owner what the check changed.
    pub notices: &'a dyn Notices,
}

impl fmt::Debug for FactorCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactorCheck")
            .field("user", &self.user.id)
            .field("occasion", &self.occasion)
            .finish_non_exhaustive()
    }
}

/// Adds security notices to the evidence of a change. A factor is handed one, because it is made before there is a
/// [`Sigra`](crate::Sigra).
///
/// # Contract
///
/// Nothing is sent by adding: the mail and the token in its link become durable with the change, or not at all.
pub trait Notices: Send + Sync {
    /// Adds a notice, with the link that disowns what it reports.
    fn add_notice(&self, evidence: Evidence, notice: &Notice<'_>) -> Evidence;
}

/// A security notice about a factor.
#[derive(Clone, Copy)]
pub struct Notice<'a> {
    /// Which.
    pub kind: &'a MailKind,
    /// Whom it goes to.
    pub user: &'a User,
    /// Who did it.
    pub client: &'a ClientInfo,
    /// When: the time the change itself is recorded under. Disowning the notice takes back what was added since, so a
    /// time read later than the change's own would leave out what the notice reports.
    pub at: Timestamp,
    /// What it is about, in the toolkit's own words.
    pub what: Option<&'a str>,
    /// How many are left.
    pub left: Option<u32>,
}

/// What a factor is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// To complete this sign-in.
    SignIn(PendingId),
    /// To authenticate again in this session.
    Session(SessionId),
}

/// What [`Factor::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactorVerdict {
    /// The response is right.
    Accepted {
        /// The methods it counts as.
        methods: Vec<Method>,
        /// Whether it is two factors by itself: something the user has, opened by something they know or are.
        multi_factor: bool,
    },
    /// It is wrong, was used before, or belongs to somebody else.
    Rejected,
}

/// Browsers that may sign in without the second factor, because it was shown in them before.
///
/// # Contract
///
/// A token is worth something for the user it was given to only, only while both of the user's epochs are what they were,
/// while the user holds a factor of the kind that was shown, and until it expires. What it opens is AAL 1 and never fresh.
#[async_trait]
pub trait TrustedBrowsers: Send + Sync {
    /// Whether the browser that presents this token may skip the second factor.
    ///
    /// # Errors
    ///
    /// When it cannot be known. The factor is demanded then.
    async fn vouches(
        &self,
        user: &User,
        held: &[FactorKind],
        token: &RawToken,
        now: Timestamp,
    ) -> Result<bool, FlowError>;

    /// Trusts the browser of a sign-in that has just shown a factor.
    ///
    /// # Errors
    ///
    /// When it could not be stored.
    async fn trust(
        &self,
        user: &User,
        shown: FactorKind,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<TrustToken, FlowError>;
}

/// A token for a browser that is trusted from now on.
#[derive(Debug)]
pub struct TrustToken {
    /// The token, for a cookie.
    pub token: RawToken,
    /// When it stops being worth anything.
    pub expires_at: Timestamp,
}

/// Says which accounts must have a second factor, where that is not all or none of them.
#[async_trait]
pub trait FactorRequirement: Send + Sync {
    /// Whether this account must have one. Asked at each step of each sign-in that shows only one factor.
    ///
    /// # Errors
    ///
    /// When it cannot be known. Nobody is let in then.
    async fn required(&self, user: &User) -> Result<bool, FlowError>;
}
