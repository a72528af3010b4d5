//! Accounts as the flows see them.

use serde::{Deserialize, Serialize};

use crate::email::EmailAddress;
use crate::id::UserId;
use crate::time::Timestamp;

/// The two numbers that end everything.
///
/// Both are copied into every credential made for a user and compared at every use. Raising one, in the transaction
/// that makes a change, kills at once whatever carries the old number, wherever it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// Raised by a change of password or address, by reset, deletion and disabling.
    pub security: i64,
    /// Raised when a second factor is added or removed.
    pub factor: i64,
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Identity of the row.
    pub id: UserId,
    /// The address mail goes to.
    pub email: EmailAddress,
    /// When the address was proven; `None` while it is not.
    pub confirmed_at: Option<Timestamp>,
    /// Whether a password is set.
    pub has_password: bool,
    /// When the password was last set or replaced; `None` while it is the one the account was made with.
    pub password_changed_at: Option<Timestamp>,
    /// Since when the next sign-in must replace the password; `None` when it need not, or there is none.
    pub password_change_required_at: Option<Timestamp>,
    /// What the host keeps about the user: a JSON object of the host's own type.
    pub profile: serde_json::Value,
    /// The numbers credentials are compared with.
    pub epochs: Epochs,
    /// When the account was disabled; `None` while it is not.
    pub disabled_at: Option<Timestamp>,
    /// When the account is to be deleted; `None` while its deletion is not scheduled.
    pub deletion_due_at: Option<Timestamp>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// The last completed sign-in; `None` before the first.
    pub last_sign_in_at: Option<Timestamp>,
}

impl User {
    /// Whether what was proven under `epochs` still counts: the account has these epochs, and is not disabled.
    ///
    /// The one definition of that. Whoever judges it in another language (a statement, a script) says the same there.
    #[must_use]
    pub fn stands(&self, epochs: Epochs) -> bool {
        self.disabled_at.is_none() && self.epochs == epochs
    }

    /// Whether the account ever had a second factor. Setting one up raises the factor epoch in the same step, so who has
    /// none by this need not be looked up.
    #[must_use]
    pub const fn ever_had_a_factor(&self) -> bool {
        self.epochs.factor > 0
    }

    /// Whether the account is past the day of its deletion: nothing brings it back, though it may not be erased yet.
    #[must_use]
    pub fn deletion_is_due(&self, now: Timestamp) -> bool {
        self.deletion_due_at.is_some_and(|due_at| due_at <= now)
    }

    /// The account as [reclaiming](crate::ports::AccountStore#reclaiming) leaves it: proven, as if nobody had ever signed in,
    /// without a password, under new epochs. A deletion that is scheduled stays so: whoever showed the mailbox has not said
    /// yet whether it was they who asked for it.
    #[must_use]
    pub fn reclaimed(self, at: Timestamp) -> Self {
        let Epochs { security, factor } = self.epochs;
        Self {
            confirmed_at: Some(at),
            has_password: false,
            password_changed_at: None,
            password_change_required_at: None,
            epochs: Epochs { security: security + 1, factor: factor + 1 },
            last_sign_in_at: None,
            ..self
        }
    }
}
