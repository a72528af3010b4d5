//! Sessions in a storage of their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::Stores;
use sigra_core::assurance::Assurance;
use sigra_core::error::{StoreError, StoreErrorKind};
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PendingId, SessionId, UserId};
use sigra_core::ports::{
    AccountStore, EvidenceLog, FoundSession, Housekeeping, Minted, RowKind, SessionStore, SignInRecorded,
};
use sigra_core::secret::Digest;
use sigra_core::session::{NewSession, PendingSignIn, Session};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use tokio::sync::Mutex;

/// Sessions in the memory of one process, beside accounts and an audit trail that live elsewhere.
///
/// For a host whose users may sign in again after a restart. It shows the order a store without a transaction over both
/// keeps: hold what is checked, record the evidence, and change something only when that succeeded. A process that
/// dies in between leaves evidence of a change that was not made, never a change without evidence.
pub struct SessionsApart {
    accounts: Arc<dyn AccountStore>,
    log: Arc<dyn EvidenceLog>,
    rest: Arc<dyn Housekeeping>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    sessions: BTreeMap<SessionId, Kept>,
    /// Those that have ended and are still to be told have no token.
    pending: BTreeMap<PendingId, (PendingSignIn, Option<Digest>)>,
    /// Current and retired ones.
    tokens: HashMap<Digest, SessionId>,
}

struct Kept {
    session: Session,
    digest: Digest,
    retired: HashMap<Digest, Timestamp>,
}

impl SessionsApart {
    /// These stores with the sessions kept apart.
    #[must_use]
    pub fn beside(stores: Stores) -> Stores {
        let Stores { accounts, log, housekeeping: rest, .. } = stores.clone();
        let apart = Arc::new(Self { accounts, log, rest, held: Mutex::default() });
        Stores { sessions: apart.clone(), housekeeping: apart, ..stores }
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.accounts.find(id).await?.map(|account| account.user))
    }

    /// Whether what was proven under `epochs` still counts. A moment later it may not: whoever finds the session compares
    /// again, so a session minted in that moment opens nothing.
    async fn stands(&self, user: UserId, epochs: Epochs) -> Result<bool, StoreError> {
        Ok(self.user(user).await?.is_some_and(|user| user.stands(epochs)))
    }
}

#[async_trait]
impl SessionStore for SessionsApart {
    async fn find(&self, digest: Digest) -> Result<Option<FoundSession>, StoreError> {
        let (session, retired_at) = {
            let held = self.held.lock().await;
            let Some(kept) = held.tokens.get(&digest).and_then(|id| held.sessions.get(id)) else {
                return Ok(None);
            };
            (kept.session.clone(), kept.retired.get(&digest).copied())
        };
        let user = self.user(session.user).await?;
        Ok(user.map(|user| FoundSession { session, user, retired_at }))
    }

