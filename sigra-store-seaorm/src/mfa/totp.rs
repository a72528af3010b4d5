//! Time-based one-time passwords.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, ModelTrait as _, QueryFilter as _, QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::ports::Sealed;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_mfa::ports::{Activated, Activation, PendingTotp, Removal, RemovalProof, StoredTotp, TotpStore};

use super::{backup_codes, trusted};
use crate::entity::totp::{Column, Entity, Model};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{columns, factor_epoch};

#[async_trait]
impl TotpStore for SeaOrmStore {
    async fn find(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        self.read("TotpStore::find", async |db| {
            let row = Entity::find_by_id(user.as_uuid()).unique(&db).await?;
            row.map(totp).transpose()
        })
        .await
    }

    async fn begin(&self, pending: &PendingTotp, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("TotpStore::begin", |tx| async move {
            factor_epoch::locked(&tx, pending.user).await?;
            match locked(&tx, pending.user).await? {
                Some(row) if row.activated_at.is_some() => return Ok(false),
                Some(row) => {
                    row.delete(&*tx).await?;
                }
                None => {}
            }
            let row = Model {
                user_id: pending.user.as_uuid(),
                secret: pending.secret.as_bytes().to_vec(),
                activated_at: None,
                last_step: 0,
                created_at: pending.created_at.as_micros(),
                expires_at: Some(pending.expires_at.as_micros()),
            };
            Entity::insert(row.into_active_model()).exec_without_returning(&*tx).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn activate(
        &self,
        activation: &Activation<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Activated, StoreError> {
        self.write("TotpStore::activate", |tx| async move {
            let Activation { user: id, epochs, secret, step, codes, now } = *activation;
            let Some(user) = factor_epoch::locked(&tx, id).await? else {
                return Ok(Activated::Stale);
            };
            let Some(row) = locked(&tx, id).await? else {
                return Ok(Activated::Stale);
            };
            if row.activated_at.is_some() {
                return Ok(Activated::AlreadyActive);
            }
            let lives = row.expires_at.is_some_and(|end| now.as_micros() < end);
            if !lives || row.secret != secret.as_bytes() || !factor_epoch::stands(&user, epochs) {
                return Ok(Activated::Stale);
            }
            Entity::update_many()
                .col_expr(Column::ActivatedAt, Expr::value(now.as_micros()))
                .col_expr(Column::LastStep, Expr::value(stored_step(step)))
                .col_expr(Column::ExpiresAt, Expr::value(None::<i64>))
                .filter(Column::UserId.eq(id.as_uuid()))
                .exec(&*tx)
                .await?;
            backup_codes::set(&tx, id, codes, now).await?;
            let user = factor_epoch::raise(&tx, user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Activated::Done(Box::new(user)))
        })
        .await
    }

    async fn advance_step(&self, user: UserId, step: u64) -> Result<bool, StoreError> {
        self.single("TotpStore::advance_step", |db| async move {
            let advanced = Entity::update_many()
                .col_expr(Column::LastStep, Expr::value(stored_step(step)))
                .filter(Column::UserId.eq(user.as_uuid()))
                .filter(Column::ActivatedAt.is_not_null())
                .filter(Column::LastStep.lt(stored_step(step)))
                .exec(&db)
                .await?;
            Ok(advanced.rows_affected == 1)
        })
        .await
    }

    async fn disable(&self, removal: &Removal, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError> {
        self.write("TotpStore::disable", |tx| async move {
            let Some(user) = factor_epoch::standing(&tx, removal.user, removal.epochs).await? else {
                return Ok(None);
            };
            let Some(row) = locked(&tx, user.id).await?.filter(|row| row.activated_at.is_some()) else {
                return Ok(None);
            };
            let used_up = match removal.shown {
                // The row goes with its steps.
                RemovalProof::TotpStep(step) => row.last_step < stored_step(step),
                RemovalProof::BackupCode(code) => backup_codes::use_up(&tx, user.id, &code).await?,
            };
            if !used_up {
                return Ok(None);
            }
            let user = strip(&tx, row, user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn disown(
        &self,
        user: UserId,
        since: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<bool, StoreError> {
        self.write("TotpStore::disown", |tx| async move {
            let Some(user) = factor_epoch::locked(&tx, user).await? else {
                return Ok(false);
            };
            let Some(row) = locked(&tx, user.id).await? else {
                return Ok(false);
            };
            match row.activated_at {
                None => {
                    row.delete(&*tx).await?;
                    Ok(false)
                }
                Some(at) if at < since.as_micros() => Ok(false),
                Some(_) => {
                    let user = strip(&tx, row, user).await?;
                    record(&tx, &evidence(&user)).await?;
                    Ok(true)
                }
            }
        })
        .await
    }
}

/// The secret as it is, whatever the transaction saw before, kept from changing until it ends.
async fn locked(tx: &Tx, user: UserId) -> Result<Option<Model>, Fault> {
    Ok(Entity::find_by_id(user.as_uuid()).lock_exclusive().unique(&**tx).await?)
}

/// Removes the secret and what goes with it, and raises the factor epoch.
async fn strip(tx: &Tx, row: Model, user: User) -> Result<User, Fault> {
    row.delete(&**tx).await?;
    backup_codes::set(tx, user.id, &[], Timestamp::EPOCH).await?;
    trusted::remove_all(tx, user.id).await?;
    factor_epoch::raise(tx, user).await
}

/// No clock ever comes to a step that does not fit.
fn stored_step(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

fn totp(row: Model) -> Result<StoredTotp, Fault> {
    Ok(StoredTotp {
        secret: Sealed::from_bytes(row.secret),
        activated_at: columns::time(row.activated_at),
        last_step: u64::try_from(row.last_step).map_err(|_| Fault::Corrupt("last_step"))?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: columns::time(row.expires_at),
    })
}
