//! Attempts at secrets, counted before the secret is looked at.

use std::time::Duration;

use async_trait::async_trait;
#[cfg(feature = "sqlite")]
use sea_orm::DbBackend;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryResult, QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::ports::{AttemptKey, AttemptOwner, AttemptPolicy, AttemptStore, Reservation, Reserved};
use sigra_core::time::Timestamp;
use uuid::Uuid;

use crate::entity::attempt::{Column, Entity, Model};
use crate::error::Fault;
use crate::rows::Positions;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{columns, dialect};

/// The last parameter is when attempts were last cleared.
const FIRST: &str = "INSERT INTO sigra_attempts (counter, whom, attempts, locked_until, started_at, expires_at, user_id, \
                     cleared_by_sign_in) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (counter, whom) DO UPDATE SET \
                     attempts = excluded.attempts, locked_until = excluded.locked_until, \
                     started_at = excluded.started_at, expires_at = excluded.expires_at, \
                     user_id = excluded.user_id, cleared_by_sign_in = excluded.cleared_by_sign_in \
                     WHERE sigra_attempts.started_at <= ?";

#[async_trait]
impl AttemptStore for SeaOrmStore {
    async fn reserve(
        &self,
        key: &AttemptKey,
        policy: &AttemptPolicy,
        owner: Option<AttemptOwner>,
        now: Timestamp,
    ) -> Result<Reservation, StoreError> {
        if let Some(reserved) = self.reserve_first(key, policy, owner, now).await? {
            return Ok(Reservation::Granted(reserved));
        }
        self.write(RESERVE, |tx| async move {
            let stored = locked(&tx, key).await?;
            let next = match decide(stored.as_ref(), policy, owner, now) {
                Ok(next) => next,
                Err(refusal) => return Ok(refusal),
            };
            let row = next.row(key);
            match stored {
                Some(_) => replace(&tx, key, row).await?,
                None => {
                    Entity::insert(row.into_active_model()).exec_without_returning(&*tx).await?;
                }
            }
            Ok(Reservation::Granted(next.reserved))
        })
        .await
    }

    async fn refund(&self, key: &AttemptKey, reserved: &Reserved) -> Result<(), StoreError> {
        self.write("AttemptStore::refund", |tx| async move {
            // What was cleared in between has nothing to give back.
            let same = |row: &Model| row.started_at == reserved.started_at.as_micros();
            let Some(mut row) = locked(&tx, key).await?.filter(same) else {
                return Ok(());
            };
            // The lock of a later reservation stays.
            if reserved.locked_until.is_some() && row.locked_until == columns::micros(reserved.locked_until) {
                row.locked_until = columns::micros(reserved.previous_lock);
            }
            row.attempts -= 1;
            if row.attempts == 0 {
                Entity::delete_many().filter(is(key)).exec(&*tx).await?;
                return Ok(());
            }
            replace(&tx, key, row).await
        })
        .await
    }

    async fn clear(&self, keys: &[AttemptKey]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.single("AttemptStore::clear", |db| async move {
            let any = keys.iter().fold(Condition::any(), |any, key| any.add(is(key)));
            Entity::delete_many().filter(any).exec(&db).await?;
            Ok(())
        })
        .await
    }
}

impl SeaOrmStore {
    /// Reserves the first attempt of a key that has none, or none that still counts, in one statement. Most sign-ins need
    /// no other.
    async fn reserve_first(
        &self,
        key: &AttemptKey,
        policy: &AttemptPolicy,
        owner: Option<AttemptOwner>,
        now: Timestamp,
    ) -> Result<Option<Reserved>, StoreError> {
        let Ok(first) = decide(None, policy, owner, now) else {
            return Ok(None);
        };
        let row = &first.row(key);
        let first_try = |backend| {
            let values = [
                row.counter.as_str().into(),
                row.whom.clone().into(),
                row.attempts.into(),
                row.locked_until.into(),
                row.started_at.into(),
                row.expires_at.into(),
                row.user_id.into(),
                row.cleared_by_sign_in.into(),
                owner.and_then(AttemptOwner::cleared_at).map_or(i64::MIN, Timestamp::as_micros).into(),
            ];
            dialect::statement(backend, FIRST, values)
        };
        #[cfg(feature = "sqlite")]
        if let Some(own) = self.own() {
            // Whatever comes of an attempt is written before anybody hears of it: a sign-in, a failure, or the refund.
            let rows = self
                .on_own(&own.followed, RESERVE, |mut connection| async move {
                    let rows = connection.execute(first_try(DbBackend::Sqlite)).await?;
                    Ok((rows, connection))
                })
                .await?;
            return Ok((rows == 1).then_some(first.reserved));
        }
        let reserved = self
            .single(RESERVE, |db| async move {
                let backend = db.get_database_backend();
                if !dialect::tells_updates_from_conflicts(backend) {
                    return Ok(false);
                }
                Ok(db.execute_raw(first_try(backend)).await?.rows_affected() == 1)
            })
            .await?;
        Ok(reserved.then_some(first.reserved))
    }
}

const RESERVE: &str = "AttemptStore::reserve";

/// A reservation that can be granted, and what is stored beside it.
struct Next {
    reserved: Reserved,
    expires_at: Option<Timestamp>,
    owner: Option<AttemptOwner>,
}

