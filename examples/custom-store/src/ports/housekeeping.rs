//! Throwing away what has expired, and health.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{Health, Housekeeping};
use sigra_core::time::Timestamp;

use super::registrations::delete_registration;
use crate::error::Fault;
use crate::rows::{
    Counter, KnownDevice, Pending, QueuedMail, QueuedRequest, Registration, StoredCeremony, StoredSession, Token, time,
};
use crate::store::{KvStore, Step};
use crate::table::{Row, Writing};

#[async_trait]
impl Housekeeping for KvStore {
    async fn purge_expired(&self, now: Timestamp, mail_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let registrations: Vec<Registration> = expired(tables, Registration::BY_EXPIRY, now, limit)?;
            let codes: Vec<Registration> = expired(tables, Registration::BY_CODE_EXPIRY, now, limit)?;
            let mut gone = (registrations.len() + codes.len()) as u64;
            for row in codes {
                tables.put(&Registration { code: None, ..row })?;
            }
            for row in registrations {
                delete_registration(tables, row.pending.id)?;
            }
            gone += purge::<Token>(tables, Token::BY_EXPIRY, now, limit)?;
            gone += purge::<KnownDevice>(tables, KnownDevice::BY_EXPIRY, now, limit)?;
            gone += purge::<QueuedRequest>(tables, QueuedRequest::BY_EXPIRY, now, limit)?;
            gone += purge::<Counter>(tables, Counter::BY_END, now, limit)?;
            gone += purge::<StoredCeremony>(tables, StoredCeremony::BY_EXPIRY, now, limit)?;
            gone += purge::<StoredSession>(tables, StoredSession::BY_EXPIRY, now, limit)?;
            gone += purge::<Pending>(tables, Pending::BY_EXPIRY, now, limit)?;
            gone += purge::<QueuedMail>(tables, QueuedMail::BY_SETTLEMENT, mail_before, limit)?;
            Ok(if gone == 0 { Step::Nothing(0) } else { Step::Done(gone) })
        };
        self.write("Housekeeping::purge_expired", step, |_| Evidence::none()).await
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

fn purge<R: Row>(tables: &mut Writing<'_>, index: &'static str, end: Timestamp, limit: u32) -> Result<u64, Fault> {
    let rows: Vec<R> = expired(tables, index, end, limit)?;
    for row in &rows {
        tables.remove::<R>(&row.key())?;
    }
    Ok(rows.len() as u64)
}