    async fn insert(
        &self,
        new: &NewSession,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Minted<SignInRecorded>, StoreError> {
        let (session, digest, replaces) = (new.session(), new.digest(), new.replaces());
        let mut held = self.held.lock().await;
        if replaces.pending.is_some_and(|pending| !held.goes_on(pending)) {
            return Ok(Minted::PendingGone);
        }
        held.must_be_new(digest)?;
        if held.sessions.contains_key(&session.id) {
            return Err(conflict());
        }
        let crowded_out = new.crowds_out(held.of(session.user).map(|kept| &kept.session));
        let complete =
            |recorded: &SignInRecorded| SignInRecorded { crowded_out: crowded_out.clone(), ..recorded.clone() };
        // Judges the epochs, and commits the evidence with what it records.
        let recorded = self.accounts.record_sign_in(new.sign_in(), &|recorded| evidence(&complete(recorded))).await?;
        let Some(recorded) = recorded.as_ref().map(complete) else {
            return Ok(Minted::Stale);
        };
        if let Some(pending) = replaces.pending {
            held.pending.remove(&pending);
        }
        for ended in replaces.session.into_iter().chain(crowded_out) {
            held.end(ended);
        }
        held.tokens.insert(digest, session.id);
        held.sessions.insert(session.id, Kept { session: session.clone(), digest, retired: HashMap::new() });
        Ok(Minted::Done(recorded))
    }

    async fn touch(
        &self,
        id: SessionId,
        at: Timestamp,
        idle_expires_at: Timestamp,
        assurance: Option<&Assurance>,
    ) -> Result<(), StoreError> {
        let mut held = self.held.lock().await;
        if let Some(Kept { session, .. }) = held.sessions.get_mut(&id).filter(|kept| kept.session.last_seen_at <= at) {
            session.last_seen_at = at;
            session.idle_expires_at = idle_expires_at;
            session.assurance = assurance.unwrap_or(&session.assurance).clone();
        }
        Ok(())
    }

    async fn rotate(
        &self,
        id: SessionId,
        old: Digest,
        new: Digest,
        at: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let mut held = self.held.lock().await;
        if held.current(id) != Some(old) {
            return Ok(false);
        }
        held.must_be_new(new)?;
        self.log.append(evidence).await?;
        held.tokens.insert(new, id);
        if let Some(kept) = held.sessions.get_mut(&id) {
            kept.digest = new;
            kept.retired.insert(old, at);
            kept.session.rotated_at = at;
        }
        Ok(true)
    }

    async fn elevate(
        &self,
        session: &Session,
        old: Digest,
        new: Digest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let mut held = self.held.lock().await;
        if held.current(session.id) != Some(old) || !self.stands(session.user, session.epochs).await? {
            return Ok(false);
        }
        held.must_be_new(new)?;
        self.log.append(evidence).await?;
        held.end(session.id);
        held.tokens.insert(new, session.id);
        held.sessions.insert(session.id, Kept { session: session.clone(), digest: new, retired: HashMap::new() });
        Ok(true)
    }

    async fn list(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StoreError> {
        let held = self.held.lock().await;
        let mut sessions: Vec<_> = held.of(user).map(|kept| kept.session.clone()).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        sessions.truncate(limit as usize);
        Ok(sessions)
    }

    async fn revoke(&self, user: UserId, id: SessionId, evidence: EvidenceFor<'_, bool>) -> Result<bool, StoreError> {
        let mut held = self.held.lock().await;
        let existed = held.of(user).any(|kept| kept.session.id == id);
        self.log.append(evidence(&existed)).await?;
        if existed {
            held.end(id);
        }
        Ok(existed)
    }

    async fn revoke_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        evidence: EvidenceFor<'_, u64>,
    ) -> Result<u64, StoreError> {
        let mut held = self.held.lock().await;
        let doomed: Vec<_> = held.of(user).map(|kept| kept.session.id).filter(|id| Some(*id) != except).collect();
        let ended = doomed.len() as u64;
        self.log.append(evidence(&ended)).await?;
        doomed.into_iter().for_each(|id| held.end(id));
        held.end_pending(|pending| pending.user == user);
        Ok(ended)
    }

    async fn insert_pending(
        &self,
        pending: &PendingSignIn,
        digest: Digest,
        replaces: Option<PendingId>,
        evidence: Evidence,
    ) -> Result<Minted, StoreError> {
        let mut held = self.held.lock().await;
        if !self.stands(pending.user, pending.epochs).await? {
            return Ok(Minted::Stale);
        }
        if replaces.is_some_and(|replaced| !held.goes_on(replaced)) {
            return Ok(Minted::PendingGone);
        }
        if held.pending.iter().any(|(id, (_, other))| *id == pending.id || *other == Some(digest)) {
            return Err(conflict());
        }
        self.log.append(evidence).await?;
        if let Some(replaced) = replaces {
            held.pending.remove(&replaced);
        }
        held.pending.insert(pending.id, (pending.clone(), Some(digest)));
        Ok(Minted::Done(()))
    }

    async fn find_pending(&self, digest: Digest) -> Result<Option<(PendingSignIn, User)>, StoreError> {
        let found = {
            let held = self.held.lock().await;
            held.pending.values().find(|(_, other)| *other == Some(digest)).map(|(pending, _)| pending.clone())
        };
        let Some(pending) = found else { return Ok(None) };
        Ok(self.user(pending.user).await?.map(|user| (pending, user)))
    }

    async fn delete_pending(&self, id: PendingId) -> Result<(), StoreError> {
        self.held.lock().await.end_pending(|pending| pending.id == id);
        Ok(())
    }

    async fn unfinished(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, PendingId)>,
        limit: u32,
    ) -> Result<Vec<PendingSignIn>, StoreError> {
        let held = self.held.lock().await;
        let expired = held.pending.values().map(|(pending, _)| pending);
        let expired = expired.filter(|pending| pending.tell_unfinished && pending.expires_at <= now);
        let mut rows: Vec<_> =
            expired.filter(|row| after.is_none_or(|after| after < (row.expires_at, row.id))).collect();
        rows.sort_by_key(|row| (row.expires_at, row.id));
        Ok(rows.into_iter().take(limit as usize).cloned().collect())
    }

