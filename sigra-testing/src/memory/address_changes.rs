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

use super::MemoryStore;
use super::accounts::take_password;
use super::state::{State, new_row, same_address};

/// A change, and the links that were mailed for it.
#[derive(Clone)]
pub(super) struct StoredChange {
    change: AddressChange,
    pending: bool,
    completed: bool,
    confirm: Option<Digest>,
    undo: Vec<Digest>,
    undo_expires_at: Option<Timestamp>,
}

impl StoredChange {
    pub(super) const fn user(&self) -> UserId {
        self.change.user
    }

    /// When nothing of it is worth anything any more.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.undo_expires_at.map_or(self.change.expires_at, |undo| undo.max(self.change.expires_at))
    }

    fn undoes(&self, now: Timestamp) -> bool {
        self.undo_expires_at.is_some_and(|until| now < until)
    }
}

#[async_trait]
impl AddressChangeStore for MemoryStore {
    async fn submit(
        &self,
        change: &AddressChange,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("address_changes.submit", |state| {
            if state.standing_user(change.user, change.epochs).is_none() {
                return Ok(false);
            }
            state.end_pending_change(change.user);
            let row = StoredChange {
                change: change.clone(),
                pending: true,
                completed: false,
                confirm: None,
                undo: Vec::new(),
                undo_expires_at: None,
            };
            new_row(state.address_changes.insert(change.id, row))?;
            state.queue_request(request)?;
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn find(&self, id: RequestId, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.read("address_changes.find", |state| state.pending_change(now, |row| row.change.id == id))
    }

    async fn pending(&self, user: UserId, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.read("address_changes.pending", |state| state.pending_change(now, |row| row.change.user == user))
    }

    async fn list(
        &self,
        user: UserId,
        now: Timestamp,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, StoreError> {
        self.read("address_changes.list", |state| {
            let rows = state.address_changes.values().filter(|row| row.change.user == user && now < row.expires_at());
            let mut rows: Vec<_> = rows.filter(|row| before.is_none_or(|before| row.change.id < before)).collect();
            rows.sort_by_key(|row| std::cmp::Reverse(row.change.id));
            rows.into_iter().take(limit as usize).map(|row| state.recorded_change(row, now)).collect()
        })
    }

    async fn arm(&self, leased: &LeasedRequest, armed: &ArmedChange, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("address_changes.arm", |state| {
            let id = leased.request.id;
            let row = state.address_changes.get(&id).filter(|row| row.pending);
            let stands = row.is_some_and(|row| state.stands(&row.change));
            if !stands || !state.answer_request(leased) {
                return Ok(false);
            }
            if let Some(row) = state.address_changes.get_mut(&id) {
                row.confirm = armed.confirm;
                row.undo.push(armed.undo);
                row.undo_expires_at = Some(armed.undo_expires_at);
            }
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn peek(&self, confirm: Digest, now: Timestamp) -> Result<Option<AddressChange>, StoreError> {
        self.read("address_changes.peek", |state| state.pending_change(now, |row| row.confirm == Some(confirm)))
    }

    async fn redeem(
        &self,
        confirm: Digest,
        completion: &Completion,
        evidence: EvidenceFor<'_, ChangedAddress>,
    ) -> Result<Completed, StoreError> {
        self.change("address_changes.redeem", |state| {
            let Some(change) = state.pending_change(completion.at, |row| row.confirm == Some(confirm)) else {
                return Ok(Completed::Invalid);
            };
            let (taker, at) = (Some(change.user), completion.at);
            if state.is_taken(&change.new, taker, at) || state.is_quarantined(&completion.quarantine, taker, at) {
                return Ok(Completed::Taken);
            }
            let reclaimed = state.reclaim(change.user, completion.at)?;
            let user = state.raise_epoch_on_devices(change.user, |account| account.user.email = change.new.clone())?;
            // Gone with everything else, if the account was reclaimed.
            if let Some(row) = state.address_changes.get_mut(&change.id) {
                (row.pending, row.completed, row.confirm) = (false, true, None);
                row.undo.push(completion.undo);
                row.undo_expires_at = Some(completion.undo_expires_at);
            }
            let changed = ChangedAddress { change, user, reclaimed };
            state.record(evidence(&changed))?;
            Ok(Completed::Changed(Box::new(changed)))
        })
    }

    async fn peek_undo(&self, undo: Digest, now: Timestamp) -> Result<Option<UndoableChange>, StoreError> {
        self.read("address_changes.peek_undo", |state| state.undoable(undo, now))
    }

    async fn undo(
        &self,
        undo: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, UndoneChange>,
    ) -> Result<Option<UndoneChange>, StoreError> {
        self.change("address_changes.undo", |state| {
            let Some(UndoableChange { change, user, .. }) = state.undoable(undo, now) else {
                return Ok(None);
            };
            if state.account_by_email(&change.old).is_some_and(|holder| holder.user.id != user.id) {
                return Ok(None);
            }
            let reverted_from = (!same_address(&user.email, &change.old)).then_some(user.email);
            let reclaimed = state.reclaim(user.id, now)?;
            state.restore(user.id, now);
            let user = state.raise_epoch(user.id, None, |account| {
                account.user.email = change.old.clone();
                take_password(account);
            })?;
            let since = change.epochs.security;
            state.address_changes.retain(|_, row| row.change.user != user.id || row.change.epochs.security < since);
            state.queue_request(&request(&user))?;
            let undone = UndoneChange { user, reverted_from, reclaimed };
            state.record(evidence(&undone))?;
            Ok(Some(undone))
        })
    }

    async fn withdraw(&self, user: UserId, now: Timestamp, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("address_changes.withdraw", |state| {
            if state.pending_change(now, |row| row.change.user == user).is_none() {
                return Ok(false);
            }
            state.end_pending_change(user);
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn reserved_for(&self, email: &EmailAddress, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        self.read("address_changes.reserved_for", |state| state.reserved_for(email, now))
    }
}

impl State {
    /// Whether an address is another account's than `except`, or reserved for one.
    pub(super) fn is_taken(&self, email: &EmailAddress, except: Option<UserId>, now: Timestamp) -> bool {
        let owner = self.account_by_email(email).map(|account| account.user.id);
        owner.or_else(|| self.reserved_for(email, now)).is_some_and(|holder| Some(holder) != except)
    }

    fn reserved_for(&self, email: &EmailAddress, now: Timestamp) -> Option<UserId> {
        let mut rows = self.address_changes.values();
        let row = rows.find(|row| row.completed && row.undoes(now) && same_address(&row.change.old, email))?;
        Some(row.change.user)
    }

    /// The pending change that fits, if it is worth something.
    fn pending_change(&self, now: Timestamp, fits: impl Fn(&StoredChange) -> bool) -> Option<AddressChange> {
        let row = self.address_changes.values().find(|row| row.pending && fits(row))?;
        (self.stands(&row.change) && now < row.change.expires_at).then(|| row.change.clone())
    }

    fn recorded_change(&self, row: &StoredChange, now: Timestamp) -> RecordedChange {
        let state = match row.pending && now < row.change.expires_at && self.stands(&row.change) {
            true => ChangeState::Pending,
            false if row.completed => ChangeState::Completed,
            false => ChangeState::Ended,
        };
        RecordedChange { change: row.change.clone(), state, undo_expires_at: row.undo_expires_at }
    }

    fn stands(&self, change: &AddressChange) -> bool {
        self.user(change.user).is_some_and(|user| user.stands(change.epochs))
    }

    fn undoable(&self, undo: Digest, now: Timestamp) -> Option<UndoableChange> {
        let row = self.address_changes.values().find(|row| row.undo.contains(&undo) && row.undoes(now))?;
        let user =
            self.user(row.change.user).filter(|user| user.disabled_at.is_none() && !user.deletion_is_due(now))?.clone();
        Some(UndoableChange { change: row.change.clone(), user, expires_at: row.undo_expires_at? })
    }

    /// Ends the pending change of an account. What was mailed to undo it stays.
    fn end_pending_change(&mut self, user: UserId) {
        self.address_changes.retain(|_, row| row.change.user != user || !row.pending || !row.undo.is_empty());
        for row in self.address_changes.values_mut().filter(|row| row.change.user == user && row.pending) {
            (row.pending, row.confirm) = (false, None);
        }
    }
}
