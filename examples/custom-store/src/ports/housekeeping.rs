//! Throwing away what has expired, and health.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{Health, Housekeeping, RowKind};
use sigra_core::time::Timestamp;

use super::registrations::delete_registration;
use crate::error::Fault;
use crate::rows::{
    Account, Counter, KnownDevice, Pending, QueuedMail, QueuedRequest, Registration, StoredCeremony, StoredChange,
    StoredQuarantine, StoredSession, Token, id, time,
};
use crate::store::{KvStore, Step};
use crate::table::{Row, Writing, under};

#[async_trait]
impl Housekeeping for KvStore {
    fn kinds(&self) -> Vec<RowKind> {
        vec![
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
            RowKind::MAIL_FACTS,
            RowKind::MAIL,
        ]
    }

    async fn purge(&self, kind: RowKind, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let gone = match kind {
                RowKind::REGISTRATIONS => purge_registrations(tables, before, limit)?,
                RowKind::TOKENS => purge::<Token>(tables, Token::BY_EXPIRY, before, limit)?,
                RowKind::REQUESTS => purge::<QueuedRequest>(tables, QueuedRequest::BY_EXPIRY, before, limit)?,
                RowKind::DEVICES => purge::<KnownDevice>(tables, KnownDevice::BY_EXPIRY, before, limit)?,
                RowKind::SESSIONS => purge::<StoredSession>(tables, StoredSession::BY_EXPIRY, before, limit)?,
                RowKind::PENDING_SIGN_INS => purge::<Pending>(tables, Pending::BY_EXPIRY, before, limit)?,
                RowKind::ATTEMPTS => purge::<Counter>(tables, Counter::BY_END, before, limit)?,
                RowKind::VOID_ATTEMPTS => purge_void(tables, limit)?,
                RowKind::CEREMONIES => purge::<StoredCeremony>(tables, StoredCeremony::BY_EXPIRY, before, limit)?,
                RowKind::ADDRESS_CHANGES => purge::<StoredChange>(tables, StoredChange::BY_EXPIRY, before, limit)?,
                RowKind::QUARANTINES => purge::<StoredQuarantine>(tables, StoredQuarantine::BY_EXPIRY, before, limit)?,
                RowKind::MAIL_FACTS => wipe_facts(tables, before, limit)?,
                RowKind::MAIL => purge::<QueuedMail>(tables, QueuedMail::BY_SETTLEMENT, before, limit)?,
                _ => 0,
            };
            Ok(if gone == 0 { Step::Nothing(0) } else { Step::Done(gone) })
        };
        self.write("Housekeeping::purge", step, |_| Evidence::none()).await
    }
}

#[async_trait]
impl Health for KvStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read("Health::ping", |_| Ok(())).await
    }
}

/// The first `limit` rows of an index by time whose time lies before `end`.
fn expired<R: Row>(tables: &Writing<'_>, index: &'static str, end: Timestamp, limit: u32) -> Result<Vec<R>, Fault> {
    tables.walk(index, Vec::new()..time(end).to_vec())?.take(limit as usize).collect()
}

fn purge_registrations(tables: &mut Writing<'_>, end: Timestamp, limit: u32) -> Result<u64, Fault> {
    let rows: Vec<Registration> = expired(tables, Registration::BY_EXPIRY, end, limit)?;
    for row in &rows {
        delete_registration(tables, row.pending.id)?;
    }
    Ok(rows.len() as u64)
}

fn wipe_facts(tables: &mut Writing<'_>, end: Timestamp, limit: u32) -> Result<u64, Fault> {
    let rows: Vec<QueuedMail> = expired(tables, QueuedMail::BY_FACTS_EXPIRY, end, limit)?;
    let gone = rows.len() as u64;
    for row in rows {
        tables.put(&row.wiped())?;
    }
    Ok(gone)
}

/// Deletes counters of accounts that are gone, or have cleared them by signing in. No time tells where these are.
fn purge_void(tables: &mut Writing<'_>, limit: u32) -> Result<u64, Fault> {
    let mut void = Vec::new();
    for counter in tables.walk::<Counter>(Counter::BY_OWNER, under(&[]))? {
        let counter = counter?;
        let Some((user, cleared_by_sign_in)) = counter.owner else { continue };
        let counts = tables.get::<Account>(id!(user))?.is_some_and(|account| {
            !cleared_by_sign_in || account.attempts_cleared_at.is_none_or(|at| at < counter.started_at)
        });
        if !counts {
            void.push(counter.key);
        }
        if void.len() >= limit as usize {
            break;
        }
    }
    for key in &void {
        tables.remove::<Counter>(key)?;
    }
    Ok(void.len() as u64)
}

fn purge<R: Row>(tables: &mut Writing<'_>, index: &'static str, end: Timestamp, limit: u32) -> Result<u64, Fault> {
    let rows: Vec<R> = expired(tables, index, end, limit)?;
    for row in &rows {
        tables.remove::<R>(&row.key())?;
    }
    Ok(rows.len() as u64)
}
