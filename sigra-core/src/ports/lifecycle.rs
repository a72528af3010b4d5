//! How accounts end: disabled by an operator, or deleted after a time in which that can be taken back.

use std::error::Error;

use async_trait::async_trait;

use crate::config::DeletionStrategy;
use crate::email::EmailAddress;
use crate::error::StoreError;
use crate::evidence::EvidenceFor;
use crate::id::UserId;
use crate::registration::AddressRequest;
use crate::secret::Digest;
use crate::time::Timestamp;
use crate::user::{Epochs, User};

use super::Recovered;

/// How accounts end.
///
/// # Contract
///
/// - As for [`AccountStore`](super::AccountStore): one atomic step each, guarded in the storage, committed with its evidence.
///   `None` means that the guard failed: nothing changed, and no evidence was asked for.
/// - Evidence is made from the account as the step leaves it; that of [`LifecycleStore::erase`] from the account as it was.
/// - `under` names the epochs the caller's credential carries: the step is made only while the account
///   [stands](User::stands) under them. An operator has no credential and gives `None`.
/// - Of concurrent calls that exclude each other, one succeeds.
#[async_trait]
pub trait LifecycleStore: Send + Sync {
    /// Schedules a deletion for `due_at`, raises the security epoch, forgets every device and every token of the account
    /// except rescue tokens. Only while none is scheduled.
    async fn schedule_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        due_at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;

