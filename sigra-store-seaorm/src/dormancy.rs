//! Accounts that nobody uses.

use async_trait::async_trait;
use sea_orm::ConnectionTrait as _;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{DormancyLook, DormancyLooked, DormancyRecord, DormancyStore, DormancyVerdict, DueLook};
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use crate::batch::Batch;
use crate::error::Fault;
use crate::rows::{Positions, user_columns};
use crate::store::{SeaOrmStore, Tx};
use crate::{columns, dialect, evidence, lifecycle};

/// Found by the index on time and account.
const DUE: &str = "SELECT dormancy_look_at, id FROM sigra_users WHERE dormancy_look_at <= ? \
                   AND (dormancy_look_at > ? OR (dormancy_look_at = ? AND id > ?)) \
                   ORDER BY dormancy_look_at, id LIMIT ?";

const LOOKED_AT: &str = concat!(
    "SELECT u.dormancy_look_at, u.dormancy_warned_at, u.dormancy_since, ",
    user_columns!(),
    " FROM sigra_users u WHERE u.id = ?"
);

const KEEP: &str =
    "UPDATE sigra_users SET dormancy_look_at = ?, dormancy_warned_at = ?, dormancy_since = ? WHERE id = ?";

#[async_trait]
impl DormancyStore for SeaOrmStore {
    async fn due_looks(&self, now: Timestamp, after: Option<DueLook>, limit: u32) -> Result<Vec<DueLook>, StoreError> {
        self.read("DormancyStore::due_looks", async |db| {
            let (at, id) = match after {
                Some(DueLook { look_at, user }) => (look_at.as_micros(), user.as_uuid()),
                None => (i64::MIN, uuid::Uuid::nil()),
            };
            let values = [now.as_micros().into(), at.into(), at.into(), id.into(), i64::from(limit).into()];
            let rows = db.query_all_raw(dialect::statement(db.get_database_backend(), DUE, values)).await?;
            let due = rows.iter().map(|row| {
                let mut row = Positions::of(row);
                let look_at = Timestamp::from_micros(row.next()?);
                Ok(DueLook { look_at, user: UserId::from_uuid(row.next()?) })
            });
            due.collect()
        })
        .await
    }

    async fn look(
        &self,
        look: &DormancyLook,
        evidence: EvidenceFor<'_, DormancyLooked>,
    ) -> Result<Option<DormancyLooked>, StoreError> {
        self.write("DormancyStore::look", |tx| async move {
            let found = locked(&tx, look.user).await?;
            let Some(looked) = found.and_then(|(user, record)| look.judge(user, &record)) else {
                return Ok(None);
            };
            if looked.verdict == DormancyVerdict::Disable {
                lifecycle::end_credentials(&tx, &looked.user).await?;
            }
            let mut batch = Batch::default();
            keep(&mut batch, look.user, &looked.record);
            evidence::finish(&tx, batch, &evidence(&looked)).await?;
            Ok(Some(looked))
        })
        .await
    }
}

/// Stores what is known of the looks at an account whose row is locked, in `batch`.
pub(crate) fn keep(batch: &mut Batch, user: UserId, record: &DormancyRecord) {
    batch.add(
        KEEP,
        [
            record.look_at.as_micros().into(),
            columns::micros(record.warned_at).into(),
            columns::micros(record.since).into(),
            user.as_uuid().into(),
        ],
    );
}

/// The account with its record, kept from changing until the transaction ends, so that nobody signs in meanwhile.
async fn locked(tx: &Tx, id: UserId) -> Result<Option<(User, DormancyRecord)>, Fault> {
    let backend = tx.get_database_backend();
    let sql = [LOOKED_AT, dialect::for_update(backend)].concat();
    let Some(row) = tx.query_one_raw(dialect::statement(backend, &sql, [id.as_uuid().into()])).await? else {
        return Ok(None);
    };
    let mut row = Positions::of(&row);
    let look_at = Timestamp::from_micros(row.next()?);
    let (warned_at, since) = (columns::time(row.next()?), columns::time(row.next()?));
    Ok(Some((row.user(id.as_uuid())?, DormancyRecord { look_at, warned_at, since })))
}
