//! Throwing away what has expired, and telling whether the database answers.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, Value};
use sigra_core::error::StoreError;
use sigra_core::ports::{Health, Housekeeping, RowKind};
use sigra_core::time::Timestamp;

use crate::store::SeaOrmStore;
use crate::{attempts, dialect};

/// Rows that expire: table, key and indexed expiry.
type Table = (&'static str, &'static str, &'static str);

/// Everything that expires, in the order it is swept.
const KINDS: [(RowKind, Table); 14] = [
    (RowKind::REGISTRATIONS, ("sigra_registrations", "id", "expires_at")),
    (RowKind::TOKENS, ("sigra_tokens", "digest", "expires_at")),
    (RowKind::REQUESTS, ("sigra_requests", "id", "expires_at")),
    (RowKind::DEVICES, ("sigra_devices", "id", "expires_at")),
    // A session idles out on its last day at the latest.
    (RowKind::SESSIONS, ("sigra_sessions", "id", "idle_expires_at")),
    (RowKind::PENDING_SIGN_INS, (PENDING_SIGN_INS, "id", "expires_at")),
    (RowKind::ATTEMPTS, ("sigra_attempts", "counter, whom", "expires_at")),
    (RowKind::CEREMONIES, ("sigra_ceremonies", "ceremony_key", "expires_at")),
    (RowKind::ADDRESS_CHANGES, ("sigra_email_changes", "id", "expires_at")),
    (RowKind::QUARANTINES, ("sigra_quarantines", "address_mac", "expires_at")),
    // Only a secret that waits for its first code expires.
    (RowKind::new("totp"), ("sigra_totp", "user_id", "expires_at")),
    (RowKind::new("trusted_browsers"), ("sigra_trusted_browsers", "id", "expires_at")),
    (RowKind::new("rate_counters"), ("sigra_rate_counters", "bucket", "window_ends_at")),
    (RowKind::MAIL, ("sigra_outbox", "id", "settled_at")),
];

const PENDING_SIGN_INS: &str = "sigra_pending_sign_ins";

const OPERATION: &str = "Housekeeping::purge";

#[async_trait]
impl Housekeeping for SeaOrmStore {
    fn kinds(&self) -> Vec<RowKind> {
        KINDS.iter().map(|(kind, _)| *kind).chain([RowKind::VOID_ATTEMPTS, RowKind::MAIL_FACTS]).collect()
    }

    async fn purge(&self, kind: RowKind, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        match kind {
            RowKind::VOID_ATTEMPTS => return attempts::purge_void(self, OPERATION, limit).await,
            RowKind::MAIL_FACTS => return wipe_facts(self, before, limit).await,
            _ => {}
        }
        match KINDS.iter().find(|(known, _)| *known == kind) {
            Some((_, table)) => purge(self, *table, before, limit).await,
            None => Ok(0),
        }
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
    (table, key, expiry): Table,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    // What is to be told of goes when it was told.
    let only = if table == PENDING_SIGN_INS { " AND NOT tell_unfinished" } else { "" };
    let sql = format!("DELETE FROM {table} WHERE {}", expired((table, key, expiry), only));
    step(store, &sql, None, before, limit).await
}

/// As the deletion of rows, of what abandoned mail keeps.
async fn wipe_facts(store: &SeaOrmStore, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let kept = expired(("sigra_outbox", "id", "facts_until"), "");
    let sql = format!("UPDATE sigra_outbox SET facts = ?, facts_until = NULL WHERE {kept}");
    step(store, &sql, Some(Vec::<u8>::new().into()), before, limit).await
}

/// The condition of the oldest rows that have expired, of those that `only` says.
fn expired((table, key, expiry): Table, only: &str) -> String {
    // MySQL takes a LIMIT in a subquery only one level further down. The expiry is asked for again, because whoever waits
    // for a row's lock sees what was committed meanwhile in the row and not in the subquery.
    format!(
        "({key}) IN (SELECT {key} FROM \
         (SELECT {key} FROM {table} WHERE {expiry} < ?{only} ORDER BY {expiry} LIMIT ?) doomed) AND {expiry} < ?"
    )
}

async fn step(
    store: &SeaOrmStore,
    sql: &str,
    first: Option<Value>,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let before = before.as_micros();
    let values = &first.into_iter().chain([before.into(), i64::from(limit).into(), before.into()]).collect::<Vec<_>>();
    store
        .single(OPERATION, |db| async move {
            let statement = dialect::statement(db.get_database_backend(), sql, values.iter().cloned());
            Ok(db.execute_raw(statement).await?.rows_affected())
        })
        .await
}
