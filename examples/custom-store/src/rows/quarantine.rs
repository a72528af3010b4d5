//! Addresses in quarantine.

use serde::{Deserialize, Serialize};
use sigra_core::ports::Quarantined;

use super::foreign::QuarantinedDef;
use super::{id, time};
use crate::table::Row;

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoredQuarantine(#[serde(with = "QuarantinedDef")] pub(crate) Quarantined);

impl StoredQuarantine {
    pub(crate) const BY_EXPIRY: &str = "quarantines.expiry";
    pub(crate) const BY_HOLDER: &str = "quarantines.holder";
}

impl Row for StoredQuarantine {
    const TABLE: &str = "quarantines";

    fn key(&self) -> Vec<u8> {
        self.0.key.as_bytes().to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let key = self.0.key.as_bytes();
        let held = self.0.holder.map(|holder| (Self::BY_HOLDER, [id!(holder), key].concat()));
        std::iter::once((Self::BY_EXPIRY, [&time(self.0.until)[..], key].concat())).chain(held).collect()
    }
}
