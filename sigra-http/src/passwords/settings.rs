//! Changing the password of whoever is signed in, or setting a first one.

use http::StatusCode;
use sigra_core::flows::{InputFault, NewPassword, PasswordOutcome};

use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::shown::{field_errors, validation, with_renewed};
use crate::views::PasswordView;
use crate::wording;

const PAGE: &str = "/settings/password";

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    if call.sigra().passwords().must_be_fresh(call.signed_in()?).await? {
        return Err(Fault::NotFresh);
    }
    Ok(Reply::page(view(&call)?))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    let outcome = if call.signed_in()?.user().has_password { change(&call).await? } else { set(&call).await? };
    match outcome {
        Answer::Done(reply) => Ok(reply.into_see_other(call.path(PAGE)).cookie(call.notice(Notice::PasswordChanged))),
        Answer::Rejected(faults) => faulty(&call, field_errors(&faults)),
        Answer::Wrong => {
            let code = FaultCode::InvalidCredentials.as_str();
            faulty(&call, vec![FieldError::new("current_password", code, wording::WRONG_PASSWORD)])
        }
        // What the browser holds now, if it is good, shows the page as it is; if not, it leads to signing in.
        Answer::AlreadySet | Answer::Superseded => Ok(Reply::see_other(call.path(PAGE))),
        Answer::Ended => Ok(Reply::see_other(call.path("/login")).cookie(call.cookies().session.clear())),
    }
}

pub(super) async fn change_json(call: Call<'_>) -> Result<Reply, Fault> {
    json(&call, change(&call).await?)
}

pub(super) async fn set_json(call: Call<'_>) -> Result<Reply, Fault> {
    json(&call, set(&call).await?)
}

fn json(call: &Call<'_>, answer: Answer) -> Result<Reply, Fault> {
    match answer {
        Answer::Done(reply) => Ok(reply),
        Answer::Rejected(faults) => Err(validation(&faults)),
        Answer::Wrong => Err(Fault::Forbidden(FaultCode::InvalidCredentials)),
        Answer::AlreadySet => Err(FaultCode::PasswordAlreadySet.into()),
        Answer::Superseded => Err(Fault::Unauthenticated),
        Answer::Ended => Err(Fault::Ending(
            Box::new(Fault::Forbidden(FaultCode::InvalidCredentials)),
            call.cookies().session.clear(),
        )),
    }
}

enum Answer {
    /// 204 with the cookie of the session that goes on.
    Done(Reply),
    Rejected(Vec<InputFault>),
    Wrong,
    AlreadySet,
    /// A request beside this one changed the account first.
    Superseded,
    Ended,
}

async fn change(call: &Call<'_>) -> Result<Answer, Fault> {
    let present = call.text("current_password")?;
    let outcome = call.sigra().passwords().change(call.signed_in()?, present, new(call)?).await?;
    answer(call, outcome)
}

async fn set(call: &Call<'_>) -> Result<Answer, Fault> {
    let outcome = call.sigra().passwords().set_first(call.signed_in()?, new(call)?).await?;
    answer(call, outcome)
}

fn new<'c>(call: &'c Call<'_>) -> Result<NewPassword<'c>, Fault> {
    Ok(NewPassword { password: call.text("password")?, device: call.visit.device(), client: call.client() })
}

fn answer(call: &Call<'_>, outcome: PasswordOutcome) -> Result<Answer, Fault> {
    Ok(match outcome {
        PasswordOutcome::Done { renewed, .. } => {
            Answer::Done(with_renewed(Reply::no_content(), call, renewed.map(|renewed| *renewed)))
        }
        PasswordOutcome::Rejected(faults) => Answer::Rejected(faults),
        PasswordOutcome::Wrong => Answer::Wrong,
        PasswordOutcome::SessionEnded => Answer::Ended,
        PasswordOutcome::AlreadySet => Answer::AlreadySet,
        PasswordOutcome::Superseded => Answer::Superseded,
        PasswordOutcome::NotFresh => return Err(Fault::NotFresh),
    })
}

/// The page again, with faults beside its fields.
fn faulty(call: &Call<'_>, errors: Vec<FieldError>) -> Result<Reply, Fault> {
    let view = PasswordView { errors: errors.into(), ..view(call)? };
    Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
}

fn view(call: &Call<'_>) -> Result<PasswordView, Fault> {
    let user = call.signed_in()?.user();
    Ok(PasswordView {
        email: user.email.to_string(),
        has_password: user.has_password,
        changed_at: user.password_changed_at.filter(|_| user.has_password).map(|at| at.to_string()),
        ..PasswordView::default()
    })
}