    async fn end_unfinished(&self, user: UserId, id: PendingId, evidence: Evidence) -> Result<bool, StoreError> {
        let mut held = self.held.lock().await;
        let told = |(pending, _): &(PendingSignIn, _)| pending.user == user && pending.tell_unfinished;
        if !held.pending.get(&id).is_some_and(told) {
            return Ok(false);
        }
        self.log.append(evidence).await?;
        held.pending.remove(&id);
        Ok(true)
    }
}

#[async_trait]
impl Housekeeping for SessionsApart {
    fn kinds(&self) -> Vec<RowKind> {
        self.rest.kinds()
    }

    async fn purge(&self, kind: RowKind, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut held = self.held.lock().await;
        match kind {
            RowKind::SESSIONS => {
                let over = |kept: &&Kept| kept.session.idle_expires_at < before || kept.session.expires_at < before;
                let over = held.sessions.values().filter(over).map(|kept| kept.session.id);
                let over: Vec<_> = over.take(limit as usize).collect();
                over.iter().for_each(|id| held.end(*id));
                Ok(over.len() as u64)
            }
            RowKind::PENDING_SIGN_INS => {
                let over = held
                    .pending
                    .values()
                    .filter(|(pending, _)| pending.expires_at < before && !pending.tell_unfinished);
                let over: Vec<_> = over.map(|(pending, _)| pending.id).take(limit as usize).collect();
                held.pending.retain(|id, _| !over.contains(id));
                Ok(over.len() as u64)
            }
            _ => self.rest.purge(kind, before, limit).await,
        }
    }
}

impl Held {
    /// Whether a pending sign-in can be continued.
    fn goes_on(&self, id: PendingId) -> bool {
        self.pending.get(&id).is_some_and(|(_, digest)| digest.is_some())
    }

    /// Ends pending sign-ins. Those that are to be told stay for that, and nothing else finds them.
    fn end_pending(&mut self, ends: impl Fn(&PendingSignIn) -> bool) {
        self.pending.retain(|_, (pending, digest)| {
            if !ends(pending) {
                return true;
            }
            *digest = None;
            pending.tell_unfinished
        });
    }

    fn current(&self, id: SessionId) -> Option<Digest> {
        self.sessions.get(&id).map(|kept| kept.digest)
    }

    fn of(&self, user: UserId) -> impl Iterator<Item = &Kept> {
        self.sessions.values().filter(move |kept| kept.session.user == user)
    }

    fn must_be_new(&self, digest: Digest) -> Result<(), StoreError> {
        if self.tokens.contains_key(&digest) { Err(conflict()) } else { Ok(()) }
    }

    fn end(&mut self, id: SessionId) {
        if let Some(kept) = self.sessions.remove(&id) {
            for digest in kept.retired.keys().chain([&kept.digest]) {
                self.tokens.remove(digest);
            }
        }
    }
}

fn conflict() -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, "SessionStore")
}
