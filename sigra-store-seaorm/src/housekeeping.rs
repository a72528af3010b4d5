//! Throwing away what has expired, and telling whether the database answers.

use async_trait::async_trait;
use sea_orm::ConnectionTrait as _;
use sigra_core::error::StoreError;
use sigra_core::ports::{Health, Housekeeping};
use sigra_core::time::Timestamp;

use crate::store::SeaOrmStore;
use crate::{attempts, dialect};

/// Table, key and indexed expiry of everything that expires by the clock.
const KINDS: [(&str, &str, &str); 12] = [
    ("sigra_registrations", "id", "expires_at"),
    ("sigra_tokens", "digest", "expires_at"),
    ("sigra_requests", "id", "expires_at"),
    ("sigra_devices", "id", "expires_at"),
    // A session idles out on its last day at the latest.
    ("sigra_sessions", "id", "idle_expires_at"),
    ("sigra_pending_sign_ins", "id", "expires_at"),
    ("sigra_attempts", "counter, whom", "expires_at"),
    ("sigra_ceremonies", "ceremony_key", "expires_at"),
    ("sigra_email_changes", "id", "expires_at"),
    // Only a secret that waits for its first code expires.
    ("sigra_totp", "user_id", "expires_at"),
    ("sigra_trusted_browsers", "id", "expires_at"),
    ("sigra_rate_counters", "bucket", "window_ends_at"),
];

/// Mail is thrown away once it is settled. Mail that expired unsent is a worker's to abandon, with evidence.
const MAIL: (&str, &str, &str) = ("sigra_outbox", "id", "settled_at");

const OPERATION: &str = "Housekeeping::purge_expired";

#[async_trait]
impl Housekeeping for SeaOrmStore {
    async fn purge_expired(&self, now: Timestamp, mail_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut count = 0;
        // One statement and one short turn to write for each kind.
        for kind in KINDS {
            count += purge(self, kind, now, limit).await?;
        }
        count += attempts::purge_void(self, OPERATION, limit).await?;
        Ok(count + purge(self, MAIL, mail_before, limit).await?)
    }
}

#[async_trait]
impl Health for SeaOrmStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read("Health::ping", async |db| {
            db.query_one_raw(dialect::statement(db.get_database_backend(), "SELECT 1", [])).await?;
            Ok(())
        })
        .await
    }
}

async fn purge(
    store: &SeaOrmStore,
    (table, key, expiry): (&str, &str, &str),
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    // MySQL takes a LIMIT in a subquery only one level further down. The expiry is asked for again, because whoever waits
    // for a row's lock sees what was committed meanwhile in the row and not in the subquery.
    let sql = &format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM \
         (SELECT {key} FROM {table} WHERE {expiry} < ? ORDER BY {expiry} LIMIT ?) doomed) AND {expiry} < ?"
    );
    store
        .single(OPERATION, |db| async move {
            let values = [before.as_micros().into(), i64::from(limit).into(), before.as_micros().into()];
            Ok(db.execute_raw(dialect::statement(db.get_database_backend(), sql, values)).await?.rows_affected())
        })
        .await
}
