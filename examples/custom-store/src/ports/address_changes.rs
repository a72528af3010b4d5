//! Changes of mail addresses.

use async_trait::async_trait;
use sigra_core::address_change::{
    AddressChange, ArmedChange, ChangeState, ChangedAddress, Completed, Completion, RecordedChange, UndoableChange,
    UndoneChange,
};
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{RequestId, UserId};
use sigra_core::ports::AddressChangeStore;
use sigra_core::registration::{AddressRequest, LeasedRequest};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::accounts::{raise_epoch, raise_epoch_on_devices, reclaim, standing_account};
use super::evidence::record;
use super::lifecycle::restore;
use super::quarantine::keeps;
use super::requests::take;
use crate::error::Fault;
use crate::rows::{Account, Link, QueuedRequest, StoredChange, id};
use crate::store::{KvStore, Step};
use crate::table::{Readable, Row as _, Tables, Writing, under};

#[async_trait]
impl AddressChangeStore for KvStore {
    async fn submit(
        &self,
        change: &AddressChange,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let (change, request) = (change.clone(), request.clone());
        let step = move |tables: &mut Writing<'_>| {
            if standing_account(tables, change.user, change.epochs)?.is_none() {
                return Ok(Step::Nothing(false));
            }
            end_pending(tables, change.user)?;
            tables.insert(&StoredChange {
                change,
                pending: true,
                completed: false,
                confirm: None,
                undo: Vec::new(),
                undo_expires_at: None,
            })?;
            tables.insert(&QueuedRequest { request, lease: None })?;
            Ok(Step::Done(true))
        };
        self.write("AddressChangeStore::submit", step, |_| evidence).await
    }

    async fn find(&self, id: RequestId, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.read("AddressChangeStore::find", move |tables| worth(tables, tables.get(id!(id))?, now)).await
    }

    async fn pending(&self, user: UserId, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.read("AddressChangeStore::pending", move |tables| pending_of(tables, user, now)).await
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, StoreError> {
        let page = move |tables: &Tables<_>| {
            let pending = pending_of(tables, user, now)?.map(|change| change.id);
            let mut page = Vec::new();
            for row in tables.walk::<StoredChange>(StoredChange::BY_USER, under(id!(user)))?.rev() {
                let row = row?;
                if page.len() == limit as usize {
                    break;
                }
                if now < row.expires_at() && before.is_none_or(|before| row.change.id < before) {
                    page.push(recorded(row, pending));
                }
            }
            Ok(page)
        };
        self.read("AddressChangeStore::list", page).await
    }

    async fn arm(&self, leased: &LeasedRequest, armed: &ArmedChange, evidence: Evidence) -> Result<bool, StoreError> {
        let (leased, armed) = (leased.clone(), armed.clone());
        let step = move |tables: &mut Writing<'_>| {
            let row = tables.get::<StoredChange>(id!(leased.request.id))?.filter(|row| row.pending);
            let Some(mut row) = row else {
                return Ok(Step::Nothing(false));
            };
            let stands = standing_account(tables, row.change.user, row.change.epochs)?.is_some();
            if !stands || !take(tables, &leased)? {
                return Ok(Step::Nothing(false));
            }
            row.confirm = armed.confirm.map(Link);
            row.undo.push(Link(armed.undo));
            row.undo_expires_at = Some(armed.undo_expires_at);
            tables.put(&row)?;
            Ok(Step::Done(true))
        };
        self.write("AddressChangeStore::arm", step, |_| evidence).await
    }

    async fn peek(&self, confirm: Digest, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.read("AddressChangeStore::peek", move |tables| by_confirm(tables, confirm, now)).await
    }

    async fn redeem(
        &self,
        confirm: Digest,
        completion: &Completion,
        evidence: EvidenceFor<'_, ChangedAddress>,
    ) -> Result<Completed, StoreError> {
        let Completion { at, undo, undo_expires_at, quarantine } = completion.clone();
        let step = move |tables: &mut Writing<'_>| {
            let Some(change) = by_confirm(tables, confirm, at)? else {
                return Ok(Step::Nothing(Completed::Invalid));
            };
            let taker = Some(change.user);
            if is_taken(tables, &change.new, taker, at)? || keeps(tables, &quarantine, taker, at)? {
                return Ok(Step::Nothing(Completed::Taken));
            }
            let reclaimed = reclaim(tables, change.user, at)?;
            // Gone with everything else, if the account was reclaimed.
            if let Some(mut row) = tables.get::<StoredChange>(id!(change.id))? {
                (row.pending, row.completed, row.confirm) = (false, true, None);
                row.undo.push(Link(undo));
                row.undo_expires_at = Some(undo_expires_at);
                tables.put(&row)?;
            }
            let user = raise_epoch_on_devices(tables, change.user, |account| account.user.email = change.new.clone())?;
            Ok(Step::Done(Completed::Changed(Box::new(ChangedAddress { change, user, reclaimed }))))
        };
        let evidence = |completed: &Completed| match completed {
            Completed::Changed(changed) => evidence(changed),
            Completed::Invalid | Completed::Taken => Evidence::none(),
        };
        self.write("AddressChangeStore::redeem", step, evidence).await
    }

    async fn peek_undo(&self, undo: Digest, now: Timestamp) -> Result<Option<UndoableChange>, StoreError> {
        self.read("AddressChangeStore::peek_undo", move |tables| undoable(tables, undo, now)).await
    }

    async fn undo(
        &self,
        undo: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, UndoneChange>,
    ) -> Result<Option<UndoneChange>, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let Some(UndoableChange { change, user, .. }) = undoable(tables, undo, now)? else {
                return Ok(Step::Nothing(None));
            };
            if is_taken(tables, &change.old, Some(user.id), now)? {
                return Ok(Step::Nothing(None));
            }
            for row in of_user(tables, user.id)? {
                if row.change.epochs.security >= change.epochs.security {
                    tables.remove::<StoredChange>(&row.key())?;
                }
            }
            let reverted_from = (user.email.identity() != change.old.identity()).then_some(user.email);
            let reclaimed = reclaim(tables, user.id, now)?;
            restore(tables, user.id, now)?;
            let user = raise_epoch(tables, user.id, None, |account| {
                account.user.email = change.old;
                account.take_password();
            })?;
            Ok(Step::Done(Some(UndoneChange { user, reverted_from, reclaimed })))
        };
        let finish = |undone: &Option<UndoneChange>| {
            let made = undone.as_ref().map(|undone| (request(&undone.user), evidence(undone)));
            move |tables: &mut Writing<'_>| match made {
                Some((request, evidence)) => {
                    tables.insert(&QueuedRequest { request, lease: None })?;
                    record(tables, evidence)
                }
                None => Ok(()),
            }
        };
        self.transact("AddressChangeStore::undo", step, finish).await
    }

    async fn withdraw(&self, user: UserId, now: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            if pending_of(tables, user, now)?.is_none() {
                return Ok(Step::Nothing(false));
            }
            end_pending(tables, user)?;
            Ok(Step::Done(true))
        };
        self.write("AddressChangeStore::withdraw", step, |_| evidence).await
    }

    async fn reserved_for(&self, email: &EmailAddress, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        let email = email.clone();
        self.read("AddressChangeStore::reserved_for", move |tables| reserved_for(tables, &email, now)).await
    }
}

