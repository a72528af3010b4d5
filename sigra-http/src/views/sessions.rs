//! What the pages of sessions and of the security history show.

use serde::Serialize;

/// `settings.html`: where the settings begin. Its links are the global `settings`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SettingsView {
    /// The account that is signed in.
    pub email: String,
}

/// `sessions.html`: where the account is signed in.
#[derive(Clone, Debug, Serialize)]
pub struct SessionsView {
    /// The account that is signed in.
    pub email: String,
    /// Its sessions, in the order they are shown.
    pub sessions: Vec<SessionRow>,
    /// Whether the last proof of the password is recent enough for revoking.
    pub fresh: bool,
}

/// One session in [`SessionsView`].
#[derive(Clone, Debug, Serialize)]
pub struct SessionRow {
    /// Whether it is the session that asks.
    pub current: bool,
    /// Browser and system, in words.
    pub device: String,
    /// Where its address is, when known.
    pub place: Option<String>,
    /// The address it was last seen from, when known.
    pub ip: Option<String>,
    /// When it was signed in.
    pub created_at: String,
    /// When it was last used.
    pub last_seen_at: String,
    /// How it was signed in: names as in the JSON interface (`pwd`, `magic_link`), or words.
    pub methods: Vec<String>,
    /// The path its button posts to.
    pub revoke_action: String,
}

/// `security_history.html`: what happened to the account, newest first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SecurityHistoryView {
    /// The account.
    pub email: String,
    /// The events of this page.
    pub events: Vec<SecurityEventRow>,
    /// Whether this is the first page.
    pub newest: bool,
    /// The path of the next page; `None` when there is nothing older.
    pub older: Option<String>,
}

/// One event in [`SecurityHistoryView`].
#[derive(Clone, Debug, Serialize)]
pub struct SecurityEventRow {
    /// What happened, as a sentence.
    pub sentence: String,
    /// Whether it was refused or went wrong.
    pub failed: bool,
    /// Whether it was done with the session that asks.
    pub current: bool,
    /// When.
    pub at: String,
    /// Browser and system, in words.
    pub device: Option<String>,
    /// Where its address is, when known.
    pub place: Option<String>,
    /// Its address, when known.
    pub ip: Option<String>,
    /// How it was done: names as in the JSON interface (`pwd`, `magic_link`), or words.
    pub methods: Vec<String>,
}
