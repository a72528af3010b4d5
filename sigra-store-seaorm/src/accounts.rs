//! Accounts and the devices they are used from.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{DeviceId, UserId};
use sigra_core::password::PasswordHash;
use sigra_core::ports::{
    AccountRecord, AccountStore, DeviceStore, LiveToken, Mac, NewAccount, Recovered, SignIn, SignInRecorded,
};
use sigra_core::registration::{AddressRequest, TokenOwner};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use crate::batch::Batch;
use crate::entity::{device, token, user};
use crate::error::Fault;
use crate::evidence::record;
use crate::rows::{Positions, user_columns};
use crate::store::{SeaOrmStore, Tx};
use crate::unique::Unique as _;
use crate::{
    address_changes, belongings, columns, dialect, evidence, lifecycle, passwords, quarantine, requests, sign_ins,
    tokens,
};

const BY_EMAIL: &str = concat!(
    "SELECT u.id, u.password_hash, u.attempts_cleared_at, ",
    user_columns!(),
    " FROM sigra_users u WHERE u.email_identity = ?"
);

#[async_trait]
impl AccountStore for SeaOrmStore {
    async fn find(&self, id: UserId) -> Result<Option<AccountRecord>, StoreError> {
        self.read("AccountStore::find", async |db| {
            let row = user::Entity::find_by_id(id.as_uuid()).unique(&db).await?;
            row.map(account).transpose()
        })
        .await
    }

    async fn find_by_email(&self, email: &EmailAddress) -> Result<Option<AccountRecord>, StoreError> {
        self.read("AccountStore::find_by_email", async |db| {
            let statement = dialect::statement(db.get_database_backend(), BY_EMAIL, [email.identity().into()]);
            let Some(row) = db.query_one_raw(statement).await? else {
                return Ok(None);
            };
            let mut row = Positions::of(&row);
            let (id, password) = (row.next()?, row.next::<Option<String>>()?.map(PasswordHash::new));
            let attempts_cleared_at = columns::time(row.next()?);
            Ok(Some(AccountRecord { user: row.user(id)?, password, attempts_cleared_at }))
        })
        .await
    }

