//! Seeing, renaming and removing passkeys.

use http::StatusCode;
use serde_json::{Value, json};
use sigra_core::assurance::{Aal, Assurance};
use sigra_core::id::PasskeyId;
use sigra_core::user::User;
use sigra_passkeys::{Passkey, RemoveOutcome, RenameOutcome};

use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::{FaultCode, FieldError};
use crate::reply::Reply;
use crate::security::{carried_on, page_with, to_settings, with_renewed};
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
    match rename(&call).await? {
        RenameOutcome::Renamed => Ok(to_settings(&call, Notice::PasskeyRenamed)),
        RenameOutcome::Invalid => page_with(&call, invalid_nickname(), StatusCode::UNPROCESSABLE_ENTITY).await,
        RenameOutcome::Unknown => Err(FaultCode::NotFound.into()),
    }
}

pub(super) async fn rename_json(call: Call<'_>) -> Result<Reply, Fault> {
    match rename(&call).await? {
        RenameOutcome::Renamed => Ok(Reply::no_content()),
        RenameOutcome::Invalid => Err(Fault::Validation(vec![invalid_nickname()])),
        RenameOutcome::Unknown => Err(FaultCode::NotFound.into()),
    }
}

pub(super) async fn delete_form(call: Call<'_>) -> Result<Reply, Fault> {
    match remove(&call).await? {
        RemoveOutcome::Removed { user } => removed(&call, &user, to_settings(&call, Notice::PasskeyRemoved)).await,
        RemoveOutcome::Needed => page_with(&call, last_way_in(), StatusCode::UNPROCESSABLE_ENTITY).await,
        RemoveOutcome::Unknown => Err(FaultCode::NotFound.into()),
    }
}

pub(super) async fn delete_json(call: Call<'_>) -> Result<Reply, Fault> {
    match remove(&call).await? {
        RemoveOutcome::Removed { user } => removed(&call, &user, Reply::no_content()).await,
        RemoveOutcome::Needed => Err(Fault::Validation(vec![last_way_in()])),
        RemoveOutcome::Unknown => Err(FaultCode::NotFound.into()),
    }
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
    let path = |what: &str| call.path(&format!("/settings/passkeys/{}/{what}", passkey.id));
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

fn id(call: &Call<'_>) -> Result<PasskeyId, Fault> {
    call.param("id").parse().map_err(|_| FaultCode::NotFound.into())
}

async fn rename(call: &Call<'_>) -> Result<RenameOutcome, Fault> {
    let user = call.signed_in()?.user();
    Ok(service(call)?.rename(user, id(call)?, call.text("nickname")?, call.client()).await?)
}

async fn remove(call: &Call<'_>) -> Result<RemoveOutcome, Fault> {
    let user = call.signed_in()?.user();
    Ok(service(call)?.remove(call.sigra(), user, id(call)?, call.client()).await?)
}

/// A session that two factors were shown to by a passkey alone is lowered: it may have been this one.
async fn removed(call: &Call<'_>, user: &User, reply: Reply) -> Result<Reply, Fault> {
    let assurance = &call.signed_in()?.session().assurance;
    let shown = |names: &[&str]| assurance.methods.iter().any(|method| names.contains(&method.name()));
    let lowered =
        (shown(&["hwk", "swk"]) && !shown(&["otp"])).then(|| Assurance { aal: Aal::One, ..assurance.clone() });
    let renewed = carried_on(call, user, lowered).await?;
    Ok(with_renewed(reply, call, renewed))
}

pub(super) fn invalid_nickname() -> FieldError {
    FieldError::new("nickname", "invalid", BAD_NICKNAME)
}

fn last_way_in() -> FieldError {
    FieldError::new("", "last_way_in", LAST_WAY_IN)
}
