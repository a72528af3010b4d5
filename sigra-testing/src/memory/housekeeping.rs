//! Throwing away what has expired, and whose turn it is.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::id::LeaseId;
use sigra_core::ports::{Housekeeping, LeaseStore, RowKind};
use sigra_core::time::Timestamp;

use super::MemoryStore;
use super::state::State;

const KINDS: &[RowKind] = &[
    RowKind::REGISTRATIONS,
    RowKind::TOKENS,
    RowKind::REQUESTS,
    RowKind::DEVICES,
    RowKind::SESSIONS,
    RowKind::PENDING_SIGN_INS,
    RowKind::ATTEMPTS,
    RowKind::VOID_ATTEMPTS,
    RowKind::CEREMONIES,
    RowKind::ADDRESS_CHANGES,
    RowKind::QUARANTINES,
    #[cfg(feature = "mfa")]
    TOTP,
    #[cfg(feature = "mfa")]
    TRUSTED_BROWSERS,
    RowKind::MAIL_FACTS,
    RowKind::MAIL,
];

#[cfg(feature = "mfa")]
const TOTP: RowKind = RowKind::new("totp");
#[cfg(feature = "mfa")]
const TRUSTED_BROWSERS: RowKind = RowKind::new("trusted_browsers");

#[async_trait]
impl Housekeeping for MemoryStore {
    fn kinds(&self) -> Vec<RowKind> {
        KINDS.to_vec()
    }

    async fn purge(&self, kind: RowKind, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.change("housekeeping.purge", |state| Ok(state.purge(kind, before, limit as usize)))
    }
}

impl State {
    fn purge(&mut self, kind: RowKind, before: Timestamp, limit: usize) -> u64 {
        match kind {
            RowKind::REGISTRATIONS => {
                let pending = self.registrations.values().map(|row| &row.pending);
                let expired = pending.filter(|pending| pending.expires_at < before).map(|pending| pending.id);
                let expired: Vec<_> = expired.take(limit).collect();
                self.delete_registrations(|row| expired.contains(&row.pending.id))
            }
            RowKind::TOKENS => purge_hashed(&mut self.tokens, limit, |token| token.expires_at < before),
            RowKind::REQUESTS => purge(&mut self.requests, limit, |row| row.request.expires_at < before),
            RowKind::DEVICES => purge_hashed(&mut self.devices, limit, |device| device.expires_at < before),
            RowKind::SESSIONS => purge(&mut self.sessions, limit, |row| {
                row.session.idle_expires_at < before || row.session.expires_at < before
            }),
            RowKind::PENDING_SIGN_INS => {
                purge(&mut self.pending, limit, |(pending, _)| pending.expires_at < before && !pending.tell_unfinished)
            }
            RowKind::ATTEMPTS => purge_hashed(&mut self.attempts, limit, |counter| counter.is_over(before)),
            RowKind::VOID_ATTEMPTS => {
                let accounts = &self.accounts;
                let cleared_at = |user| accounts.get(&user).map(|account| account.attempts_cleared_at);
                purge_hashed(&mut self.attempts, limit, |counter| counter.is_void(cleared_at))
            }
            RowKind::ADDRESS_CHANGES => purge(&mut self.address_changes, limit, |row| row.expires_at() < before),
            RowKind::QUARANTINES => purge(&mut self.quarantines, limit, |kept| kept.until < before),
            RowKind::CEREMONIES => purge_hashed(&mut self.ceremonies, limit, |ceremony| ceremony.expires_at < before),
            #[cfg(feature = "mfa")]
            TOTP => purge(&mut self.totp, limit, |totp| totp.expires_at.is_some_and(|at| at < before)),
            #[cfg(feature = "mfa")]
            TRUSTED_BROWSERS => purge(&mut self.trusted, limit, |(browser, _)| browser.expires_at < before),
            RowKind::MAIL_FACTS => {
                let kept = self.outbox.values_mut().filter(|row| row.keeps_too_much(before));
                let mut wiped = 0;
                for row in kept.take(limit) {
                    row.wipe();
                    wiped += 1;
                }
                wiped
            }
            RowKind::MAIL => {
                purge(&mut self.outbox, limit, |row| row.settled_at().is_some_and(|settled_at| settled_at < before))
            }
            _ => 0,
        }
    }
}

fn purge<K: Copy + Ord, V>(rows: &mut BTreeMap<K, V>, limit: usize, goes: impl Fn(&V) -> bool) -> u64 {
    let keys: Vec<K> = rows.iter().filter(|(_, row)| goes(row)).map(|(key, _)| *key).take(limit).collect();
    keys.iter().filter(|key| rows.remove(key).is_some()).count() as u64
}

fn purge_hashed<K: Clone + Eq + Hash, V>(rows: &mut HashMap<K, V>, limit: usize, goes: impl Fn(&V) -> bool) -> u64 {
    let keys: Vec<K> = rows.iter().filter(|(_, row)| goes(row)).map(|(key, _)| key.clone()).take(limit).collect();
    keys.iter().filter(|key| rows.remove(key).is_some()).count() as u64
}

/// Whose turn it is, and until when.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    holder: LeaseId,
    until: Timestamp,
}

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn take(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.change("leases.take", |state| {
            let free = state.leases.get(name).is_none_or(|turn| turn.until <= now);
            if free {
                state.leases.insert(name.to_owned(), Turn { holder, until });
            }
            Ok(free)
        })
    }

    async fn renew(&self, name: &str, holder: LeaseId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.change("leases.renew", |state| {
            let held = state.holds(name, holder, now);
            if held {
                state.leases.insert(name.to_owned(), Turn { holder, until });
            }
            Ok(held)
        })
    }

    async fn release(&self, name: &str, holder: LeaseId, now: Timestamp) -> Result<bool, StoreError> {
        self.change("leases.release", |state| {
            let held = state.holds(name, holder, now);
            if held {
                state.leases.remove(name);
            }
            Ok(held)
        })
    }
}

impl State {
    fn holds(&self, name: &str, holder: LeaseId, now: Timestamp) -> bool {
        self.leases.get(name).is_some_and(|turn| turn.holder == holder && now < turn.until)
    }
}
