//! Where the settings begin.

use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::views::SettingsView;

pub(super) async fn page(call: Call<'_>) -> Result<Reply, Fault> {
    let user = call.signed_in()?.user();
    Ok(Reply::page(SettingsView { email: user.email.to_string() }))
}
