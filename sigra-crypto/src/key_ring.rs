//! Sealing and keyed hashes over the root secrets.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use sigra_core::ports::{Mac, Opened, Sealed, Vault, VaultError};
use sigra_core::secret::SecretBytes;
use subtle::{Choice, ConstantTimeEq as _};

use crate::root_secrets::{KeyId, PurposeKey, PurposeKeys, RootSecrets, random};

/// The [`Vault`] over a list of root secrets.
///
/// Seals with XChaCha20-Poly1305 and a random 192-bit nonce, which does not repeat in any number of messages one
/// installation can make. A sealed value is version ‖ key id ‖ nonce ‖ ciphertext with tag; version, key id and context
/// are its associated data. Keyed hashes are HMAC-SHA-256 (RFC 2104) over the length of the purpose ‖ purpose ‖ message.
pub struct KeyRing {
    sealing: PurposeKeys,
    macs: PurposeKeys,
}

impl KeyRing {
    const VERSION: u8 = 1;
    const HEADER_LEN: usize = 1 + KeyId::LEN;
    const NONCE_LEN: usize = 24;

    /// Derives the keys.
    #[must_use]
    pub fn new(secrets: &RootSecrets) -> Self {
        Self { sealing: secrets.keys("vault-seal"), macs: secrets.keys("vault-mac") }
    }
}

impl Vault for KeyRing {
    fn seal(&self, context: &str, plain: &[u8]) -> Sealed {
        let key = self.sealing.first();
        let mut envelope = Vec::with_capacity(Self::HEADER_LEN + Self::NONCE_LEN + plain.len() + 16);
        envelope.push(Self::VERSION);
        envelope.extend(key.id().as_bytes());
        let aad = associated_data(&envelope, context);
        let nonce = random::<{ Self::NONCE_LEN }>();
        let ciphertext = XChaCha20Poly1305::new(key.expose().into())
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .expect("XChaCha20-Poly1305 takes 256 GiB, more than a vector in memory holds");
        envelope.extend(nonce);
        envelope.extend(ciphertext);
        Sealed::from_bytes(envelope)
    }

