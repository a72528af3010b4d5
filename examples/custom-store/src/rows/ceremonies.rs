//! What is kept between two requests.

use serde::{Deserialize, Serialize};
use sigra_core::ports::Ceremony;

use super::foreign::CeremonyDef;
use super::{id, time};
use crate::table::Row;

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoredCeremony(#[serde(with = "CeremonyDef")] pub(crate) Ceremony);

impl StoredCeremony {
    pub(crate) const BY_EXPIRY: &str = "ceremonies.expiry";
    pub(crate) const BY_USER: &str = "ceremonies.user";
}

impl Row for StoredCeremony {
    const TABLE: &str = "ceremonies";

    fn key(&self) -> Vec<u8> {
        self.0.key.as_bytes().to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let key = self.0.key.as_bytes();
        let owned = self.0.user.map(|user| (Self::BY_USER, [id!(user), key].concat()));
        std::iter::once((Self::BY_EXPIRY, [&time(self.0.expires_at)[..], key].concat())).chain(owned).collect()
    }
}
