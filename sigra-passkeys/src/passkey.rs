//! A passkey as stored.

use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use uuid::Uuid;

/// A passkey of an account. Holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Identity of the row.
    pub id: PasskeyId,
    /// Whose.
    pub user: UserId,
    /// What the authenticator calls it. Unique over all accounts.
    pub credential_id: CredentialId,
    /// The public key as a COSE_Key (RFC 9052 §7) of the required parameters and no other, in the canonical form of CTAP 2
    /// (Web Authentication Level 3 §6.5.1.1).
    pub public_key: Vec<u8>,
    /// The authenticator's signature counter when last seen; 0 for those that have none.
    pub sign_count: u32,
    /// Whether it may be backed up, that is, synced (`BE`). Never changes.
    pub backup_eligible: bool,
    /// Whether it is backed up at present (`BS`).
    pub backed_up: bool,
    /// How the authenticator is reached, as the browser reported it.
    pub transports: Vec<String>,
    /// The model of the authenticator, as it says itself; all zero when it does not.
    pub aaguid: Uuid,
    /// What its owner calls it.
    pub nickname: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used; `None` before the first time.
    pub last_used_at: Option<Timestamp>,
}

/// The id an authenticator gave a credential: 1 to 1,023 bytes (Web Authentication Level 3 §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// The longest id in bytes.
    pub const MAX_LEN: usize = 1_023;

    /// The shortest id a new credential may have: authenticators draw at least 100 bits of one, in 16 bytes or more.
    pub(crate) const MIN_NEW_LEN: usize = 16;

    /// An id. `None` when it is empty or too long.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=Self::MAX_LEN).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What authenticators know an account by: 64 random bytes, the same for all passkeys of the account, derived from
/// nothing (Web Authentication Level 3 §14.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserHandle([u8; 64]);

impl UserHandle {
    /// Wraps bytes that were drawn or that storage returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}
