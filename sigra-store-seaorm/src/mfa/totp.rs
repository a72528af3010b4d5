//! Time-based one-time passwords.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::ports::Sealed;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_mfa::ports::{Activated, Activation, PendingTotp, Removal, RemovalProof, StoredTotp, TotpStore};

use super::backup_codes;
use crate::entity::totp::{Column, Entity, Model};
use crate::entity::trusted_browser;
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{accounts, columns};

#[async_trait]
impl TotpStore for SeaOrmStore {
    async fn find(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        self.read("TotpStore::find", async |db| {
            let row = Entity::find_by_id(user.as_uuid()).unique(&db).await?;
            row.map(stored).transpose()
        })
        .await
    }

    async fn begin(&self, pending: &PendingTotp, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("TotpStore::begin", |tx| async move {
            // By the user's row, or two that begin at once would both find nothing to replace.
            accounts::locked(&tx, pending.user).await?;
            Entity::delete_many()
                .filter(Column::UserId.eq(pending.user.as_uuid()))
                .filter(Column::ActivatedAt.is_null())
                .exec(&*tx)
                .await?;
            if Entity::find_by_id(pending.user.as_uuid()).unique(&*tx).await?.is_some() {
                return Ok(false);
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
            let Some(user) = accounts::standing(&tx, activation.user, activation.epochs).await? else {
                return Ok(Activated::Stale);
            };
            let activated = Entity::update_many()
                .col_expr(Column::ActivatedAt, Expr::value(Some(activation.now.as_micros())))
                .col_expr(Column::LastStep, Expr::value(step(activation.step)?))
                .col_expr(Column::ExpiresAt, Expr::value(None::<i64>))
                .filter(Column::UserId.eq(user.id.as_uuid()))
                .filter(Column::ActivatedAt.is_null())
                .filter(Column::Secret.eq(activation.secret.as_bytes().to_vec()))
                .filter(Column::ExpiresAt.gt(activation.now.as_micros()))
                .exec(&*tx)
                .await?;
            if activated.rows_affected == 0 {
                let active = Entity::find_by_id(user.id.as_uuid()).filter(Column::ActivatedAt.is_not_null());
                let exists = active.unique(&*tx).await?.is_some();
                return Ok(if exists { Activated::AlreadyActive } else { Activated::Stale });
            }
            backup_codes::replace(&tx, user.id, activation.codes, activation.now).await?;
            let user = accounts::raise_factor_epoch(&tx, user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Activated::Done(Box::new(user)))
        })
        .await
    }

    async fn advance_step(&self, user: UserId, accepted: u64) -> Result<bool, StoreError> {
        self.single("TotpStore::advance_step", |db| async move {
            let advanced = Entity::update_many()
                .col_expr(Column::LastStep, Expr::value(step(accepted)?))
                .filter(Column::UserId.eq(user.as_uuid()))
                .filter(Column::ActivatedAt.is_not_null())
                .filter(Column::LastStep.lt(step(accepted)?))
                .exec(&db)
                .await?;
            Ok(advanced.rows_affected == 1)
        })
        .await
    }

    async fn disable(&self, removal: &Removal, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError> {
        self.write("TotpStore::disable", |tx| async move {
            let Some(user) = accounts::standing(&tx, removal.user, removal.epochs).await? else {
                return Ok(None);
            };
            // Nothing changes it meanwhile but the advancing of its step.
            let active = Entity::find_by_id(user.id.as_uuid()).filter(Column::ActivatedAt.is_not_null());
            if active.unique(&*tx).await?.is_none() {
                return Ok(None);
            }
            let mut doomed = Entity::delete_many().filter(Column::UserId.eq(user.id.as_uuid()));
            match removal.shown {
                RemovalProof::TotpStep(shown) => doomed = doomed.filter(Column::LastStep.lt(step(shown)?)),
                RemovalProof::BackupCode(code) if !backup_codes::consume(&tx, user.id, &code, removal.now).await? => {
                    return Ok(None);
                }
                RemovalProof::BackupCode(_) => {}
            }
            if doomed.exec(&*tx).await?.rows_affected == 0 {
                return Ok(None);
            }
            let user = removed(&tx, user).await?;
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
            let Some(user) = accounts::locked(&tx, user).await?.map(accounts::to_user).transpose()? else {
                return Ok(false);
            };
            let own = || Entity::delete_many().filter(Column::UserId.eq(user.id.as_uuid()));
            own().filter(Column::ActivatedAt.is_null()).exec(&*tx).await?;
            let gone = own().filter(Column::ActivatedAt.gte(since.as_micros())).exec(&*tx).await?;
            if gone.rows_affected == 0 {
                return Ok(false);
            }
            let user = removed(&tx, user).await?;
            record(&tx, &evidence(&user)).await?;
            Ok(true)
        })
        .await
    }
}

/// What goes with an active secret, once it is gone.
async fn removed(tx: &Tx, user: User) -> Result<User, Fault> {
    backup_codes::clear(tx, user.id).await?;
    trusted_browser::Entity::delete_many()
        .filter(trusted_browser::Column::UserId.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    accounts::raise_factor_epoch(tx, user).await
}

fn stored(row: Model) -> Result<StoredTotp, Fault> {
    Ok(StoredTotp {
        secret: Sealed::from_bytes(row.secret),
        activated_at: columns::time(row.activated_at),
        last_step: u64::try_from(row.last_step).map_err(|_| Fault::Corrupt("last_step"))?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: columns::time(row.expires_at),
    })
}

/// A time step as a column: there are 2^58 years of them.
fn step(step: u64) -> Result<i64, Fault> {
    i64::try_from(step).map_err(|_| Fault::Corrupt("step"))
}
