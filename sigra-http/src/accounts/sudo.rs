//! Authenticating again for sensitive actions.

use std::time::Duration;

use http::StatusCode;
use sigra_core::flows::{FactorAnswer, SudoAnswer, SudoOutcome};

use crate::call::Call;
use crate::fault::Fault;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::views::SudoView;
use crate::wording;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::page(view(&call).await?))
}

pub(super) async fn form(call: Call<'_>) -> Result<Reply, Fault> {
    match answer(&call).await? {
        Answer::Granted(reply) => Ok(reply.into_see_other(target(&call))),
        Answer::Wrong => {
            let view = view(&call).await?;
            let (field, sentence) =
                if view.demanded { ("code", wording::WRONG_FACTOR) } else { ("password", wording::WRONG_PASSWORD) };
            let error = FieldError::new(field, FaultCode::InvalidCredentials.as_str(), sentence);
            let view = SudoView { errors: vec![error].into(), ..view };
            Ok(Reply::page(view).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Answer::LockedOut(wait) => {
            let view = SudoView { errors: vec![wording::locked_out(wait)].into(), ..view(&call).await? };
            Ok(Reply::page(view).status(StatusCode::TOO_MANY_REQUESTS).retry_after(wait))
        }
        Answer::Superseded => Ok(Reply::see_other(target(&call))),
        Answer::Ended => Ok(Reply::see_other(call.path("/login")).cookie(call.cookies().session.clear())),
    }
}

pub(super) async fn json(call: Call<'_>) -> Result<Reply, Fault> {
    match answer(&call).await? {
        Answer::Granted(reply) => Ok(reply),
        Answer::Wrong => Err(Fault::Forbidden(FaultCode::InvalidCredentials)),
        Answer::LockedOut(wait) => Err(Fault::LockedOut(wait)),
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
    LockedOut(Option<Duration>),
    /// A request beside this one went first; the browser holds, or is about to hold, what that one was given.
    Superseded,
    Ended,
}

async fn answer(call: &Call<'_>) -> Result<Answer, Fault> {
    let current = call.signed_in()?;
    let method = call.text("method")?;
    // A passkey's answer is an object, anything else a text.
    let credential = call.fields.value("credential").filter(|value| value.is_object()).map(ToString::to_string);
    let response = match &credential {
        Some(credential) => credential,
        None => call.text("code")?,
    };
    let answer = SudoAnswer {
        password: call.fields.has("password").then(|| call.text("password")).transpose()?,
        factor: (!method.is_empty()).then_some(FactorAnswer { method, response }),
    };
    let outcome = call.sigra().sudo().answer(current, answer, call.client()).await?;
    Ok(match outcome {
        SudoOutcome::Granted { token, session } => {
            let cookie = call.cookies().session.issue(&token, call.session_lifetime(&session));
            Answer::Granted(Reply::no_content().cookie(cookie))
        }
        SudoOutcome::Wrong => Answer::Wrong,
        SudoOutcome::LockedOut(wait) => Answer::LockedOut(wait),
        SudoOutcome::Superseded => Answer::Superseded,
        SudoOutcome::SessionEnded => Answer::Ended,
    })
}

async fn view(call: &Call<'_>) -> Result<SudoView, Fault> {
    let user = call.signed_in()?.user();
    let factors = call.sigra().second_factors();
    let kinds: Vec<_> = factors.held(user).await?.iter().map(|kind| kind.name().to_owned()).collect();
    Ok(SudoView {
        email: user.email.to_string(),
        return_to: call.return_to().map(|path| path.to_string()),
        demanded: factors.demanded(user).await?,
        has_password: user.has_password,
        passkey: kinds.iter().any(|kind| kind == "passkey"),
        methods: kinds.into_iter().filter(|kind| kind != "passkey").collect(),
        method: call.text("method")?.to_owned(),
        ..SudoView::default()
    })
}
