//! Guards: layers that let only some requests through to a host's routes.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use sigra_http::sigra_core::assurance::Aal;
use sigra_http::{Head, HostRequest, Requirement};
use tower_layer::Layer;
use tower_service::Service;

/// Only requests with a session. Unsafe methods must keep the origin rule.
#[must_use]
pub const fn require_user() -> GuardLayer {
    require(Requirement::USER)
}

/// Only requests of accounts whose address is proven. With deferred confirmation an account can be used before that.
#[must_use]
pub const fn require_confirmed() -> GuardLayer {
    require(Requirement::CONFIRMED)
}

/// Only requests whose session authenticated within the sudo window.
#[must_use]
pub const fn require_fresh() -> GuardLayer {
    require(Requirement::FRESH)
}

/// Only requests whose session showed two factors. Who has a second factor is sent to show it, who has none to set one up.
#[must_use]
pub const fn require_mfa() -> GuardLayer {
    require(Requirement::MFA)
}

/// Only requests of accounts that have a second factor, whether or not this session showed it.
#[must_use]
pub const fn require_mfa_enrolled() -> GuardLayer {
    require(Requirement::MFA_ENROLLED)
}

/// Only requests whose session reaches this assurance level.
#[must_use]
pub const fn require_aal(aal: Aal) -> GuardLayer {
    require(Requirement::assurance(aal))
}

/// Only requests that meet a requirement.
#[must_use]
pub const fn require(requirement: Requirement) -> GuardLayer {
    GuardLayer { requirement }
}

/// A guard as a layer: `route_layer(require_user())`.
#[derive(Clone, Copy, Debug)]
pub struct GuardLayer {
    requirement: Requirement,
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { requirement: self.requirement, inner }
    }
}

/// The service behind [`GuardLayer`].
#[derive(Clone, Debug)]
pub struct Guard<S> {
    requirement: Requirement,
    inner: S,
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let requirement = self.requirement;
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            match HostRequest::demand(parts.extensions.get(), requirement, Head::from(&parts)).await {
                Ok(_) => inner.call(Request::from_parts(parts, body)).await,
                Err(answer) => Ok(answer.map(Body::new)),
            }
        })
    }
}
