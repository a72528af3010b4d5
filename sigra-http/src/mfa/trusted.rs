//! Trusted browsers.

use http::StatusCode;
use serde::Serialize;
use sigra_core::id::TrustedBrowserId;
use sigra_mfa::ports::TrustedBrowser;

use super::service;
use crate::call::Call;
use crate::fault::Fault;
use crate::notice::Notice;
use crate::problem::FaultCode;
use crate::reply::Reply;
use crate::security::to_settings;
use crate::views::TrustedBrowserRow;

pub(super) async fn list_json(call: Call<'_>) -> Result<Reply, Fault> {
    let browsers = service(&call)?.list_trusted(call.signed_in()?.user()).await?;
    let shown: Vec<_> = browsers.iter().map(|browser| Listed::of(&call, browser)).collect();
    Ok(Reply::json(StatusCode::OK, serde_json::json!({ "trusted_browsers": shown })))
}

pub(super) async fn revoke_form(call: Call<'_>) -> Result<Reply, Fault> {
    revoke(&call).await?;
    Ok(to_settings(&call, Notice::TrustRevoked))
}

pub(super) async fn revoke_json(call: Call<'_>) -> Result<Reply, Fault> {
    revoke(&call).await?;
    Ok(Reply::no_content())
}

pub(super) async fn revoke_all_form(call: Call<'_>) -> Result<Reply, Fault> {
    service(&call)?.revoke_all_trusted(call.signed_in()?.user(), call.client()).await?;
    Ok(to_settings(&call, Notice::TrustRevoked).cookie(call.cookies().trust.clear()))
}

pub(super) async fn revoke_all_json(call: Call<'_>) -> Result<Reply, Fault> {
    let revoked = service(&call)?.revoke_all_trusted(call.signed_in()?.user(), call.client()).await?;
    let reply = Reply::json(StatusCode::OK, serde_json::json!({ "revoked": revoked }));
    Ok(reply.cookie(call.cookies().trust.clear()))
}

async fn revoke(call: &Call<'_>) -> Result<(), Fault> {
    let id: TrustedBrowserId = call.param("id").parse().map_err(|_| FaultCode::NotFound)?;
    let revoked = service(call)?.revoke_trusted(call.signed_in()?.user(), id, call.client()).await?;
    if revoked { Ok(()) } else { Err(FaultCode::NotFound.into()) }
}

/// A browser in the settings.
pub(super) fn row(call: &Call<'_>, browser: &TrustedBrowser) -> TrustedBrowserRow {
    TrustedBrowserRow {
        device: call.sigra().describe_device(browser.client.user_agent.as_deref()),
        place: browser.place.as_ref().map(ToString::to_string),
        created_at: browser.created_at.to_string(),
        last_used_at: browser.last_used_at.to_string(),
        expires_at: browser.expires_at.to_string(),
        revoke_action: call.path(&format!("/settings/mfa/trusted-browsers/{}/revoke", browser.id)),
    }
}

/// A browser as JSON.
#[derive(Serialize)]
struct Listed {
    id: String,
    device: String,
    ip: Option<String>,
    place: Option<String>,
    created_at: String,
    last_used_at: String,
    expires_at: String,
}

impl Listed {
    fn of(call: &Call<'_>, browser: &TrustedBrowser) -> Self {
        Self {
            id: browser.id.to_string(),
            device: call.sigra().describe_device(browser.client.user_agent.as_deref()),
            ip: browser.client.ip.map(|ip| ip.to_string()),
            place: browser.place.as_ref().map(ToString::to_string),
            created_at: browser.created_at.to_string(),
            last_used_at: browser.last_used_at.to_string(),
            expires_at: browser.expires_at.to_string(),
        }
    }
}
