//! Adding a passkey.

use http::StatusCode;
use sigra_passkeys::{FinishOutcome, StartOutcome};

use super::manage::{invalid_nickname, shown};
use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::security::carried_on;
use crate::shown::with_renewed;

pub(super) async fn start(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    match service(&call)?.start_registration(current.user(), current.session().id).await? {
        StartOutcome::Options(options) => Ok(Reply::json(StatusCode::OK, options)),
        StartOutcome::Limit => Err(FaultCode::PasskeyLimit.into()),
        StartOutcome::Unconfirmed => Err(FaultCode::Unconfirmed.into()),
    }
}

pub(super) async fn finish(call: Call<'_>) -> Result<Reply, Fault> {
    let current = call.signed_in()?;
    let nickname = Some(call.text("nickname")?).filter(|nickname| !nickname.is_empty());
    let response = call.fields.to_json();
    if !sigra_passkeys::reads_as_registration(&response) {
        return Err(FaultCode::Malformed.into());
    }
    let finished = service(&call)?.finish_registration(
        call.sigra(),
        current.user(),
        current.session().id,
        &response,
        nickname,
        call.client(),
    );
    match finished.await? {
        FinishOutcome::Registered { passkey, user } => {
            let renewed = carried_on(&call, current, &user, current.session().assurance.clone()).await;
            let reply = Reply::json(StatusCode::CREATED, shown(&passkey)).cookie(call.notice(Notice::PasskeyAdded));
            Ok(with_renewed(reply, &call, renewed))
        }
        FinishOutcome::InvalidNickname => Err(Fault::Validation(vec![invalid_nickname()])),
        FinishOutcome::Limit => Err(FaultCode::PasskeyLimit.into()),
        FinishOutcome::Rejected | FinishOutcome::Duplicate => Err(FaultCode::PasskeyRejected.into()),
        FinishOutcome::Stale => Err(Fault::Unauthenticated),
    }
}
