//! Every storage port, in memory.

mod accounts;
mod address_changes;
mod attempts;
mod ceremonies;
mod dormancy;
mod evidence;
mod faults;
mod housekeeping;
mod lifecycle;
#[cfg(feature = "mfa")]
mod mfa;
mod outbox;
#[cfg(feature = "passkeys")]
mod passkeys;
mod passwords;
mod profiles;
mod quarantine;
mod registrations;
mod requests;
mod sessions;
mod state;
mod tokens;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sigra_core::Stores;
use sigra_core::error::{StoreError, StoreErrorKind};
use sigra_core::id::UserId;
use sigra_core::ports::{Health, RecordedEvent};
use sigra_core::user::User;

use faults::Faults;
pub use outbox::QueuedMail;
use state::State;

/// Every storage port, in memory: the reference for what a store does.
///
/// With the features `mfa` and `passkeys` it is the ports of those crates as well, so an `Arc` of it is an
/// `Arc<dyn TotpStore>`, and so on.
///
/// Clones share everything. A change runs on a copy of the whole state, under one lock, and replaces the state when all
/// of it, evidence included, went well. So each method is atomic, and nothing can be half done. It is made to be
/// obvious, not fast: a change costs time in proportion to everything stored.
///
/// # Faults
///
/// A method can be told to fail, named by port and method, as in `accounts.reset_password`. It then answers
/// [`Unavailable`](StoreErrorKind::Unavailable) and changes nothing. The ports are `accounts`, `devices`, `tokens`,
/// `registrations`, `requests`, `attempts`, `passwords`, `profiles`, `sessions`, `outbox`, `log`, `audit`, `ceremonies`, `address_changes`, `dormancy`,
/// `housekeeping`, `leases`, `lifecycle` and `health`; with the feature `mfa` also `totp`, `backup_codes` and `trusted`, with `passkeys` also `passkeys`. One name
/// more, `evidence`, fails whichever change tries to commit an event or a mail.
///
/// ```
/// use sigra_core::ports::Health;
/// use sigra_testing::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let store = MemoryStore::new();
/// store.fail_next("health.ping");
/// assert!(store.ping().await.is_err());
/// assert!(store.ping().await.is_ok());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    state: State,
    faults: Faults,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The store as every storage port, for a [`Sigra`](sigra_core::Sigra).
    #[must_use]
    pub fn stores(&self) -> Stores {
        let store = Arc::new(self.clone());
        Stores {
            accounts: store.clone(),
            address_changes: store.clone(),
            attempts: store.clone(),
            audit: store.clone(),
            ceremonies: store.clone(),
            devices: store.clone(),
            dormancy: store.clone(),
            health: store.clone(),
            housekeeping: store.clone(),
            leases: store.clone(),
            lifecycle: store.clone(),
            log: store.clone(),
            outbox: store.clone(),
            outbox_reader: store.clone(),
            passwords: store.clone(),
            profiles: store.clone(),
            quarantine: store.clone(),
            registrations: store.clone(),
            requests: store.clone(),
            sessions: store.clone(),
            tokens: store,
        }
    }

    /// Every name a fault can have.
    #[must_use]
    pub fn operations() -> &'static [&'static str] {
        faults::OPERATIONS
    }

    /// Makes the next call of a method fail. Calls add up.
    ///
    /// # Panics
    ///
    /// When no method has that name.
    pub fn fail_next(&self, operation: &str) {
        self.lock().faults.next(operation);
    }

    /// Makes every call of a method fail until [`MemoryStore::heal`].
    ///
    /// # Panics
    ///
    /// When no method has that name.
    pub fn fail_always(&self, operation: &str) {
        self.lock().faults.always(operation);
    }

    /// Makes every call of every method fail until [`MemoryStore::heal`], like a database that went away.
    pub fn fail_all(&self) {
        self.lock().faults.everything();
    }

    /// Ends all faults, those that did not come about included.
    pub fn heal(&self) {
        self.lock().faults = Faults::default();
    }

    /// Every account, oldest first.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.lock().state.accounts.values().map(|account| account.user.clone()).collect()
    }

    /// Changes an account behind the back of the ports: disables it, raises an epoch.
    ///
    /// # Panics
    ///
    /// When there is no such account.
    pub fn edit_user(&self, id: UserId, edit: impl FnOnce(&mut User)) {
        let mut inner = self.lock();
        let account = inner.state.accounts.get_mut(&id).expect("the account to edit must exist");
        edit(&mut account.user);
    }

    /// Deletes an account behind the back of the ports, with all that belongs to it, as a host deletes its row. Nothing
    /// happens when there is none. Counters of attempts go with the next purge; the audit trail and the mail that is owed
    /// stay.
    pub fn erase_user(&self, id: UserId) {
        self.lock().state.erase(id);
    }

    /// The audit trail, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.lock().state.events.values().cloned().collect()
    }

    /// Every mail that was ever owed, oldest first.
    #[must_use]
    pub fn outbox(&self) -> Vec<QueuedMail> {
        self.lock().state.outbox.values().cloned().collect()
    }

    fn read<T>(&self, operation: &'static str, look: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let mut inner = self.lock();
        inner.faults.strike(operation)?;
        Ok(look(&inner.state))
    }

    /// Runs a step on a copy of the state, and keeps the copy if the step and its evidence went well.
    fn change<T>(
        &self,
        operation: &'static str,
        step: impl FnOnce(&mut State) -> Result<T, Refused>,
    ) -> Result<T, StoreError> {
        let mut inner = self.lock();
        inner.faults.strike(operation)?;
        let mut next = inner.state.clone();
        let outcome = step(&mut next).map_err(|Refused(kind)| StoreError::new(kind, operation))?;
        if next.events.len() > inner.state.events.len() || next.outbox.len() > inner.state.outbox.len() {
            inner.faults.strike("evidence")?;
        }
        inner.state = next;
        Ok(outcome)
    }

    // A panic of a caller's closure leaves the state as it was, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        let State { accounts, sessions, events, outbox, .. } = &inner.state;
        f.debug_struct("MemoryStore")
            .field("accounts", &accounts.len())
            .field("sessions", &sessions.len())
            .field("events", &events.len())
            .field("outbox", &outbox.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Health for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read("health.ping", |_| ())
    }
}

