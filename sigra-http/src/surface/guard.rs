//! Guards as decisions: what a route demands of its caller, and the answer to one who does not meet it.

use std::sync::Arc;

use crate::head::Head;
use http::Response;
use sigra_core::assurance::Aal;
use sigra_core::flows::CurrentSession;

use super::{Surface, Visit};
use crate::body_out::ResponseBody;
use crate::fault::{Face, Fault};
use crate::origin;
use crate::problem::FaultCode;

/// What a route demands of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    caller: Caller,
    fresh: bool,
    aal: Aal,
    face: Option<Face>,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Anybody.
    Anyone,
    /// Anybody; a session is looked up.
    Whoever,
    /// Somebody with a session.
    User,
}

impl Requirement {
    /// Anybody may call. Unsafe methods still must not come from another origin.
    pub const ANYONE: Self = Self { caller: Caller::Anyone, fresh: false, aal: Aal::One, face: None };
    /// Anybody may call, and who it is is looked up.
    pub const OPTIONAL: Self = Self { caller: Caller::Whoever, fresh: false, aal: Aal::One, face: None };
    /// Somebody with a session.
    pub const USER: Self = Self { caller: Caller::User, fresh: false, aal: Aal::One, face: None };
    /// Somebody who authenticated within the sudo window.
    pub const FRESH: Self = Self { caller: Caller::User, fresh: true, aal: Aal::One, face: None };

    /// Somebody whose session reaches this level.
    #[must_use]
    pub const fn assurance(aal: Aal) -> Self {
        Self { aal, ..Self::USER }
    }

    /// Whoever does not meet it is answered this way. Without it, pages go to whoever asks for `text/html`, and problem
    /// documents to the rest.
    #[must_use]
    pub const fn answering(self, face: Face) -> Self {
        Self { face: Some(face), ..self }
    }

    /// Who may call.
    #[must_use]
    pub const fn caller(&self) -> Caller {
        self.caller
    }

    /// Whether the caller must have authenticated within the sudo window.
    #[must_use]
    pub const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The level the session must reach.
    #[must_use]
    pub const fn aal(&self) -> Aal {
        self.aal
    }
}

/// What a guard decides.
pub enum GuardDecision {
    /// Let the request through. The session is there when the requirement asks for one.
    Pass(Option<Arc<CurrentSession>>),
    /// Answer this instead.
    Answer(Box<Response<ResponseBody>>),
}

impl Surface {
    pub(super) async fn guard(&self, requirement: Requirement, head: Head<'_>, visit: &Visit) -> GuardDecision {
        let face = requirement.face.unwrap_or_else(|| Face::of_host_route(head));
        match self.judge(requirement, head, visit).await {
            Ok(current) => GuardDecision::Pass(current),
            Err(fault) => {
                let mut response = self.present_fault(fault, face, head, visit);
                visit.finish(response.headers_mut()).await;
                GuardDecision::Answer(Box::new(response))
            }
        }
    }

    pub(crate) async fn judge(
        &self,
        requirement: Requirement,
        head: Head<'_>,
        visit: &Visit,
    ) -> Result<Option<Arc<CurrentSession>>, Fault> {
        self.same_origin(head, visit)?;
        match requirement.caller {
            Caller::Anyone => return Ok(None),
            Caller::Whoever => return Ok(visit.current().await?),
            Caller::User => {}
        }
        let Some(current) = visit.current().await? else {
            return Err(Fault::Unauthenticated);
        };
        let session = current.session();
        let now = self.inner.sigra.clock().now();
        if session.assurance.aal < requirement.aal || (requirement.fresh && !session.is_fresh(now)) {
            return Err(Fault::NotFresh);
        }
        Ok(Some(current))
    }

    /// The origin rule, with a line in the log for what it refuses.
    pub(crate) fn same_origin(&self, head: Head<'_>, visit: &Visit) -> Result<(), Fault> {
        match origin::decide(head.method, head.headers, &self.inner.public_url) {
            Ok(_) => Ok(()),
            Err(reason) => {
                tracing::warn!(request_id = visit.request_id(), %reason, "refused a request from another origin");
                Err(Fault::Code(FaultCode::CrossOrigin))
            }
        }
    }
}
