//! Sessions and pending sign-ins.

use serde::{Deserialize, Serialize};
use sigra_core::secret::Digest;
use sigra_core::session::{PendingSignIn, Session};
use sigra_core::time::Timestamp;

use super::foreign::{PendingSignInDef, SessionDef, digest};
use super::{id, time};
use crate::table::Row;

/// A session with its tokens' digests.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredSession {
    #[serde(with = "SessionDef")]
    pub(crate) session: Session,
    #[serde(with = "digest")]
    pub(crate) digest: Digest,
    pub(crate) retired: Vec<Retired>,
}

/// A token that a rotation replaced.
#[derive(Serialize, Deserialize)]
pub(crate) struct Retired {
    #[serde(with = "digest")]
    pub(crate) digest: Digest,
    pub(crate) at: Timestamp,
}

impl StoredSession {
    /// Unique: a digest is one session's, retired ones included.
    pub(crate) const BY_TOKEN: &str = "sessions.token";
    /// Oldest first.
    pub(crate) const BY_USER: &str = "sessions.user";
    pub(crate) const BY_EXPIRY: &str = "sessions.expiry";
}

impl Row for StoredSession {
    const TABLE: &str = "sessions";

    fn key(&self) -> Vec<u8> {
        id!(self.session.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let Session { id, user, created_at, idle_expires_at, expires_at, .. } = &self.session;
        let end = time(*idle_expires_at.min(expires_at));
        let tokens = self.retired.iter().map(|retired| retired.digest).chain([self.digest]);
        let mut entries: Vec<_> = tokens.map(|digest| (Self::BY_TOKEN, digest.as_bytes().to_vec())).collect();
        entries.push((Self::BY_USER, [id!(user), &time(*created_at), id!(id)].concat()));
        entries.push((Self::BY_EXPIRY, [&end[..], id!(id)].concat()));
        entries
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Pending {
    #[serde(with = "PendingSignInDef")]
    pub(crate) pending: PendingSignIn,
    #[serde(with = "digest")]
    pub(crate) digest: Digest,
    /// Kept because it is still to be told, and for nothing else.
    #[serde(default)]
    pub(crate) ended: bool,
}

impl Pending {
    /// Unique.
    pub(crate) const BY_TOKEN: &str = "pending.token";
    pub(crate) const BY_USER: &str = "pending.user";
    /// Those that may go then without a word.
    pub(crate) const BY_EXPIRY: &str = "pending.expiry";
    /// Those that are to be told then.
    pub(crate) const UNFINISHED: &str = "pending.unfinished";
}

impl Row for Pending {
    const TABLE: &str = "pending";

    fn key(&self) -> Vec<u8> {
        id!(self.pending.id).to_vec()
    }

    fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let PendingSignIn { id, user, expires_at, tell_unfinished, .. } = &self.pending;
        let by_expiry = if *tell_unfinished { Self::UNFINISHED } else { Self::BY_EXPIRY };
        let mut entries = vec![
            (Self::BY_USER, [id!(user), id!(id)].concat()),
            (by_expiry, [&time(*expires_at)[..], id!(id)].concat()),
        ];
        if !self.ended {
            entries.push((Self::BY_TOKEN, self.digest.as_bytes().to_vec()));
        }
        entries
    }
}
