//! Public keys of credentials: COSE_Key in and out (RFC 9052 §7, RFC 9053, RFC 8230), and signatures.

use coset::cbor::Value;
use coset::iana::{self, EnumI64};
use coset::{CborSerializable as _, CoseKey, CoseKeyBuilder, KeyType, Label};
use ed25519_dalek::{Signature, VerifyingKey};
use webauthn_rs_core::proto::{COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSERSAKey, ECDSACurve};

use super::cbor::Reader;
use super::{Refused, ensure};

/// A public key of one of the offered algorithms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Es256 { x: [u8; 32], y: [u8; 32] },
    Rs256 { n: Vec<u8>, e: [u8; 3] },
    Ed25519([u8; 32]),
}

/// The algorithms that are offered, and no other is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Es256,
    EdDsa,
    Rs256,
}

impl Algorithm {
    /// All of them, the one most authenticators have first.
    pub(crate) const OFFERED: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// The COSE identifier.
    pub(crate) const fn id(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }
}

/// The sizes of RSA keys that are taken, in bytes of the modulus: below is weak, above costs a verifier too much.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

impl PublicKey {
    /// Reads a stored key, to its end. Whether it is [sound](PublicKey::is_sound) was checked before it was stored.
    pub(crate) fn read(cose: &[u8]) -> Result<Self, Refused> {
        let mut reader = Reader::new(cose);
        let key = Self::read_shape(&mut reader)?;
        reader.end().map(|()| key)
    }

    /// Reads a key that an authenticator sent.
    pub(super) fn read_new(reader: &mut Reader<'_>) -> Result<Self, Refused> {
        let key = Self::read_shape(reader)?;
        ensure(key.is_sound(), "key")?;
        Ok(key)
    }

    /// Reads the parameters a key must have: these, no other (Web Authentication Level 3 §6.5.1.1), in the one way to write
    /// them.
    fn read_shape(reader: &mut Reader<'_>) -> Result<Self, Refused> {
        let encoded = reader.item()?;
        let key = CoseKey::from_slice(encoded).map_err(|_| Refused::MALFORMED)?;
        let Some(coset::Algorithm::Assigned(algorithm)) = key.alg else { return Err(Refused("algorithm")) };
        let KeyType::Assigned(kind) = key.kty else { return Err(Refused("algorithm")) };
        let public = match (kind, algorithm) {
            (iana::KeyType::EC2, iana::Algorithm::ES256) => {
                Self::Es256 { x: bytes(&key, iana::Ec2KeyParameter::X)?, y: bytes(&key, iana::Ec2KeyParameter::Y)? }
            }
            (iana::KeyType::OKP, iana::Algorithm::EdDSA) => Self::Ed25519(bytes(&key, iana::OkpKeyParameter::X)?),
            (iana::KeyType::RSA, iana::Algorithm::RS256) => {
                let n = parameter(&key, iana::RsaKeyParameter::N).and_then(Value::as_bytes).ok_or(Refused("key"))?;
                Self::Rs256 { n: n.clone(), e: bytes(&key, iana::RsaKeyParameter::E)? }
            }
            _ => return Err(Refused("algorithm")),
        };
        // Another curve, further parameters, or another order of them.
        ensure(public.to_cose() == encoded, "key")?;
        Ok(public)
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256 { .. } => Algorithm::Es256,
            Self::Rs256 { .. } => Algorithm::Rs256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The form to store: the same COSE_Key that was read.
    pub(crate) fn to_cose(&self) -> Vec<u8> {
        let builder = match self {
            Self::Es256 { x, y } => CoseKeyBuilder::new_ec2_pub_key(iana::EllipticCurve::P_256, x.to_vec(), y.to_vec())
                .algorithm(iana::Algorithm::ES256),
            Self::Ed25519(x) => CoseKeyBuilder::new_okp_key()
                .algorithm(iana::Algorithm::EdDSA)
                .param(iana::OkpKeyParameter::Crv.to_i64(), Value::from(iana::EllipticCurve::Ed25519.to_i64()))
                .param(iana::OkpKeyParameter::X.to_i64(), Value::Bytes(x.to_vec())),
            Self::Rs256 { n, e } => CoseKeyBuilder::new()
                .kty(KeyType::Assigned(iana::KeyType::RSA))
                .algorithm(iana::Algorithm::RS256)
                .param(iana::RsaKeyParameter::N.to_i64(), Value::Bytes(n.clone()))
                .param(iana::RsaKeyParameter::E.to_i64(), Value::Bytes(e.to_vec())),
        };
        builder.build().to_vec().unwrap_or_default()
    }

    /// Whether `signature` is this key's, over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(x) => VerifyingKey::from_bytes(x)
                .and_then(|key| key.verify_strict(message, &Signature::from_slice(signature)?))
                .is_ok(),
            Self::Es256 { .. } | Self::Rs256 { .. } => {
                self.for_core().is_some_and(|key| key.verify_signature(signature, message).unwrap_or(false))
            }
        }
    }

    /// The key as `webauthn-rs-core` has it. `None` for algorithms it cannot verify.
    pub(crate) fn for_core(&self) -> Option<COSEKey> {
        match self {
            Self::Es256 { x, y } => Some(COSEKey {
                type_: COSEAlgorithm::ES256,
                key: COSEKeyType::EC_EC2(COSEEC2Key { curve: ECDSACurve::SECP256R1, x: x.to_vec(), y: y.to_vec() }),
            }),
            Self::Rs256 { n, e } => {
                Some(COSEKey { type_: COSEAlgorithm::RS256, key: COSEKeyType::RSA(COSERSAKey { n: n.clone(), e: *e }) })
            }
            Self::Ed25519(_) => None,
        }
    }

    /// Whether it is a key at all: a point on its curve, a modulus and an exponent of sane size.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Self::Ed25519(x) => VerifyingKey::from_bytes(x).is_ok_and(|key| !key.is_weak()),
            // An unreadable signature is the only other error this can have, and this one reads.
            Self::Es256 { .. } => self.for_core().is_some_and(|key| {
                key.verify_signature(&[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01], &[]).is_ok()
            }),
            Self::Rs256 { n, e } => {
                let [first, .., last] = n.as_slice() else { return false };
                RSA_MODULUS.contains(&n.len()) && *first != 0 && last % 2 == 1 && e[0] != 0 && e[2] % 2 == 1
            }
        }
    }
}

