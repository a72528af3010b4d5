//! Between columns and the vocabulary of `sigra-core`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sigra_core::email::EmailAddress;
use sigra_core::secret::{Digest, Purpose};
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

/// A stored purpose. Names come from code alone, so what is kept for names of other capabilities stays small.
pub(crate) fn purpose(stored: &str) -> Purpose {
    const CORE: [Purpose; 7] = [
        Purpose::SESSION,
        Purpose::PENDING,
        Purpose::DEVICE,
        Purpose::CONFIRM_REGISTRATION,
        Purpose::MAGIC_LINK,
        Purpose::RESET_PASSWORD,
        Purpose::NOT_ME,
    ];
    static OTHERS: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());

    if let Some(purpose) = CORE.into_iter().find(|purpose| purpose.name() == stored) {
        return purpose;
    }
    let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    let name = others.get(stored).copied().unwrap_or_else(|| stored.to_owned().leak());
    others.insert(name);
    Purpose::new(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_reads_back_whoever_named_it() {
        assert_eq!(purpose("magic_link"), Purpose::MAGIC_LINK);
        assert_eq!(purpose("change_email"), Purpose::new("change_email"));
        assert!(std::ptr::eq(purpose("change_email").name(), purpose("change_email").name()), "kept once");
    }
}
