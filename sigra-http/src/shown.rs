//! Users and sessions as JSON shows them, and the cookies of a sign-in.

use http::StatusCode;
use serde::Serialize;
use sigra_core::door::{Admission, Granted, Step, StepRequired};
use sigra_core::flows::{InputFault, Renewed};
use sigra_core::session::Session;
use sigra_core::user::User;

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::views::LoginView;
use crate::wording;

/// A user.
#[derive(Serialize)]
pub(crate) struct ShownUser {
    id: String,
    email: String,
    confirmed: bool,
}

impl From<&User> for ShownUser {
    fn from(user: &User) -> Self {
        Self { id: user.id.to_string(), email: user.email.to_string(), confirmed: user.confirmed_at.is_some() }
    }
}

/// The current session.
#[derive(Serialize)]
pub(crate) struct ShownSession {
    id: String,
    aal: u8,
    methods: Vec<String>,
    expires_at: String,
}

impl From<&Session> for ShownSession {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            aal: session.assurance.aal.into(),
            methods: methods(session),
            expires_at: session.expires_at.to_string(),
        }
    }
}

/// The names of a session's methods.
pub(crate) fn methods(session: &Session) -> Vec<String> {
    session.assurance.methods.iter().map(|method| method.name().to_owned()).collect()
}

/// Sets the cookies of a completed sign-in.
pub(crate) fn with_session(reply: Reply, call: &Call<'_>, granted: &Granted) -> Reply {
    let cookies = call.cookies();
    let reply = reply
        .cookie(cookies.session.issue(&granted.token, call.session_lifetime(&granted.session)))
        .cookie(cookies.pending.clear());
    match &granted.device {
        Some(device) => reply.cookie(cookies.device.issue(device, Some(call.config().devices.known_secs.span()))),
        None => reply,
    }
}

/// Hands out the token of a session that goes on, or takes the dead one away.
pub(crate) fn with_renewed(reply: Reply, call: &Call<'_>, renewed: Option<Renewed>) -> Reply {
    let cookie = &call.cookies().session;
    match renewed {
        Some(Renewed { session, token }) => reply.cookie(cookie.issue(&token, call.session_lifetime(&session))),
        None => reply.cookie(cookie.clear()),
    }
}

/// Sets the cookie of a pending sign-in.
pub(crate) fn with_pending(reply: Reply, call: &Call<'_>, held: &StepRequired) -> Reply {
    let lifetime = held.pending.expires_at.since(held.pending.created_at);
    reply.cookie(call.cookies().pending.issue(&held.token, Some(lifetime)))
}

/// A sign-in's outcome as JSON.
pub(crate) fn admitted_json(call: &Call<'_>, admission: &Admission, refused: FaultCode) -> Result<Reply, Fault> {
    match admission {
        Admission::Granted(granted) => {
            let body = serde_json::json!({
                "status": "authenticated",
                "user": ShownUser::from(&granted.user),
                "session": ShownSession::from(&granted.session),
            });
            Ok(with_session(Reply::json(StatusCode::OK, body), call, granted))
        }
        Admission::StepRequired(held) => {
            let steps: Vec<_> = held.steps.iter().map(|step| step.name()).collect();
            let body = serde_json::json!({ "status": "step_required", "steps": steps });
            Ok(with_pending(Reply::json(StatusCode::OK, body), call, held))
        }
        Admission::Refused(_) => Err(refused.into()),
    }
}

/// A sign-in's outcome as a redirect: to where it should lead, or to its first step.
pub(crate) fn admitted_page(call: &Call<'_>, admission: &Admission, refused: FaultCode) -> Result<Reply, Fault> {
    match admission {
        Admission::Granted(granted) => {
            let target = call.return_to().map_or_else(|| String::from("/"), |path| path.to_string());
            Ok(with_session(Reply::see_other(target), call, granted))
        }
        Admission::StepRequired(held) => Ok(with_pending(step_page(call, &held.steps), call, held)),
        Admission::Refused(_) => Err(refused.into()),
    }
}

/// To the page of the first step, which keeps where the sign-in should lead. A step that no capability of this surface
/// serves is named on the sign-in page.
pub(crate) fn step_page(call: &Call<'_>, steps: &[Step]) -> Reply {
    let first = steps.first();
    match first.and_then(|step| call.surface.inner.page_of(*step)) {
        Some(below) => Reply::see_other(call.led_by(below)),
        None => {
            let name = first.map_or("unknown", |step| step.name());
            let view = LoginView { error: Some(wording::step_required(name)), ..LoginView::default() };
            Reply::page(view).status(StatusCode::FORBIDDEN)
        }
    }
}

/// Faults of input as a 422.
pub(crate) fn validation(faults: &[InputFault]) -> Fault {
    Fault::Validation(field_errors(faults))
}

/// Faults of input beside their fields.
pub(crate) fn field_errors(faults: &[InputFault]) -> Vec<FieldError> {
    faults.iter().map(|fault| FieldError::new(fault.field(), fault.code(), wording::of_input(fault))).collect()
}

/// 202: a mail may be on its way.
pub(crate) fn check_mail() -> Reply {
    Reply::json(StatusCode::ACCEPTED, serde_json::json!({ "status": "check_mail" }))
}
