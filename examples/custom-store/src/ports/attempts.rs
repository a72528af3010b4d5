//! Attempt counters.

use std::time::Duration;

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{AttemptKey, AttemptOwner, AttemptPolicy, AttemptStore, Reservation, Reserved};
use sigra_core::time::Timestamp;

use crate::error::Fault;
use crate::rows::{Counter, counter_key};
use crate::store::{KvStore, Step};
use crate::table::Writing;

#[async_trait]
impl AttemptStore for KvStore {
    async fn reserve(
        &self,
        key: &AttemptKey,
        policy: &AttemptPolicy,
        owner: Option<AttemptOwner>,
        now: Timestamp,
    ) -> Result<Reservation, StoreError> {
        let (key, policy) = (counter_key(key), *policy);
        let step = move |tables: &mut Writing<'_>| reserve(tables, key, &policy, owner, now);
        self.write("AttemptStore::reserve", step, |_| Evidence::none()).await
    }

    async fn refund(&self, key: &AttemptKey, reserved: &Reserved) -> Result<(), StoreError> {
        let (key, reserved) = (counter_key(key), reserved.clone());
        let step = move |tables: &mut Writing<'_>| {
            // A counter that was cleared meanwhile has nothing to give back.
            let counter = tables.get::<Counter>(&key)?.filter(|counter| counter.started_at == reserved.started_at);
            let Some(mut counter) = counter else {
                return Ok(Step::Nothing(()));
            };
            // A later reservation's lock stays.
            if reserved.locked_until.is_some() && counter.locked_until == reserved.locked_until {
                counter.locked_until = reserved.previous_lock;
            }
            counter.count -= 1;
            match counter.count {
                0 => drop(tables.remove::<Counter>(&key)?),
                _ => tables.put(&counter)?,
            }
            Ok(Step::Done(()))
        };
        self.write("AttemptStore::refund", step, |()| Evidence::none()).await
    }

    async fn clear(&self, keys: &[AttemptKey]) -> Result<(), StoreError> {
        let keys: Vec<_> = keys.iter().map(counter_key).collect();
        let step = move |tables: &mut Writing<'_>| {
            for key in &keys {
                tables.remove::<Counter>(key)?;
            }
            Ok(Step::Done(()))
        };
        self.write("AttemptStore::clear", step, |()| Evidence::none()).await
    }
}

fn reserve(
    tables: &mut Writing<'_>,
    key: Vec<u8>,
    policy: &AttemptPolicy,
    owner: Option<AttemptOwner>,
    now: Timestamp,
) -> Result<Step<Reservation>, Fault> {
    let cleared_at = owner.and_then(AttemptOwner::cleared_at);
    let cleared = |counter: &Counter| cleared_at.is_some_and(|cleared_at| counter.started_at <= cleared_at);
    let stored = tables.get::<Counter>(&key)?.filter(|counter| !cleared(counter));
    let standing_lock = stored.as_ref().and_then(|counter| counter.locked_until).filter(|until| now < *until);
    let counts = |counter: &Counter| {
        let window_passed = policy.window().is_some_and(|window| now >= counter.started_at + window);
        !window_passed || standing_lock.is_some()
    };
    let started_at = cleared_at.map_or(now, |cleared_at| now.max(cleared_at + Duration::from_micros(1)));
    let blank = Counter { key, count: 0, locked_until: None, started_at, over_at: None, owner: None };
    let mut counter = stored.filter(counts).unwrap_or(blank);
    if counter.count >= policy.cap {
        return Ok(Step::Nothing(Reservation::Exhausted));
    }
    if let Some(until) = standing_lock {
        return Ok(Step::Nothing(Reservation::Locked(until)));
    }
    let previous_lock = counter.locked_until;
    counter.count += 1;
    let lock = policy.lock_after(counter.count);
    let locked_until = (!lock.is_zero()).then(|| now + lock);
    counter.locked_until = locked_until.or(previous_lock);
    counter.over_at = policy.window().map(|window| (counter.started_at + window).max(locked_until.unwrap_or(now)));
    counter.owner = owner.map(|owner| (owner.user(), matches!(owner, AttemptOwner::ClearedBySignIn { .. })));
    tables.put(&counter)?;
    let (count, started_at) = (counter.count, counter.started_at);
    Ok(Step::Done(Reservation::Granted(Reserved { count, locked_until, previous_lock, started_at })))
}
