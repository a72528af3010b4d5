//! State between two requests.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{Ceremony, CeremonyStore};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;

use crate::error::Fault;
use crate::rows::{Account, StoredCeremony, id};
use crate::store::{KvStore, Step};
use crate::table::{Readable, Tables, Writing};

#[async_trait]
impl CeremonyStore for KvStore {
    async fn put(&self, ceremony: &Ceremony) -> Result<(), StoreError> {
        let row = StoredCeremony(ceremony.clone());
        let step = move |tables: &mut Writing<'_>| {
            if let Some(user) = row.0.user
                && tables.get::<Account>(id!(user))?.is_none()
            {
                return Err(Fault::Dangling);
            }
            tables.put(&row)?;
            Ok(Step::Done(()))
        };
        self.write("CeremonyStore::put", step, |()| Evidence::none()).await
    }

    async fn peek(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.read("CeremonyStore::peek", move |tables| unexpired(tables, key, now)).await
    }

    async fn take(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let Some(ceremony) = unexpired(tables, key, now)? else {
                return Ok(Step::Nothing(None));
            };
            tables.remove::<StoredCeremony>(key.as_bytes())?;
            Ok(Step::Done(Some(ceremony)))
        };
        self.write("CeremonyStore::take", step, |_| Evidence::none()).await
    }
}

fn unexpired<T: Readable>(tables: &Tables<T>, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, Fault> {
    let row = tables.get::<StoredCeremony>(key.as_bytes())?;
    Ok(row.map(|StoredCeremony(ceremony)| ceremony).filter(|ceremony| now < ceremony.expires_at))
}
