//! Attempts at secrets, counted before the secret is looked at.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::ports::{AttemptKey, AttemptPolicy, AttemptStore, Reservation, Reserved};
use sigra_core::time::Timestamp;

use crate::columns;
use crate::entity::attempt::{Column, Entity, Model};
use crate::error::Fault;
use crate::store::{SeaOrmStore, Tx};

#[async_trait]
impl AttemptStore for SeaOrmStore {
    async fn reserve(
        &self,
        key: &AttemptKey,
        policy: &AttemptPolicy,
        now: Timestamp,
    ) -> Result<Reservation, StoreError> {
        self.write("AttemptStore::reserve", |tx| async move {
            let stored = locked(&tx, key).await?;
            let next = match decide(stored.as_ref(), policy, now) {
                Ok(next) => next,
                Err(refusal) => return Ok(refusal),
            };
            let row = Model {
                counter: key.counter.to_owned(),
                whom: key.whom.as_bytes().to_vec(),
                attempts: i64::from(next.reserved.count),
                locked_until: columns::micros(next.reserved.locked_until.or(next.reserved.previous_lock)),
                started_at: next.started_at.as_micros(),
                expires_at: columns::micros(next.expires_at),
            };
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
            let Some(mut row) = locked(&tx, key).await? else {
                return Ok(());
            };
            if row.attempts <= 1 {
                Entity::delete_many().filter(is(key)).exec(&*tx).await?;
                return Ok(());
            }
            row.attempts -= 1;
            // A later reservation has set a lock of its own, and that one stays.
            let set = columns::micros(reserved.locked_until);
            if set.is_some() && row.locked_until == set {
                row.locked_until = columns::micros(reserved.previous_lock);
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

/// A reservation that can be granted, and what is stored beside it.
struct Next {
    reserved: Reserved,
    started_at: Timestamp,
    expires_at: Option<Timestamp>,
}

fn decide(stored: Option<&Model>, policy: &AttemptPolicy, now: Timestamp) -> Result<Next, Reservation> {
    let previous_lock = stored.and_then(|row| columns::time(row.locked_until));
    if let Some(until) = previous_lock.filter(|until| now < *until) {
        return Err(Reservation::Locked(until));
    }
    let window = policy.window();
    let counting = stored.filter(|row| {
        let started_at = Timestamp::from_micros(row.started_at);
        window.is_none_or(|window| now < started_at + window)
    });
    let made = counting.map_or(0, |row| u32::try_from(row.attempts).unwrap_or(u32::MAX));
    if made >= policy.cap {
        return Err(Reservation::Exhausted);
    }
    let count = made + 1;
    let lock = policy.lock_after(count);
    let locked_until = (!lock.is_zero()).then(|| now + lock);
    let started_at = counting.map_or(now, |row| Timestamp::from_micros(row.started_at));
    let expires_at = window.map(|window| locked_until.into_iter().fold(started_at + window, Timestamp::max));
    Ok(Next { reserved: Reserved { count, locked_until, previous_lock }, started_at, expires_at })
}

fn is(key: &AttemptKey) -> Condition {
    Condition::all().add(Column::Counter.eq(key.counter)).add(Column::Whom.eq(key.whom.as_bytes().to_vec()))
}

async fn locked(tx: &Tx, key: &AttemptKey) -> Result<Option<Model>, Fault> {
    Ok(Entity::find().filter(is(key)).lock_exclusive().one(&**tx).await?)
}

async fn replace(tx: &Tx, key: &AttemptKey, row: Model) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::Attempts, Expr::value(row.attempts))
        .col_expr(Column::LockedUntil, Expr::value(row.locked_until))
        .col_expr(Column::StartedAt, Expr::value(row.started_at))
        .col_expr(Column::ExpiresAt, Expr::value(row.expires_at))
        .filter(is(key))
        .exec(&**tx)
        .await?;
    Ok(())
}
