//! Sessions and pending sign-ins.

use async_trait::async_trait;

use crate::assurance::Assurance;
use crate::error::StoreError;
use crate::evidence::{Evidence, EvidenceFor};
use crate::id::{PendingId, SessionId, UserId};
use crate::ports::SignInRecorded;
use crate::secret::Digest;
use crate::session::{NewSession, PendingSignIn, Session};
use crate::time::Timestamp;
use crate::user::User;

/// Where sessions live.
///
/// # Contract
///
/// - [`SessionStore::find`] answers session and user together. On SQL a current token costs one indexed read; a second
///   one is allowed only for a token that is not current.
/// - Find and list answer what is stored; expiry, epochs and disabled accounts are judged by the caller, once, for all
///   stores.
/// - [`SessionStore::insert`] is conditional and never overwrites: a digest or id that exists is a
///   [`Conflict`](crate::error::StoreErrorKind::Conflict), and nothing is recorded then.
/// - Each change is one atomic step that commits its evidence. A store that does not share the audit database holds what
///   it has checked (a lock, a claim on the row), hands the evidence to an [`EvidenceLog`](super::EvidenceLog), and
///   changes something only if that succeeded; whoever loses a race leaves no evidence. It asks an
///   [`AccountStore`](super::AccountStore) for users. An account may then change between the check and the change, which
///   does no harm: the caller compares epochs whenever it finds a session.
/// - For [`SessionStore::insert`] such a store calls [`AccountStore::record_sign_in`](super::AccountStore::record_sign_in)
///   in the log's place, once everything else is held; that judges the epochs, and commits the sign-in with its evidence.
///   The session comes, and what it replaces goes, only if it answered. When it answers `None`, which is
///   [`Minted::Stale`], or fails, whatever was written before is undone.
/// - Where a new session [is limited](NewSession::is_limited), what it [crowds out](NewSession::crowds_out) goes in the step
///   that mints it, judged by the account's sessions as they are in that step: of sign-ins at once, none leaves the account
///   with more than it may have.
/// - What was revoked is gone for the next read, from whatever host.
/// - A pending sign-in that [is told when it is unfinished](PendingSignIn::tell_unfinished) goes when something takes its
///   place, by [`SessionStore::end_unfinished`], and with its account. Whatever else ends it leaves it to
///   [`SessionStore::unfinished`] and nothing else: its token finds nothing, and nothing continues it.
///   [`Housekeeping`](super::Housekeeping) leaves it alone.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Finds a session by its token's digest, the current one or one that a rotation retired.
    async fn find(&self, digest: Digest) -> Result<Option<FoundSession>, StoreError>;

    /// Mints a session, records the sign-in it comes from as
    /// [`AccountStore::record_sign_in`](super::AccountStore::record_sign_in) does, and deletes what it replaces and what it
    /// crowds out, in one step.
    ///
    /// [`Minted::Stale`] when the user's epochs are no longer the session's or the user is disabled,
    /// [`Minted::PendingGone`] when the pending sign-in it promotes is gone; nothing is changed then, and no evidence
    /// asked for.
    async fn insert(
        &self,
        session: &NewSession,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Minted<SignInRecorded>, StoreError>;

    /// Notes activity. `assurance` replaces the stored one when it is given. Nothing happens to a session that is gone,
    /// or that was touched later than `at`.
    async fn touch(
        &self,
        id: SessionId,
        at: Timestamp,
        idle_expires_at: Timestamp,
        assurance: Option<&Assurance>,
    ) -> Result<(), StoreError>;

    /// Replaces the token and keeps the old one findable as retired at `at`. Happens only while the current token is
    /// still `old`; of concurrent calls one succeeds.
    async fn rotate(
        &self,
        id: SessionId,
        old: Digest,
        new: Digest,
        at: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError>;

    /// Stores a session that authenticated again, under a new token; the old token, and those that rotations retired
    /// before, are gone for good. Happens only while the current token is still `old`, and the user's epochs are still
    /// the session's.
    async fn elevate(
        &self,
        session: &Session,
        old: Digest,
        new: Digest,
        evidence: Evidence,
    ) -> Result<bool, StoreError>;

    /// The user's sessions, newest first, at most `limit`. No token and no digest is part of the answer.
    async fn list(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StoreError>;

    /// Ends one session of the user. The outcome is whether it existed.
    async fn revoke(&self, user: UserId, id: SessionId, evidence: EvidenceFor<'_, bool>) -> Result<bool, StoreError>;

    /// Ends all sessions and pending sign-ins of the user, except one session if given. The outcome is how many sessions.
    async fn revoke_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        evidence: EvidenceFor<'_, u64>,
    ) -> Result<u64, StoreError>;

    /// Stores a pending sign-in, found by its token's digest, in place of the one it continues, in one step.
    ///
    /// [`Minted::Stale`] when the user's epochs are no longer those of the sign-in or the user is disabled,
    /// [`Minted::PendingGone`] when the one it continues is gone; nothing is changed then.
    async fn insert_pending(
        &self,
        pending: &PendingSignIn,
        digest: Digest,
        replaces: Option<PendingId>,
        evidence: Evidence,
    ) -> Result<Minted, StoreError>;

    /// Finds a pending sign-in and its user.
    async fn find_pending(&self, digest: Digest) -> Result<Option<(PendingSignIn, User)>, StoreError>;

    /// Ends a pending sign-in. Idempotent.
    async fn delete_pending(&self, id: PendingId) -> Result<(), StoreError>;

    /// Up to `limit` pending sign-ins that are told when they are unfinished and have expired at `now`, ended or not, in the
    /// order of their expiry and then of their id, from the first behind `after` on. Found by an index.
    async fn unfinished(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, PendingId)>,
        limit: u32,
    ) -> Result<Vec<PendingSignIn>, StoreError>;

    /// Deletes a pending sign-in of the user that is told when it is unfinished. `false` when there is none, and nothing is
    /// recorded then; of concurrent calls, and of those that would continue it, one succeeds.
    async fn end_unfinished(&self, user: UserId, id: PendingId, evidence: Evidence) -> Result<bool, StoreError>;
}

/// A session with its user.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSession {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// When the presented token was retired by a rotation; `None` for the current one.
    pub retired_at: Option<Timestamp>,
}

/// What came of minting a session or a pending sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minted<T = ()> {
    /// It exists, and this came of it.
    Done(T),
    /// The user has changed since the proof was made.
    Stale,
    /// The pending sign-in was promoted or ended by somebody else.
    PendingGone,
}