fn parameter(key: &CoseKey, name: impl EnumI64) -> Option<&Value> {
    let label = Label::Int(name.to_i64());
    key.params.iter().find(|(known, _)| *known == label).map(|(_, value)| value)
}

fn bytes<const N: usize>(key: &CoseKey, name: impl EnumI64) -> Result<[u8; N], Refused> {
    parameter(key, name)
        .and_then(Value::as_bytes)
        .and_then(|bytes| bytes.as_slice().try_into().ok())
        .ok_or(Refused("key"))
}

#[cfg(test)]
mod tests {
    use super::super::cbor::byte_string;
    use super::*;

    /// A point of P-256: its generator (SEC 2 §2.4.2).
    const G: ([u8; 32], [u8; 32]) = (
        *b"\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96",
        *b"\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5",
    );

    fn keys() -> [PublicKey; 3] {
        let (x, y) = G;
        [
            PublicKey::Es256 { x, y },
            PublicKey::Ed25519([0x66; 32]),
            PublicKey::Rs256 { n: vec![0xff; 256], e: [1, 0, 1] },
        ]
    }

    fn read_new(bytes: &[u8]) -> Result<PublicKey, Refused> {
        PublicKey::read_new(&mut Reader::new(bytes))
    }

    fn with(bytes: &[u8], place: usize, other: &[u8]) -> Vec<u8> {
        [&bytes[..place], other, &bytes[place + 1..]].concat()
    }

    #[test]
    fn keys_are_written_as_they_are_read() {
        for key in keys() {
            let cose = key.to_cose();
            assert_eq!((PublicKey::read(&cose), read_new(&cose)), (Ok(key.clone()), Ok(key)));
        }
    }

