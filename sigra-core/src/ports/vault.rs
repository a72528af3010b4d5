//! Sealing what must be read back, and keyed hashes of what must be recognized.

use std::fmt;

use crate::secret::SecretBytes;

/// Keyed cryptography over the root secrets.
///
/// # Contract
///
/// Root secrets form a list: the first seals and makes keyed hashes, all of them open and recognize. Ciphertexts carry
/// the id of their key. There is no implementation that does not encrypt. Methods must be fast (they are called on
/// the executor); an implementation over a remote KMS unwraps its data keys at start.
pub trait Vault: Send + Sync {
    /// Seals `plain`, bound to `context`: the table, column and row it will be stored in.
    fn seal(&self, context: &str, plain: &[u8]) -> Sealed;

    /// Opens what was sealed for the same `context`.
    ///
    /// # Errors
    ///
    /// When the context is another, the bytes were changed, or the key is no longer in the list.
    fn open(&self, context: &str, sealed: &Sealed) -> Result<Opened, VaultError>;

    /// The keyed hash of `message` for `purpose`, under the first key.
    fn mac(&self, purpose: &str, message: &[u8]) -> Mac;

    /// The keyed hashes of `message` for `purpose` under every key of the list, the first key's first: what was stored under any
    /// of them is looked up by.
    fn macs(&self, purpose: &str, message: &[u8]) -> Vec<Mac>;

    /// Whether `mac` is the keyed hash of `message` for `purpose` under any key of the list, in constant time.
    fn verify_mac(&self, purpose: &str, message: &[u8], mac: &Mac) -> bool;
}

/// What [`Vault::seal`] made. Safe to store.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Wraps bytes that a vault made or storage returned.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// What [`Vault::open`] found.
#[derive(Debug)]
pub struct Opened {
    /// The plain bytes.
    pub plain: SecretBytes,
    /// Whether they were sealed under another key than the first; if so the caller seals them again when it next
    /// writes the row.
    pub stale: bool,
}

/// A keyed hash (HMAC-SHA-256). Without the root secret it recognizes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac([u8; 32]);

impl Mac {
    /// Wraps bytes that a vault made or storage returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(..)")
    }
}

/// A sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value did not open")]
pub struct VaultError;
