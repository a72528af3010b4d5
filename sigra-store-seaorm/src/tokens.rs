//! Tokens that were mailed.

use async_trait::async_trait;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, Value};
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::{RegistrationId, UserId};
use sigra_core::ports::{LiveToken, Recovered, TokenStore};
use sigra_core::registration::{MailedToken, TokenOwner};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::Epochs;

use crate::batch::Batch;
use crate::entity::{token, user};
use crate::error::Fault;
use crate::evidence::record;
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{accounts, columns};

const INSERT: &str = "INSERT INTO sigra_tokens (digest, purpose, user_id, registration_id, security_epoch, factor_epoch, \
                      email, created_at, expires_at) VALUES ";

#[async_trait]
impl TokenStore for SeaOrmStore {
    async fn peek(&self, digest: Digest, now: Timestamp) -> Result<Option<LiveToken>, StoreError> {
        self.read("TokenStore::peek", async |db| {
            let Some(token) = unexpired(&db, digest, now).await? else {
                return Ok(None);
            };
            let owner = match token.user_id {
                Some(id) => user::Entity::find_by_id(id).unique(&db).await?,
                None => None,
            };
            live(token, owner)
        })
        .await
    }

    async fn redeem(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, LiveToken>,
    ) -> Result<Option<LiveToken>, StoreError> {
        self.write("TokenStore::redeem", |tx| async move {
            let Some(mut live) = consume(&tx, digest, now, |_| true).await? else {
                return Ok(None);
            };
            if let Some(user) = live.user.take() {
                let Recovered { user, reclaimed } = accounts::reclaimed(&tx, user, now).await?;
                (live.user, live.reclaimed) = (Some(user), reclaimed);
            }
            record(&tx, &evidence(&live)).await?;
            Ok(Some(live))
        })
        .await
    }
}

/// Deletes a token that is live and that `fits`. Of concurrent callers one gets it. Its user stays unchanged until the
/// transaction ends.
pub(crate) async fn consume(
    tx: &Tx,
    digest: Digest,
    now: Timestamp,
    fits: impl Fn(&LiveToken) -> bool,
) -> Result<Option<LiveToken>, Fault> {
    let Some(token) = unexpired(&**tx, digest, now).await? else {
        return Ok(None);
    };
    let owner = match token.user_id {
        Some(id) => accounts::locked(tx, UserId::from_uuid(id)).await?,
        None => None,
    };
    let Some(live) = live(token, owner)?.filter(&fits) else {
        return Ok(None);
    };
    let deleted = token::Entity::delete_by_id(columns::digest(digest)).exec(&**tx).await?;
    Ok((deleted.rows_affected == 1).then_some(live))
}

/// The token of a digest, if it has not expired.
async fn unexpired(db: &impl ConnectionTrait, digest: Digest, now: Timestamp) -> Result<Option<token::Model>, Fault> {
    Ok(token::Entity::find_by_id(columns::digest(digest))
        .filter(token::Column::ExpiresAt.gt(now.as_micros()))
        .unique(db)
        .await?)
}

pub(crate) async fn insert(tx: &Tx, token: &MailedToken) -> Result<(), Fault> {
    let mut batch = Batch::default();
    add(&mut batch, [token]);
    batch.run(tx).await
}

/// Inserts tokens, in `batch`.
pub(crate) fn add<'t>(
    batch: &mut Batch,
    tokens: impl IntoIterator<Item = &'t MailedToken, IntoIter: ExactSizeIterator>,
) {
    batch.insert(INSERT, tokens.into_iter().map(row));
}

fn row(token: &MailedToken) -> [Value; 9] {
    let (user_id, registration_id, epochs) = match token.owner {
        TokenOwner::Registration(id) => (None, Some(id.as_uuid()), None),
        TokenOwner::User { id, epochs } => (Some(id.as_uuid()), None, epochs),
    };
    [
        columns::digest(token.digest).into(),
        token.purpose.name().into(),
        user_id.into(),
        registration_id.into(),
        epochs.map(|epochs| epochs.security).into(),
        epochs.map(|epochs| epochs.factor).into(),
        token.email.as_str().into(),
        token.created_at.as_micros().into(),
        token.expires_at.as_micros().into(),
    ]
}

/// What a token that has not expired is worth, given its owner as it is now.
fn live(row: token::Model, owner: Option<user::Model>) -> Result<Option<LiveToken>, Fault> {
    let epochs = epochs(&row);
    let email = columns::email(&row.email)?;
    let (owner, user) = match (row.user_id, row.registration_id) {
        (None, Some(id)) => (TokenOwner::Registration(RegistrationId::from_uuid(id)), None),
        (Some(id), None) => {
            let Some(user) = owner.map(accounts::to_user).transpose()? else {
                return Ok(None);
            };
            // A rescue token counts under any epochs.
            if !user.stands(epochs.unwrap_or(user.epochs)) || user.email.identity() != email.identity() {
                return Ok(None);
            }
            (TokenOwner::User { id: UserId::from_uuid(id), epochs }, Some(user))
        }
        _ => return Err(Fault::Corrupt("user_id")),
    };
    let token = MailedToken {
        digest: Digest::from_bytes(columns::bytes32(row.digest, "digest")?),
        purpose: Purpose::from_stored(&row.purpose),
        owner,
        email,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    };
    Ok(Some(LiveToken { token, user, reclaimed: false }))
}

/// The epochs a token carries; `None` for a rescue token, and for one of a registration.
fn epochs(token: &token::Model) -> Option<Epochs> {
    Some(Epochs { security: token.security_epoch?, factor: token.factor_epoch? })
}
