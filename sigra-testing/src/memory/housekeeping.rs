//! Throwing away what has expired.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::ports::Housekeeping;
use sigra_core::time::Timestamp;

use super::MemoryStore;

#[async_trait]
impl Housekeeping for MemoryStore {
    async fn purge_expired(&self, now: Timestamp, mail_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.change("housekeeping.purge_expired", |state| {
            let limit = limit as usize;
            let mut gone = 0;
            let expired: Vec<_> = state
                .registrations
                .values()
                .map(|row| &row.pending)
                .filter(|pending| pending.expires_at < now)
                .map(|pending| pending.id)
                .take(limit)
                .collect();
            gone += state.delete_registrations(|row| expired.contains(&row.pending.id));
            for row in state.registrations.values_mut().filter(|row| row.code_expired(now)).take(limit) {
                row.code = None;
                gone += 1;
            }
            gone += purge_hashed(&mut state.tokens, limit, |token| token.expires_at < now);
            gone += purge_hashed(&mut state.ceremonies, limit, |ceremony| ceremony.expires_at < now);
            gone += purge_hashed(&mut state.devices, limit, |device| device.expires_at < now);
            gone += purge(&mut state.address_changes, limit, |row| row.expires_at() < now);
            gone += purge(&mut state.requests, limit, |row| row.request.expires_at < now);
            gone += purge(&mut state.sessions, limit, |row| {
                row.session.idle_expires_at < now || row.session.expires_at < now
            });
            gone += purge(&mut state.pending, limit, |(pending, _)| pending.expires_at < now);
            let cleared_at = |user| state.accounts.get(&user).map(|account| account.attempts_cleared_at);
            let void: Vec<_> = state
                .attempts
                .iter()
                .filter(|(_, counter)| counter.is_void(now, cleared_at))
                .map(|(key, _)| key.clone())
                .take(limit)
                .collect();
            gone += void.iter().filter(|key| state.attempts.remove(key).is_some()).count() as u64;
            #[cfg(feature = "mfa")]
            {
                gone += purge(&mut state.totp, limit, |totp| totp.expires_at.is_some_and(|at| at < now));
                gone += purge(&mut state.trusted, limit, |(browser, _)| browser.expires_at < now);
            }
            gone += purge(&mut state.outbox, limit, |row| row.settled_at().is_some_and(|at| at < mail_before));
            Ok(gone)
        })
    }
}

fn purge<K: Copy + Ord, V>(rows: &mut BTreeMap<K, V>, limit: usize, goes: impl Fn(&V) -> bool) -> u64 {
    let keys: Vec<K> = rows.iter().filter(|(_, row)| goes(row)).map(|(key, _)| *key).take(limit).collect();
    keys.iter().filter(|key| rows.remove(key).is_some()).count() as u64
}

fn purge_hashed<K: Copy + Eq + Hash, V>(rows: &mut HashMap<K, V>, limit: usize, goes: impl Fn(&V) -> bool) -> u64 {
    let keys: Vec<K> = rows.iter().filter(|(_, row)| goes(row)).map(|(key, _)| *key).take(limit).collect();
    keys.iter().filter(|key| rows.remove(key).is_some()).count() as u64
}
