//! What the pages about changing the address show.

use serde::Serialize;

use crate::views::Errors;

/// `email_settings.html`: asks for a new address for the account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EmailSettingsView {
    /// The address the account has.
    pub email: String,
    /// Whether the last proof is recent enough for changes.
    pub fresh: bool,
    /// What was typed.
    pub typed: String,
    /// The change that waits for its link to be opened. It says the same whether or not the new address is free.
    pub pending: Option<PendingEmailView>,
    /// Faults of `email`.
    pub errors: Errors,
}

/// The change that waits in [`EmailSettingsView`].
#[derive(Clone, Debug, Serialize)]
pub struct PendingEmailView {
    /// The new address.
    pub email: String,
    /// When it was asked for.
    pub requested_at: String,
    /// When its link expires.
    pub expires_at: String,
    /// The path the button that withdraws it posts to.
    pub withdraw_action: String,
}

/// `email_change_token.html`: where the link to a new address leads. Its button changes the address.
#[derive(Clone, Debug, Serialize)]
pub struct EmailChangeTokenView {
    /// The new address.
    pub email: String,
    /// When it was asked for.
    pub requested_at: String,
    /// The path the button posts to.
    pub action: String,
}

/// `email_change_cancel.html`: where the link to the old address leads. Its button undoes the change, ends every session of
/// the account and starts a reset.
#[derive(Clone, Debug, Serialize)]
pub struct EmailChangeCancelView {
    /// The address the account would have.
    pub email: String,
    /// Whether the account has another one now.
    pub changed: bool,
    /// When the change was asked for.
    pub requested_at: String,
    /// The path the button posts to.
    pub action: String,
}
