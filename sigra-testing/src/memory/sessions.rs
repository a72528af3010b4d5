//! Sessions and pending sign-ins.

use async_trait::async_trait;
use sigra_core::assurance::Assurance;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{PendingId, SessionId, UserId};
use sigra_core::ports::{FoundSession, Minted, SessionStore, SignInRecorded};
use sigra_core::secret::Digest;
use sigra_core::session::{NewSession, PendingSignIn, Session};
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::state::{State, new_row};
use super::{MemoryStore, Refused};

/// A session with its tokens' digests.
#[derive(Clone)]
pub(super) struct StoredSession {
    pub(super) session: Session,
    digest: Digest,
    /// Tokens that a rotation replaced, and when.
    retired: Vec<(Digest, Timestamp)>,
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn find(&self, digest: Digest) -> Result<Option<FoundSession>, StoreError> {
        self.read("sessions.find", |state| {
            let (row, retired_at) = state.sessions.values().find_map(|row| Some((row, row.knows(digest)?)))?;
            let user = state.user(row.session.user)?.clone();
            Some(FoundSession { session: row.session.clone(), user, retired_at })
        })
    }

    async fn insert(
        &self,
        new: &NewSession,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Minted<SignInRecorded>, StoreError> {
        self.change("sessions.insert", |state| {
            let (session, replaces) = (new.session(), new.replaces());
            if replaces.pending.is_some_and(|pending| !state.goes_on(pending)) {
                return Ok(Minted::PendingGone);
            }
            let Some(mut recorded) = state.record_sign_in(new.sign_in())? else {
                return Ok(Minted::Stale);
            };
            state.token_must_be_new(new.digest())?;
            let row = StoredSession { session: session.clone(), digest: new.digest(), retired: Vec::new() };
            new_row(state.sessions.insert(session.id, row))?;
            if let Some(pending) = replaces.pending {
                state.pending.remove(&pending);
            }
            if let Some(replaced) = replaces.session {
                state.sessions.remove(&replaced);
            }
            recorded.crowded_out = new.crowds_out(state.sessions.values().map(|row| &row.session));
            for ended in &recorded.crowded_out {
                state.sessions.remove(ended);
            }
            state.record(evidence(&recorded))?;
            Ok(Minted::Done(recorded))
        })
    }

    async fn touch(
        &self,
        id: SessionId,
        at: Timestamp,
        idle_expires_at: Timestamp,
        assurance: Option<&Assurance>,
    ) -> Result<(), StoreError> {
        self.change("sessions.touch", |state| {
            let row = state.sessions.get_mut(&id).filter(|row| row.session.last_seen_at <= at);
            if let Some(StoredSession { session, .. }) = row {
                session.last_seen_at = at;
                session.idle_expires_at = idle_expires_at;
                session.assurance = assurance.unwrap_or(&session.assurance).clone();
            }
            Ok(())
        })
    }

    async fn rotate(
        &self,
        id: SessionId,
        old: Digest,
        new: Digest,
        at: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("sessions.rotate", |state| {
            if state.sessions.get(&id).map(|row| row.digest) != Some(old) {
                return Ok(false);
            }
            state.token_must_be_new(new)?;
            if let Some(row) = state.sessions.get_mut(&id) {
                row.digest = new;
                row.retired.push((old, at));
                row.session.rotated_at = at;
            }
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn elevate(
        &self,
        session: &Session,
        old: Digest,
        new: Digest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("sessions.elevate", |state| {
            let current = state.sessions.get(&session.id).is_some_and(|row| row.digest == old);
            if !current || state.standing_user(session.user, session.epochs).is_none() {
                return Ok(false);
            }
            state.token_must_be_new(new)?;
            if let Some(row) = state.sessions.get_mut(&session.id) {
                row.digest = new;
                row.retired.clear();
                row.session = session.clone();
            }
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn list(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StoreError> {
        self.read("sessions.list", |state| {
            let mut sessions: Vec<_> = state.sessions.values().map(|row| &row.session).collect();
            sessions.retain(|session| session.user == user);
            sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
            sessions.into_iter().take(limit as usize).cloned().collect()
        })
    }

    async fn revoke(&self, user: UserId, id: SessionId, evidence: EvidenceFor<'_, bool>) -> Result<bool, StoreError> {
        self.change("sessions.revoke", |state| {
            let existed = state.sessions.get(&id).is_some_and(|row| row.session.user == user);
            if existed {
                state.sessions.remove(&id);
            }
            state.record(evidence(&existed))?;
            Ok(existed)
        })
    }

    async fn revoke_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        evidence: EvidenceFor<'_, u64>,
    ) -> Result<u64, StoreError> {
        self.change("sessions.revoke_all", |state| {
            let before = state.sessions.len();
            state.sessions.retain(|id, row| row.session.user != user || Some(*id) == except);
            state.end_pending(|pending| pending.user == user);
            let ended = (before - state.sessions.len()) as u64;
            state.record(evidence(&ended))?;
            Ok(ended)
        })
    }

    async fn insert_pending(
        &self,
        pending: &PendingSignIn,
        digest: Digest,
        replaces: Option<PendingId>,
        evidence: Evidence,
    ) -> Result<Minted, StoreError> {
        self.change("sessions.insert_pending", |state| {
            if state.standing_user(pending.user, pending.epochs).is_none() {
                return Ok(Minted::Stale);
            }
            if let Some(replaced) = replaces {
                if !state.goes_on(replaced) {
                    return Ok(Minted::PendingGone);
                }
                state.pending.remove(&replaced);
            }
            let known = state.pending.values().any(|(_, other)| *other == Some(digest));
            new_row(known.then_some(()))?;
            new_row(state.pending.insert(pending.id, (pending.clone(), Some(digest))))?;
            state.record(evidence)?;
            Ok(Minted::Done(()))
        })
    }

    async fn find_pending(&self, digest: Digest) -> Result<Option<(PendingSignIn, User)>, StoreError> {
        self.read("sessions.find_pending", |state| {
            let (pending, _) = state.pending.values().find(|(_, other)| *other == Some(digest))?;
            Some((pending.clone(), state.user(pending.user)?.clone()))
        })
    }

    async fn delete_pending(&self, id: PendingId) -> Result<(), StoreError> {
        self.change("sessions.delete_pending", |state| {
            state.end_pending(|pending| pending.id == id);
            Ok(())
        })
    }

    async fn unfinished(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, PendingId)>,
        limit: u32,
    ) -> Result<Vec<PendingSignIn>, StoreError> {
        self.read("sessions.unfinished", |state| {
            let mut rows: Vec<_> = state.pending.values().map(|(pending, _)| pending).collect();
            rows.retain(|row| row.tell_unfinished && row.expires_at <= now);
            rows.retain(|row| after.is_none_or(|after| after < (row.expires_at, row.id)));
            rows.sort_by_key(|row| (row.expires_at, row.id));
            rows.into_iter().take(limit as usize).cloned().collect()
        })
    }

    async fn end_unfinished(&self, user: UserId, id: PendingId, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("sessions.end_unfinished", |state| {
            let theirs = |(row, _): &(PendingSignIn, _)| row.tell_unfinished && row.user == user;
            if !state.pending.get(&id).is_some_and(theirs) {
                return Ok(false);
            }
            state.pending.remove(&id);
            state.record(evidence)?;
            Ok(true)
        })
    }
}

impl State {
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

    fn token_must_be_new(&self, digest: Digest) -> Result<(), Refused> {
        let known = self.sessions.values().any(|row| row.knows(digest).is_some());
        new_row(known.then_some(()))
    }
}

impl StoredSession {
    /// Whether a token is the session's, and since when no longer the current one.
    fn knows(&self, digest: Digest) -> Option<Option<Timestamp>> {
        if self.digest == digest {
            return Some(None);
        }
        self.retired.iter().find(|(retired, _)| *retired == digest).map(|(_, at)| Some(*at))
    }
}
