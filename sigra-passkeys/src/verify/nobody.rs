//! Keys that nobody can sign with, for credentials that do not exist.
//!
//! A key with a known private half would not do, even though what comes of it is thrown away: with a signature that is right,
//! whoever asks could measure more than with one that is wrong. These are derived by hashing a name and a number until
//! there is a key, so that nobody has chosen them, and nobody knows what they would be signed with.

use sha2::{Digest as _, Sha256};

use crate::wire::{Algorithm, PublicKey};

const NAME: &[u8] = b"sigra.passkeys.nobody ";

/// What the first number that gives a point of P-256 comes to; of the two points the one with even y. Finding y takes a
/// square root, which is left to the test.
const ES256: ([u8; 32], [u8; 32]) = (
    *b"\x5d\x2b\x14\xa9\xd0\xc2\xbd\x7f\x41\xdf\x33\xd4\xd9\x70\xb2\x0c\x3e\xd0\xcb\x45\x4c\x09\xb7\xfe\x8b\xec\x94\x8c\xd8\x3c\x5f\x89",
    *b"\x62\xb5\xaf\xf4\x7f\xec\x00\x34\xc8\xa5\x85\xe4\x45\xcc\x5e\x61\xdc\x01\xde\x64\x7b\xbf\xc8\xdd\x1f\x5e\x08\x3e\x99\xb0\xaa\x02",
);

/// One key of each offered algorithm, in their order.
pub(super) fn keys() -> [PublicKey; 3] {
    Algorithm::OFFERED.map(|algorithm| match algorithm {
        Algorithm::Es256 => PublicKey::Es256 { x: ES256.0, y: ES256.1 },
        Algorithm::EdDsa => first(|number| PublicKey::Ed25519(digest(b"eddsa", number))),
        Algorithm::Rs256 => first(|number| {
            let mut n: Vec<u8> = (0..8).flat_map(|block| digest(&[b"rs256 ", &[block][..]].concat(), number)).collect();
            n[0] |= 0x80;
            n[255] |= 1;
            PublicKey::Rs256 { n, e: [1, 0, 1] }
        }),
    })
}

/// The first that is a key. About every second point of a curve is one, and every modulus looks like one.
fn first(key: impl Fn(u8) -> PublicKey) -> PublicKey {
    (0..=u8::MAX).map(key).find(PublicKey::is_sound).expect("one of the first numbers gives a key, as the test shows")
}

fn digest(algorithm: &[u8], number: u8) -> [u8; 32] {
    Sha256::digest([NAME, algorithm, &[number]].concat()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_derived_from_their_name() {
        let point = (0..=u8::MAX).find_map(|number| {
            let compressed = [&[2], &digest(b"es256", number)[..]].concat();
            p256::PublicKey::from_sec1_bytes(&compressed).ok()
        });
        let point = p256::ecdsa::VerifyingKey::from(point.unwrap()).to_sec1_point(false);
        assert_eq!(point.as_bytes(), [&[4], &ES256.0[..], &ES256.1].concat());
    }

    #[test]
    fn there_is_a_sound_key_of_each_algorithm() {
        let keys = keys();
        assert_eq!(keys.each_ref().map(PublicKey::algorithm), Algorithm::OFFERED);
        assert!(keys.iter().all(PublicKey::is_sound));
        assert_eq!(keys, super::keys(), "the same each time");
    }
}
