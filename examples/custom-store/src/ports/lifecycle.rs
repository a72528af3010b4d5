//! How accounts end.

use async_trait::async_trait;
use sigra_core::error::StoreError;
use sigra_core::evidence::EvidenceFor;
use sigra_core::id::UserId;
use sigra_core::ports::{DormancyRecord, DueDeletion, Erasure, LifecycleStore, Recovered};
use sigra_core::registration::{AddressRequest, TokenOwner};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::accounts::{queue_and_record, raise_epoch, rescue};
use super::quarantine::disown;
use super::registrations::delete_registration;
use super::tokens::{live_token, tokens_of};
use crate::error::Fault;
use crate::rows::{
    Account, Counter, Dormancy, KnownDevice, Pending, Registration, StoredCeremony, StoredChange, StoredSession, Token,
    id, time,
};
use crate::store::{KvStore, Step};
use crate::table::{Row, Writing, under};

#[async_trait]
impl LifecycleStore for KvStore {
    async fn schedule_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        due_at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let free = |user: &User| user.deletion_due_at.is_none() && stands(user, under);
            if !user_of(tables, user)?.is_some_and(|user| free(&user)) {
                return Ok(Step::Nothing(None));
            }
            raise_epoch(tables, user, None, |account| account.user.deletion_due_at = Some(due_at))
                .map(Some)
                .map(Step::Done)
        };
        self.write("LifecycleStore::schedule_deletion", step, |user| user.as_ref().map(evidence).unwrap_or_default())
            .await
    }

    async fn cancel_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let fits = |user: &User| can_be_undone(user, now) && stands(user, under);
            if !user_of(tables, user)?.is_some_and(|user| fits(&user)) {
                return Ok(Step::Nothing(None));
            }
            Ok(Step::Done(restore(tables, user, now)?))
        };
        self.write("LifecycleStore::cancel_deletion", step, |user| user.as_ref().map(evidence).unwrap_or_default())
            .await
    }

    async fn undo_deletion(
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
            if !user_of(tables, id)?.is_some_and(|user| can_be_undone(&user, now)) {
                return Ok(Step::Nothing(None));
            }
            tables.remove::<Token>(digest.as_bytes())?;
            Ok(Step::Done(Some(rescue(tables, id, now)?)))
        };
        let finish = |restored: &Option<Recovered>| {
            queue_and_record(restored.as_ref().map(|restored| (request(&restored.user), evidence(restored))))
        };
        self.transact("LifecycleStore::undo_deletion", step, finish).await
    }

    async fn due_deletions(
        &self,
        now: Timestamp,
        after: Option<DueDeletion>,
        limit: u32,
    ) -> Result<Vec<DueDeletion>, StoreError> {
        // The key after that one: no other lies between.
        let start = after.map(|after| [&due_key(after.due_at, after.user)[..], &[0]].concat()).unwrap_or_default();
        let part = start..[&time(now)[..], &[0xff; 17]].concat();
        self.read("LifecycleStore::due_deletions", move |tables| {
            let due = tables.walk::<Account>(Account::BY_DELETION, part)?.take(limit as usize);
            let dated = due.map(|account| {
                let user = account?.user;
                let due_at = user.deletion_due_at.ok_or(Fault::Corrupt("accounts"))?;
                Ok(DueDeletion { due_at, user: user.id })
            });
            dated.collect()
        })
        .await
    }

    async fn erase(&self, erasure: &Erasure, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError> {
        let erasure = *erasure;
        let step = move |tables: &mut Writing<'_>| {
            let Some(user) = user_of(tables, erasure.user)?.filter(|user| erasure.applies_to(user)) else {
                return Ok(Step::Nothing(None));
            };
            remove_account(tables, user.id)?;
            remove_all::<Counter>(tables, Counter::BY_OWNER, id!(user.id))?;
            disown(tables, user.id)?;
            let rivals = tables.walk(Registration::BY_ADDRESS, under(&Registration::address_key(&user.email)))?;
            let rivals: Vec<Registration> = rivals.collect::<Result<_, _>>()?;
            for row in rivals {
                delete_registration(tables, row.pending.id)?;
            }
            if let Some(left) = erasure.leaves(&user) {
                let dormancy = Dormancy::default();
                tables.insert(&Account { user: left, password: None, attempts_cleared_at: None, dormancy })?;
            }
            Ok(Step::Done(Some(user)))
        };
        self.write("LifecycleStore::erase", step, |user| user.as_ref().map(evidence).unwrap_or_default()).await
    }

    async fn disable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            if user_of(tables, user)?.is_none_or(|user| user.disabled_at.is_some()) {
                return Ok(Step::Nothing(None));
            }
            raise_epoch(tables, user, None, |account| account.user.disabled_at = Some(at)).map(Some).map(Step::Done)
        };
        self.write("LifecycleStore::disable", step, |user| user.as_ref().map(evidence).unwrap_or_default()).await
    }

    async fn enable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let account = tables.get::<Account>(id!(user))?.filter(|account| account.user.disabled_at.is_some());
            let Some(mut account) = account else { return Ok(Step::Nothing(None)) };
            account.user.disabled_at = None;
            account.dormancy = DormancyRecord::restarted(at).into();
            tables.put(&account)?;
            Ok(Step::Done(Some(account.user)))
        };
        self.write("LifecycleStore::enable", step, |user| user.as_ref().map(evidence).unwrap_or_default()).await
    }
}

