//! Guards as decisions: what a route demands of its caller, and the answer to one who does not meet it.

use std::sync::Arc;

use crate::head::Head;
use http::Response;
use sigra_core::assurance::Aal;
use sigra_core::door::{PendingView, Step};
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
    enrolled: bool,
    confirmed: bool,
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
    /// Somebody whose pending sign-in owes this step first.
    Pending(Step),
    /// Somebody whose pending sign-in owes this step first, or somebody with a session.
    PendingOrUser(Step),
}

impl Requirement {
    /// Anybody may call. Unsafe methods still must not come from another origin.
    pub const ANYONE: Self = Self::of(Caller::Anyone);
    /// Anybody may call, and who it is is looked up.
    pub const OPTIONAL: Self = Self::of(Caller::Whoever);
    /// Somebody with a session.
    pub const USER: Self = Self::of(Caller::User);
    /// Somebody who authenticated within the sudo window.
    pub const FRESH: Self = Self { fresh: true, ..Self::USER };
    /// Somebody whose session showed two factors. Who has none is sent to set one up, who has one to show it.
    pub const MFA: Self = Self::assurance(Aal::Two);
    /// Somebody whose account has a second factor, whether or not this session showed it.
    pub const MFA_ENROLLED: Self = Self { enrolled: true, ..Self::USER };
    /// Somebody whose address is proven. With deferred confirmation an account can be used before that.
    pub const CONFIRMED: Self = Self { confirmed: true, ..Self::USER };
    /// Somebody whose sign-in owes the proof of its address.
    pub(crate) const OWES_CONFIRMATION: Self = Self::of(Caller::Pending(Step::CONFIRM_EMAIL));
    /// Somebody whose sign-in owes its second factor.
    pub(crate) const OWES_FACTOR: Self = Self::of(Caller::Pending(Step::MFA));
    /// Somebody whose sign-in owes its second factor, or who is about to authenticate again.
    #[cfg(feature = "passkeys")]
    pub(crate) const OWES_FACTOR_OR_USER: Self = Self::of(Caller::PendingOrUser(Step::MFA));
    /// Somebody whose sign-in owes a new password.
    pub(crate) const OWES_PASSWORD_CHANGE: Self = Self::of(Caller::Pending(Step::PASSWORD_CHANGE));
    /// Somebody whose sign-in owes the setting up of a second factor.
    #[cfg(feature = "mfa")]
    pub(crate) const OWES_ENROLLMENT: Self = Self::of(Caller::Pending(Step::MFA_ENROLLMENT));

    /// Somebody whose sign-in owes the taking back of a deletion.
    pub(crate) const OWES_REACTIVATION: Self = Self::of(Caller::Pending(Step::REACTIVATE));

    const fn of(caller: Caller) -> Self {
        Self { caller, fresh: false, aal: Aal::One, enrolled: false, confirmed: false, face: None }
    }

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
            Caller::Pending(step) => {
                return if self.owes(step, visit).await? { Ok(None) } else { Err(Fault::NoPending(None)) };
            }
            Caller::PendingOrUser(step) if self.owes(step, visit).await? => return Ok(None),
            Caller::PendingOrUser(_) | Caller::User => {}
        }
        let Some(current) = visit.current().await? else {
            return Err(Fault::Unauthenticated);
        };
        if requirement.confirmed && current.user().confirmed_at.is_none() {
            return Err(Fault::Forbidden(FaultCode::Unconfirmed));
        }
        let session = current.session();
        let now = self.inner.sigra.clock().now();
        let too_low = session.assurance.aal < requirement.aal;
        if too_low || requirement.enrolled {
            let factors = self.inner.sigra.second_factors();
            // A passkey that is not demanded yet raises a session all the same; backup codes stand in for something else.
            let raises = factors.held(current.user()).await?.iter().any(|kind| kind.name() != "backup_code");
            if (requirement.enrolled && !factors.demanded(current.user()).await?) || (too_low && !raises) {
                return Err(Fault::FactorMissing);
            }
        }
        if too_low || (requirement.fresh && !session.is_fresh(now)) {
            return Err(Fault::NotFresh);
        }
        Ok(Some(current))
    }

    /// Whether the request comes from a pending sign-in that owes this step first.
    async fn owes(&self, step: Step, visit: &Visit) -> Result<bool, Fault> {
        let Some(pending) = visit.pending() else {
            return Ok(false);
        };
        let entry = visit.entry(false).await?;
        let view = self.inner.sigra.door().pending(pending, &entry).await?;
        // Proven by a link meanwhile: the sign-in goes on from the page of the step it owed.
        let proven = |view: &PendingView| step == Step::CONFIRM_EMAIL && view.steps.is_empty();
        Ok(view.is_some_and(|view| view.owes_first(step) || proven(&view)))
    }

    /// The origin rule, with a line in the log for what it refuses.
    pub(crate) fn same_origin(&self, head: Head<'_>, visit: &Visit) -> Result<(), Fault> {
        match origin::decide(head.method, head.headers, &self.inner.public_url) {
            Ok(_) => Ok(()),
            Err(reason) => {
                tracing::warn!(
                    name: "sigra.http.cross_origin",
                    request_id = visit.request_id(),
                    %reason,
                    "refused a request from another origin"
                );
                Err(Fault::Code(FaultCode::CrossOrigin))
            }
        }
    }
}
