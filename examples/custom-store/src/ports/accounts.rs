//! Accounts.

use async_trait::async_trait;
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::password::PasswordHash;
use sigra_core::ports::{AccountRecord, AccountStore, NewAccount, Recovered, SignIn, SignInDevice, SignInRecorded};
use sigra_core::registration::{AddressRequest, TokenOwner};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::address_changes::is_taken;
use super::evidence::record;
use super::lifecycle::{remove_belongings, restore};
use super::quarantine::keeps;
use super::tokens::{forget_devices, forget_tokens, live_token};
use crate::error::Fault;
use crate::rows::{Account, Dormancy, KnownDevice, QueuedRequest, Token, id};
use crate::store::{KvStore, Step};
use crate::table::{Row as _, Writing, under};

#[async_trait]
impl AccountStore for KvStore {
    async fn find(&self, id: UserId) -> Result<Option<AccountRecord>, StoreError> {
        self.read("AccountStore::find", move |tables| Ok(tables.get::<Account>(id!(id))?.map(Into::into))).await
    }

    async fn find_by_email(&self, email: &EmailAddress) -> Result<Option<AccountRecord>, StoreError> {
        let identity = email.identity().as_bytes().to_vec();
        self.read("AccountStore::find_by_email", move |tables| {
            Ok(tables.find::<Account>(Account::BY_ADDRESS, &identity)?.map(Into::into))
        })
        .await
    }

    async fn create(&self, account: &NewAccount, evidence: Evidence) -> Result<bool, StoreError> {
        let account = account.clone();
        let step = move |tables: &mut Writing<'_>| match add_account(tables, &account)? {
            Some(_) => Ok(Step::Done(true)),
            None => Ok(Step::Nothing(false)),
        };
        self.write("AccountStore::create", step, |_| evidence).await
    }

    async fn rewrite_hash(
        &self,
        user: UserId,
        epoch: i64,
        old: &PasswordHash,
        new: &PasswordHash,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let (old, new) = (old.clone(), new.clone());
        let step = move |tables: &mut Writing<'_>| {
            let unchanged = |account: &Account| {
                account.user.epochs.security == epoch && account.password.as_deref() == Some(old.expose())
            };
            let Some(mut account) = tables.get::<Account>(id!(user))?.filter(unchanged) else {
                return Ok(Step::Nothing(false));
            };
            account.rewrite_hash(&new);
            tables.put(&account)?;
            Ok(Step::Done(true))
        };
        self.write("AccountStore::rewrite_hash", step, |_| evidence).await
    }

    async fn record_sign_in(
        &self,
        sign_in: &SignIn,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Option<SignInRecorded>, StoreError> {
        let sign_in = sign_in.clone();
        let step = move |tables: &mut Writing<'_>| match record_sign_in(tables, &sign_in)? {
            Some(recorded) => Ok(Step::Done(Some(recorded))),
            None => Ok(Step::Nothing(None)),
        };
        let evidence = |recorded: &Option<_>| recorded.as_ref().map(evidence).unwrap_or_default();
        self.write("AccountStore::record_sign_in", step, evidence).await
    }

    async fn confirm(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let owner = live_token(tables, digest, now)?.map(|live| live.token.owner);
            let Some(TokenOwner::User { id, epochs: Some(_) }) = owner else {
                return Ok(Step::Nothing(None));
            };
            let account = tables.get::<Account>(id!(id))?.filter(|account| account.user.confirmed_at.is_none());
            let Some(mut account) = account else {
                return Ok(Step::Nothing(None));
            };
            account.user.confirmed_at = Some(now);
            tables.put(&account)?;
            tables.remove::<Token>(digest.as_bytes())?;
            Ok(Step::Done(Some(account.user)))
        };
        let evidence = |user: &Option<User>| user.as_ref().map(evidence).unwrap_or_default();
        self.write("AccountStore::confirm", step, evidence).await
    }

    async fn reset_password(
        &self,
        digest: Digest,
        password: &PasswordHash,
        now: Timestamp,
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        let password = password.clone();
        let step = move |tables: &mut Writing<'_>| {
            let owner = live_token(tables, digest, now)?.map(|live| live.token.owner);
            let Some(TokenOwner::User { id, epochs: Some(_) }) = owner else {
                return Ok(Step::Nothing(None));
            };
            let reclaimed = reclaim(tables, id, now)?;
            let user = raise_epoch(tables, id, None, |account| account.set_password(&password, now))?;
            Ok(Step::Done(Some(Recovered { user, reclaimed })))
        };
        let evidence = |reset: &Option<Recovered>| reset.as_ref().map(evidence).unwrap_or_default();
        self.write("AccountStore::reset_password", step, evidence).await
    }

    async fn rescue(
        &self,
        digest: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let owner = live_token(tables, digest, now)?.map(|live| live.token.owner);
            let Some(TokenOwner::User { id, epochs: None }) = owner else {
                return Ok(Step::Nothing(None));
            };
            tables.remove::<Token>(digest.as_bytes())?;
            Ok(Step::Done(Some(rescue(tables, id, now)?)))
        };
        let finish = |rescued: &Option<Recovered>| {
            queue_and_record(rescued.as_ref().map(|rescued| (request(&rescued.user), evidence(rescued))))
        };
        self.transact("AccountStore::rescue", step, finish).await
    }
}

