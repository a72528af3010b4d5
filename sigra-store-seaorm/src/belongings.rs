//! The tables whose rows belong to an account.

use sea_orm::ConnectionTrait as _;
use sigra_core::id::UserId;

use crate::dialect;
use crate::error::Fault;
use crate::store::Tx;

/// Every table whose rows belong to an account and go when it is reclaimed, those that refer to others first. What refers to
/// these goes with them.
const BELONGINGS: &[&str] = &[
    "sigra_backup_codes",
    "sigra_ceremonies",
    "sigra_devices",
    "sigra_passkeys",
    "sigra_passkey_users",
    "sigra_pending_sign_ins",
    "sigra_sessions",
    "sigra_tokens",
    "sigra_totp",
    "sigra_trusted_browsers",
];

/// Deletes everything that belongs to an account whose row is locked, whatever capability made it.
pub(crate) async fn delete(tx: &Tx, user: UserId) -> Result<(), Fault> {
    let backend = tx.get_database_backend();
    for table in BELONGINGS {
        let statement = format!("DELETE FROM {table} WHERE user_id = ?");
        tx.execute_raw(dialect::statement(backend, &statement, [user.as_uuid().into()])).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::MIGRATIONS;

    /// What counts attempts protects the account from its owner too, until a proof clears it.
    const STAYS: &[&str] = &["sigra_attempts"];

    #[test]
    fn tk_16_every_table_of_an_account_is_emptied_or_stays_for_a_reason() {
        let tables = MIGRATIONS.iter().filter(|(_, ddl)| names_an_account(ddl)).filter_map(|(_, ddl)| table_of(ddl));
        let mut found: Vec<_> = tables.collect();
        let mut known: Vec<_> = [BELONGINGS, STAYS].concat();
        found.sort_unstable();
        found.dedup();
        known.sort_unstable();
        assert_eq!(found, known, "a new table with a `user_id`: does reclaiming an account delete its rows?");
    }

    #[test]
    fn a_table_of_accounts_is_told_from_others() {
        assert_eq!(table_of("CREATE TABLE sigra_x (\n    user_id {uuid}\n)"), Some("sigra_x"));
        assert_eq!(table_of("ALTER TABLE sigra_x ADD COLUMN user_id {uuid}"), Some("sigra_x"));
        assert!(names_an_account("CREATE TABLE sigra_x (\n    owner {uuid} REFERENCES sigra_users (id)\n)"));
        assert!(!names_an_account("CREATE INDEX sigra_x_user ON sigra_x (user_id)"));
    }

    fn names_an_account(ddl: &str) -> bool {
        table_of(ddl).is_some() && (ddl.contains("user_id") || ddl.contains("REFERENCES sigra_users"))
    }

    /// The table that a statement makes or changes.
    fn table_of(ddl: &str) -> Option<&str> {
        let rest = ddl.strip_prefix("CREATE TABLE ").or_else(|| ddl.strip_prefix("ALTER TABLE "))?;
        rest.split_whitespace().next()
    }
}
