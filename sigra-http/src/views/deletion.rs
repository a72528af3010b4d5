//! What the pages of deletion show.

use serde::Serialize;

use super::{Link, MessageView};

/// `delete_account.html`: says what deleting the account means, and does it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DeleteAccountView {
    /// The account.
    pub email: String,
    /// Whether the last proof is recent enough for deleting.
    pub fresh: bool,
    /// When the account would be deleted, were it asked for now.
    pub delete_at: String,
    /// Whether address and profile stay with the host.
    pub keeps_profile: bool,
}

/// `reactivate.html`: asks, in the middle of signing in, whether to keep an account that is to be deleted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReactivateView {
    /// The account.
    pub email: String,
    /// When it will be deleted.
    pub delete_at: Option<String>,
    /// The local path to go to afterwards. Already checked.
    pub return_to: Option<String>,
}

/// `undo_deletion.html`: where the link in the mail about a deletion leads. Its button keeps the account.
#[derive(Clone, Debug, Serialize)]
pub struct UndoDeletionView {
    /// The account.
    pub email: String,
    /// When its deletion was asked for.
    pub requested_at: String,
    /// When it will be deleted.
    pub delete_at: String,
    /// The path the button posts to.
    pub action: String,
}

impl MessageView {
    /// What is said after a deletion was taken back by mail.
    #[must_use]
    pub fn kept(login_href: String) -> Self {
        Self {
            title: "Your account stays".to_owned(),
            paragraphs: vec![
                "It will not be deleted.".to_owned(),
                "We are sending you a mail with a link to set a new password. Use it before you sign in again."
                    .to_owned(),
            ],
            link: Some(Link { href: login_href, text: "Go to sign in".to_owned() }),
        }
    }
}