/// What is left to do of a step that stores a request, if it came about.
pub(super) fn queue_and_record(
    made: Option<(AddressRequest, Evidence)>,
) -> impl FnOnce(&mut Writing<'_>) -> Result<(), Fault> + Send + 'static {
    move |tables| match made {
        Some((request, evidence)) => {
            tables.insert(&QueuedRequest { request, lease: None })?;
            record(tables, evidence)
        }
        None => Ok(()),
    }
}

/// The account, if what was proven under `epochs` still counts.
pub(super) fn standing_account(tables: &Writing<'_>, id: UserId, epochs: Epochs) -> Result<Option<Account>, Fault> {
    Ok(tables.get::<Account>(id!(id))?.filter(|account| account.user.stands(epochs)))
}

/// Notes a sign-in with its device; `None` when what was proven does not count any more.
pub(super) fn record_sign_in(tables: &mut Writing<'_>, sign_in: &SignIn) -> Result<Option<SignInRecorded>, Fault> {
    let Some(mut account) = standing_account(tables, sign_in.user, sign_in.epochs)? else {
        return Ok(None);
    };
    let previous_sign_in_at = account.user.last_sign_in_at;
    account.user.last_sign_in_at = previous_sign_in_at.max(Some(sign_in.at));
    if sign_in.clears_attempts {
        account.attempts_cleared_at = account.attempts_cleared_at.max(Some(sign_in.at));
    }
    tables.put(&account)?;
    remember_device(tables, sign_in)?;
    Ok(Some(SignInRecorded { user: account.user, previous_sign_in_at, crowded_out: Vec::new() }))
}

/// Stores an account; `None` when the address is taken.
pub(super) fn add_account(tables: &mut Writing<'_>, account: &NewAccount) -> Result<Option<User>, Fault> {
    let at = account.created_at;
    if is_taken(tables, &account.email, None, at)? || keeps(tables, &account.quarantine, None, at)? {
        return Ok(None);
    }
    let password = account.password.as_ref().map(|hash| hash.expose().to_owned());
    let account =
        Account { user: account.to_user(), password, attempts_cleared_at: None, dormancy: Dormancy::default() };
    tables.insert(&account)?;
    Ok(Some(account.user))
}

/// Takes the password of a disowned account away, and its deletion back.
pub(super) fn rescue(tables: &mut Writing<'_>, id: UserId, now: Timestamp) -> Result<Recovered, Fault> {
    let reclaimed = reclaim(tables, id, now)?;
    restore(tables, id, now)?;
    Ok(Recovered { user: raise_epoch(tables, id, None, Account::take_password)?, reclaimed })
}

/// Makes an account whose mailbox was shown by other means than its registration's one of whoever showed it, and answers
/// whether it was not proven; one that was is left alone.
pub(super) fn reclaim(tables: &mut Writing<'_>, id: UserId, now: Timestamp) -> Result<bool, Fault> {
    let mut account = tables.get::<Account>(id!(id))?.ok_or(Fault::Corrupt("accounts"))?;
    if account.user.confirmed_at.is_some() {
        return Ok(false);
    }
    account.take_password();
    account.user = account.user.reclaimed(now);
    tables.put(&account)?;
    remove_belongings(tables, id)?;
    Ok(true)
}

/// Changes an account, raises its security epoch and forgets what the old one had handed out, and every device but one.
pub(super) fn raise_epoch(
    tables: &mut Writing<'_>,
    id: UserId,
    device: Option<Digest>,
    edit: impl FnOnce(&mut Account),
) -> Result<User, Fault> {
    let user = raise_epoch_on_devices(tables, id, edit)?;
    forget_devices(tables, id, device)?;
    Ok(user)
}

/// As [`raise_epoch`], and leaves the devices.
pub(super) fn raise_epoch_on_devices(
    tables: &mut Writing<'_>,
    id: UserId,
    edit: impl FnOnce(&mut Account),
) -> Result<User, Fault> {
    let mut account = tables.get::<Account>(id!(id))?.ok_or(Fault::Corrupt("accounts"))?;
    edit(&mut account);
    account.user.epochs.security += 1;
    tables.put(&account)?;
    forget_tokens(tables, id)?;
    Ok(account.user)
}

fn remember_device(tables: &mut Writing<'_>, sign_in: &SignIn) -> Result<(), Fault> {
    match sign_in.device.clone() {
        SignInDevice::New { digest, device } => {
            let known = tables.walk(KnownDevice::BY_USER, under(id!(device.user)))?;
            let mut known: Vec<KnownDevice> = known.collect::<Result<_, _>>()?;
            known.sort_by_key(|known| std::cmp::Reverse((known.device.last_seen_at, known.device.id)));
            for forgotten in known.iter().skip(Device::AT_MOST as usize - 1) {
                tables.remove::<KnownDevice>(&forgotten.key())?;
            }
            tables.insert(&KnownDevice { digest, device })
        }
        SignInDevice::Known { id, expires_at } => {
            let known = tables.find::<KnownDevice>(KnownDevice::BY_ID, id!(id))?;
            let Some(mut known) = known.filter(|known| known.device.user == sign_in.user) else {
                return Ok(());
            };
            known.device.last_seen_at = known.device.last_seen_at.max(sign_in.at);
            known.device.expires_at = expires_at;
            tables.put(&known)
        }
    }
}
