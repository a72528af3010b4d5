//! The authenticator data: what the authenticator signs (Web Authentication Level 3 §6.1).

use uuid::Uuid;

use super::cbor::Reader;
use super::{PublicKey, Refused, ensure};
use crate::passkey::CredentialId;

/// Authenticator data that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticatorData {
    pub(crate) rp_id_hash: [u8; 32],
    pub(crate) flags: Flags,
    pub(crate) sign_count: u32,
    pub(crate) attested: Option<Attested>,
}

/// The credential that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attested {
    pub(crate) aaguid: Uuid,
    pub(crate) credential_id: CredentialId,
    pub(crate) key: PublicKey,
}

/// The flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    const ATTESTED: u8 = 1 << 6;
    const EXTENSIONS: u8 = 1 << 7;

    pub(crate) const fn user_present(self) -> bool {
        self.has(1)
    }

    pub(crate) const fn user_verified(self) -> bool {
        self.has(1 << 2)
    }

    pub(crate) const fn backup_eligible(self) -> bool {
        self.has(1 << 3)
    }

    pub(crate) const fn backed_up(self) -> bool {
        self.has(1 << 4)
    }

    const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

impl AuthenticatorData {
    /// Reads the bytes that were signed, to their end.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let mut rest = bytes;
        let rp_id_hash = *chunk::<32>(&mut rest)?;
        let flags = Flags(chunk::<1>(&mut rest)?[0]);
        let sign_count = u32::from_be_bytes(*chunk::<4>(&mut rest)?);
        let attested = if flags.has(Flags::ATTESTED) { Some(Attested::read(&mut rest)?) } else { None };
        if flags.has(Flags::EXTENSIONS) {
            // A map. What extensions say is not asked for, and nothing is read of it.
            ensure(rest.first().is_some_and(|head| head >> 5 == 5), "malformed")?;
            let mut reader = Reader::new(rest);
            reader.item()?;
            rest = reader.rest();
        }
        ensure(rest.is_empty(), "trailing_data")?;
        Ok(Self { rp_id_hash, flags, sign_count, attested })
    }
}

impl Attested {
    fn read(rest: &mut &[u8]) -> Result<Self, Refused> {
        let aaguid = Uuid::from_bytes(*chunk::<16>(rest)?);
        let length = u16::from_be_bytes(*chunk::<2>(rest)?);
        let (id, after) = rest.split_at_checked(length.into()).ok_or(Refused::MALFORMED)?;
        *rest = after;
        ensure(id.len() >= CredentialId::MIN_NEW_LEN, "credential_id_length")?;
        let credential_id = CredentialId::new(id.to_vec()).ok_or(Refused("credential_id_length"))?;
        let mut reader = Reader::new(rest);
        let key = PublicKey::read_new(&mut reader)?;
        *rest = reader.rest();
        Ok(Self { aaguid, credential_id, key })
    }
}

fn chunk<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Refused> {
    let (chunk, after) = rest.split_first_chunk().ok_or(Refused::MALFORMED)?;
    *rest = after;
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519_KEY: &[u8] = &[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];

    fn head(flags: u8) -> Vec<u8> {
        [&[7; 32][..], &[flags], &[0, 0, 1, 2]].concat()
    }

    fn attested(id_length: u16) -> Vec<u8> {
        let id = vec![9; id_length.into()];
        [&head(0x41)[..], &[1; 16], &id_length.to_be_bytes(), &id, ED25519_KEY, &[0x58], &[0x66; 31]].concat()
    }

    #[test]
    fn reads_flags_and_counter() {
        let data = AuthenticatorData::read(&head(0b0001_1101)).unwrap();
        assert_eq!((data.rp_id_hash, data.sign_count), ([7; 32], 258));
        let flags = data.flags;
        assert!(flags.user_present() && flags.user_verified() && flags.backup_eligible() && flags.backed_up());
        assert!(!AuthenticatorData::read(&head(0)).unwrap().flags.user_present());
    }

    #[test]
    fn wa_08_a_credential_id_has_16_to_1023_bytes() {
        for good in [16, 17, 1_023] {
            assert!(AuthenticatorData::read(&attested(good)).unwrap().attested.is_some(), "{good}");
        }
        for bad in [0, 1, 15, 1_024, 4_096] {
            assert_eq!(AuthenticatorData::read(&attested(bad)), Err(Refused("credential_id_length")), "{bad}");
        }
    }

    #[test]
    fn wa_11_trailing_and_missing_bytes_are_refused() {
        let whole = attested(16);
        for end in 0..whole.len() {
            assert_eq!(AuthenticatorData::read(&whole[..end]), Err(Refused::MALFORMED), "{end}");
        }
        assert_eq!(AuthenticatorData::read(&[&whole[..], &[0]].concat()), Err(Refused("trailing_data")));
        assert_eq!(AuthenticatorData::read(&[&head(1)[..], &[0xa0]].concat()), Err(Refused("trailing_data")));
        assert!(AuthenticatorData::read(&[&head(0x81)[..], &[0xa0]].concat()).is_ok());
        assert!(AuthenticatorData::read(&[&head(0x81)[..], &[0xa1, 0x61, b'a', 0xf5]].concat()).is_ok());
        let twice = [&head(0x81)[..], &[0xa2, 0x61, b'a', 0xf5, 0x61, b'a', 0xf4]].concat();
        assert_eq!(AuthenticatorData::read(&twice), Err(Refused::MALFORMED));
        assert_eq!(AuthenticatorData::read(&[&head(0x81)[..], &[0x00]].concat()), Err(Refused::MALFORMED));
        assert_eq!(AuthenticatorData::read(&[&head(0x81)[..], &[0xa0, 0xa0]].concat()), Err(Refused("trailing_data")));
    }
}
