//! What goes with an account that is deleted behind the back of the ports: a host deletes the row in the storage, by the
//! [`Operator`](super::Operator), and what refers to it must go too.

use sigra_core::evidence::Evidence;
use sigra_core::id::DeviceId;
use sigra_core::ports::{
    AttemptKey, AttemptOwner, AttemptPolicy, Ceremony, Mac, Reservation, Sealed, SignIn, SignInDevice,
};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::session::{Device, NewSession};
use sigra_core::user::User;

use super::Backend;
use super::address_changes::Asked;
use super::press::{Pending, Press};
use super::support::*;

suite! {
    lc_01_what_belongs_to_an_account_goes_with_it,
    lc_01_the_trail_and_the_address_outlive_the_account,
}

/// Sessions with their retired tokens, pending sign-ins, devices, tokens, changes of address and ceremonies go at once; counters with the next
/// purge. Another account keeps all of it.
pub async fn lc_01_what_belongs_to_an_account_goes_with_it(backend: &Backend) {
    let Some(operator) = operator(backend, "erasure::lc_01_what_belongs_to_an_account_goes_with_it") else { return };
    let (erased, kept) = (Belongings::new(backend).await, Belongings::new(backend).await);
    assert_eq!((erased.left(backend).await, kept.left(backend).await), (9, 9));
    operator.erase(erased.user.id).await;
    while purge(backend, 100).await > 0 {}
    assert_eq!(erased.left(backend).await, 0);
    assert!(backend.stores.accounts.find(erased.user.id).await.unwrap().is_none());
    assert!(backend.stores.sessions.list(erased.user.id, 10).await.unwrap().is_empty());
    assert_eq!(erased.attempts(backend).await, 1, "its counter was kept");
    assert_eq!(kept.left(backend).await, 9);
    assert_eq!(kept.attempts(backend).await, 2);
    assert_eq!(stored(backend, kept.user.id).await.id, kept.user.id);
}

/// Events about the account stay; its address is free again, for an account that inherits nothing.
pub async fn lc_01_the_trail_and_the_address_outlive_the_account(backend: &Backend) {
    let Some(operator) = operator(backend, "erasure::lc_01_the_trail_and_the_address_outlive_the_account") else {
        return;
    };
    let user = account(backend).await;
    backend.stores.log.append(trace(user.id)).await.unwrap();
    operator.erase(user.id).await;
    assert_eq!(traces(backend, user.id).await, 1);
    assert!(backend.stores.accounts.find_by_email(&user.email).await.unwrap().is_none());
    let again = new_account(&user.email);
    assert!(backend.stores.accounts.create(&again, Evidence::none()).await.unwrap());
    assert_eq!(stored(backend, again.id).await, again.to_user());
}

/// An account with one of everything.
pub(super) struct Belongings {
    /// As it was before it had them.
    pub(super) user: User,
    session: NewSession,
    /// The token the session had first.
    retired: Digest,
    current: Digest,
    pending: Pending,
    device: Digest,
    tokens: [sigra_core::registration::MailedToken; 2],
    ceremony: Digest,
    pub(super) change: Asked,
    counter: AttemptKey,
}

impl Belongings {
    pub(super) async fn new(backend: &Backend) -> Self {
        Self::of(backend, account(backend).await).await
    }

    /// Gives an account one of everything.
    pub(super) async fn of(backend: &Backend, user: User) -> Self {
        let at = now();
        let session = Press::at(backend, at).session(&user).await;
        backend.stores.sessions.insert(&session, &|_| Evidence::none()).await.unwrap();
        let (retired, current) = (session.digest(), digest());
        let id = session.session().id;
        assert!(backend.stores.sessions.rotate(id, retired, current, at, Evidence::none()).await.unwrap());
        let pending = Pending::stored(backend, &user, at).await;
        let (id, device) = (DeviceId::new(at), digest());
        let row = Device { id, user: user.id, created_at: at, last_seen_at: at, expires_at: at + HOUR };
        let row = SignInDevice::New { digest: device, device: row };
        let sign_in = SignIn { user: user.id, epochs: user.epochs, at, clears_attempts: false, device: row };
        backend.stores.accounts.record_sign_in(&sign_in, &|_| Evidence::none()).await.unwrap().unwrap();
        let tokens = [token(&user, Purpose::MAGIC_LINK), rescue_token(&user)];
        for token in &tokens {
            keep(backend, token).await;
        }
        let ceremony = digest();
        let state = Sealed::from_bytes(vec![1]);
        let row = Ceremony { key: ceremony, user: Some(user.id), state, created_at: at, expires_at: at + HOUR };
        backend.stores.ceremonies.put(&row).await.unwrap();
        let change = Asked::by(backend, &user).await;
        change.arm(backend).await;
        let counter = AttemptKey { counter: "conformance", whom: Mac::from_bytes(*digest().as_bytes()) };
        let belongings = Self { user, session, retired, current, pending, device, tokens, ceremony, change, counter };
        assert_eq!(belongings.attempts(backend).await, 1);
        belongings
    }

    /// How many of its rows are found.
    pub(super) async fn left(&self, backend: &Backend) -> usize {
        let stores = &backend.stores;
        let mut found = vec![
            stores.devices.find(self.device, now()).await.unwrap().is_some(),
            self.pending.is_stored(backend).await,
            stores.address_changes.peek_undo(self.change.undo, now()).await.unwrap().is_some(),
            stores.ceremonies.peek(self.ceremony, now()).await.unwrap().is_some(),
            stores.accounts.find(self.user.id).await.unwrap().is_some(),
        ];
        for digest in [self.retired, self.current] {
            let session = stores.sessions.find(digest).await.unwrap();
            found.push(session.is_some_and(|found| found.session.id == self.session.session().id));
        }
        for token in &self.tokens {
            found.push(is_live(backend, token).await);
        }
        count(&found, |found| *found)
    }

    /// Counts one more attempt and tells its number.
    pub(super) async fn attempts(&self, backend: &Backend) -> u32 {
        let policy = AttemptPolicy { free: 5, cap: 100, lock_secs: 60, max_lock_secs: 60, window_secs: None };
        let owner = Some(AttemptOwner::Account(self.user.id));
        match backend.stores.attempts.reserve(&self.counter, &policy, owner, now()).await.unwrap() {
            Reservation::Granted(reserved) => reserved.count,
            refused => panic!("nothing stands against it: {refused:?}"),
        }
    }
}
