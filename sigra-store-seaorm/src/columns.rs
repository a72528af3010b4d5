//! Between columns and the vocabulary of `sigra-core`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sigra_core::email::EmailAddress;
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;

use crate::error::Fault;

pub(crate) fn digest(digest: Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}

pub(crate) fn bytes32(stored: Vec<u8>, column: &'static str) -> Result<[u8; 32], Fault> {
    stored.try_into().map_err(|_| Fault::Corrupt(column))
}

pub(crate) fn time(stored: Option<i64>) -> Option<Timestamp> {
    stored.map(Timestamp::from_micros)
}

pub(crate) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_micros)
}

pub(crate) fn email(stored: &str) -> Result<EmailAddress, Fault> {
    EmailAddress::parse(stored).map_err(|_| Fault::Corrupt("email"))
}

/// The JSON text of a value whose serialization cannot fail: plain structures with text keys.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structures serialize")
}

pub(crate) fn from_json<T: DeserializeOwned>(stored: &str, column: &'static str) -> Result<T, Fault> {
    serde_json::from_str(stored).map_err(|_| Fault::Corrupt(column))
}
