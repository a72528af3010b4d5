//! The read behind every authenticated request: session and user in one row.

#[cfg(feature = "sqlite")]
use sea_orm::DbBackend;
use sea_orm::{ConnectionTrait as _, DatabaseExecutor, QueryResult};
use sigra_core::ports::FoundSession;
use sigra_core::secret::Digest;

use crate::entity::session;
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::own::Connection;
use crate::rows::{Positions, user_columns};
use crate::{columns, dialect};

/// Session and user, in the order [`found`] reads them.
macro_rules! select {
    ($retired_at:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $retired_at,
            ", s.id, s.user_id, s.assurance, s.security_epoch, s.factor_epoch, s.remembered, s.fresh_until, \
             s.created_at, s.last_seen_at, s.rotated_at, s.idle_expires_at, s.expires_at, s.client, s.place, ",
            user_columns!(),
            " FROM ",
            $from
        )
    };
}

/// The statement for a current token.
pub(crate) const CURRENT: &str =
    select!("NULL", "sigra_sessions s INNER JOIN sigra_users u ON u.id = s.user_id WHERE s.token_digest = ?");

/// The statement for a token that a rotation retired.
const RETIRED: &str = select!(
    "r.retired_at",
    "sigra_session_retired_tokens r INNER JOIN sigra_sessions s ON s.id = r.session_id \
     INNER JOIN sigra_users u ON u.id = s.user_id WHERE r.digest = ?"
);

/// Finds a session by its token, current or retired, on a connection of the store's own.
#[cfg(feature = "sqlite")]
pub(super) async fn either_on(connection: &mut Connection, digest: Digest) -> Result<Option<FoundSession>, Fault> {
    for sql in [CURRENT, RETIRED] {
        let statement = dialect::statement(DbBackend::Sqlite, sql, [columns::digest(digest).into()]);
        if let Some(row) = connection.rows(statement).await?.first() {
            return found(row).map(Some);
        }
    }
    Ok(None)
}

/// Finds a session by its current token.
pub(super) async fn current(db: &DatabaseExecutor<'_>, digest: Digest) -> Result<Option<FoundSession>, Fault> {
    one(db, CURRENT, digest).await
}

/// Finds a session by a token that a rotation retired.
pub(super) async fn retired(db: &DatabaseExecutor<'_>, digest: Digest) -> Result<Option<FoundSession>, Fault> {
    one(db, RETIRED, digest).await
}

async fn one(db: &DatabaseExecutor<'_>, sql: &str, digest: Digest) -> Result<Option<FoundSession>, Fault> {
    let statement = dialect::statement(db.get_database_backend(), sql, [columns::digest(digest).into()]);
    db.query_one_raw(statement).await?.map(|row| found(&row)).transpose()
}

fn found(row: &QueryResult) -> Result<FoundSession, Fault> {
    let mut row = Positions::of(row);
    let retired_at = columns::time(row.next()?);
    let session = session::Model {
        id: row.next()?,
        // The token that was asked for; nobody needs to hear it again.
        token_digest: Vec::new(),
        user_id: row.next()?,
        assurance: row.next()?,
        security_epoch: row.next()?,
        factor_epoch: row.next()?,
        remembered: row.next()?,
        fresh_until: row.next()?,
        created_at: row.next()?,
        last_seen_at: row.next()?,
        rotated_at: row.next()?,
        idle_expires_at: row.next()?,
        expires_at: row.next()?,
        client: row.next()?,
        place: row.next()?,
    };
    let user = row.user(session.user_id)?;
    Ok(FoundSession { session: super::session(session)?, user, retired_at })
}
