//! Browsers that are trusted.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{TrustedBrowserId, UserId};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;
use sigra_mfa::ports::{TrustedBrowser, TrustedBrowserStore};

use crate::memory::MemoryStore;
use crate::memory::state::new_row;

#[async_trait]
impl TrustedBrowserStore for MemoryStore {
    async fn insert(&self, browser: &TrustedBrowser, digest: Digest, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("trusted.insert", |state| {
            if state.standing_user(browser.user, browser.epochs).is_none() {
                return Ok(false);
            }
            let known = state.trusted.values().any(|(_, other)| *other == digest);
            new_row(known.then_some(()))?;
            new_row(state.trusted.insert(browser.id, (browser.clone(), digest)))?;
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn find(&self, digest: Digest, now: Timestamp) -> Result<Option<TrustedBrowser>, StoreError> {
        self.read("trusted.find", |state| {
            let (browser, _) = state.trusted.values().find(|(_, other)| *other == digest)?;
            (now < browser.expires_at).then(|| browser.clone())
        })
    }

    async fn touch(&self, id: TrustedBrowserId, at: Timestamp) -> Result<(), StoreError> {
        self.change("trusted.touch", |state| {
            if let Some((browser, _)) = state.trusted.get_mut(&id) {
                browser.last_used_at = browser.last_used_at.max(at);
            }
            Ok(())
        })
    }

    async fn list(&self, user: UserId, now: Timestamp, limit: u32) -> Result<Vec<TrustedBrowser>, StoreError> {
        self.read("trusted.list", |state| {
            let mut browsers: Vec<_> = state.trusted.values().map(|(browser, _)| browser).collect();
            browsers.retain(|browser| browser.user == user && now < browser.expires_at);
            browsers.sort_by_key(|browser| std::cmp::Reverse((browser.created_at, browser.id)));
            browsers.into_iter().take(limit as usize).cloned().collect()
        })
    }

    async fn revoke(&self, user: UserId, id: TrustedBrowserId, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("trusted.revoke", |state| {
            if state.trusted.get(&id).is_none_or(|(browser, _)| browser.user != user) {
                return Ok(false);
            }
            state.trusted.remove(&id);
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn revoke_all(&self, user: UserId, evidence: EvidenceFor<'_, u64>) -> Result<u64, StoreError> {
        self.change("trusted.revoke_all", |state| {
            let before = state.trusted.len();
            state.trusted.retain(|_, (browser, _)| browser.user != user);
            let revoked = (before - state.trusted.len()) as u64;
            state.record(evidence(&revoked))?;
            Ok(revoked)
        })
    }
}
