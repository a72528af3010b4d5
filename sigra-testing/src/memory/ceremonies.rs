//! State between two requests.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::ports::{Ceremony, CeremonyStore};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;

use super::{MemoryStore, Refused};

#[async_trait]
impl CeremonyStore for MemoryStore {
    async fn put(&self, ceremony: &Ceremony) -> Result<(), StoreError> {
        self.change("ceremonies.put", |state| {
            if ceremony.user.is_some_and(|user| !state.accounts.contains_key(&user)) {
                return Err(Refused::DANGLING);
            }
            state.ceremonies.insert(ceremony.key, ceremony.clone());
            Ok(())
        })
    }

    async fn peek(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.read("ceremonies.peek", |state| state.ceremonies.get(&key).filter(|row| now < row.expires_at).cloned())
    }

    async fn take(&self, key: Digest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        self.change("ceremonies.take", |state| {
            let live = state.ceremonies.get(&key).is_some_and(|row| now < row.expires_at);
            Ok(if live { state.ceremonies.remove(&key) } else { None })
        })
    }
}
