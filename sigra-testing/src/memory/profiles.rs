//! Profiles.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::ports::{ProfileChange, ProfileReplaced, ProfileStore};
use sigra_core::user::User;

use super::{MemoryStore, Refused};

#[async_trait]
impl ProfileStore for MemoryStore {
    async fn replace(
        &self,
        change: &ProfileChange<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<ProfileReplaced, StoreError> {
        self.change("profiles.replace", |state| {
            let stands = |user: &User| change.under.is_none_or(|epochs| user.stands(epochs));
            match state.user(change.user) {
                Some(user) if !stands(user) => return Ok(ProfileReplaced::Stale),
                Some(user) if user.profile != *change.seen => {
                    return Ok(ProfileReplaced::Changed(Box::new(user.clone())));
                }
                Some(_) => {}
                None => return Ok(ProfileReplaced::Stale),
            }
            let user = &mut state.accounts.get_mut(&change.user).ok_or(Refused::DANGLING)?.user;
            user.profile = change.profile.clone();
            let user = user.clone();
            state.record(evidence(&user))?;
            Ok(ProfileReplaced::Done(Box::new(user)))
        })
    }
}
