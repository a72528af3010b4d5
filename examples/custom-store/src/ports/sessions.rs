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

use super::accounts::{record_sign_in, standing_account};
use crate::error::Fault;
use crate::rows::{Account, Pending, Retired, StoredSession, id, time};
use crate::store::{KvStore, Step};
use crate::table::{Readable, Tables, Writing, under};

#[async_trait]
impl SessionStore for KvStore {
    async fn find(&self, digest: Digest) -> Result<Option<FoundSession>, StoreError> {
        self.read("SessionStore::find", move |tables| {
            let Some(row) = tables.find::<StoredSession>(StoredSession::BY_TOKEN, digest.as_bytes())? else {
                return Ok(None);
            };
            let retired_at = row.retired.iter().find(|retired| retired.digest == digest).map(|retired| retired.at);
            let user = user(tables, row.session.user)?;
            Ok(Some(FoundSession { session: row.session, user, retired_at }))
        })
        .await
    }

    async fn insert(
        &self,
        new: &NewSession,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Minted<SignInRecorded>, StoreError> {
        let new = new.clone();
        let step = move |tables: &mut Writing<'_>| {
            let (session, digest) = (new.session().clone(), new.digest());
            let Some(mut recorded) = record_sign_in(tables, new.sign_in())? else {
                return Ok(Step::Nothing(Minted::Stale));
            };
            if let Some(pending) = new.replaces().pending
                && !take_over(tables, pending)?
            {
                return Ok(Step::Nothing(Minted::PendingGone));
            }
            tables.insert(&StoredSession { session, digest, retired: Vec::new() })?;
            if let Some(replaced) = new.replaces().session {
                tables.remove::<StoredSession>(id!(replaced))?;
            }
            if new.is_limited() {
                let theirs = tables.walk(StoredSession::BY_USER, under(id!(new.session().user)))?;
                let theirs: Vec<StoredSession> = theirs.collect::<Result<_, _>>()?;
                recorded.crowded_out = new.crowds_out(theirs.iter().map(|row| &row.session));
                for ended in &recorded.crowded_out {
                    tables.remove::<StoredSession>(id!(*ended))?;
                }
            }
            Ok(Step::Done(Minted::Done(recorded)))
        };
        let evidence = |minted: &Minted<_>| match minted {
            Minted::Done(recorded) => evidence(recorded),
            Minted::Stale | Minted::PendingGone => Evidence::none(),
        };
        self.write("SessionStore::insert", step, evidence).await
    }

