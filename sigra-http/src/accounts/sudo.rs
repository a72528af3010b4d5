//! Authenticating again for sensitive actions.

use http::StatusCode;
use sigra_core::flows::SudoOutcome;

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::views::SudoView;
use crate::wording;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call)?))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match answer(&call).await? {
        Answer::Granted(reply) => Ok(reply.into_see_other(target(&call))),
        Answer::Wrong => {
            let error = FieldError::new("password", FaultCode::InvalidCredentials.as_str(), wording::WRONG_PASSWORD);
            let view = SudoView { errors: vec![error].into(), ..view(&call)? };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Answer::Superseded => Ok(Reply::see_other(target(&call))),
        Answer::Ended => Ok(Reply::see_other(call.path("/login")).cookie(call.cookies().session.clear())),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match answer(&call).await? {
        Answer::Granted(reply) => Ok(reply),
        Answer::Wrong => Err(Fault::Forbidden(FaultCode::InvalidCredentials)),
        Answer::Superseded => Err(Fault::Unauthenticated),
        Answer::Ended => Err(Fault::SessionEnded),
    }
}

fn target(call: &Call<'_>) -> String {
    call.return_to().map_or_else(|| String::from("/"), |path| path.to_string())
}

enum Answer {
    /// 204 with the new session cookie.
    Granted(Reply),
    Wrong,
    /// A request beside this one went first; the browser holds, or is about to hold, what that one was given.
    Superseded,
    Ended,
}

async fn answer(call: &Call<'_>) -> Result<Answer, Fault> {
    let current = call.signed_in()?;
    let outcome = call.sigra().sudo().password(current, call.text("password")?, call.client()).await?;
    Ok(match outcome {
        SudoOutcome::Granted { token, session } => {
            let cookie = call.cookies().session.issue(&token, call.session_lifetime(&session));
            Answer::Granted(Reply::no_content().cookie(cookie))
        }
        SudoOutcome::Wrong => Answer::Wrong,
        SudoOutcome::Superseded => Answer::Superseded,
        SudoOutcome::SessionEnded => Answer::Ended,
    })
}

fn view(call: &Call<'_>) -> Result<SudoView, Fault> {
    Ok(SudoView {
        email: call.signed_in()?.user().email.to_string(),
        return_to: call.return_to().map(|path| path.to_string()),
        ..SudoView::default()
    })
}
