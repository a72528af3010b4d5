//! Addresses in quarantine.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{Mac, QuarantineStore, Quarantined};
use sigra_core::time::Timestamp;

use crate::error::Fault;
use crate::rows::{StoredQuarantine, id};
use crate::store::{KvStore, Step};
use crate::table::{Readable, Row as _, Tables, Writing, under};

#[async_trait]
impl QuarantineStore for KvStore {
    async fn find(&self, keys: &[Mac], now: Timestamp) -> Result<Option<Quarantined>, StoreError> {
        let keys = keys.to_vec();
        self.read("QuarantineStore::find", move |tables| {
            let last = live(tables, &keys, now)?.into_iter().max_by_key(|row| row.0.until);
            Ok(last.map(|row| row.0))
        })
        .await
    }

    async fn release(&self, keys: &[Mac], now: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        let keys = keys.to_vec();
        let step = move |tables: &mut Writing<'_>| {
            let rows = live(tables, &keys, now)?;
            for row in &rows {
                tables.remove::<StoredQuarantine>(&row.key())?;
            }
            Ok(if rows.is_empty() { Step::Nothing(false) } else { Step::Done(true) })
        };
        self.write("QuarantineStore::release", step, |_| evidence).await
    }
}

/// Whether an address is kept from `taker`.
pub(super) fn keeps<T: Readable>(
    tables: &Tables<T>,
    keys: &[Mac],
    taker: Option<UserId>,
    now: Timestamp,
) -> Result<bool, Fault> {
    Ok(live(tables, keys, now)?.iter().any(|row| taker.is_none() || row.0.holder != taker))
}

/// Keeps an address, or goes on keeping it: for the holder named last, until the later time.
pub(super) fn quarantine(tables: &mut Writing<'_>, new: Quarantined) -> Result<(), Fault> {
    let earlier = tables.get::<StoredQuarantine>(new.key.as_bytes())?.map(|row| row.0.until);
    let until = earlier.map_or(new.until, |until| until.max(new.until));
    tables.put(&StoredQuarantine(Quarantined { until, ..new }))
}

/// Makes the addresses an account has left nobody's.
pub(super) fn disown(tables: &mut Writing<'_>, holder: UserId) -> Result<(), Fault> {
    let rows = tables.walk::<StoredQuarantine>(StoredQuarantine::BY_HOLDER, under(id!(holder)))?;
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        tables.put(&StoredQuarantine(Quarantined { holder: None, ..row.0 }))?;
    }
    Ok(())
}

fn live<T: Readable>(tables: &Tables<T>, keys: &[Mac], now: Timestamp) -> Result<Vec<StoredQuarantine>, Fault> {
    let mut live = Vec::new();
    for key in keys {
        live.extend(tables.get::<StoredQuarantine>(key.as_bytes())?.filter(|row| now < row.0.until));
    }
    Ok(live)
}