/// Whether an address is another account's than `except`, or reserved for one.
pub(super) fn is_taken<T: Readable>(
    tables: &Tables<T>,
    email: &EmailAddress,
    except: Option<UserId>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let owner = tables.find::<Account>(Account::BY_ADDRESS, email.identity().as_bytes())?;
    let holder = match owner {
        Some(owner) => Some(owner.user.id),
        None => reserved_for(tables, email, now)?,
    };
    Ok(holder.is_some_and(|holder| Some(holder) != except))
}

fn reserved_for<T: Readable>(
    tables: &Tables<T>,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<Option<UserId>, Fault> {
    let address = [email.identity().as_bytes(), b"\0"].concat();
    for row in tables.walk::<StoredChange>(StoredChange::BY_OLD_ADDRESS, under(&address))? {
        let row = row?;
        if row.undoes(now) {
            return Ok(Some(row.change.user));
        }
    }
    Ok(None)
}

fn by_confirm<T: Readable>(
    tables: &Tables<T>,
    confirm: Digest,
    now: Timestamp,
) -> Result<Option<AddressChange>, Fault> {
    worth(tables, tables.find(StoredChange::BY_CONFIRM, confirm.as_bytes())?, now)
}

fn pending_of<T: Readable>(tables: &Tables<T>, user: UserId, now: Timestamp) -> Result<Option<AddressChange>, Fault> {
    worth(tables, tables.find(StoredChange::BY_PENDING_USER, id!(user))?, now)
}

fn recorded(row: StoredChange, pending: Option<RequestId>) -> RecordedChange {
    let state = match pending == Some(row.change.id) {
        true => ChangeState::Pending,
        false if row.completed => ChangeState::Completed,
        false => ChangeState::Ended,
    };
    RecordedChange { change: row.change, state, undo_expires_at: row.undo_expires_at }
}

/// The change, if it is pending and worth something.
fn worth<T: Readable>(
    tables: &Tables<T>,
    row: Option<StoredChange>,
    now: Timestamp,
) -> Result<Option<AddressChange>, Fault> {
    let Some(StoredChange { change, .. }) = row.filter(|row| row.pending && now < row.change.expires_at) else {
        return Ok(None);
    };
    let account = tables.get::<Account>(id!(change.user))?;
    Ok(account.is_some_and(|account| account.user.stands(change.epochs)).then_some(change))
}

fn undoable<T: Readable>(tables: &Tables<T>, undo: Digest, now: Timestamp) -> Result<Option<UndoableChange>, Fault> {
    let row = tables.find::<StoredChange>(StoredChange::BY_UNDO, undo.as_bytes())?.filter(|row| row.undoes(now));
    let Some(StoredChange { change, undo_expires_at: Some(expires_at), .. }) = row else {
        return Ok(None);
    };
    let account = tables
        .get::<Account>(id!(change.user))?
        .filter(|account| account.user.disabled_at.is_none() && !account.user.deletion_is_due(now));
    Ok(account.map(|account| UndoableChange { change, user: account.user, expires_at }))
}

/// Ends the pending change of an account. What was mailed to undo it stays.
fn end_pending(tables: &mut Writing<'_>, user: UserId) -> Result<(), Fault> {
    let Some(row) = tables.find::<StoredChange>(StoredChange::BY_PENDING_USER, id!(user))? else {
        return Ok(());
    };
    if row.undo.is_empty() {
        tables.remove::<StoredChange>(&row.key())?;
        return Ok(());
    }
    tables.put(&StoredChange { pending: false, confirm: None, ..row })
}

fn of_user<T: Readable>(tables: &Tables<T>, user: UserId) -> Result<Vec<StoredChange>, Fault> {
    tables.walk(StoredChange::BY_USER, under(id!(user)))?.collect()
}
