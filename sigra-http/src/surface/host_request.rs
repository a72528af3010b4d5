//! A request to one of the host's own routes.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::{HeaderMap, Response, Uri};

use super::{GuardDecision, Requirement, Surface, Visit};
use crate::body_out::ResponseBody;
use crate::head::Head;

impl Surface {
    /// Receives a request before the host's framework routes it, without looking anything up.
    ///
    /// An adapter does this once for every request, the surface's own included; keeps the outcome where its extractors and
    /// guards find it; and calls [`HostRequest::finish`] on the response. `peer` is the address of the TCP connection.
    ///
    /// # Errors
    ///
    /// The answer to give instead: 421 where only loopback is served and the request is for another host name.
    pub fn receive(&self, head: Head<'_>, peer: Option<IpAddr>) -> Result<HostRequest, Box<Response<ResponseBody>>> {
        match self.misdirected(head) {
            Some(answer) => Err(Box::new(answer)),
            None => Ok(HostRequest { surface: self.clone(), uri: head.uri.clone(), peer, visit: Arc::default() }),
        }
    }
}

/// A request to one of the host's own routes, on its way through the host's framework.
///
/// Cheap to clone. Clones share what the first who asks has looked up.
#[derive(Clone)]
pub struct HostRequest {
    surface: Surface,
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
    /// 3. A session below the level gets the way to raise it, or 403 `reauth_required`.
    /// 4. A session that is not fresh is sent to re-authenticate, or gets 403 `reauth_required`.
    ///
    /// The way back leads to the path the request was [received](Surface::receive) with, whatever routers have made of
    /// `head.uri` since.
    pub async fn guard(&self, requirement: Requirement, head: Head<'_>) -> GuardDecision {
        let head = Head { uri: &self.uri, ..head };
        self.surface.guard(requirement, head, self.visit(head)).await
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
