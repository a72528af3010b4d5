//! What a mail will say, before anybody has worded it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::email::EmailAddress;
use crate::id::MailId;
use crate::ports::{Sealed, Vault, VaultError};
use crate::secret::{Code, RawToken};
use crate::time::Timestamp;

/// What a mail is about. Also its `X-Sigra-Kind` header and the name of its templates.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailKind(Cow<'static, str>);

impl MailKind {
    /// Link and code that prove the address of a registration.
    pub const CONFIRM_EMAIL: Self = Self::new("confirm_email");
    /// Somebody registered with an address that has an account.
    pub const ALREADY_REGISTERED: Self = Self::new("already_registered");
    /// A link that signs in.
    pub const MAGIC_LINK: Self = Self::new("magic_link");
    /// A link that sets a new password.
    pub const RESET_PASSWORD: Self = Self::new("reset_password");
    /// The password was replaced.
    pub const PASSWORD_CHANGED: Self = Self::new("password_changed");
    /// A sign-in from a browser the account had not used.
    pub const NEW_DEVICE: Self = Self::new("new_device");
    /// Attempts on the account were locked.
    pub const ACCOUNT_LOCKED: Self = Self::new("account_locked");
    /// A replaced token of a remembered session was used again.
    pub const SESSION_REUSED: Self = Self::new("session_reused");
    /// Attempts at the second factors were locked.
    pub const MFA_LOCKED: Self = Self::new("mfa_locked");
    /// Somebody showed the password and gave up at the second factor.
    pub const SIGN_IN_UNFINISHED: Self = Self::new("sign_in_unfinished");
    /// A code that proves the address in the middle of signing in.
    pub const CONFIRM_CODE: Self = Self::new("confirm_code");
    /// A code to set up a second factor from an unknown device.
    pub const ENROLLMENT_CODE: Self = Self::new("enrollment_code");
    /// A link that proves the new address of an account.
    pub const EMAIL_CHANGE_CONFIRM: Self = Self::new("email_change_confirm");
    /// A change of address was asked for.
    pub const EMAIL_CHANGE_NOTICE: Self = Self::new("email_change_notice");
    /// The address was changed. Goes to both, and undoes from the old one.
    pub const EMAIL_CHANGED: Self = Self::new("email_changed");

    /// The account will be deleted, unless somebody takes that back.
    pub const DELETION_SCHEDULED: Self = Self::new("deletion_scheduled");
    /// The account will not be deleted after all.
    pub const DELETION_CANCELLED: Self = Self::new("deletion_cancelled");
    /// The account was deleted.
    pub const DELETION_DONE: Self = Self::new("deletion_done");

    /// Nobody has used the account for long, and it will be disabled.
    pub const DORMANT_WARNING: Self = Self::new("dormant_warning");

    /// Every kind the flows of this crate send.
    pub const ALL: &[Self] = &[
        Self::CONFIRM_EMAIL,
        Self::ALREADY_REGISTERED,
        Self::MAGIC_LINK,
        Self::RESET_PASSWORD,
        Self::PASSWORD_CHANGED,
        Self::NEW_DEVICE,
        Self::ACCOUNT_LOCKED,
        Self::SESSION_REUSED,
        Self::MFA_LOCKED,
        Self::SIGN_IN_UNFINISHED,
        Self::CONFIRM_CODE,
        Self::ENROLLMENT_CODE,
        Self::EMAIL_CHANGE_CONFIRM,
        Self::EMAIL_CHANGE_NOTICE,
        Self::EMAIL_CHANGED,
        Self::DELETION_SCHEDULED,
        Self::DELETION_CANCELLED,
        Self::DELETION_DONE,
        Self::DORMANT_WARNING,
    ];

    /// A kind of another capability: lower-case ASCII with underscores.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A kind that storage returned.
    #[must_use]
    pub const fn from_stored(name: String) -> Self {
        Self(Cow::Owned(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The facts a mail is worded from.
///
/// Everything a template can show comes from here. Texts are facts the toolkit derived (a described device, a looked-up
/// place), never text a stranger typed. Redacted when printed: links and codes are secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Tokens by the name of the page that redeems them, as in `confirm`, `magic_link`, `reset_password`, `not_me`, `reactivate`.
    pub tokens: BTreeMap<String, Zeroizing<String>>,
    /// A six-digit code.
    pub code: Option<Zeroizing<String>>,
    /// When what the mail reports happened, or was asked for.
    pub at: Option<Timestamp>,
    /// When what the mail announces will happen.
    pub due_at: Option<Timestamp>,
    /// Seconds the link is good for, from `at`.
    pub valid_secs: Option<u64>,
    /// Seconds the code is good for, from when the mail was made.
    pub code_valid_secs: Option<u64>,
    /// The device, as in "Firefox on Linux".
    pub device: Option<String>,
    /// The place, as in "Lisbon, PT".
    pub place: Option<String>,
    /// The network address.
    pub ip: Option<String>,
    /// How many are left of what was used up by one.
    pub left: Option<u32>,
    /// What the notice is about, in the words of the toolkit, as in "iCloud Keychain".
    pub what: Option<String>,
}

impl Facts {
    /// Adds the token a page redeems.
    #[must_use]
    pub fn with_token(mut self, page: &str, token: &RawToken) -> Self {
        self.tokens.insert(page.to_owned(), token.expose());
        self
    }

    /// Adds a code.
    #[must_use]
    pub fn with_code(mut self, code: &Code) -> Self {
        self.code = Some(code.expose());
        self
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts([redacted])")
    }
}

/// A mail that a change owes somebody: one row of the outbox.
///
/// The facts are sealed, bound to the row, and wiped once the mail is sent, abandoned or expired.
#[derive(Clone, Debug)]
pub struct OutgoingMail {
    /// Identity of the row; the `Message-ID` is made from it and stays the same over retries.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// Where it goes: always an address from storage or a parsed one, never a submitted string.
    pub to: EmailAddress,
    /// The sealed [`Facts`].
    pub facts: Sealed,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it stops being worth sending.
    pub expires_at: Timestamp,
}

impl OutgoingMail {
    /// Seals the facts into a new outbox row.
    #[must_use]
    pub fn seal(
        vault: &dyn Vault,
        kind: MailKind,
        to: &EmailAddress,
        facts: &Facts,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        let id = MailId::new(created_at);
        let plain = Zeroizing::new(serde_json::to_vec(facts).unwrap_or_default());
        let facts = vault.seal(&Self::context(id), &plain);
        Self { id, kind, to: to.clone(), facts, created_at, expires_at }
    }

    /// Opens the facts.
    ///
    /// # Errors
    ///
    /// When the vault cannot open them, or they do not read back.
    pub fn open(&self, vault: &dyn Vault) -> Result<Facts, VaultError> {
        let opened = vault.open(&Self::context(self.id), &self.facts)?;
        serde_json::from_slice(opened.plain.expose()).map_err(|_| VaultError)
    }

    fn context(id: MailId) -> String {
        format!("sigra_outbox.facts.{id}")
    }
}
