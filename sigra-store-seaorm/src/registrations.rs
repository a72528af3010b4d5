//! Registrations whose address is not proven yet.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::RegistrationId;
use sigra_core::ports::{Mac, NewAccount, Promotion, RegistrationStore, Sealed};
use sigra_core::registration::{AddressRequest, ConfirmationCode, PendingRegistration};
use sigra_core::time::Timestamp;
use uuid::Uuid;

use crate::entity::registration::{self, Column, Entity, Model};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{accounts, columns, requests};

#[async_trait]
impl RegistrationStore for SeaOrmStore {
    async fn submit(
        &self,
        registration: &PendingRegistration,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<(), StoreError> {
        let evidence = &evidence;
        self.write("RegistrationStore::submit", |tx| async move {
            Entity::insert(row(registration).into_active_model()).exec_without_returning(&*tx).await?;
            requests::insert(&tx, request).await?;
            record(&tx, evidence).await
        })
        .await
    }

    async fn find(&self, id: RegistrationId, now: Timestamp) -> Result<Option<PendingRegistration>, StoreError> {
        self.read("RegistrationStore::find", async |db| {
            let found =
                Entity::find_by_id(id.as_uuid()).filter(Column::ExpiresAt.gt(now.as_micros())).unique(&db).await?;
            found.map(pending).transpose()
        })
        .await
    }

    async fn armed(
        &self,
        email: &EmailAddress,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<PendingRegistration>, StoreError> {
        self.read("RegistrationStore::armed", async |db| {
            let found = Entity::find()
                .filter(Column::EmailIdentity.eq(email.identity()))
                .filter(Column::Armed.eq(true))
                .filter(Column::ExpiresAt.gt(now.as_micros()))
                .order_by_asc(Column::CreatedAt)
                .order_by_asc(Column::Id)
                .limit(u64::from(limit))
                .all(&db)
                .await?;
            found.into_iter().map(pending).collect()
        })
        .await
    }

    async fn take_code_tries(
        &self,
        email: &EmailAddress,
        tries: u32,
        now: Timestamp,
    ) -> Result<Vec<ConfirmationCode>, StoreError> {
        self.write("RegistrationStore::take_code_tries", |tx| async move {
            let candidates = Entity::find()
                .filter(Column::EmailIdentity.eq(email.identity()))
                .filter(Column::ExpiresAt.gt(now.as_micros()))
                .filter(Column::CodeExpiresAt.gt(now.as_micros()))
                .filter(Column::CodeTries.lt(i64::from(tries)))
                .order_by_asc(Column::Id)
                .lock_exclusive()
                .all(&*tx)
                .await?;
            let mut codes = Vec::with_capacity(candidates.len());
            for candidate in candidates {
                let taken = Entity::update_many()
                    .col_expr(Column::CodeTries, Expr::col(Column::CodeTries).add(1))
                    .filter(Column::Id.eq(candidate.id))
                    .filter(Column::CodeTries.lt(i64::from(tries)))
                    .exec(&*tx)
                    .await?;
                if taken.rows_affected == 1 {
                    codes.extend(code(candidate)?);
                }
            }
            Ok(codes)
        })
        .await
    }

    async fn promote(
        &self,
        id: RegistrationId,
        account: &NewAccount,
        evidence: Evidence,
    ) -> Result<Promotion, StoreError> {
        let evidence = &evidence;
        self.write("RegistrationStore::promote", |tx| async move {
            let found = Entity::find_by_id(id.as_uuid())
                .filter(Column::ExpiresAt.gt(account.created_at.as_micros()))
                .unique(&*tx)
                .await?;
            let Some(registration) = found else {
                return Ok(Promotion::Gone);
            };
            // Rivals that are promoted at once lock each other's rows: in the same order, or they would deadlock.
            let rivals = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::EmailIdentity.eq(&registration.email_identity))
                .order_by_asc(Column::Id)
                .lock_exclusive()
                .into_tuple::<Uuid>()
                .all(&*tx)
                .await?;
            if !rivals.contains(&registration.id) {
                return Ok(Promotion::Gone);
            }
            // Their tokens go with them.
            Entity::delete_many().filter(Column::EmailIdentity.eq(registration.email_identity)).exec(&*tx).await?;
            if accounts::is_taken(&*tx, &account.email, None, account.created_at, &account.quarantine).await? {
                return Ok(Promotion::Taken);
            }
            accounts::insert(&tx, account).await?;
            let user = account.to_user();
            self.tell_registered(&tx, &user).await?;
            record(&tx, evidence).await?;
            Ok(Promotion::Created(user))
        })
        .await
    }
}

/// Notes that a registration can be promoted by what was mailed: its code, if one is given. `false` when it is gone.
pub(crate) async fn arm(tx: &Tx, id: RegistrationId, code: Option<&ConfirmationCode>) -> Result<bool, Fault> {
    let mut armed =
        Entity::update_many().col_expr(Column::Armed, Expr::value(true)).filter(Column::Id.eq(id.as_uuid()));
    if let Some(code) = code {
        armed = armed
            .col_expr(Column::CodeMac, Expr::value(code.mac.as_bytes().to_vec()))
            .col_expr(Column::CodeExpiresAt, Expr::value(code.expires_at.as_micros()))
            .col_expr(Column::CodeTries, Expr::value(0_i64));
    }
    Ok(armed.exec(&**tx).await?.rows_affected == 1)
}

fn row(registration: &PendingRegistration) -> registration::Model {
    Model {
        id: registration.id.as_uuid(),
        email: registration.email.as_str().to_owned(),
        email_identity: registration.email.identity().to_owned(),
        sealed: registration.sealed.as_bytes().to_vec(),
        client: columns::json(&registration.client),
        created_at: registration.created_at.as_micros(),
        expires_at: registration.expires_at.as_micros(),
        armed: false,
        code_mac: None,
        code_expires_at: None,
        code_tries: 0,
    }
}

fn pending(row: Model) -> Result<PendingRegistration, Fault> {
    Ok(PendingRegistration {
        id: RegistrationId::from_uuid(row.id),
        email: columns::email(&row.email)?,
        sealed: Sealed::from_bytes(row.sealed),
        client: columns::from_json(&row.client, "client")?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}

fn code(row: Model) -> Result<Option<ConfirmationCode>, Fault> {
    let (Some(mac), Some(expires_at)) = (row.code_mac, row.code_expires_at) else {
        return Ok(None);
    };
    Ok(Some(ConfirmationCode {
        registration: RegistrationId::from_uuid(row.id),
        mac: Mac::from_bytes(columns::bytes32(mac, "code_mac")?),
        expires_at: Timestamp::from_micros(expires_at),
    }))
}
