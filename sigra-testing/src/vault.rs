//! A vault for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use sigra_core::ports::{Mac, Opened, Sealed, Vault, VaultError};
use sigra_core::secret::SecretBytes;

/// A vault for tests, over a list of passphrases. Clones share the list and the count of seals.
///
/// It keeps the whole contract a test can see: the text is hidden, context and bytes are checked, the first key seals,
/// all of them open. It is home-made from SHA-256 and was reviewed by nobody: **never use it for real data**.
#[derive(Clone, Debug)]
pub struct TestVault {
    keys: Arc<[Key]>,
    seals: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Key {
    id: [u8; ID],
    secret: [u8; 32],
}

const ID: usize = 8;
const NONCE: usize = 8;
const TAG: usize = 32;

impl TestVault {
    /// A vault over these passphrases; the first seals, all of them open.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn new(passphrases: &[&str]) -> Self {
        assert!(!passphrases.is_empty(), "a vault needs a passphrase");
        let keys = passphrases.iter().map(|phrase| Key::new(phrase)).collect();
        Self { keys, seals: Arc::default() }
    }
}

impl Default for TestVault {
    fn default() -> Self {
        Self::new(&["correct horse battery staple"])
    }
}

impl Vault for TestVault {
    fn seal(&self, context: &str, plain: &[u8]) -> Sealed {
        let key = &self.keys[0];
        let nonce = self.seals.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let body = key.mask(&nonce, plain);
        let tag = key.tag(context, &nonce, &body);
        Sealed::from_bytes([&key.id[..], &nonce, &tag, &body].concat())
    }

    fn open(&self, context: &str, sealed: &Sealed) -> Result<Opened, VaultError> {
        let (id, rest) = sealed.as_bytes().split_first_chunk::<ID>().ok_or(VaultError)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(VaultError)?;
        let (tag, body) = rest.split_first_chunk::<TAG>().ok_or(VaultError)?;
        let place = self.keys.iter().position(|key| key.id == *id).ok_or(VaultError)?;
        let key = &self.keys[place];
        if key.tag(context, nonce, body) != *tag {
            return Err(VaultError);
        }
        Ok(Opened { plain: SecretBytes::new(key.mask(nonce, body)), stale: place > 0 })
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> Mac {
        self.keys[0].mac(purpose, message)
    }

    fn macs(&self, purpose: &str, message: &[u8]) -> Vec<Mac> {
        self.keys.iter().map(|key| key.mac(purpose, message)).collect()
    }

    fn verify_mac(&self, purpose: &str, message: &[u8], mac: &Mac) -> bool {
        self.keys.iter().any(|key| key.mac(purpose, message) == *mac)
    }
}

impl Key {
    fn new(passphrase: &str) -> Self {
        let secret = hash(&[b"key", passphrase.as_bytes()]);
        let mut id = [0; ID];
        id.copy_from_slice(&hash(&[b"id", &secret])[..ID]);
        Self { id, secret }
    }

    fn mask(&self, nonce: &[u8; NONCE], bytes: &[u8]) -> Vec<u8> {
        let blocks = (0_u64..).flat_map(|block| hash(&[b"mask", &self.secret, nonce, &block.to_be_bytes()]));
        bytes.iter().zip(blocks).map(|(byte, mask)| byte ^ mask).collect()
    }

    fn tag(&self, context: &str, nonce: &[u8; NONCE], body: &[u8]) -> [u8; TAG] {
        hash(&[b"tag", &self.secret, context.as_bytes(), nonce, body])
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> Mac {
        Mac::from_bytes(hash(&[b"mac", &self.secret, purpose.as_bytes(), message]))
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    sha.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_open_for_their_context_alone() {
        let vault = TestVault::default();
        let plain = b"forty-two bytes that say something secret.";
        let sealed = vault.seal("table.column.1", plain);
        assert!(!sealed.as_bytes().windows(6).any(|part| part == b"secret"));
        assert_eq!(vault.open("table.column.1", &sealed).unwrap().plain.expose(), plain);
        assert_eq!(vault.open("table.column.2", &sealed).unwrap_err(), VaultError);
        for place in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[place] ^= 1;
            assert!(vault.open("table.column.1", &Sealed::from_bytes(bytes)).is_err(), "byte {place}");
        }
        assert_ne!(vault.seal("table.column.1", plain), sealed);
    }

    #[test]
    fn later_keys_open_and_are_stale() {
        let old = TestVault::new(&["old"]);
        let both = TestVault::new(&["new", "old"]);
        let sealed = old.seal("c", b"x");
        assert!(!old.open("c", &sealed).unwrap().stale);
        assert!(both.open("c", &sealed).unwrap().stale);
        assert!(TestVault::new(&["new"]).open("c", &sealed).is_err());
        let mac = old.mac("p", b"x");
        assert!(both.verify_mac("p", b"x", &mac) && !both.verify_mac("q", b"x", &mac));
        assert!(!TestVault::new(&["new"]).verify_mac("p", b"x", &mac));
    }
}
