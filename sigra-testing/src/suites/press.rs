//! Where the suites get sessions from: a door whose sessions are caught before they are stored.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::client::ClientInfo;
use sigra_core::config::{Config, SessionConfig};
use sigra_core::door::{Admission, Door, DoorParts, Entry, Proof, Step, WayIn};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PendingId, SessionId, UserId};
use sigra_core::ports::{AccountStore, FoundSession, Minted, NoGeoIp, NoHooks, SessionStore, SignInRecorded};
use sigra_core::secret::{Digest, Purpose, RawToken};
use sigra_core::session::{NewSession, PendingSignIn, Session};
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_core::{CommonBrowsers, Unlimited};

use super::Backend;
use super::support::{HOUR, awkward_client};
use crate::{ManualClock, TestVault};

/// Makes sessions that are ready to be stored and not stored yet.
pub(super) struct Press {
    door: Door,
    caught: Arc<Catcher>,
    at: Timestamp,
}

impl Press {
    pub(super) fn at(backend: &Backend, at: Timestamp) -> Self {
        Self::limited(backend, at, SessionConfig::default().at_most)
    }

    /// Its sessions are for accounts that have so many at most.
    pub(super) fn limited(backend: &Backend, at: Timestamp, at_most: u32) -> Self {
        let caught = Arc::new(Catcher {
            accounts: backend.stores.accounts.clone(),
            sessions: backend.stores.sessions.clone(),
            last: Mutex::default(),
        });
        let parts = DoorParts {
            devices: backend.stores.devices.clone(),
            sessions: caught.clone(),
            log: backend.stores.log.clone(),
            vault: Arc::new(TestVault::default()),
            describer: Arc::new(CommonBrowsers),
            geo: Arc::new(NoGeoIp),
            mail_budget: Arc::new(Unlimited),
            hooks: Arc::new(NoHooks),
            clock: Arc::new(ManualClock::at(at)),
            config: Arc::new(Config {
                sessions: SessionConfig { at_most, ..SessionConfig::default() },
                ..Config::default()
            }),
        };
        Self { door: Door::new(parts, Vec::new()), caught, at }
    }

    /// A session of the user, whose present epochs must be stored.
    pub(super) async fn session(&self, user: &User) -> NewSession {
        self.replacing(user, None).await
    }

    /// A session of the user, who has shown this.
    pub(super) async fn shown(&self, user: &User, methods: Vec<Method>) -> NewSession {
        let proof = Proof::new(WayIn::Password, user, Aal::One, methods, self.at);
        self.caught(self.door.admit(proof, &Entry::default()).await.unwrap()).0
    }

    /// A session that replaces another one.
    pub(super) async fn replacing(&self, user: &User, session: Option<SessionId>) -> NewSession {
        let proof = Proof::new(WayIn::Password, user, Aal::One, vec![Method::PASSWORD], self.at);
        let entry = Entry { client: awkward_client(), session, ..Entry::default() };
        self.caught(self.door.admit(proof, &entry).await.unwrap()).0
    }

    /// A session from the device a token names, and the token of the device it would be remembered by, if that is new.
    pub(super) async fn on_device(&self, user: &User, device: Option<RawToken>) -> (NewSession, Option<RawToken>) {
        let proof = Proof::new(WayIn::Password, user, Aal::One, vec![Method::PASSWORD], self.at);
        let entry = Entry { client: awkward_client(), device, ..Entry::default() };
        self.caught(self.door.admit(proof, &entry).await.unwrap())
    }

    /// A session that promotes a stored pending sign-in, and replaces a session.
    pub(super) async fn promoting(&self, pending: &Pending, session: Option<SessionId>) -> NewSession {
        let entry = Entry { client: ClientInfo::default(), session, ..Entry::default() };
        self.caught(self.door.resume(&pending.token, Step::MFA, None, &entry).await.unwrap()).0
    }

    fn caught(&self, admission: Admission) -> (NewSession, Option<RawToken>) {
        let Admission::Granted(granted) = admission else { panic!("the door refused: {admission:?}") };
        let last = self.caught.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        (last.expect("the door mints what it grants"), granted.device)
    }
}

/// A pending sign-in with its token.
pub(super) struct Pending {
    pub(super) row: PendingSignIn,
    token: RawToken,
}

