//! A request to one of the host's own routes.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::{HeaderMap, Method, Response, StatusCode, Uri};
use sigra_core::flows::CurrentSession;

use super::present::without_body_for_head;
use super::{GuardDecision, Requirement, Surface, Visit};
use crate::body_out::ResponseBody;
use crate::head::Head;
use crate::path::Match;

impl Surface {
    /// Receives a request before the host's framework routes it, without looking anything up.
    ///
    /// An adapter does this once for every request that it does not hand to [`Surface::handle`] at once; keeps the outcome
    /// where its extractors and guards find it; and calls [`HostRequest::finish`] on the response. `peer` is the address of
    /// the TCP connection.
    ///
    /// # Errors
    ///
    /// The answer to give instead: 421 where only loopback is served and the request is for another host name.
    pub fn receive(&self, head: Head<'_>, peer: Option<IpAddr>) -> Result<HostRequest, Box<Response<ResponseBody>>> {
        match self.misdirected(head) {
            Some(answer) => Err(Box::new(answer)),
            None => Ok(HostRequest {
                surface: self.clone(),
                method: head.method.clone(),
                uri: head.uri.clone(),
                peer,
                visit: Arc::default(),
            }),
        }
    }

    /// Whether a request for this path is the surface's to [answer](Surface::handle): every path at and below the prefix
    /// is, and with an empty prefix the paths of its routes. `/authx` is not below `/auth`.
    ///
    /// An adapter asks before its framework routes the request, because routers decode paths, answer what they cannot
    /// decode by themselves, and have catch-all routes. `path` is as the client sent it.
    #[must_use]
    pub fn owns(&self, path: &str) -> bool {
        match self.prefix() {
            "" => !matches!(self.inner.router.find(&Method::GET, path), Match::NotFound),
            prefix => path.strip_prefix(prefix).is_some_and(|below| below.is_empty() || below.starts_with('/')),
        }
    }
}

/// A request to one of the host's own routes, on its way through the host's framework.
///
/// Cheap to clone. Clones share what the first who asks has looked up.
#[derive(Clone)]
pub struct HostRequest {
    surface: Surface,
    method: Method,
    uri: Uri,
    peer: Option<IpAddr>,
    visit: Arc<OnceLock<Visit>>,
}

impl HostRequest {
    /// Decides whether the request passes: see [`GuardDecision`]. Safe to call more than once.
    ///
    /// In this order:
    ///
    /// 1. An unsafe method must keep the [origin rule](crate::origin): 403 `cross_origin`.
    /// 2. A caller without a session is sent to sign in (a page) or gets 401 `unauthenticated` (anything else).
    /// 3. A caller whose address is not proven, where that is demanded, is led to the page that takes the code, or gets 403
    ///    `unconfirmed`.
    /// 4. A session below the level gets the way to raise it, or 403 `reauth_required`.
    /// 5. A session that is not fresh is sent to re-authenticate, or gets 403 `reauth_required`.
    ///
    /// The way back leads to the path the request was [received](Surface::receive) with, whatever routers have made of
    /// `head.uri` since; and a request received as `HEAD` is answered without a body, though a router may have made a `GET`
    /// of it. Which rules apply is up to `head.method`, because that is what the route acts on.
    pub async fn guard(&self, requirement: Requirement, head: Head<'_>) -> GuardDecision {
        let head = Head { uri: &self.uri, ..head };
        match self.surface.guard(requirement, head, self.visit(head)).await {
            GuardDecision::Answer(answer) => {
                GuardDecision::Answer(Box::new(without_body_for_head(&self.method, *answer)))
            }
            pass @ GuardDecision::Pass(_) => pass,
        }
    }

    /// [`HostRequest::guard`] for an extractor: what it asks for, or the answer to give instead.
    ///
    /// `received` is what the framework kept of [`Surface::receive`].
    ///
    /// # Errors
    ///
    /// The guard's answer. Without a `received` nobody is let through: 500 with an empty body, and a line in the log, because
    /// the route is outside of what the adapter mounted.
    pub async fn demand(
        received: Option<&Self>,
        requirement: Requirement,
        head: Head<'_>,
    ) -> Result<Option<Arc<CurrentSession>>, Box<Response<ResponseBody>>> {
        let Some(received) = received else {
            return Err(not_received());
        };
        match received.guard(requirement, head).await {
            GuardDecision::Pass(current) => Ok(current),
            GuardDecision::Answer(answer) => Err(answer),
        }
    }

    /// [`HostRequest::demand`] with [`Requirement::USER`]: the session, or the answer to give instead.
    ///
    /// # Errors
    ///
    /// See [`HostRequest::demand`].
    pub async fn session(
        received: Option<&Self>,
        head: Head<'_>,
    ) -> Result<Arc<CurrentSession>, Box<Response<ResponseBody>>> {
        Self::demand(received, Requirement::USER, head).await?.ok_or_else(not_received)
    }

    /// Adds to the response what a lookup owes the browser: the token a remembered session was moved to. A cookie the
    /// response sets by itself wins.
    pub async fn finish(&self, headers: &mut HeaderMap) {
        if let Some(visit) = self.visit.get() {
            visit.finish(headers).await;
        }
    }

    /// The client and the session of the request, found out when first asked for.
    ///
    /// Applies no rule: [`HostRequest::guard`] does.
    pub fn visit(&self, head: Head<'_>) -> &Visit {
        self.visit.get_or_init(|| self.surface.visit(head, self.peer))
    }
}

/// The answer of a guard that nobody opened a request for.
fn not_received() -> Box<Response<ResponseBody>> {
    tracing::error!(
        name: "sigra.http.not_mounted",
        "a sigra extractor or guard ran outside of what the adapter's `mount` mounted"
    );
    let mut answer = Response::new(ResponseBody::empty());
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    Box::new(answer)
}
