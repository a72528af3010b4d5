//! Accounts, and what is mailed or handed out to them.

use serde::{Deserialize, Serialize};
use sigra_core::email::EmailAddress;
use sigra_core::password::PasswordHash;
use sigra_core::ports::{AccountRecord, DormancyRecord};
use sigra_core::registration::{ConfirmationCode, MailedToken, PendingRegistration, TokenOwner};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::foreign::{ConfirmationCodeDef, DeviceDef, MailedTokenDef, PendingRegistrationDef, UserDef, digest};
use super::{id, time};
use crate::table::Row;

#[derive(Serialize, Deserialize)]
pub(crate) struct Account {
    #[serde(with = "UserDef")]
    pub(crate) user: User,
    pub(crate) password: Option<String>,
    pub(crate) attempts_cleared_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) dormancy: Dormancy,
}

/// A [`DormancyRecord`]. The time of what is never looked at lies beyond the calendar, so it has no text.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Dormancy {
    look_at: i64,
    warned_at: Option<Timestamp>,
    since: Option<Timestamp>,
}

impl Default for Dormancy {
    fn default() -> Self {
        DormancyRecord::default().into()
    }
}

impl From<DormancyRecord> for Dormancy {
    fn from(DormancyRecord { look_at, warned_at, since }: DormancyRecord) -> Self {
        Self { look_at: look_at.as_micros(), warned_at, since }
    }
}

impl From<Dormancy> for DormancyRecord {
    fn from(Dormancy { look_at, warned_at, since }: Dormancy) -> Self {
        Self { look_at: Timestamp::from_micros(look_at), warned_at, since }
    }
}

impl Account {
    /// Unique: an address is one account.
    pub(crate) const BY_ADDRESS: &str = "accounts.address";

    /// By when it is to be deleted, oldest first.
    pub(crate) const BY_DELETION: &str = "accounts.deletion";

    /// By when to look whether anybody uses it, oldest first.
    pub(crate) const BY_LOOK: &str = "accounts.look";

    /// Sets the password. Whatever was required of the one before is satisfied.
    pub(crate) fn set_password(&mut self, hash: &PasswordHash, now: Timestamp) {
        self.password = Some(hash.expose().to_owned());
        self.user.has_password = true;
        self.user.password_changed_at = Some(now);
        self.user.password_change_required_at = None;
    }

    /// Takes the password away, and what was required of it.
    pub(crate) fn take_password(&mut self) {
        self.password = None;
        self.user.has_password = false;
        self.user.password_change_required_at = None;
    }

    /// Puts an equivalent hash in the place of another.
    pub(crate) fn rewrite_hash(&mut self, hash: &PasswordHash) {
        self.password = Some(hash.expose().to_owned());
    }
}

impl From<Account> for AccountRecord {
    fn from(Account { user, password, attempts_cleared_at, .. }: Account) -> Self {
        Self { user, password: password.map(PasswordHash::new), attempts_cleared_at }
    }
}

impl Row for Account {
    const TABLE: &str = "accounts";

    fn key(&self) -> Vec<u8> {
        id!(self.user.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let address = (Self::BY_ADDRESS, self.user.email.identity().as_bytes().to_vec());
        let deletion =
            self.user.deletion_due_at.map(|at| (Self::BY_DELETION, [&time(at)[..], id!(self.user.id)].concat()));
        let look_at = DormancyRecord::from(self.dormancy).look_at;
        let look = (Self::BY_LOOK, [&time(look_at)[..], id!(self.user.id)].concat());
        [Some(address), deletion, Some(look)].into_iter().flatten().collect()
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct KnownDevice {
    #[serde(with = "digest")]
    pub(crate) digest: Digest,
    #[serde(with = "DeviceDef")]
    pub(crate) device: Device,
}

impl KnownDevice {
    /// Unique.
    pub(crate) const BY_ID: &str = "devices.id";
    pub(crate) const BY_USER: &str = "devices.user";
    pub(crate) const BY_EXPIRY: &str = "devices.expiry";
}

impl Row for KnownDevice {
    const TABLE: &str = "devices";

    fn key(&self) -> Vec<u8> {
        self.digest.as_bytes().to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let (Device { id, user, expires_at, .. }, key) = (&self.device, self.digest.as_bytes());
        vec![
            (Self::BY_ID, id!(id).to_vec()),
            (Self::BY_USER, [id!(user), key].concat()),
            (Self::BY_EXPIRY, [&time(*expires_at)[..], key].concat()),
        ]
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Token(#[serde(with = "MailedTokenDef")] pub(crate) MailedToken);

impl Token {
    pub(crate) const BY_OWNER: &str = "tokens.owner";
    pub(crate) const BY_EXPIRY: &str = "tokens.expiry";

    /// What the tokens of an owner are found under.
    pub(crate) fn owner_key(owner: &TokenOwner) -> Vec<u8> {
        match owner {
            TokenOwner::Registration(id) => [&b"r"[..], id!(id)].concat(),
            TokenOwner::User { id, .. } => [&b"u"[..], id!(id)].concat(),
        }
    }
}

impl Row for Token {
    const TABLE: &str = "tokens";

    fn key(&self) -> Vec<u8> {
        self.0.digest.as_bytes().to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let key = self.0.digest.as_bytes();
        vec![
            (Self::BY_OWNER, [&Self::owner_key(&self.0.owner)[..], key].concat()),
            (Self::BY_EXPIRY, [&time(self.0.expires_at)[..], key].concat()),
        ]
    }
}

/// A registration, with the code that was mailed for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Registration {
    #[serde(with = "PendingRegistrationDef")]
    pub(crate) pending: PendingRegistration,
    /// Whether a code or a token was ever stored for it.
    pub(crate) armed: bool,
    pub(crate) code: Option<Code>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Code {
    #[serde(with = "ConfirmationCodeDef")]
    pub(crate) code: ConfirmationCode,
    /// How many tries were taken from it.
    pub(crate) tries: u32,
}

impl Registration {
    /// Oldest first.
    pub(crate) const BY_ADDRESS: &str = "registrations.address";
    pub(crate) const BY_EXPIRY: &str = "registrations.expiry";

    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        now < self.pending.expires_at
    }

    /// What the registrations for an address are found under.
    pub(crate) fn address_key(email: &EmailAddress) -> Vec<u8> {
        // Without the NUL, which no address holds, `ann@example.com` would find those of `ann@example.community`.
        [email.identity().as_bytes(), b"\0"].concat()
    }
}

impl Row for Registration {
    const TABLE: &str = "registrations";

    fn key(&self) -> Vec<u8> {
        id!(self.pending.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let PendingRegistration { id, email, created_at, expires_at, .. } = &self.pending;
        let address = [&Self::address_key(email)[..], &time(*created_at), id!(id)].concat();
        vec![(Self::BY_ADDRESS, address), (Self::BY_EXPIRY, [&time(*expires_at)[..], id!(id)].concat())]
    }
}