    #[test]
    fn wa_11_a_key_has_its_parameters_and_no_other_once_each_and_in_order() {
        for cose in keys().map(|key| key.to_cose()) {
            for (what, wrong) in [
                ("another parameter", [&[cose[0] + 1], &cose[1..], &[0x04, 0x81, 0x02]].concat()),
                ("one left out", [&[cose[0] - 1], &cose[1..]].concat()),
                ("kty twice", [&[cose[0] + 1, 1, 2], &cose[1..]].concat()),
                ("kty twice at the end", [&[cose[0] + 1], &cose[1..], &cose[1..3]].concat()),
                ("alg before kty", [&[cose[0]], &cose[3..5], &cose[1..3], &cose[5..]].concat()),
                ("a key id", [&[cose[0] + 1], &cose[1..3], &[0x02, 0x41, 0], &cose[3..]].concat()),
            ] {
                assert!(PublicKey::read(&wrong).is_err(), "{what}: {wrong:x?}");
                assert!(read_new(&wrong).is_err(), "{what}: {wrong:x?}");
            }
            assert_eq!(PublicKey::read(&[&cose[..], &[0]].concat()), Err(Refused("trailing_data")));
            for end in 0..cose.len() {
                assert_eq!(read_new(&cose[..end]), Err(Refused::MALFORMED), "{end}");
            }
            assert_eq!(read_new(&with(&cose, 0, &[0xb8, cose[0] & 31])), Err(Refused::MALFORMED), "a longer head");
            assert_eq!(read_new(&with(&cose, 2, &[0x18, cose[2]])), Err(Refused::MALFORMED), "a longer number");
            assert_eq!(read_new(&with(&cose, 0, &[0xbf])), Err(Refused::MALFORMED), "without a length");
        }
    }

    #[test]
    fn wa_07_kind_algorithm_and_curve_must_go_together() {
        for cose in keys().map(|key| key.to_cose()) {
            let kinds = [1, 2, 3, 4].into_iter().filter(|kind| *kind != cose[2]);
            for kind in kinds {
                assert_eq!(read_new(&with(&cose, 2, &[kind])), Err(Refused("algorithm")), "{kind}: {cose:x?}");
            }
        }
        for (key, curves) in keys().iter().zip([&[0, 2, 3, 6, 8][..], &[0, 1, 4, 7]]) {
            for curve in curves {
                assert_eq!(read_new(&with(&key.to_cose(), 6, &[*curve])), Err(Refused("key")), "{curve}: {key:?}");
            }
        }
    }

    #[test]
    fn wa_11_coordinates_have_their_length() {
        let (x, y) = G;
        for length in [0, 1, 31, 33, 64] {
            let other = byte_string(&vec![7; length]);
            let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21];
            let wrong = [&head[..], &other, &[0x22], &byte_string(&y)].concat();
            assert_eq!(read_new(&wrong), Err(Refused("key")), "x of {length}");
            let wrong = [&head[..], &byte_string(&x), &[0x22], &other].concat();
            assert_eq!(read_new(&wrong), Err(Refused("key")), "y of {length}");
            let wrong = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21], &other[..]].concat();
            assert_eq!(read_new(&wrong), Err(Refused("key")), "Ed25519 of {length}");
            let wrong = [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20], &byte_string(&[0xff; 256])[..], &[0x21], &other].concat();
            assert_eq!(read_new(&wrong), Err(Refused("key")), "an exponent of {length}");
        }
        // A point in its compressed form: y is a boolean then.
        let compressed = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21], &byte_string(&x)[..], &[0x22, 0xf5]].concat();
        assert_eq!(read_new(&compressed), Err(Refused("key")));
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let refused = |key: PublicKey, why: &str| assert_eq!(read_new(&key.to_cose()), Err(Refused("key")), "{why}");
        let (x, mut y) = G;
        y[31] ^= 1;
        refused(PublicKey::Es256 { x, y }, "not on the curve");
        refused(PublicKey::Es256 { x: [0; 32], y: [0; 32] }, "the origin");
        refused(PublicKey::Es256 { x: [0xff; 32], y }, "not in the field");
        for n in [
            vec![0xff; 255],
            vec![0xff; 513],
            [vec![0], vec![0xff; 255]].concat(),
            [vec![0xff; 255], vec![0xfe]].concat(),
        ] {
            refused(PublicKey::Rs256 { n, e: [1, 0, 1] }, "its modulus");
        }
        for e in [[0, 0, 3], [0, 0, 1], [1, 0, 0]] {
            refused(PublicKey::Rs256 { n: vec![0xff; 256], e }, "its exponent");
        }
        refused(PublicKey::Ed25519([0; 32]), "of small order");
        refused(PublicKey::Ed25519([[1].as_slice(), &[0; 31]].concat().try_into().unwrap()), "the neutral element");
        refused(PublicKey::Ed25519([2; 32]), "not on the curve");
    }
}
