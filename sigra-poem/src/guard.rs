//! Guards: middleware that lets only some requests through to a host's routes.

use poem::{Endpoint, IntoResponse as _, Middleware, Request, Response, Result};
use sigra_core::assurance::Aal;
use sigra_http::{HostRequest, Requirement};

use crate::answer::{head, translate};

/// Only requests with a session. Unsafe methods must keep the origin rule.
#[must_use]
pub const fn require_user() -> GuardMiddleware {
    require(Requirement::USER)
}

/// Only requests of accounts whose address is proven. With deferred confirmation an account can be used before that.
#[must_use]
pub const fn require_confirmed() -> GuardMiddleware {
    require(Requirement::CONFIRMED)
}

/// Only requests whose session authenticated within the sudo window.
#[must_use]
pub const fn require_fresh() -> GuardMiddleware {
    require(Requirement::FRESH)
}

/// Only requests whose session showed two factors. Who has a second factor is sent to show it, who has none to set one up.
#[must_use]
pub const fn require_mfa() -> GuardMiddleware {
    require(Requirement::MFA)
}

/// Only requests of accounts that have a second factor, whether or not this session showed it.
#[must_use]
pub const fn require_mfa_enrolled() -> GuardMiddleware {
    require(Requirement::MFA_ENROLLED)
}

/// Only requests whose session reaches this assurance level.
#[must_use]
pub const fn require_aal(aal: Aal) -> GuardMiddleware {
    require(Requirement::assurance(aal))
}

/// Only requests that meet a requirement.
#[must_use]
pub const fn require(requirement: Requirement) -> GuardMiddleware {
    GuardMiddleware { requirement }
}

/// A guard as middleware: `handler.with(require_user())`.
#[derive(Clone, Copy, Debug)]
pub struct GuardMiddleware {
    requirement: Requirement,
}

impl<E: Endpoint> Middleware<E> for GuardMiddleware {
    type Output = Guard<E>;

    fn transform(&self, inner: E) -> Guard<E> {
        Guard { requirement: self.requirement, inner }
    }
}

/// The endpoint behind [`GuardMiddleware`].
#[derive(Clone, Debug)]
pub struct Guard<E> {
    requirement: Requirement,
    inner: E,
}

impl<E: Endpoint> Endpoint for Guard<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match HostRequest::demand(request.data(), self.requirement, head(&request)).await {
            Ok(_) => Ok(self.inner.call(request).await?.into_response()),
            Err(answer) => Ok(translate(*answer)),
        }
    }
}
