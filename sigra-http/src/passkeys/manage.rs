//! Seeing, renaming and removing passkeys.

use http::StatusCode;
use serde_json::{Value, json};
use sigra_core::flows::Renewed;
use sigra_core::id::PasskeyId;
use sigra_passkeys::{Passkey, RemoveOutcome, RenameOutcome};

use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::security::{carried_on, page_with, to_settings};
use crate::shown::with_renewed;
use crate::views::{PasskeyRow, PasskeySection};

const LAST_WAY_IN: &str =
    "This is your last way to sign in. Set a password or add another passkey before you remove it.";
const BAD_NICKNAME: &str = "Use a name of 1 to 64 characters.";

/// The forms below this path stand on another page. Who had to sign in first comes back here.
pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::see_other(call.path("/settings/mfa")))
}

pub(super) async fn list_json(call: Call<'_>) -> Result<Reply, Fault> {
    let passkeys = service(&call)?.list(call.signed_in()?.user()).await?;
    let shown: Vec<_> = passkeys.iter().map(shown).collect();
    Ok(Reply::json(StatusCode::OK, json!({ "passkeys": shown })))
}

pub(super) async fn rename_form(call: Call<'_>) -> Result<Reply, Fault> {
    match rename(&call).await {
        Ok(()) => Ok(to_settings(&call, Notice::PasskeyRenamed)),
        Err(fault) => page_again(&call, "rename", fault).await,
    }
}

pub(super) async fn rename_json(call: Call<'_>) -> Result<Reply, Fault> {
    rename(&call).await?;
    Ok(Reply::no_content())
}

pub(super) async fn delete_form(call: Call<'_>) -> Result<Reply, Fault> {
    match remove(&call).await {
        Ok(renewed) => Ok(with_renewed(to_settings(&call, Notice::PasskeyRemoved), &call, renewed)),
        Err(fault) => page_again(&call, "delete", fault).await,
    }
}

pub(super) async fn delete_json(call: Call<'_>) -> Result<Reply, Fault> {
    let renewed = remove(&call).await?;
    Ok(with_renewed(Reply::no_content(), &call, renewed))
}

/// Passkeys in the settings. `None` on a surface that does not have these routes.
pub(crate) async fn section(call: &Call<'_>) -> Result<Option<PasskeySection>, Fault> {
    let Some(service) = &call.surface.inner.services.passkeys else {
        return Ok(None);
    };
    let rows = service.passkeys.list(call.signed_in()?.user()).await?;
    Ok(Some(PasskeySection { passkeys: rows.iter().map(|passkey| row(call, passkey)).collect() }))
}

/// A passkey as JSON.
pub(super) fn shown(passkey: &Passkey) -> Value {
    json!({
        "id": passkey.id.to_string(),
        "nickname": passkey.nickname,
        "synced": passkey.backup_eligible,
        "created_at": passkey.created_at.to_string(),
        "last_used_at": passkey.last_used_at.map(|at| at.to_string()),
    })
}

fn row(call: &Call<'_>, passkey: &Passkey) -> PasskeyRow {
    let path = |what: &str| call.path(&action(&passkey.id.to_string(), what));
    PasskeyRow {
        id: passkey.id.to_string(),
        nickname: passkey.nickname.clone(),
        synced: passkey.backup_eligible,
        created_at: passkey.created_at.to_string(),
        last_used_at: passkey.last_used_at.map(|at| at.to_string()),
        rename_action: path("rename"),
        delete_action: path("delete"),
    }
}

fn action(id: &str, what: &str) -> String {
    format!("/settings/passkeys/{id}/{what}")
}

/// The page again, with the fault of a form beside it.
async fn page_again(call: &Call<'_>, what: &str, fault: Fault) -> Result<Reply, Fault> {
    match fault {
        Fault::Validation(errors) => page_with(call, &action(call.param("id"), what), errors).await,
        other => Err(other),
    }
}

fn id(call: &Call<'_>) -> Result<PasskeyId, Fault> {
    call.param("id").parse().map_err(|_| FaultCode::NotFound.into())
}

async fn rename(call: &Call<'_>) -> Result<(), Fault> {
    let user = call.signed_in()?.user();
    match service(call)?.rename(user, id(call)?, call.text("nickname")?, call.client()).await? {
        RenameOutcome::Renamed => Ok(()),
        RenameOutcome::Invalid => Err(Fault::Validation(vec![invalid_nickname()])),
        RenameOutcome::Unknown => Err(FaultCode::NotFound.into()),
    }
}

/// Removes a passkey. What became of the session, as [`carried_on`] says.
async fn remove(call: &Call<'_>) -> Result<Option<Renewed>, Fault> {
    let current = call.signed_in()?;
    match service(call)?.remove(call.sigra(), current.user(), id(call)?, call.client()).await? {
        RemoveOutcome::Removed { user } => {
            let lowered = sigra_passkeys::lowered(&current.session().assurance);
            Ok(carried_on(call, current, &user, lowered).await)
        }
        RemoveOutcome::Needed => Err(Fault::Validation(vec![last_way_in()])),
        RemoveOutcome::Unknown => Err(FaultCode::NotFound.into()),
        RemoveOutcome::Stale => Err(Fault::Unauthenticated),
    }
}

pub(super) fn invalid_nickname() -> FieldError {
    FieldError::new("nickname", "invalid", BAD_NICKNAME)
}

fn last_way_in() -> FieldError {
    FieldError::new("", "last_way_in", LAST_WAY_IN)
}
