//! Profiles.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::ports::{ProfileChange, ProfileReplaced, ProfileStore};
use sigra_core::user::User;

use crate::rows::{Account, id};
use crate::store::{KvStore, Step};
use crate::table::Writing;

#[async_trait]
impl ProfileStore for KvStore {
    async fn replace(
        &self,
        change: &ProfileChange<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<ProfileReplaced, StoreError> {
        let ProfileChange { user: id, under, .. } = *change;
        let (seen, profile) = (change.seen.clone(), change.profile.clone());
        let step = move |tables: &mut Writing<'_>| {
            let account = tables.get::<Account>(id!(id))?;
            let stands = |account: &Account| under.is_none_or(|epochs| account.user.stands(epochs));
            let Some(mut account) = account.filter(stands) else {
                return Ok(Step::Nothing(ProfileReplaced::Stale));
            };
            if account.user.profile != seen {
                return Ok(Step::Nothing(ProfileReplaced::Changed(Box::new(account.user))));
            }
            account.user.profile = profile;
            tables.put(&account)?;
            Ok(Step::Done(ProfileReplaced::Done(Box::new(account.user))))
        };
        let evidence = |replaced: &ProfileReplaced| match replaced {
            ProfileReplaced::Done(user) => evidence(user),
            ProfileReplaced::Changed(_) | ProfileReplaced::Stale => Default::default(),
        };
        self.write("ProfileStore::replace", step, evidence).await
    }
}