/// Why a step does not come about.
#[derive(Debug)]
struct Refused(StoreErrorKind);

impl Refused {
    /// A row that must be new exists.
    const CONFLICT: Self = Self(StoreErrorKind::Conflict);
    /// A row refers to one that does not exist.
    const DANGLING: Self = Self(StoreErrorKind::Unexpected);
}

#[cfg(test)]
mod tests {
    use sigra_core::audit::{AuditEvent, names};
    use sigra_core::client::ClientInfo;
    use sigra_core::email::EmailAddress;
    use sigra_core::evidence::Evidence;
    use sigra_core::ports::{AccountStore, EvidenceLog as _, NewAccount};
    use sigra_core::time::Timestamp;

    use super::*;

    fn account(email: &str) -> NewAccount {
        NewAccount {
            id: UserId::new(Timestamp::EPOCH),
            email: EmailAddress::parse(email).unwrap(),
            password: None,
            profile: serde_json::Value::Null,
            confirmed_at: None,
            created_at: Timestamp::EPOCH,
            quarantine: Vec::new(),
        }
    }

    fn evidence() -> Evidence {
        Evidence::event(AuditEvent::new(names::REGISTER_SUCCESS, Timestamp::EPOCH, &ClientInfo::default()))
    }

    #[tokio::test]
    async fn au_03_a_change_whose_evidence_fails_is_not_made() {
        let store = MemoryStore::new();
        store.fail_next("evidence");
        let error = store.create(&account("ann@example.org"), evidence()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(store.users().is_empty() && store.events().is_empty());
        assert!(store.create(&account("ann@example.org"), evidence()).await.unwrap());
        assert_eq!((store.users().len(), store.events().len()), (1, 1));
    }

    #[tokio::test]
    async fn au_14_a_database_that_goes_away_comes_back_as_it_was() {
        let store = MemoryStore::new();
        store.append(evidence()).await.unwrap();
        store.fail_all();
        assert!(store.append(evidence()).await.is_err());
        assert!(AccountStore::find(&store, UserId::new(Timestamp::EPOCH)).await.is_err());
        store.heal();
        store.fail_always("health.ping");
        assert!(store.ping().await.is_err() && store.ping().await.is_err());
        store.append(evidence()).await.unwrap();
        assert_eq!(store.events().len(), 2);
    }

    #[test]
    #[should_panic(expected = "no method is called `account.create`")]
    fn a_misspelt_fault_is_noticed() {
        MemoryStore::new().fail_next("account.create");
    }
}
