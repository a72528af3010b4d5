//! Requests made by address, waiting for a worker.
//!
//! A lease is a due time that lies ahead and an id that proves whose it is: a row nobody holds is due, a row somebody
//! holds becomes due again when the lease lapses.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, RegistrationId, RequestId};
use sigra_core::ports::RequestStore;
use sigra_core::registration::{
    AddressRequest, LeasedRequest, MailedToken, NewToken, RequestKind, Resolution, TokenOwner,
};
use sigra_core::time::Timestamp;
use uuid::Uuid;

use crate::entity::request::{Column, Entity, Model};
use crate::entity::token;
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{accounts, columns, registrations, tokens};

#[async_trait]
impl RequestStore for SeaOrmStore {
    async fn submit(&self, request: &AddressRequest, evidence: Evidence) -> Result<(), StoreError> {
        let evidence = &evidence;
        self.write("RequestStore::submit", |tx| async move {
            insert(&tx, request).await?;
            record(&tx, evidence).await
        })
        .await
    }

    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedRequest>, StoreError> {
        const OPERATION: &str = "RequestStore::lease";

        let due = Column::DueAt.lte(now.as_micros());
        let ids = self
            .read(OPERATION, async |db| {
                let oldest = Entity::find().select_only().column(Column::Id).filter(due.clone());
                let oldest = oldest.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(u64::from(limit));
                Ok(oldest.into_tuple::<Uuid>().all(&db).await?)
            })
            .await?;
        // Polling an empty queue takes no lock.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (due, ids, lease) = (&due, &ids, LeaseId::new(now));
        self.write(OPERATION, |tx| async move {
            Entity::update_many()
                .col_expr(Column::DueAt, Expr::value(until.as_micros()))
                .col_expr(Column::LeaseId, Expr::value(lease.as_uuid()))
                .filter(Column::Id.is_in(ids.iter().copied()))
                .filter(due.clone())
                .exec(&*tx)
                .await?;
            let claimed = Entity::find().filter(Column::LeaseId.eq(lease.as_uuid()));
            let claimed = claimed.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(&*tx).await?;
            claimed.into_iter().map(|row| Ok(LeasedRequest { request: request(row)?, lease })).collect()
        })
        .await
    }

    async fn resolve(
        &self,
        leased: &LeasedRequest,
        resolution: &Resolution,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("RequestStore::resolve", |tx| async move {
            if !delete(&tx, leased).await? {
                return Ok(false);
            }
            for new in &resolution.tokens {
                if accepts(&tx, &new.token).await? {
                    shorten_older(&tx, new).await?;
                    tokens::insert(&tx, &new.token).await?;
                }
            }
            for code in &resolution.codes {
                registrations::arm(&tx, code.registration, Some(code)).await?;
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }
}

/// Deletes a request, if the lease is still the worker's.
pub(crate) async fn delete(tx: &Tx, leased: &LeasedRequest) -> Result<bool, Fault> {
    let deleted = Entity::delete_many().filter(held(leased)).exec(&**tx).await?;
    Ok(deleted.rows_affected == 1)
}

/// Whether the lease is still the worker's; kept so until the transaction ends.
pub(crate) async fn is_held(tx: &Tx, leased: &LeasedRequest) -> Result<bool, Fault> {
    Ok(Entity::find().filter(held(leased)).lock_exclusive().unique(&**tx).await?.is_some())
}

fn held(leased: &LeasedRequest) -> Condition {
    let by_id = Column::Id.eq(leased.request.id.as_uuid());
    Condition::all().add(by_id).add(Column::LeaseId.eq(leased.lease.as_uuid()))
}

pub(crate) async fn insert(tx: &Tx, request: &AddressRequest) -> Result<(), Fault> {
    let registration_id = match request.kind {
        RequestKind::Register(id) => Some(id.as_uuid()),
        _ => None,
    };
    let row = Model {
        id: request.id.as_uuid(),
        kind: request.kind.as_str().to_owned(),
        registration_id,
        email: request.email.as_str().to_owned(),
        client: columns::json(&request.client),
        created_at: request.created_at.as_micros(),
        expires_at: request.expires_at.as_micros(),
        due_at: request.created_at.as_micros(),
        lease_id: None,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Whether what the token belongs to still is what it was made for.
async fn accepts(tx: &Tx, token: &MailedToken) -> Result<bool, Fault> {
    match token.owner {
        TokenOwner::Registration(id) => registrations::arm(tx, id, None).await,
        TokenOwner::User { id, epochs } => {
            let user = accounts::locked(tx, id).await?;
            let user = user.map(accounts::to_user).transpose()?;
            Ok(user.is_some_and(|user| epochs.is_none_or(|epochs| epochs == user.epochs)))
        }
    }
}

async fn shorten_older(tx: &Tx, new: &NewToken) -> Result<(), Fault> {
    let Some(at_most) = new.older_expire_at else {
        return Ok(());
    };
    let owner = match new.token.owner {
        TokenOwner::Registration(id) => token::Column::RegistrationId.eq(id.as_uuid()),
        TokenOwner::User { id, .. } => token::Column::UserId.eq(id.as_uuid()),
    };
    token::Entity::update_many()
        .col_expr(token::Column::ExpiresAt, Expr::value(at_most.as_micros()))
        .filter(Condition::all().add(owner).add(token::Column::Purpose.eq(new.token.purpose.name())))
        .filter(token::Column::ExpiresAt.gt(at_most.as_micros()))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn request(row: Model) -> Result<AddressRequest, Fault> {
    let registration = row.registration_id.map(RegistrationId::from_uuid);
    Ok(AddressRequest {
        id: RequestId::from_uuid(row.id),
        kind: RequestKind::from_stored(&row.kind, registration).ok_or(Fault::Corrupt("kind"))?,
        email: columns::email(&row.email)?,
        client: columns::from_json(&row.client, "client")?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}