    fn open(&self, context: &str, sealed: &Sealed) -> Result<Opened, VaultError> {
        let (header, rest) = sealed.as_bytes().split_at_checked(Self::HEADER_LEN).ok_or(VaultError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<{ Self::NONCE_LEN }>().ok_or(VaultError)?;
        let id = header.strip_prefix(&[Self::VERSION]).ok_or(VaultError)?;
        let key = self.sealing.find(id).ok_or(VaultError)?;
        let aad = associated_data(header, context);
        let plain = XChaCha20Poly1305::new(key.expose().into())
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
            .map_err(|_| VaultError)?;
        Ok(Opened { plain: SecretBytes::new(plain), stale: key.id() != self.sealing.first().id() })
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> Mac {
        Mac::from_bytes(keyed_hash(self.macs.first(), purpose, message))
    }

    fn macs(&self, purpose: &str, message: &[u8]) -> Vec<Mac> {
        self.macs.iter().map(|key| Mac::from_bytes(keyed_hash(key, purpose, message))).collect()
    }

    fn verify_mac(&self, purpose: &str, message: &[u8], mac: &Mac) -> bool {
        let known = self
            .macs
            .iter()
            .fold(Choice::from(0), |known, key| known | keyed_hash(key, purpose, message).ct_eq(mac.as_bytes()));
        known.into()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

/// The header has a fixed length, so no two pairs of header and context give the same bytes.
fn associated_data(header: &[u8], context: &str) -> Vec<u8> {
    [header, context.as_bytes()].concat()
}

fn keyed_hash(key: &PurposeKey, purpose: &str, message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes a key of any length");
    mac.update(&(purpose.len() as u64).to_be_bytes());
    mac.update(purpose.as_bytes());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(secrets: &[&str]) -> KeyRing {
        KeyRing::new(&RootSecrets::parse(&secrets.join(",")).unwrap())
    }

    fn fresh() -> KeyRing {
        ring(&[&RootSecrets::generate()])
    }

    #[test]
    fn cr_03_another_context_does_not_open() {
        let ring = fresh();
        let sealed = ring.seal("users.totp_secret.1", b"secret");
        let opened = ring.open("users.totp_secret.1", &sealed).unwrap();
        assert_eq!(opened.plain.expose(), b"secret");
        assert!(!opened.stale);
        for other in ["users.totp_secret.2", "users.profile.1", "", "users.totp_secret.10"] {
            assert_eq!(ring.open(other, &sealed).unwrap_err(), VaultError, "{other}");
        }
    }

    #[test]
    fn cr_03_no_bit_can_change_and_no_byte_can_go() {
        let ring = fresh();
        let sealed = ring.seal("context", b"secret");
        for bit in 0..sealed.as_bytes().len() * 8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(ring.open("context", &Sealed::from_bytes(bytes)).is_err(), "bit {bit}");
        }
        for len in 0..sealed.as_bytes().len() {
            let cut = Sealed::from_bytes(sealed.as_bytes()[..len].to_vec());
            assert!(ring.open("context", &cut).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn cr_03_one_value_seals_differently_each_time() {
        let ring = fresh();
        let nonce = |sealed: &Sealed| sealed.as_bytes()[KeyRing::HEADER_LEN..][..KeyRing::NONCE_LEN].to_vec();
        let (one, other) = (ring.seal("context", b"secret"), ring.seal("context", b"secret"));
        assert_ne!(nonce(&one), nonce(&other));
    }

    #[test]
    fn cr_04_rotation_opens_old_values_and_says_stale_until_the_key_is_removed() {
        let (old, new) = (RootSecrets::generate(), RootSecrets::generate());
        let before = ring(&[&old]);
        let (sealed, mac) = (before.seal("context", b"secret"), before.mac("purpose", b"message"));

        let rotated = ring(&[&new, &old]);
        let opened = rotated.open("context", &sealed).unwrap();
        assert_eq!(opened.plain.expose(), b"secret");
        assert!(opened.stale);
        assert!(!rotated.open("context", &rotated.seal("context", b"secret")).unwrap().stale);
        assert!(rotated.verify_mac("purpose", b"message", &mac));
        assert_ne!(rotated.mac("purpose", b"message"), mac, "the first key makes new ones");

        let retired = ring(&[&new]);
        assert_eq!(retired.open("context", &sealed).unwrap_err(), VaultError);
        assert!(!retired.verify_mac("purpose", b"message", &mac));
    }

    #[test]
    fn a_mac_is_bound_to_purpose_and_message() {
        let ring = fresh();
        let mac = ring.mac("purpose", b"message");
        assert!(ring.verify_mac("purpose", b"message", &mac));
        assert!(!ring.verify_mac("purpos", b"emessage", &mac), "the border between the two is part of the input");
        assert!(!ring.verify_mac("purpose", b"messag", &mac));
        assert!(!fresh().verify_mac("purpose", b"message", &mac));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", fresh()), "KeyRing { .. }");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(context in ".{0,40}", plain in prop::collection::vec(any::<u8>(), 0..300)) {
            let ring = fresh();
            let opened = ring.open(&context, &ring.seal(&context, &plain)).unwrap();
            prop_assert_eq!(opened.plain.expose(), &plain[..]);
        }

        #[test]
        fn garbage_never_opens_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let ring = fresh();
            prop_assert!(ring.open("context", &Sealed::from_bytes(bytes.clone())).is_err());
            let mut headed = ring.seal("context", b"").as_bytes()[..KeyRing::HEADER_LEN].to_vec();
            headed.extend(bytes);
            prop_assert!(ring.open("context", &Sealed::from_bytes(headed)).is_err());
        }
    }
}
