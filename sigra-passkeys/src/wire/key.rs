//! Public keys of credentials: COSE_Key in and out (RFC 9052 §7, RFC 9053, RFC 8230), and signatures.

use coset::cbor::Value;
use coset::iana::{self, EnumI64};
use coset::{AsCborValue as _, CborSerializable as _, CoseKey, CoseKeyBuilder, KeyType, Label};
use ed25519_dalek::{Signature, VerifyingKey};
use webauthn_rs_core::proto::{COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSERSAKey, ECDSACurve};

use super::{Refused, cbor, ensure};

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
    /// Reads a stored key.
    pub(crate) fn read(cose: &[u8]) -> Result<Self, Refused> {
        Self::from_value(cbor::read(cose)?)
    }

    /// Reads a key that an authenticator sent.
    pub(super) fn from_value(value: Value) -> Result<Self, Refused> {
        let key = CoseKey::from_cbor_value(value).map_err(|_| Refused::MALFORMED)?;
        let Some(coset::Algorithm::Assigned(algorithm)) = key.alg else { return Err(Refused("algorithm")) };
        let KeyType::Assigned(kind) = key.kty else { return Err(Refused("algorithm")) };
        let public = match (kind, algorithm) {
            (iana::KeyType::EC2, iana::Algorithm::ES256) => {
                ensure(integer(&key, iana::Ec2KeyParameter::Crv) == Some(iana::EllipticCurve::P_256.to_i64()), "key")?;
                Self::Es256 { x: bytes(&key, iana::Ec2KeyParameter::X)?, y: bytes(&key, iana::Ec2KeyParameter::Y)? }
            }
            (iana::KeyType::OKP, iana::Algorithm::EdDSA) => {
                ensure(
                    integer(&key, iana::OkpKeyParameter::Crv) == Some(iana::EllipticCurve::Ed25519.to_i64()),
                    "key",
                )?;
                Self::Ed25519(bytes(&key, iana::OkpKeyParameter::X)?)
            }
            (iana::KeyType::RSA, iana::Algorithm::RS256) => {
                let n = parameter(&key, iana::RsaKeyParameter::N).and_then(Value::as_bytes).ok_or(Refused("key"))?;
                Self::Rs256 { n: n.clone(), e: bytes(&key, iana::RsaKeyParameter::E)? }
            }
            _ => return Err(Refused("algorithm")),
        };
        ensure(public.is_sound(), "key")?;
        Ok(public)
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256 { .. } => Algorithm::Es256,
            Self::Rs256 { .. } => Algorithm::Rs256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The form to store: a COSE_Key of the required parameters and no other.
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
    fn is_sound(&self) -> bool {
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

fn integer(key: &CoseKey, name: impl EnumI64) -> Option<i64> {
    parameter(key, name)?.as_integer()?.try_into().ok()
}

fn bytes<const N: usize>(key: &CoseKey, name: impl EnumI64) -> Result<[u8; N], Refused> {
    parameter(key, name)
        .and_then(Value::as_bytes)
        .and_then(|bytes| bytes.as_slice().try_into().ok())
        .ok_or(Refused("key"))
}