/// Deletes an account and every row that refers to it, but for its counters of attempts. `false` when there is none.
pub(crate) fn remove_account(tables: &mut Writing<'_>, user: UserId) -> Result<bool, Fault> {
    if tables.remove::<Account>(id!(user))?.is_none() {
        return Ok(false);
    }
    remove_belongings(tables, user)?;
    Ok(true)
}

/// Deletes every row that refers to an account, but for its counters of attempts.
pub(super) fn remove_belongings(tables: &mut Writing<'_>, user: UserId) -> Result<(), Fault> {
    remove_all::<KnownDevice>(tables, KnownDevice::BY_USER, id!(user))?;
    remove_all::<StoredSession>(tables, StoredSession::BY_USER, id!(user))?;
    remove_all::<Pending>(tables, Pending::BY_USER, id!(user))?;
    remove_all::<StoredCeremony>(tables, StoredCeremony::BY_USER, id!(user))?;
    remove_all::<StoredChange>(tables, StoredChange::BY_USER, id!(user))?;
    let owner = TokenOwner::User { id: user, epochs: None };
    remove_all::<Token>(tables, Token::BY_OWNER, &Token::owner_key(&owner))
}

/// Takes a deletion back that is not due, with the tokens that could have.
pub(super) fn restore(tables: &mut Writing<'_>, id: UserId, now: Timestamp) -> Result<Option<User>, Fault> {
    let Some(mut account) = tables.get::<Account>(id!(id))? else { return Ok(None) };
    account.user.deletion_due_at = account.user.deletion_due_at.filter(|due_at| *due_at <= now);
    tables.put(&account)?;
    for Token(token) in tokens_of(tables, &TokenOwner::User { id, epochs: None })? {
        if token.purpose == Purpose::REACTIVATE {
            tables.remove::<Token>(token.digest.as_bytes())?;
        }
    }
    Ok(Some(account.user))
}

/// What a deletion is found under.
fn due_key(due_at: Timestamp, user: UserId) -> Vec<u8> {
    [&time(due_at)[..], id!(user)].concat()
}

fn user_of(tables: &Writing<'_>, id: UserId) -> Result<Option<User>, Fault> {
    Ok(tables.get::<Account>(id!(id))?.map(|account| account.user))
}

fn stands(user: &User, under: Option<Epochs>) -> bool {
    under.is_none_or(|epochs| user.stands(epochs))
}

fn can_be_undone(user: &User, now: Timestamp) -> bool {
    user.deletion_due_at.is_some_and(|due_at| now < due_at)
}

/// Deletes the rows an index has under a key.
fn remove_all<R: Row>(tables: &mut Writing<'_>, index: &'static str, key: &[u8]) -> Result<(), Fault> {
    let rows: Vec<R> = tables.walk(index, under(key))?.collect::<Result<_, _>>()?;
    for row in &rows {
        tables.remove::<R>(&row.key())?;
    }
    Ok(())
}
