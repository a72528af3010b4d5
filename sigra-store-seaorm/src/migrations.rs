//! Bringing the tables up to date.
//!
//! One linear list for all of sigra, whatever features are on. Each migration is one DDL statement and is recorded in
//! `sigra_migrations`, beside the host's own bookkeeping and independent of it.

use std::sync::Arc;

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
};
use sigra_core::error::StoreError;
use sigra_core::time::{Clock as _, SystemClock, Timestamp};

use crate::dialect;
use crate::entity::migration;
use crate::error::Fault;
use crate::schema::{BOOKKEEPING, MIGRATIONS};
use crate::store::SeaOrmStore;

/// A migration and whether it has been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the list, counted from one.
    pub version: u32,
    /// Its name.
    pub name: &'static str,
    /// When it was applied; `None` while it has not been.
    pub applied_at: Option<Timestamp>,
}

/// Applies what is missing and answers how many migrations that were.
///
/// Safe to call at every start, and from several hosts at once: one migrates, the others wait for it.
///
/// On SQLite and PostgreSQL all of it happens in one transaction. On MySQL each statement commits by itself, so a
/// migration that breaks down half-way goes on where it stopped the next time.
///
/// Where nothing is missing, it only reads, so it needs no right to create tables then.
///
/// # Errors
///
/// When the database cannot be reached, the lock does not become free, or a statement fails.
pub async fn migrate(pool: &DatabaseConnection) -> Result<usize, StoreError> {
    let known = status(pool).await;
    if known.is_ok_and(|known| known.iter().all(|migration| migration.applied_at.is_some())) {
        return Ok(0);
    }
    let store = SeaOrmStore::new(pool.clone());
    store.write_at_length("migrate", |tx| async move { apply(&tx).await }).await
}

/// Every migration this version knows, and what has been applied. Changes nothing.
///
/// # Errors
///
/// When the database cannot be reached, or has never been migrated.
pub async fn status(pool: &DatabaseConnection) -> Result<Vec<Migration>, StoreError> {
    let applied = migration::Entity::find().order_by_asc(migration::Column::Version).all(pool).await;
    let applied = applied.map_err(|error| Fault::from(error).within("migrations::status"))?;
    let known = (1..).zip(MIGRATIONS).map(|(version, (name, _))| Migration {
        version,
        name,
        applied_at: applied
            .iter()
            .find(|row| row.version == i64::from(version))
            .map(|row| Timestamp::from_micros(row.applied_at)),
    });
    Ok(known.collect())
}

/// The statements [`migrate`] would run on an empty database, for hosts that migrate by other means.
///
/// Run that way, a later [`migrate`] has to be told: the last statements record every migration as applied.
#[must_use]
pub fn sql(backend: DbBackend) -> Vec<String> {
    let ddl = MIGRATIONS.iter().map(|(_, statement)| dialect::ddl(backend, statement));
    let records = (1..).zip(MIGRATIONS).map(|(version, (name, _)): (u32, _)| {
        format!("INSERT INTO sigra_migrations (version, name, applied_at) VALUES ({version}, '{name}', 0)")
    });
    std::iter::once(dialect::ddl(backend, BOOKKEEPING)).chain(ddl).chain(records).collect()
}

async fn apply(tx: &Arc<DatabaseTransaction>) -> Result<usize, Fault> {
    let backend = tx.get_database_backend();
    if let Some(patience) = dialect::migration_patience(backend) {
        tx.execute_unprepared(patience).await?;
    }
    if let Some(lock) = dialect::migration_lock(backend) {
        let answer = tx.query_one_raw(sea_orm::Statement::from_string(backend, lock)).await?;
        // MySQL answers 1, or 0 when somebody else held it all the time; PostgreSQL fails then.
        if matches!(backend, DbBackend::MySql) && answer.is_none_or(|row| row.try_get_by_index(0) != Ok(Some(1_i64))) {
            return Err(Fault::Busy);
        }
    }
    let outcome = apply_locked(tx, backend).await;
    if let Some(unlock) = dialect::migration_unlock(backend) {
        tx.query_one_raw(sea_orm::Statement::from_string(backend, unlock)).await?;
    }
    outcome
}

async fn apply_locked(tx: &DatabaseTransaction, backend: DbBackend) -> Result<usize, Fault> {
    let clock = SystemClock::new();
    tx.execute_unprepared(&dialect::ddl(backend, BOOKKEEPING)).await?;
    let mut count = 0;
    for (version, (name, statement)) in (1..).zip(MIGRATIONS) {
        let known = migration::Entity::find().filter(migration::Column::Version.eq(version)).one(tx).await?;
        if known.is_some() {
            continue;
        }
        match tx.execute_unprepared(&dialect::ddl(backend, statement)).await {
            Err(error) if !dialect::is_made_already(&error) => return Err(error.into()),
            _ => {}
        }
        let row = migration::Model { version, name: (*name).to_owned(), applied_at: clock.now().as_micros() };
        migration::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_host_that_may_not_change_tables_starts_where_they_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("app.db").display());
        let owner = crate::open(&url).await.unwrap();
        assert_ne!(migrate(&owner).await.unwrap(), 0);
        let reader = crate::open(&format!("{url}?mode=ro")).await.unwrap();
        assert!(reader.execute_unprepared("CREATE TABLE another (id INTEGER)").await.is_err());
        assert_eq!(migrate(&reader).await.unwrap(), 0);
    }

    #[test]
    fn every_dialect_spells_every_type() {
        for backend in [DbBackend::Sqlite, DbBackend::Postgres, DbBackend::MySql] {
            let sql = sql(backend);
            assert_eq!(sql.len(), 1 + 2 * MIGRATIONS.len());
            assert!(sql.iter().all(|statement| !statement.contains(['{', '}', ';'])), "{sql:?}");
        }
    }

    #[test]
    fn names_are_unique_and_fit_their_column() {
        let mut names: Vec<_> = MIGRATIONS.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|name| name.len() <= 64));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MIGRATIONS.len());
    }
}