impl Next {
    fn row(&self, key: &AttemptKey) -> Model {
        Model {
            counter: key.counter.to_owned(),
            whom: key.whom.as_bytes().to_vec(),
            attempts: i64::from(self.reserved.count),
            locked_until: columns::micros(self.reserved.locked_until.or(self.reserved.previous_lock)),
            started_at: self.reserved.started_at.as_micros(),
            expires_at: columns::micros(self.expires_at),
            user_id: self.owner.map(|owner| owner.user().as_uuid()),
            cleared_by_sign_in: matches!(self.owner, Some(AttemptOwner::ClearedBySignIn { .. })),
        }
    }
}

/// What to make of an attempt, given what is stored.
fn decide(
    stored: Option<&Model>,
    policy: &AttemptPolicy,
    owner: Option<AttemptOwner>,
    now: Timestamp,
) -> Result<Next, Reservation> {
    let cleared_at = owner.and_then(AttemptOwner::cleared_at);
    let window = policy.window();
    let stored = stored.filter(|row| cleared_at.is_none_or(|at| Timestamp::from_micros(row.started_at) > at));
    let lock = stored.and_then(|row| columns::time(row.locked_until));
    let standing_lock = lock.filter(|until| now < *until);
    let counting = stored.filter(|row| {
        let started_at = Timestamp::from_micros(row.started_at);
        standing_lock.is_some() || window.is_none_or(|window| now < started_at + window)
    });
    let made = counting.map_or(0, |row| u32::try_from(row.attempts).unwrap_or(u32::MAX));
    if made >= policy.cap {
        return Err(Reservation::Exhausted);
    }
    if let Some(until) = standing_lock {
        return Err(Reservation::Locked(until));
    }
    let count = made + 1;
    let lock_for = policy.lock_after(count);
    let locked_until = (!lock_for.is_zero()).then(|| now + lock_for);
    let starts_at = cleared_at.map_or(now, |cleared_at| now.max(cleared_at + Duration::from_micros(1)));
    let started_at = counting.map_or(starts_at, |row| Timestamp::from_micros(row.started_at));
    Ok(Next {
        reserved: Reserved { count, locked_until, previous_lock: counting.and(lock), started_at },
        expires_at: window.map(|window| locked_until.into_iter().fold(started_at + window, Timestamp::max)),
        owner,
    })
}

fn is(key: &AttemptKey) -> Condition {
    Condition::all().add(Column::Counter.eq(key.counter)).add(Column::Whom.eq(key.whom.as_bytes().to_vec()))
}

async fn locked(tx: &Tx, key: &AttemptKey) -> Result<Option<Model>, Fault> {
    Ok(Entity::find().filter(is(key)).lock_exclusive().unique(&**tx).await?)
}

/// Counters that are owned, by an account that is gone or has signed in since. The first parameter lies before every id.
const VOID: &str = "SELECT a.counter, a.whom, a.user_id, a.started_at \
                    FROM sigra_attempts a LEFT JOIN sigra_users u ON u.id = a.user_id \
                    WHERE a.user_id > ? \
                    AND (u.id IS NULL OR (a.cleared_by_sign_in AND a.started_at <= u.attempts_cleared_at)) LIMIT ?";

/// So many counters are deleted in one statement.
const AT_ONCE: usize = 100;

/// Deletes at most `limit` counters that count nothing any more, though no time says so.
///
/// They are sought among all that are owned, without a lock. A count that has started again meanwhile has another beginning,
/// and stays.
pub(crate) async fn purge_void(store: &SeaOrmStore, operation: &'static str, limit: u32) -> Result<u64, StoreError> {
    let void = store
        .read(operation, async |db| {
            let statement =
                dialect::statement(db.get_database_backend(), VOID, [Uuid::nil().into(), i64::from(limit).into()]);
            let rows = db.query_all_raw(statement).await?;
            rows.iter().map(void).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let mut gone = 0;
    for some in void.chunks(AT_ONCE) {
        let some = &some.iter().cloned().fold(Condition::any(), Condition::add);
        gone += store
            .single(operation, |db| async move {
                Ok(Entity::delete_many().filter(some.clone()).exec(&db).await?.rows_affected)
            })
            .await?;
    }
    Ok(gone)
}

fn void(row: &QueryResult) -> Result<Condition, Fault> {
    let mut row = Positions::of(row);
    Ok(Condition::all()
        .add(Column::Counter.eq(row.next::<String>()?))
        .add(Column::Whom.eq(row.next::<Vec<u8>>()?))
        .add(Column::UserId.eq(row.next::<Uuid>()?))
        .add(Column::StartedAt.eq(row.next::<i64>()?)))
}

async fn replace(tx: &Tx, key: &AttemptKey, row: Model) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::Attempts, Expr::value(row.attempts))
        .col_expr(Column::LockedUntil, Expr::value(row.locked_until))
        .col_expr(Column::StartedAt, Expr::value(row.started_at))
        .col_expr(Column::ExpiresAt, Expr::value(row.expires_at))
        .col_expr(Column::UserId, Expr::value(row.user_id))
        .col_expr(Column::ClearedBySignIn, Expr::value(row.cleared_by_sign_in))
        .filter(is(key))
        .exec(&**tx)
        .await?;
    Ok(())
}
