//! Who a request acts for, and within what.

use crate::assurance::Assurance;
use crate::id::{OrganizationId, SessionId, UserId};

/// Who acts. More kinds will come, so matching is meant to be exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A person with a session.
    User(UserId),
}

/// A principal with everything an authorization decision may need.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope {
    /// Who acts.
    pub principal: Principal,
    /// The session the request came with.
    pub session: Option<SessionId>,
    /// How sure the session is of its user.
    pub assurance: Assurance,
    /// The organization the principal acts within.
    pub organization: Option<OrganizationId>,
    /// The principal's membership in that organization.
    pub membership: Option<Membership>,
    /// The operator behind the session, when it is an impersonation.
    pub impersonator: Option<UserId>,
}

impl Scope {
    /// The scope of a signed-in user outside any organization.
    #[must_use]
    pub const fn of_user(user: UserId, session: SessionId, assurance: Assurance) -> Self {
        Self {
            principal: Principal::User(user),
            session: Some(session),
            assurance,
            organization: None,
            membership: None,
            impersonator: None,
        }
    }
}

/// A role within an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// The role's name.
    pub role: String,
}
