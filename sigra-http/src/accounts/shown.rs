//! Users and sessions as JSON shows them, and the cookies of a sign-in.

use http::StatusCode;
use serde::Serialize;
use sigra_core::door::{Admission, Granted, StepRequired};
use sigra_core::flows::InputFault;
use sigra_core::session::Session;
use sigra_core::user::User;

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::wording;

/// A user.
#[derive(Serialize)]
pub(super) struct ShownUser {
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
pub(super) struct ShownSession {
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
pub(super) fn methods(session: &Session) -> Vec<String> {
    session.assurance.methods.iter().map(|method| method.name().to_owned()).collect()
}

/// Sets the cookies of a completed sign-in.
pub(super) fn with_session(reply: Reply, call: &Call<'_>, granted: &Granted) -> Reply {
    let cookies = call.cookies();
    let reply = reply
        .cookie(cookies.session.issue(&granted.token, call.session_lifetime(&granted.session)))
        .cookie(cookies.pending.clear());
    match &granted.device {
        Some(device) => reply.cookie(cookies.device.issue(device, Some(call.config().devices.known_secs.span()))),
        None => reply,
    }
}

/// Sets the cookie of a pending sign-in.
pub(super) fn with_pending(reply: Reply, call: &Call<'_>, held: &StepRequired) -> Reply {
    let lifetime = call.config().sessions.pending_secs.span();
    reply.cookie(call.cookies().pending.issue(&held.token, Some(lifetime)))
}

/// A sign-in's outcome as JSON.
pub(super) fn admitted_json(call: &Call<'_>, admission: &Admission, refused: FaultCode) -> Result<Reply, Fault> {
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

/// Faults of input as a 422.
pub(super) fn validation(faults: &[InputFault]) -> Fault {
    Fault::Validation(field_errors(faults))
}

/// Faults of input beside their fields.
pub(super) fn field_errors(faults: &[InputFault]) -> Vec<FieldError> {
    faults.iter().map(|fault| FieldError::new(fault.field(), fault.code(), wording::of_input(fault))).collect()
}

/// 202: a mail may be on its way.
pub(super) fn check_mail() -> Reply {
    Reply::json(StatusCode::ACCEPTED, serde_json::json!({ "status": "check_mail" }))
}