    async fn create(&self, account: &NewAccount, evidence: Evidence) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("AccountStore::create", |tx| async move {
            if is_taken(&*tx, &account.email, None, account.created_at, &account.quarantine).await? {
                return Ok(false);
            }
            insert(&tx, account).await?;
            self.tell_registered(&tx, &account.to_user()).await?;
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn rewrite_hash(
        &self,
        id: UserId,
        epoch: i64,
        old: &PasswordHash,
        new: &PasswordHash,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let evidence = &evidence;
        self.write("AccountStore::rewrite_hash", |tx| async move {
            let rewritten = user::Entity::update_many()
                .col_expr(user::Column::PasswordHash, Expr::value(new.expose()))
                .filter(user::Column::Id.eq(id.as_uuid()))
                .filter(user::Column::SecurityEpoch.eq(epoch))
                .filter(user::Column::PasswordHash.eq(old.expose()))
                .exec(&*tx)
                .await?;
            if rewritten.rows_affected == 0 {
                return Ok(false);
            }
            record(&tx, evidence).await?;
            Ok(true)
        })
        .await
    }

    async fn record_sign_in(
        &self,
        sign_in: &SignIn,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Option<SignInRecorded>, StoreError> {
        self.write("AccountStore::record_sign_in", |tx| async move {
            let Some(user) = sign_ins::standing(&tx, sign_in).await? else {
                return Ok(None);
            };
            let mut batch = Batch::default();
            let recorded = sign_ins::note(&mut batch, sign_in, user);
            evidence::finish(&tx, batch, &evidence(&recorded)).await?;
            Ok(Some(recorded))
        })
        .await
    }

    async fn confirm(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.write("AccountStore::confirm", |tx| async move {
            let proves = |live: &LiveToken| {
                matches!(live.token.owner, TokenOwner::User { epochs: Some(_), .. })
                    && live.user.as_ref().is_some_and(|user| user.confirmed_at.is_none())
            };
            let Some(LiveToken { user: Some(user), .. }) = tokens::consume(&tx, digest, now, proves).await? else {
                return Ok(None);
            };
            let user = User { confirmed_at: Some(now), ..user };
            user::Entity::update_many()
                .col_expr(user::Column::ConfirmedAt, Expr::value(now.as_micros()))
                .filter(user::Column::Id.eq(user.id.as_uuid()))
                .exec(&*tx)
                .await?;
            record(&tx, &evidence(&user)).await?;
            Ok(Some(user))
        })
        .await
    }

    async fn reset_password(
        &self,
        digest: Digest,
        password: &PasswordHash,
        now: Timestamp,
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        self.write("AccountStore::reset_password", |tx| async move {
            let resets = |live: &LiveToken| matches!(live.token.owner, TokenOwner::User { epochs: Some(_), .. });
            let Some(LiveToken { user: Some(user), .. }) = tokens::consume(&tx, digest, now, resets).await? else {
                return Ok(None);
            };
            let Recovered { user, reclaimed } = reclaimed(&tx, user, now).await?;
            let user = passwords::set(&tx, user, password, now).await?;
            forget_credentials(&tx, user.id, None).await?;
            let reset = Recovered { user, reclaimed };
            record(&tx, &evidence(&reset)).await?;
            Ok(Some(reset))
        })
        .await
    }

    async fn rescue(
        &self,
        digest: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        self.write("AccountStore::rescue", |tx| async move {
            let rescues = |live: &LiveToken| matches!(live.token.owner, TokenOwner::User { epochs: None, .. });
            let Some(LiveToken { user: Some(user), .. }) = tokens::consume(&tx, digest, now, rescues).await? else {
                return Ok(None);
            };
            let rescued = rescued(&tx, user, now).await?;
            requests::insert(&tx, &request(&rescued.user)).await?;
            record(&tx, &evidence(&rescued)).await?;
            Ok(Some(rescued))
        })
        .await
    }
}

#[async_trait]
impl DeviceStore for SeaOrmStore {
    async fn find(&self, digest: Digest, now: Timestamp) -> Result<Option<Device>, StoreError> {
        self.read("DeviceStore::find", async |db| {
            let row = device::Entity::find()
                .filter(device::Column::TokenDigest.eq(columns::digest(digest)))
                .filter(device::Column::ExpiresAt.gt(now.as_micros()))
                .unique(&db)
                .await?;
            Ok(row.map(to_device))
        })
        .await
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Device>, StoreError> {
        self.read("DeviceStore::list", async |db| {
            let rows = device::Entity::find()
                .filter(device::Column::UserId.eq(user.as_uuid()))
                .filter(device::Column::ExpiresAt.gt(now.as_micros()))
                .order_by_desc(device::Column::LastSeenAt)
                .order_by_desc(device::Column::Id)
                .limit(u64::from(Device::AT_MOST))
                .all(&db)
                .await?;
            Ok(rows.into_iter().map(to_device).collect())
        })
        .await
    }
}

fn to_device(row: device::Model) -> Device {
    Device {
        id: DeviceId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        created_at: Timestamp::from_micros(row.created_at),
        last_seen_at: Timestamp::from_micros(row.last_seen_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    }
}

/// Reads a user and keeps the row from changing until the transaction ends.
pub(crate) async fn locked(tx: &Tx, id: UserId) -> Result<Option<user::Model>, Fault> {
    Ok(user::Entity::find_by_id(id.as_uuid()).lock_exclusive().unique(&**tx).await?)
}

/// The user, if what was proven under `epochs` still counts; kept from changing until the transaction ends.
pub(crate) async fn standing(tx: &Tx, id: UserId, epochs: Epochs) -> Result<Option<User>, Fault> {
    let user = locked(tx, id).await?.map(to_user).transpose()?;
    Ok(user.filter(|user| user.stands(epochs)))
}

/// Raises the factor epoch of a user whose row is locked, and answers the user as it is then.
#[cfg(any(feature = "mfa", feature = "passkeys"))]
pub(crate) async fn raise_factor_epoch(tx: &Tx, user: User) -> Result<User, Fault> {
    let epochs = Epochs { factor: user.epochs.factor + 1, ..user.epochs };
    user::Entity::update_many()
        .col_expr(user::Column::FactorEpoch, Expr::value(epochs.factor))
        .filter(user::Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    Ok(User { epochs, ..user })
}

/// Takes the password of a disowned account whose row is locked away, and its deletion back.
pub(crate) async fn rescued(tx: &Tx, user: User, now: Timestamp) -> Result<Recovered, Fault> {
    let Recovered { user, reclaimed } = reclaimed(tx, user, now).await?;
    let user = lifecycle::restored(tx, user, now).await?;
    user::Entity::update_many()
        .col_expr(user::Column::DeletionDueAt, Expr::value(columns::micros(user.deletion_due_at)))
        .filter(user::Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    Ok(Recovered { user: passwords::take(tx, user).await?, reclaimed })
}

/// Whether an address is another account's than `except`, or reserved for one, or in quarantine under these keys.
pub(crate) async fn is_taken(
    db: &impl ConnectionTrait,
    email: &EmailAddress,
    except: Option<UserId>,
    now: Timestamp,
    quarantine: &[Mac],
) -> Result<bool, Fault> {
    // In this order: whoever leaves an address reserves it or puts it in quarantine in the same commit, and each statement
    // sees what was committed before it. So an address that is nobody's here was left earlier, and what keeps it is there to
    // be found.
    let owner = user::Entity::find().filter(user::Column::EmailIdentity.eq(email.identity())).unique(db).await?;
    let holder = match owner {
        Some(owner) => Some(UserId::from_uuid(owner.id)),
        None => address_changes::reserved_for(db, email, now).await?,
    };
    if holder.is_some_and(|holder| Some(holder) != except) {
        return Ok(true);
    }
    quarantine::keeps(db, quarantine, except, now).await
}

pub(crate) async fn insert(tx: &Tx, account: &NewAccount) -> Result<(), Fault> {
    let row = user::Model {
        id: account.id.as_uuid(),
        email: account.email.as_str().to_owned(),
        email_identity: account.email.identity().to_owned(),
        password_hash: account.password.as_ref().map(|hash| hash.expose().to_owned()),
        profile: columns::json(&account.profile),
        security_epoch: Epochs::default().security,
        factor_epoch: Epochs::default().factor,
        confirmed_at: columns::micros(account.confirmed_at),
        disabled_at: None,
        deletion_due_at: None,
        created_at: account.created_at.as_micros(),
        last_sign_in_at: None,
        attempts_cleared_at: None,
        password_changed_at: None,
        password_change_required_at: None,
    };
    user::Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
    Ok(())
}

pub(crate) fn to_user(row: user::Model) -> Result<User, Fault> {
    Ok(User {
        id: UserId::from_uuid(row.id),
        email: columns::email(&row.email)?,
        confirmed_at: columns::time(row.confirmed_at),
        has_password: row.password_hash.is_some(),
        password_changed_at: columns::time(row.password_changed_at),
        password_change_required_at: columns::time(row.password_change_required_at),
        profile: columns::from_json(&row.profile, "profile")?,
        epochs: Epochs { security: row.security_epoch, factor: row.factor_epoch },
        disabled_at: columns::time(row.disabled_at),
        deletion_due_at: columns::time(row.deletion_due_at),
        created_at: Timestamp::from_micros(row.created_at),
        last_sign_in_at: columns::time(row.last_sign_in_at),
    })
}

fn account(row: user::Model) -> Result<AccountRecord, Fault> {
    let password = row.password_hash.clone().map(PasswordHash::new);
    let attempts_cleared_at = columns::time(row.attempts_cleared_at);
    Ok(AccountRecord { user: to_user(row)?, password, attempts_cleared_at })
}

/// Makes an account whose row is locked, and whose mailbox was shown by other means than its registration's, one of whoever
/// showed it. One that is proven is left alone.
pub(crate) async fn reclaimed(tx: &Tx, user: User, now: Timestamp) -> Result<Recovered, Fault> {
    if user.confirmed_at.is_some() {
        return Ok(Recovered { user, reclaimed: false });
    }
    let user = user.reclaimed(now);
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(None::<String>))
        .col_expr(user::Column::PasswordChangedAt, Expr::value(columns::micros(user.password_changed_at)))
        .col_expr(
            user::Column::PasswordChangeRequiredAt,
            Expr::value(columns::micros(user.password_change_required_at)),
        )
        .col_expr(user::Column::ConfirmedAt, Expr::value(columns::micros(user.confirmed_at)))
        .col_expr(user::Column::LastSignInAt, Expr::value(columns::micros(user.last_sign_in_at)))
        .col_expr(user::Column::SecurityEpoch, Expr::value(user.epochs.security))
        .col_expr(user::Column::FactorEpoch, Expr::value(user.epochs.factor))
        .filter(user::Column::Id.eq(user.id.as_uuid()))
        .exec(&**tx)
        .await?;
    belongings::delete(user.id).run(tx).await?;
    Ok(Recovered { user, reclaimed: true })
}

/// Forgets every token but rescue tokens, and every device but one.
pub(crate) async fn forget_credentials(tx: &Tx, user: UserId, kept: Option<Digest>) -> Result<(), Fault> {
    let mut devices = device::Entity::delete_many().filter(device::Column::UserId.eq(user.as_uuid()));
    if let Some(kept) = kept {
        devices = devices.filter(device::Column::TokenDigest.ne(columns::digest(kept)));
    }
    devices.exec(&**tx).await?;
    forget_tokens(tx, user).await
}

/// Forgets every token but rescue tokens.
pub(crate) async fn forget_tokens(tx: &Tx, user: UserId) -> Result<(), Fault> {
    token::Entity::delete_many()
        .filter(token::Column::UserId.eq(user.as_uuid()))
        .filter(token::Column::SecurityEpoch.is_not_null())
        .exec(&**tx)
        .await?;
    Ok(())
}
