//! Attempt counters.

use std::time::Duration;

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::id::UserId;
use sigra_core::ports::{AttemptKey, AttemptOwner, AttemptPolicy, AttemptStore, Reservation, Reserved};
use sigra_core::time::Timestamp;

use super::MemoryStore;

/// The attempts of one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    count: u32,
    locked_until: Option<Timestamp>,
    started_at: Timestamp,
    /// When it is worth nothing any more; `None` for one that lasts until it is cleared.
    over_at: Option<Timestamp>,
    owner: Option<AttemptOwner>,
}

impl Counter {
    /// Whether it is one of this account.
    pub(super) fn belongs_to(&self, user: UserId) -> bool {
        self.owner.is_some_and(|owner| owner.user() == user)
    }

    /// Whether its window ended before `before`.
    pub(super) fn is_over(&self, before: Timestamp) -> bool {
        self.over_at.is_some_and(|at| at < before)
    }

    /// Whether it counts nothing any more, whatever the time. `cleared_at` tells by when the sign-ins of an account have
    /// cleared it; `None` for an account that is gone.
    pub(super) fn is_void(&self, cleared_at: impl FnOnce(UserId) -> Option<Option<Timestamp>>) -> bool {
        let void = |owner: AttemptOwner| match (owner, cleared_at(owner.user())) {
            (_, None) => true,
            (AttemptOwner::ClearedBySignIn { .. }, Some(cleared_at)) => Some(self.started_at) <= cleared_at,
            (AttemptOwner::Account(_), Some(_)) => false,
        };
        self.owner.is_some_and(void)
    }
}

#[async_trait]
impl AttemptStore for MemoryStore {
    async fn reserve(
        &self,
        key: &AttemptKey,
        policy: &AttemptPolicy,
        owner: Option<AttemptOwner>,
        now: Timestamp,
    ) -> Result<Reservation, StoreError> {
        let cleared_at = owner.and_then(AttemptOwner::cleared_at);
        self.change("attempts.reserve", |state| {
            let started_at = cleared_at.map_or(now, |cleared_at| now.max(cleared_at + Duration::from_micros(1)));
            let blank = Counter { count: 0, locked_until: None, started_at, over_at: None, owner };
            let counter = state.attempts.entry(key.clone()).or_insert(blank);
            if cleared_at.is_some_and(|cleared_at| counter.started_at <= cleared_at) {
                *counter = blank;
            }
            let standing_lock = counter.locked_until.filter(|until| now < *until);
            let window_passed = policy.window().is_some_and(|window| now >= counter.started_at + window);
            if window_passed && standing_lock.is_none() {
                *counter = blank;
            }
            if counter.count >= policy.cap {
                return Ok(Reservation::Exhausted);
            }
            if let Some(until) = standing_lock {
                return Ok(Reservation::Locked(until));
            }
            let previous_lock = counter.locked_until;
            counter.count += 1;
            let lock = policy.lock_after(counter.count);
            let locked_until = (!lock.is_zero()).then(|| now + lock);
            counter.locked_until = locked_until.or(previous_lock);
            counter.over_at = policy
                .window()
                .map(|window| locked_until.into_iter().fold(counter.started_at + window, Timestamp::max));
            counter.owner = owner;
            Ok(Reservation::Granted(Reserved {
                count: counter.count,
                locked_until,
                previous_lock,
                started_at: counter.started_at,
            }))
        })
    }

    async fn refund(&self, key: &AttemptKey, reserved: &Reserved) -> Result<(), StoreError> {
        self.change("attempts.refund", |state| {
            // A counter that was cleared meanwhile has nothing to give back.
            let same = |counter: &&mut Counter| counter.count > 0 && counter.started_at == reserved.started_at;
            let Some(counter) = state.attempts.get_mut(key).filter(same) else {
                return Ok(());
            };
            // A later reservation's lock stays.
            if reserved.locked_until.is_some() && counter.locked_until == reserved.locked_until {
                counter.locked_until = reserved.previous_lock;
            }
            counter.count -= 1;
            if counter.count == 0 {
                state.attempts.remove(key);
            }
            Ok(())
        })
    }

    async fn clear(&self, keys: &[AttemptKey]) -> Result<(), StoreError> {
        self.change("attempts.clear", |state| {
            state.attempts.retain(|key, _| !keys.contains(key));
            Ok(())
        })
    }
}
