//! The attestation object: the authenticator data of a new credential in its envelope (Web Authentication Level 3 §6.5.4).

use coset::cbor::Value;
use sha2::{Digest as _, Sha256};

use super::{AuthenticatorData, PublicKey, Refused, cbor, ensure};

/// An attestation object that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttestationObject {
    format: String,
    statement: Vec<(String, Value)>,
    /// The authenticator data.
    pub(crate) data: AuthenticatorData,
    /// Its bytes, which are what is signed.
    pub(crate) data_bytes: Vec<u8>,
}

impl AttestationObject {
    /// Reads it, to its end.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let mut entries = cbor::text_map(cbor::read(bytes)?)?;
        let Value::Text(format) = cbor::take(&mut entries, "fmt")? else { return Err(Refused::MALFORMED) };
        let statement = cbor::text_map(cbor::take(&mut entries, "attStmt")?)?;
        let Value::Bytes(data_bytes) = cbor::take(&mut entries, "authData")? else { return Err(Refused::MALFORMED) };
        Ok(Self { format, statement, data: AuthenticatorData::read(&data_bytes)?, data_bytes })
    }

    /// Checks the statement as far as it can be without anybody's certificates.
    ///
    /// None is asked for, so a browser replaces it by an empty one (§5.1.3). What comes nevertheless says nothing that is
    /// relied on. Where it is the credential's own signature it must be right; statements with certificates are dropped
    /// unread, as the browser would have done.
    pub(crate) fn check_statement(&self, key: &PublicKey, client_data: &[u8]) -> Result<(), Refused> {
        match self.format.as_str() {
            "none" => ensure(self.statement.is_empty(), "attestation"),
            "packed" if !self.statement.iter().any(|(name, _)| name == "x5c") => {
                let member = |name| self.statement.iter().find(|(key, _)| key == name).map(|(_, value)| value);
                let algorithm = member("alg").and_then(Value::as_integer);
                ensure(algorithm == Some(key.algorithm().id().into()), "attestation")?;
                let signature = member("sig").and_then(Value::as_bytes).ok_or(Refused("attestation"))?;
                let signed = [&self.data_bytes[..], &Sha256::digest(client_data)].concat();
                ensure(key.verifies(&signed, signature), "attestation")
            }
            _ => Ok(()),
        }
    }

    /// The object as a browser would have sent it: the same data, and no statement.
    pub(crate) fn without_statement(&self) -> Vec<u8> {
        let text = |text: &str| Value::Text(text.to_owned());
        let object = Value::Map(vec![
            (text("fmt"), text("none")),
            (text("attStmt"), Value::Map(Vec::new())),
            (text("authData"), Value::Bytes(self.data_bytes.clone())),
        ]);
        let mut bytes = Vec::with_capacity(self.data_bytes.len() + 32);
        // Writing to memory has no way to fail; were it to, nothing would accept the rest.
        let _ = coset::cbor::ser::into_writer(&object, &mut bytes);
        bytes
    }
}