    /// Takes a deletion back, and forgets the tokens that could have. Only while one is scheduled and not due at `now`.
    /// No epoch is raised.
    async fn cancel_deletion(
        &self,
        user: UserId,
        under: Option<Epochs>,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;

    /// Redeems a rescue token: does what [`LifecycleStore::cancel_deletion`] and
    /// [`AccountStore::rescue`](super::AccountStore::rescue) do, in one step; an account that is not confirmed is
    /// [reclaimed](super::AccountStore#reclaiming) too. Only while a deletion is scheduled and not due at `now`, and the token is
    /// live as [`TokenStore`](super::TokenStore) says.
    async fn undo_deletion(
        &self,
        digest: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError>;

    /// Up to `limit` deletions that are due at `now`, in the order of their time and then of their account, from the first
    /// behind `after` on. Found by an index.
    async fn due_deletions(
        &self,
        now: Timestamp,
        after: Option<DueDeletion>,
        limit: u32,
    ) -> Result<Vec<DueDeletion>, StoreError>;

    /// Deletes an account: every row that refers to it, counters of attempts that are [its own](super::AttemptOwner) and
    /// registrations for its address included, and of the account itself whatever the [strategy](Erasure::leaves) does not
    /// leave. Audit events, and mail that is owed or was sent, stay, and so do [quarantines](super::QuarantineStore), which are
    /// nobody's from then on. Hooks that the store runs in its transactions run there.
    ///
    /// Only while the condition of the erasure holds. Answers the account as it was.
    async fn erase(&self, erasure: &Erasure, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError>;

    /// Disables an account, raises its security epoch, forgets every device and every token of it except rescue tokens
    /// (which are dead while it is disabled). Only while it is not disabled.
    async fn disable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;

    /// Enables an account, and [starts anew](super::DormancyRecord::restarted) how long nobody has used it. Only while it is
    /// disabled. No epoch goes back: what was ended stays ended.
    async fn enable(
        &self,
        user: UserId,
        at: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;
}

/// A deletion whose day has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueDeletion {
    /// Since when.
    pub due_at: Timestamp,
    /// Of which account.
    pub user: UserId,
}

/// Which account is to be erased, on what condition, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The account.
    pub user: UserId,
    /// Only while its deletion is due at `at`, so that one that was taken back can never happen. An operator who erases an
    /// account out of turn asks for no deletion at all.
    pub only_if_due: bool,
    /// What is left.
    pub strategy: DeletionStrategy,
    /// When.
    pub at: Timestamp,
}

impl Erasure {
    /// Whether the condition holds for an account.
    ///
    /// The one definition of that. Whoever judges it in another language says the same there.
    #[must_use]
    pub fn applies_to(&self, user: &User) -> bool {
        user.id == self.user && (!self.only_if_due || user.deletion_is_due(self.at))
    }

    /// What is left of an account; `None` for nothing. The password is not, whatever the strategy.
    #[must_use]
    pub fn leaves(&self, user: &User) -> Option<User> {
        let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
        let disabled_at = user.disabled_at.or(Some(self.at));
        let closed = User {
            has_password: false,
            password_changed_at: None,
            password_change_required_at: None,
            epochs,
            disabled_at,
            deletion_due_at: None,
            ..user.clone()
        };
        match self.strategy {
            DeletionStrategy::HardDelete => None,
            DeletionStrategy::SoftDelete => Some(closed),
            DeletionStrategy::Anonymize => Some(User {
                // A domain that never gets mail (RFC 2606 §2), and an address as unique as the id.
                email: EmailAddress::parse(&format!("deleted-{}@deleted.invalid", user.id))
                    .expect("a UUID is fit for the local part of an address"),
                confirmed_at: None,
                profile: serde_json::Value::Object(serde_json::Map::new()),
                last_sign_in_at: None,
                ..closed
            }),
        }
    }
}

/// Data about accounts that lives where the [`LifecycleStore`] cannot reach: in another database, a search index, files.
///
/// What shares its database belongs into the in-transaction hook of the store, which is all or nothing.
///
/// # Contract
///
/// - Called for an account that is about to be erased, after nothing can bring it back any more. It is the account as it was.
/// - It may be called again for the same account, by several processes at once, so doing it twice does no harm.
/// - An error leaves the account as it is; the next sweep tries again.
#[async_trait]
pub trait AccountData: Send + Sync {
    /// Erases what is kept about the account.
    async fn erase(&self, user: &User, strategy: DeletionStrategy) -> Result<(), Box<dyn Error + Send + Sync>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::NewAccount;

    fn user(at: Timestamp) -> User {
        let email = EmailAddress::parse("ann@example.org").unwrap();
        let profile = serde_json::json!({ "name": "Ann" });
        let (id, confirmed_at) = (UserId::new(at), Some(at));
        let account =
            NewAccount { id, email, password: None, profile, confirmed_at, created_at: at, quarantine: Vec::new() };
        User { has_password: true, last_sign_in_at: Some(at), deletion_due_at: Some(at), ..account.to_user() }
    }

    #[test]
    fn lc_01_what_each_strategy_leaves() {
        let at = Timestamp::from_secs(1_000);
        let user = user(at);
        let left = |strategy| Erasure { user: user.id, only_if_due: true, strategy, at }.leaves(&user);
        assert_eq!(left(DeletionStrategy::HardDelete), None);
        let soft = left(DeletionStrategy::SoftDelete).unwrap();
        assert_eq!((&soft.email, &soft.profile), (&user.email, &user.profile));
        let anonymous = left(DeletionStrategy::Anonymize).unwrap();
        assert_eq!(anonymous.email.as_str(), format!("deleted-{}@deleted.invalid", user.id));
        assert_eq!((anonymous.id, anonymous.created_at), (user.id, user.created_at));
        assert_eq!((anonymous.confirmed_at, anonymous.last_sign_in_at), (None, None));
        assert!(!serde_json::to_string(&anonymous.profile).unwrap().contains("Ann"));
        for closed in [soft, anonymous] {
            assert!(!closed.has_password && closed.deletion_due_at.is_none() && closed.disabled_at == Some(at));
            assert_eq!(closed.epochs.security, user.epochs.security + 1);
        }
    }

    #[test]
    fn a_deletion_is_due_from_its_microsecond_on() {
        let at = Timestamp::from_secs(1_000);
        let user = user(at);
        let erasure = Erasure { user: user.id, only_if_due: true, strategy: DeletionStrategy::HardDelete, at };
        assert!(erasure.applies_to(&user));
        let early = Erasure { at: at - std::time::Duration::from_micros(1), ..erasure };
        assert!(!early.applies_to(&user));
        assert!(Erasure { only_if_due: false, ..early }.applies_to(&user));
        assert!(!erasure.applies_to(&User { deletion_due_at: None, ..user }));
    }
}
