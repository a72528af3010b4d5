//! Sessions, sign-ins that still owe a step, and the devices they come from.

use crate::assurance::Assurance;
use crate::client::{ClientInfo, Place};
use crate::id::{DeviceId, PendingId, SessionId, UserId};
use crate::ports::SignIn;
use crate::secret::Digest;
use crate::time::Timestamp;
use crate::user::Epochs;

/// A session as stored.
///
/// Having one proves nothing: a session becomes usable only by a [`NewSession`], which only the
/// door makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Identity of the row. Safe to show; worth nothing as a credential.
    pub id: SessionId,
    /// Whose session it is.
    pub user: UserId,
    /// How sure it is of its user.
    pub assurance: Assurance,
    /// The user's epochs at sign-in.
    pub epochs: Epochs,
    /// Whether the user asked to be remembered.
    pub remembered: bool,
    /// Until when sensitive actions need no further proof; `None` when signing in did not open the window.
    pub fresh_until: Option<Timestamp>,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When it was last used, to within the interval of activity writes.
    pub last_seen_at: Timestamp,
    /// When its token was last replaced.
    pub rotated_at: Timestamp,
    /// When it ends if it is not used. Never later than `expires_at`.
    pub idle_expires_at: Timestamp,
    /// When it ends however much it is used.
    pub expires_at: Timestamp,
    /// The client it was minted for.
    pub client: ClientInfo,
    /// Where that client was.
    pub place: Option<Place>,
}

impl Session {
    /// Whether sensitive actions need no further proof at `now`.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    /// Whether it has ended by time at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.idle_expires_at || now >= self.expires_at
    }
}

/// A session that is about to be minted. No public constructor: only the door makes one.
#[derive(Clone, Debug)]
pub struct NewSession {
    session: Session,
    digest: Digest,
    replaces: Replaces,
    sign_in: SignIn,
    at_most: Option<usize>,
}

impl NewSession {
    pub(crate) const fn new(
        session: Session,
        digest: Digest,
        replaces: Replaces,
        sign_in: SignIn,
        at_most: Option<usize>,
    ) -> Self {
        Self { session, digest, replaces, sign_in, at_most }
    }

    /// The session to insert.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The digest of its token.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What goes when it comes.
    #[must_use]
    pub const fn replaces(&self) -> Replaces {
        self.replaces
    }

    /// The sign-in it comes from: of the session's user, under the session's epochs.
    #[must_use]
    pub const fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// Whether its account may have only so many sessions, so that [`NewSession::crowds_out`] must be asked.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.at_most.is_some()
    }

    /// Which of the account's stored sessions end so that it has no more than it may have with this one: the oldest. What has
    /// ended by time, or under other epochs, is not counted and not named.
    #[must_use]
    pub fn crowds_out<'a>(&self, stored: impl IntoIterator<Item = &'a Session>) -> Vec<SessionId> {
        let Some(at_most) = self.at_most else {
            return Vec::new();
        };
        let counts = |other: &Session| {
            other.user == self.session.user
                && other.epochs == self.session.epochs
                && !other.is_expired(self.sign_in.at)
                && other.id != self.session.id
                && Some(other.id) != self.replaces.session
        };
        let mut others: Vec<_> = stored.into_iter().filter(|other| counts(other)).collect();
        others.sort_by_key(|other| std::cmp::Reverse((other.created_at, other.id)));
        others.into_iter().skip(at_most.saturating_sub(1)).map(|other| other.id).collect()
    }
}

/// What is deleted in the same step that mints a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaces {
    /// The pending sign-in that is promoted. Minting fails when it is gone.
    pub pending: Option<PendingId>,
    /// The session the same browser held until now, whoever it belongs to. Minting goes on when it is gone.
    pub session: Option<SessionId>,
}

/// A sign-in whose proof was accepted and that still owes a step. Another type than [`Session`], with another cookie:
/// it opens nothing but its first outstanding step and sign-out.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingSignIn {
    /// Identity of the row.
    pub id: PendingId,
    /// Who is signing in.
    pub user: UserId,
    /// What was shown so far.
    pub assurance: Assurance,
    /// The user's epochs when the proof was made.
    pub epochs: Epochs,
    /// Whether the user asked to be remembered.
    pub remember: bool,
    /// Whether completing it opens the sudo window.
    pub opens_sudo: bool,
    /// Whether the owner is told when nothing comes of it: it waits for a second factor after a right password, in a browser
    /// the account does not know. Never changed once it is stored.
    pub tell_unfinished: bool,
    /// The client that is signing in.
    pub client: ClientInfo,
    /// When the proof was accepted.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A browser an account has signed in from.
///
/// Being known grants a lane of its own when attempts are limited, and silence instead of a notice. It never grants
/// assurance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Identity of the row.
    pub id: DeviceId,
    /// Whose device it is.
    pub user: UserId,
    /// When it first signed in.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_seen_at: Timestamp,
    /// When it stops being known.
    pub expires_at: Timestamp,
}

impl Device {
    /// How many an account has at most. A browser that keeps no cookies is a new device at every sign-in; when one more
    /// comes, those that were not seen for longest are forgotten.
    pub const AT_MOST: u32 = 50;
}