    async fn touch(
        &self,
        id: SessionId,
        at: Timestamp,
        idle_expires_at: Timestamp,
        assurance: Option<&Assurance>,
    ) -> Result<(), StoreError> {
        let assurance = assurance.cloned();
        let step = move |tables: &mut Writing<'_>| {
            let row = tables.get::<StoredSession>(id!(id))?.filter(|row| row.session.last_seen_at <= at);
            let Some(mut row) = row else {
                return Ok(Step::Nothing(()));
            };
            let assurance = assurance.unwrap_or(row.session.assurance);
            row.session = Session { last_seen_at: at, idle_expires_at, assurance, ..row.session };
            tables.put(&row)?;
            Ok(Step::Done(()))
        };
        self.write("SessionStore::touch", step, |()| Evidence::none()).await
    }

    async fn rotate(
        &self,
        id: SessionId,
        old: Digest,
        new: Digest,
        at: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let Some(mut row) = tables.get::<StoredSession>(id!(id))?.filter(|row| row.digest == old) else {
                return Ok(Step::Nothing(false));
            };
            row.digest = new;
            row.retired.push(Retired { digest: old, at });
            row.session.rotated_at = at;
            tables.put(&row)?;
            Ok(Step::Done(true))
        };
        self.write("SessionStore::rotate", step, |_| evidence).await
    }

    async fn elevate(
        &self,
        session: &Session,
        old: Digest,
        new: Digest,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        let session = session.clone();
        let step = move |tables: &mut Writing<'_>| {
            let current = |row: &StoredSession| row.digest == old && row.session.user == session.user;
            let row = tables.get::<StoredSession>(id!(session.id))?.filter(current);
            if row.is_none() || standing_account(tables, session.user, session.epochs)?.is_none() {
                return Ok(Step::Nothing(false));
            }
            // No token from before opens what was proven after, so the retired ones go too.
            tables.put(&StoredSession { session, digest: new, retired: Vec::new() })?;
            Ok(Step::Done(true))
        };
        self.write("SessionStore::elevate", step, |_| evidence).await
    }

    async fn list(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StoreError> {
        self.read("SessionStore::list", move |tables| {
            let newest = tables.walk(StoredSession::BY_USER, under(id!(user)))?.rev().take(limit as usize);
            newest.map(|row| row.map(|row: StoredSession| row.session)).collect()
        })
        .await
    }

    async fn revoke(&self, user: UserId, id: SessionId, evidence: EvidenceFor<'_, bool>) -> Result<bool, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let theirs = tables.get::<StoredSession>(id!(id))?.is_some_and(|row| row.session.user == user);
            if theirs {
                tables.remove::<StoredSession>(id!(id))?;
            }
            // That there was nothing to end is evidence too.
            Ok(Step::Done(theirs))
        };
        self.write("SessionStore::revoke", step, evidence).await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        evidence: EvidenceFor<'_, u64>,
    ) -> Result<u64, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let sessions = tables.walk(StoredSession::BY_USER, under(id!(user)))?;
            let sessions: Vec<StoredSession> = sessions.collect::<Result<_, _>>()?;
            let pending = tables.walk(Pending::BY_USER, under(id!(user)))?;
            let pending: Vec<Pending> = pending.collect::<Result<_, _>>()?;
            let mut ended = 0;
            for row in sessions.iter().filter(|row| Some(row.session.id) != except) {
                tables.remove::<StoredSession>(id!(row.session.id))?;
                ended += 1;
            }
            for row in pending {
                end_pending(tables, row)?;
            }
            Ok(Step::Done(ended))
        };
        self.write("SessionStore::revoke_all", step, evidence).await
    }

    async fn insert_pending(
        &self,
        pending: &PendingSignIn,
        digest: Digest,
        replaces: Option<PendingId>,
        evidence: Evidence,
    ) -> Result<Minted, StoreError> {
        let pending = pending.clone();
        let step = move |tables: &mut Writing<'_>| {
            if standing_account(tables, pending.user, pending.epochs)?.is_none() {
                return Ok(Step::Nothing(Minted::Stale));
            }
            if let Some(replaced) = replaces
                && !take_over(tables, replaced)?
            {
                return Ok(Step::Nothing(Minted::PendingGone));
            }
            tables.insert(&Pending { pending, digest, ended: false })?;
            Ok(Step::Done(Minted::Done(())))
        };
        self.write("SessionStore::insert_pending", step, |_| evidence).await
    }

    async fn find_pending(&self, digest: Digest) -> Result<Option<(PendingSignIn, User)>, StoreError> {
        self.read("SessionStore::find_pending", move |tables| {
            let Some(Pending { pending, .. }) = tables.find(Pending::BY_TOKEN, digest.as_bytes())? else {
                return Ok(None);
            };
            let user = user(tables, pending.user)?;
            Ok(Some((pending, user)))
        })
        .await
    }

    async fn delete_pending(&self, id: PendingId) -> Result<(), StoreError> {
        let step = move |tables: &mut Writing<'_>| match tables.get::<Pending>(id!(id))? {
            Some(row) => Ok(Step::Done(end_pending(tables, row)?)),
            None => Ok(Step::Nothing(())),
        };
        self.write("SessionStore::delete_pending", step, |()| Evidence::none()).await
    }

    async fn unfinished(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, PendingId)>,
        limit: u32,
    ) -> Result<Vec<PendingSignIn>, StoreError> {
        // The key after that one: no other lies between.
        let start = after.map(|(at, id)| [&time(at)[..], id!(id), &[0]].concat()).unwrap_or_default();
        let part = start..[&time(now)[..], &[0xff; 17]].concat();
        self.read("SessionStore::unfinished", move |tables| {
            let rows = tables.walk(Pending::UNFINISHED, part)?.take(limit as usize);
            rows.map(|row| row.map(|row: Pending| row.pending)).collect()
        })
        .await
    }

    async fn end_unfinished(&self, user: UserId, id: PendingId, evidence: Evidence) -> Result<bool, StoreError> {
        let step = move |tables: &mut Writing<'_>| {
            let told = |row: &Pending| row.pending.user == user && row.pending.tell_unfinished;
            if !tables.get::<Pending>(id!(id))?.is_some_and(|row| told(&row)) {
                return Ok(Step::Nothing(false));
            }
            tables.remove::<Pending>(id!(id))?;
            Ok(Step::Done(true))
        };
        self.write("SessionStore::end_unfinished", step, |_| evidence).await
    }
}

/// Removes a pending sign-in that something takes the place of. `false` when it can be continued no more.
fn take_over(tables: &mut Writing<'_>, id: PendingId) -> Result<bool, Fault> {
    if tables.get::<Pending>(id!(id))?.is_none_or(|row| row.ended) {
        return Ok(false);
    }
    tables.remove::<Pending>(id!(id))?;
    Ok(true)
}

/// Ends a pending sign-in. One that is to be told stays for that, found by its token no more.
fn end_pending(tables: &mut Writing<'_>, row: Pending) -> Result<(), Fault> {
    if row.pending.tell_unfinished {
        return tables.put(&Pending { ended: true, ..row });
    }
    tables.remove::<Pending>(id!(row.pending.id))?;
    Ok(())
}

/// The user of a row that refers to one.
fn user<T: Readable>(tables: &Tables<T>, id: UserId) -> Result<User, Fault> {
    let account = tables.get::<Account>(id!(id))?;
    account.map(|account| account.user).ok_or(Fault::Corrupt("sessions"))
}