impl Pending {
    pub(super) fn new(user: &User, at: Timestamp) -> Self {
        let row = PendingSignIn {
            id: PendingId::new(at),
            user: user.id,
            assurance: Assurance { aal: Aal::One, methods: vec![Method::PASSWORD, Method::MAGIC_LINK], at },
            epochs: user.epochs,
            remember: true,
            opens_sudo: true,
            tell_unfinished: false,
            client: awkward_client(),
            created_at: at,
            expires_at: at + HOUR,
        };
        Self { row, token: RawToken::random() }
    }

    /// One whose owner is told when it is unfinished.
    pub(super) fn told(user: &User, at: Timestamp) -> Self {
        let Self { row, token } = Self::new(user, at);
        Self { row: PendingSignIn { tell_unfinished: true, ..row }, token }
    }

    /// A pending sign-in that is stored.
    pub(super) async fn stored(backend: &Backend, user: &User, at: Timestamp) -> Self {
        let pending = Self::new(user, at);
        pending.store(backend, None).await;
        pending
    }

    pub(super) async fn store(&self, backend: &Backend, replaces: Option<PendingId>) {
        assert_eq!(self.insert(backend, replaces).await, Minted::Done(()));
    }

    pub(super) async fn insert(&self, backend: &Backend, replaces: Option<PendingId>) -> Minted {
        let sessions = &backend.stores.sessions;
        sessions.insert_pending(&self.row, self.digest(), replaces, Evidence::none()).await.unwrap()
    }

    pub(super) async fn is_stored(&self, backend: &Backend) -> bool {
        backend.stores.sessions.find_pending(self.digest()).await.unwrap().is_some()
    }

    pub(super) fn digest(&self) -> Digest {
        self.token.digest(Purpose::PENDING)
    }
}

/// A session store that keeps what it is told to insert, and hands on everything else.
struct Catcher {
    accounts: Arc<dyn AccountStore>,
    sessions: Arc<dyn SessionStore>,
    last: Mutex<Option<NewSession>>,
}

#[async_trait]
impl SessionStore for Catcher {
    async fn insert(
        &self,
        new: &NewSession,
        _: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Minted<SignInRecorded>, StoreError> {
        let Some(account) = self.accounts.find(new.session().user).await? else {
            return Ok(Minted::Stale);
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(new.clone());
        Ok(Minted::Done(SignInRecorded { user: account.user, previous_sign_in_at: None, crowded_out: Vec::new() }))
    }

    async fn find(&self, digest: Digest) -> Result<Option<FoundSession>, StoreError> {
        self.sessions.find(digest).await
    }

    async fn touch(
        &self,
        id: SessionId,
        at: Timestamp,
        idle_expires_at: Timestamp,
        assurance: Option<&Assurance>,
    ) -> Result<(), StoreError> {
        self.sessions.touch(id, at, idle_expires_at, assurance).await
    }

    async fn rotate(
        &self,
        id: SessionId,
        old: Digest,
        new: Digest,
        at: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.sessions.rotate(id, old, new, at, evidence).await
    }

    async fn elevate(
        &self,
        session: &Session,
        old: Digest,
        new: Digest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.sessions.elevate(session, old, new, evidence).await
    }

    async fn list(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StoreError> {
        self.sessions.list(user, limit).await
    }

    async fn revoke(&self, user: UserId, id: SessionId, evidence: EvidenceFor<'_, bool>) -> Result<bool, StoreError> {
        self.sessions.revoke(user, id, evidence).await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        evidence: EvidenceFor<'_, u64>,
    ) -> Result<u64, StoreError> {
        self.sessions.revoke_all(user, except, evidence).await
    }

    async fn insert_pending(
        &self,
        pending: &PendingSignIn,
        digest: Digest,
        replaces: Option<PendingId>,
        evidence: Evidence,
    ) -> Result<Minted, StoreError> {
        self.sessions.insert_pending(pending, digest, replaces, evidence).await
    }

    async fn find_pending(&self, digest: Digest) -> Result<Option<(PendingSignIn, User)>, StoreError> {
        self.sessions.find_pending(digest).await
    }

    async fn delete_pending(&self, id: PendingId) -> Result<(), StoreError> {
        self.sessions.delete_pending(id).await
    }

    async fn unfinished(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, PendingId)>,
        limit: u32,
    ) -> Result<Vec<PendingSignIn>, StoreError> {
        self.sessions.unfinished(now, after, limit).await
    }

    async fn end_unfinished(&self, user: UserId, id: PendingId, evidence: Evidence) -> Result<bool, StoreError> {
        self.sessions.end_unfinished(user, id, evidence).await
    }
}
