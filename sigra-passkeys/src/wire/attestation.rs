//! The attestation object: the authenticator data of a new credential in its envelope (Web Authentication Level 3 §6.5.4).

use sha2::{Digest as _, Sha256};

use super::cbor::{Reader, byte_string};
use super::{AuthenticatorData, PublicKey, Refused, ensure};

/// An attestation object that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttestationObject {
    statement: Statement,
    /// The authenticator data.
    pub(crate) data: AuthenticatorData,
    /// Its bytes, which are what is signed.
    pub(crate) data_bytes: Vec<u8>,
}

/// What authenticators state about themselves, as far as anything is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Statement {
    /// Nothing, or what nobody asked for and nobody reads.
    None,
    /// The new credential signs for itself.
    Own { algorithm: i64, signature: Vec<u8> },
}

impl AttestationObject {
    /// Reads it, to its end: three members, once each.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let mut reader = Reader::new(bytes);
        let (mut format, mut statement, mut data) = (None, None, None);
        for _ in 0..reader.map()? {
            match reader.text()? {
                "fmt" if format.is_none() => format = Some(reader.text()?),
                "attStmt" if statement.is_none() => statement = Some(reader.item()?),
                "authData" if data.is_none() => data = Some(reader.bytes()?),
                _ => return Err(Refused::MALFORMED),
            }
        }
        reader.end()?;
        let (Some(format), Some(statement), Some(data)) = (format, statement, data) else {
            return Err(Refused::MALFORMED);
        };
        Ok(Self {
            statement: Statement::read(format, statement)?,
            data: AuthenticatorData::read(data)?,
            data_bytes: data.to_vec(),
        })
    }

    /// Checks the statement as far as it can be without anybody's certificates.
    ///
    /// None is asked for, so a browser replaces it by an empty one (§5.1.3). What comes nevertheless says nothing that is
    /// relied on. Where it is the credential's own signature it must be right; statements with certificates are dropped
    /// unread, as the browser would have done.
    pub(crate) fn check_statement(&self, key: &PublicKey, client_data: &[u8]) -> Result<(), Refused> {
        let Statement::Own { algorithm, signature } = &self.statement else { return Ok(()) };
        ensure(*algorithm == key.algorithm().id(), "attestation")?;
        let signed = [&self.data_bytes[..], &Sha256::digest(client_data)].concat();
        ensure(key.verifies(&signed, signature), "attestation")
    }

    /// The object as a browser would have sent it: the same data, and no statement.
    pub(crate) fn without_statement(&self) -> Vec<u8> {
        [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData"[..], &byte_string(&self.data_bytes)].concat()
    }
}

impl Statement {
    fn read(format: &str, statement: &[u8]) -> Result<Self, Refused> {
        match format {
            "none" => ensure(statement == [0xa0], "attestation").map(|()| Self::None),
            "packed" => Self::read_packed(statement),
            _ => Ok(Self::None),
        }
    }

    /// Reads a statement of the packed format (§8.2).
    fn read_packed(statement: &[u8]) -> Result<Self, Refused> {
        let mut reader = Reader::new(statement);
        let (mut algorithm, mut signature, mut certified, mut others) = (None, None, false, false);
        for _ in 0..reader.map()? {
            match reader.text()? {
                "alg" => algorithm = Some(reader.integer()?),
                "sig" => signature = Some(reader.bytes()?.to_vec()),
                "x5c" => certified = reader.item().map(|_| true)?,
                _ => others = reader.item().map(|_| true)?,
            }
        }
        if certified {
            return Ok(Self::None);
        }
        match (algorithm, signature) {
            (Some(algorithm), Some(signature)) if !others => Ok(Self::Own { algorithm, signature }),
            _ => Err(Refused("attestation")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&[u8]; 3] = [b"\x63fmt\x64none", b"\x67attStmt\xa0", b"\x68authData"];

    fn data() -> Vec<u8> {
        byte_string(&[&[7; 32][..], &[1, 0, 0, 0, 0]].concat())
    }

    fn object(head: u8, members: &[&[u8]]) -> Vec<u8> {
        [&[head], &members.concat()[..]].concat()
    }

    fn packed(statement: &[u8]) -> Result<AttestationObject, Refused> {
        let data = data();
        AttestationObject::read(&object(0xa3, &[b"\x63fmt\x66packed", b"\x67attStmt", statement, NAMES[2], &data]))
    }

    #[test]
    fn wa_11_an_object_has_three_members_once_each() {
        let (data, [fmt, statement, name]) = (data(), NAMES);
        let good = AttestationObject::read(&object(0xa3, &[fmt, statement, name, &data])).unwrap();
        assert_eq!(AttestationObject::read(&object(0xa3, &[name, &data, fmt, statement])), Ok(good.clone()));
        assert_eq!(AttestationObject::read(&good.without_statement()), Ok(good));
        for (what, wrong) in [
            ("no format", object(0xa2, &[statement, name, &data])),
            ("no statement", object(0xa2, &[fmt, name, &data])),
            ("no data", object(0xa2, &[fmt, statement])),
            ("a format twice", object(0xa4, &[fmt, fmt, statement, name, &data])),
            ("data twice", object(0xa4, &[fmt, statement, name, &data, name, &data])),
            ("another member", object(0xa4, &[fmt, statement, name, &data, b"\x65epAtt\xf5"])),
            ("an array", object(0x83, &[b"\x64none", b"\xa0", &data])),
            ("nothing", Vec::new()),
        ] {
            assert_eq!(AttestationObject::read(&wrong), Err(Refused::MALFORMED), "{what}");
        }
    }

    #[test]
    fn wa_12_a_statement_is_none_or_of_its_format() {
        let data = data();
        let stated = object(0xa3, &[NAMES[0], b"\x67attStmt\xa1\x61a\x00", NAMES[2], &data]);
        assert_eq!(AttestationObject::read(&stated), Err(Refused("attestation")), "none that is one");
        let list = object(0xa3, &[b"\x63fmt\x68compound", b"\x67attStmt\x82\xa0\xa0", NAMES[2], &data]);
        assert!(AttestationObject::read(&list).is_ok(), "dropped unread");

        assert!(packed(b"\xa2\x63alg\x26\x63sig\x41\x00").is_ok());
        assert!(packed(b"\xa3\x63alg\x26\x63sig\x41\x00\x63x5c\x80").is_ok(), "with certificates, dropped unread");
        for (what, wrong) in [
            ("no signature", &b"\xa1\x63alg\x26"[..]),
            ("no algorithm", b"\xa1\x63sig\x41\x00"),
            ("another member", b"\xa3\x63alg\x26\x63sig\x41\x00\x61a\x00"),
            ("nothing", b"\xa0"),
        ] {
            assert_eq!(packed(wrong), Err(Refused("attestation")), "{what}");
        }
        for (what, wrong) in [
            ("a signature twice", &b"\xa3\x63alg\x26\x63sig\x41\x00\x63sig\x41\x00"[..]),
            ("an algorithm that is text", b"\xa2\x63alg\x60\x63sig\x41\x00"),
            ("a list", b"\x82\x26\x41\x00"),
        ] {
            assert_eq!(packed(wrong), Err(Refused::MALFORMED), "{what}");
        }
    }

    #[test]
    fn many_entries_cost_nothing() {
        let entries: Vec<u8> = (0..10_000_u16)
            .flat_map(|key| [&[0x62][..], format!("{:02}", key % 100).as_bytes(), &[0]].concat())
            .collect();
        let statement = [&[0xb9, 0x27, 0x10], &entries[..]].concat();
        assert_eq!(packed(&statement), Err(Refused::MALFORMED));
    }
}
