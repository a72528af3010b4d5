//! Mailed tokens and known devices.

use std::cmp::Reverse;

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{DeviceStore, LiveToken, TokenStore};
use sigra_core::registration::{MailedToken, NewToken, TokenOwner};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::time::Timestamp;

use super::state::{State, new_row};
use super::{MemoryStore, Refused};

#[async_trait]
impl TokenStore for MemoryStore {
    async fn peek(&self, digest: Digest, now: Timestamp) -> Result<Option<LiveToken>, StoreError> {
        self.read("tokens.peek", |state| state.live_token(digest, now))
    }

    async fn redeem(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, LiveToken>,
    ) -> Result<Option<LiveToken>, StoreError> {
        self.change("tokens.redeem", |state| {
            let Some(mut live) = state.live_token(digest, now) else {
                return Ok(None);
            };
            state.tokens.remove(&digest);
            if let Some(user) = &mut live.user {
                live.reclaimed = state.reclaim(user.id, now)?;
                *user = state.user(user.id).ok_or(Refused::DANGLING)?.clone();
            }
            state.record(evidence(&live))?;
            Ok(Some(live))
        })
    }
}

#[async_trait]
impl DeviceStore for MemoryStore {
    async fn find(&self, digest: Digest, now: Timestamp) -> Result<Option<Device>, StoreError> {
        self.read("devices.find", |state| state.devices.get(&digest).filter(|device| now < device.expires_at).cloned())
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Device>, StoreError> {
        self.read("devices.list", |state| {
            let own = state.devices.values().filter(|device| device.user == user && now < device.expires_at);
            let mut own: Vec<_> = own.cloned().collect();
            own.sort_by_key(|device| Reverse((device.last_seen_at, device.id)));
            own.truncate(Device::AT_MOST as usize);
            own
        })
    }
}

impl State {
    /// Stores a token, unless its owner is gone or has other epochs by now.
    pub(super) fn add_token(&mut self, new: &NewToken) -> Result<(), Refused> {
        let owner_stands = match new.token.owner {
            TokenOwner::Registration(id) => self.registrations.contains_key(&id),
            TokenOwner::User { id, epochs } => {
                self.user(id).is_some_and(|user| epochs.is_none_or(|epochs| epochs == user.epochs))
            }
        };
        if !owner_stands {
            return Ok(());
        }
        if let Some(end) = new.older_expire_at {
            for older in self.tokens.values_mut().filter(|older| replaces(&new.token, older)) {
                older.expires_at = older.expires_at.min(end);
            }
        }
        new_row(self.tokens.insert(new.token.digest, new.token.clone()))?;
        if let TokenOwner::Registration(id) = new.token.owner {
            self.arm(id);
        }
        Ok(())
    }
}

fn replaces(new: &MailedToken, older: &MailedToken) -> bool {
    let same_owner = match (new.owner, older.owner) {
        (TokenOwner::User { id, .. }, TokenOwner::User { id: other, .. }) => id == other,
        (one, other) => one == other,
    };
    same_owner && new.purpose == older.purpose
}
