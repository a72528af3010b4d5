//! Root secrets, and the keys derived from them.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The root secrets of an installation, the current one first.
///
/// The first makes keys that seal, sign and pepper; the others make keys that still open and verify. To rotate, put a
/// new secret in front; to retire an old one, remove it once nothing depends on it. There is no default, and none is
/// printed, compared or serialized; all are wiped when dropped.
///
/// ```compile_fail,E0277
/// fn printed<T: std::fmt::Display>() {}
/// printed::<sigra_crypto::RootSecrets>();
/// ```
/// ```compile_fail,E0277
/// fn compared<T: PartialEq>() {}
/// compared::<sigra_crypto::RootSecrets>();
/// ```
/// ```compile_fail,E0277
/// fn serialized<T: serde::Serialize>() {}
/// serialized::<sigra_crypto::RootSecrets>();
/// ```
/// ```compile_fail,E0277
/// fn defaulted<T: Default>() {}
/// defaulted::<sigra_crypto::RootSecrets>();
/// ```
pub struct RootSecrets(Vec<RootSecret>);

impl RootSecrets {
    /// The shortest secret taken, in bytes.
    pub const MIN_BYTES: usize = 32;

    /// Reads secrets separated by commas, each at least 32 bytes as hex or as base64 (the standard or the URL-safe
    /// alphabet, with or without padding). White space around each is dropped.
    ///
    /// # Errors
    ///
    /// Every fault found. None of them repeats what was read.
    pub fn parse(text: &str) -> Result<Self, InvalidRootSecrets> {
        if text.trim().is_empty() {
            return Err(InvalidRootSecrets(vec![RootSecretFault::Missing]));
        }
        let mut secrets: Vec<(usize, RootSecret)> = Vec::new();
        let mut faults = Vec::new();
        for (position, part) in (1..).zip(text.split(',')) {
            match RootSecret::parse(part.trim(), position) {
                Err(fault) => faults.push(fault),
                Ok(secret) => match secrets.iter().find(|(_, other)| other.same_as(&secret)) {
                    Some((earlier, _)) => faults.push(RootSecretFault::Repeated { position, earlier: *earlier }),
                    None => secrets.push((position, secret)),
                },
            }
        }
        if faults.is_empty() {
            Ok(Self(secrets.into_iter().map(|(_, secret)| secret).collect()))
        } else {
            Err(InvalidRootSecrets(faults))
        }
    }

    /// A fresh secret as text: 256 bits from the operating system's generator, base64url without padding.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give.
    #[must_use]
    pub fn generate() -> Zeroizing<String> {
        let bytes = Zeroizing::new(random::<32>());
        Zeroizing::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(*bytes))
    }

    /// The keys for one purpose, in the order of the secrets: HKDF-SHA-256 (RFC 5869) with the purpose as info. Keys of
    /// different purposes tell nothing about each other or the secret. Every use needs a name of its own; this crate uses
    /// `password-pepper`, `vault-seal` and `vault-mac`.
    #[must_use]
    pub fn keys(&self, purpose: &str) -> PurposeKeys {
        PurposeKeys(self.0.iter().map(|secret| PurposeKey::derive(secret, purpose)).collect())
    }
}

impl fmt::Debug for RootSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootSecrets({} redacted)", self.0.len())
    }
}

/// Random bytes from the operating system, and nowhere else.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator must work");
    bytes
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct RootSecret(Vec<u8>);

impl RootSecret {
    fn parse(text: &str, position: usize) -> Result<Self, RootSecretFault> {
        let secret = decode(text).map(Self).ok_or(RootSecretFault::Unreadable { position })?;
        if secret.0.len() < RootSecrets::MIN_BYTES {
            return Err(RootSecretFault::TooShort { position, bytes: secret.0.len() });
        }
        Ok(secret)
    }

    fn same_as(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Hex when it can be hex: a text of hex digits alone is no likely base64 of random bytes.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() {
        return None;
    }
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| Some(hex_digit(pair[0])? << 4 | hex_digit(pair[1])?))
            .collect();
    }
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// What is wrong with a list of root secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRootSecrets(Vec<RootSecretFault>);

impl InvalidRootSecrets {
    /// The faults. Never empty.
    #[must_use]
    pub fn faults(&self) -> &[RootSecretFault] {
        &self.0
    }
}

impl fmt::Display for InvalidRootSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        f.write_str(
            "; accepted are secrets separated by commas, each at least 32 random bytes as hex or base64, such as the \
             output of `openssl rand -base64 32`",
        )
    }
}

impl std::error::Error for InvalidRootSecrets {}

/// One fault of a list of root secrets. Positions count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootSecretFault {
    /// There is none.
    #[error("no root secret is set")]
    Missing,
    /// It is neither hex nor base64.
    #[error("root secret {position} is neither hex nor base64")]
    Unreadable {
        /// Which one.
        position: usize,
    },
    /// It has fewer than [`RootSecrets::MIN_BYTES`] bytes.
    #[error("root secret {position} has {bytes} bytes, which is too short")]
    TooShort {
        /// Which one.
        position: usize,
        /// How many bytes it decodes to.
        bytes: usize,
    },
    /// It is in the list twice.
    #[error("root secret {position} is the same as root secret {earlier}")]
    Repeated {
        /// Which one.
        position: usize,
        /// The one it repeats.
        earlier: usize,
    },
}

/// The keys of one purpose, of the current root secret first.
pub struct PurposeKeys(Vec<PurposeKey>);

impl PurposeKeys {
    /// The key of the first root secret.
    #[must_use]
    pub fn first(&self) -> &PurposeKey {
        self.0.first().expect("a list of root secrets is never empty")
    }

    /// The key with this id, if it is still in the list.
    #[must_use]
    pub fn find(&self, id: &[u8]) -> Option<&PurposeKey> {
        self.0.iter().find(|key| key.id.0 == id)
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &PurposeKey> {
        self.0.iter()
    }
}

impl fmt::Debug for PurposeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// A 256-bit key for one purpose. Redacted, and wiped when dropped.
pub struct PurposeKey {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl PurposeKey {
    fn derive(secret: &RootSecret, purpose: &str) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, &secret.0);
        let mut key = Self { id: KeyId([0; KeyId::LEN]), bytes: Zeroizing::new([0; 32]) };
        let infallible = "HKDF-SHA-256 gives up to 8160 bytes";
        hkdf.expand_multi_info(&[b"sigra/v1/key/", purpose.as_bytes()], &mut *key.bytes).expect(infallible);
        hkdf.expand_multi_info(&[b"sigra/v1/key-id/", purpose.as_bytes()], &mut key.id.0).expect(infallible);
        key
    }

    /// The id to store beside what the key made.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself. The caller must not log it.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for PurposeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PurposeKey({:?}, [redacted])", self.id)
    }
}

/// Which key of a list it was. Derived from the root secret, so it stays the same when the list changes; no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KeyId::LEN]);

impl KeyId {
    /// Length in bytes.
    pub const LEN: usize = 6;

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyId(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests;
