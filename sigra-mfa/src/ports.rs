//! The storage of second factors. What an implementation must keep is tried by the suites of `sigra-testing`.

use async_trait::async_trait;

use sigra_core::client::{ClientInfo, Place};
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::{TrustedBrowserId, UserId};
use sigra_core::ports::{FactorKind, Mac, Sealed};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

/// Time-based one-time passwords: at most one secret an account, pending until a code proved it.
///
/// # Contract
///
/// - Every changing method is one atomic step that commits its evidence, guarded in the storage. Where the guard fails,
///   nothing changes and no evidence is asked for.
/// - [`TotpStore::activate`] and [`TotpStore::disable`] raise the user's factor epoch. So an account whose factor epoch is 0
///   has no active secret, and signing in does not look for one: whoever writes rows by other means raises it too.
/// - [`TotpStore::advance_step`] is how a code is used up: of any number of concurrent calls with one step, from
///   whatever host, one succeeds, and a step never goes back.
#[async_trait]
pub trait TotpStore: Send + Sync {
    /// The account's secret, pending or active.
    async fn find(&self, user: UserId) -> Result<Option<StoredTotp>, StoreError>;

    /// Stores a pending secret in place of another pending one. `false`, and nothing changed, when an active one exists.
    async fn begin(&self, pending: &PendingTotp, evidence: Evidence) -> Result<bool, StoreError>;

    /// Activates the pending secret, with `step` used up, replaces the account's backup codes by `codes`, and raises the
    /// factor epoch.
    ///
    /// Happens only while the pending secret still is `secret` and has not expired, the user's epochs still are
    /// `epochs`, and the user is not disabled. The evidence sees the user as the step leaves it.
    async fn activate(
        &self,
        activation: &Activation<'_>,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Activated, StoreError>;

    /// Moves the last accepted step of the active secret forward to `step`. `false` when it is there or beyond already, or
    /// there is no active secret.
    async fn advance_step(&self, user: UserId, step: u64) -> Result<bool, StoreError>;

    /// Removes the active secret, the backup codes and the trusted browsers, and raises the factor epoch.
    ///
    /// Happens only while the user's epochs still are those of the removal, and only if what it shows can be used up in the
    /// same step; what it shows is not used up otherwise. The evidence sees the user as the step leaves it.
    async fn disable(&self, removal: &Removal, evidence: EvidenceFor<'_, User>) -> Result<Option<User>, StoreError>;

    /// Removes a secret that was activated at `since` or later, with backup codes and trusted browsers, and raises the
    /// factor epoch; `false` when there is none. A pending secret goes silently.
    async fn disown(&self, user: UserId, since: Timestamp, evidence: EvidenceFor<'_, User>)
    -> Result<bool, StoreError>;
}

/// A secret as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTotp {
    /// The secret, sealed and bound to its user.
    pub secret: Sealed,
    /// When a code proved it; `None` while it is pending.
    pub activated_at: Option<Timestamp>,
    /// The last time step that was accepted; 0 before the first.
    pub last_step: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a pending one is over. An active one has no end.
    pub expires_at: Option<Timestamp>,
}

/// A secret that waits for its first code.
#[derive(Clone, Debug)]
pub struct PendingTotp {
    /// Whose.
    pub user: UserId,
    /// The secret, sealed and bound to its user.
    pub secret: Sealed,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// A code proved a pending secret.
#[derive(Clone, Copy, Debug)]
pub struct Activation<'a> {
    /// Whose.
    pub user: UserId,
    /// The epochs this was decided under.
    pub epochs: Epochs,
    /// The sealed secret the code was verified with, byte for byte as stored.
    pub secret: &'a Sealed,
    /// The time step of the code.
    pub step: u64,
    /// The keyed hashes of the account's new backup codes.
    pub codes: &'a [Mac],
    /// When.
    pub now: Timestamp,
}

/// What came of an activation.
#[derive(Clone, Debug, PartialEq)]
pub enum Activated {
    /// It is active. The account as it is now.
    Done(Box<User>),
    /// Another secret is active already.
    AlreadyActive,
    /// The pending secret is gone, over or another one, or the user has changed.
    Stale,
}

/// The taking away of second factors.
#[derive(Clone, Copy, Debug)]
pub struct Removal {
    /// Whose.
    pub user: UserId,
    /// The epochs this was decided under.
    pub epochs: Epochs,
    /// What is used up in the same step.
    pub shown: RemovalProof,
    /// When.
    pub now: Timestamp,
}

/// What allows the taking away of second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalProof {
    /// A code of this time step.
    TotpStep(u64),
    /// The backup code with this keyed hash.
    BackupCode(Mac),
}

/// Backup codes.
///
/// # Contract
///
/// - Of any number of concurrent calls of [`BackupCodeStore::consume`] with one code, one succeeds. A code that was used is
///   kept as used until its set goes, so that an account that has used all of them is not taken for one that never had any.
/// - [`BackupCodeStore::replace`] replaces the whole set in one step: nobody ever sees parts of both.
/// - The trust of a browser in which a backup code was shown (its [`factor`](TrustedBrowser::factor) is the name of
///   [`BACKUP_CODE`](crate::BACKUP_CODE)) goes with the set, in the same step.
#[async_trait]
pub trait BackupCodeStore: Send + Sync {
    /// The keyed hashes of the codes that are left.
    async fn list(&self, user: UserId) -> Result<Vec<Mac>, StoreError>;

    /// How many codes the account's set has, used ones included, and how many of them are left.
    async fn count(&self, user: UserId) -> Result<BackupCodeCount, StoreError>;

    /// Uses a code up. The outcome is how many are left; `None`, and no evidence, when there is no such code or it was used.
    async fn consume(
        &self,
        user: UserId,
        code: &Mac,
        at: Timestamp,
        evidence: EvidenceFor<'_, u32>,
    ) -> Result<Option<u32>, StoreError>;

    /// Replaces all codes, used ones included. Happens only while the user's epochs still are `epochs`; `false` otherwise.
    async fn replace(
        &self,
        user: UserId,
        epochs: Epochs,
        codes: &[Mac],
        now: Timestamp,
        evidence: Evidence,
    ) -> Result<bool, StoreError>;

    /// Removes a set that was made at `since` or later, by [`BackupCodeStore::replace`] or together with a secret, used codes
    /// included. `false`, and no evidence, when there is none.
    async fn disown(&self, user: UserId, since: Timestamp, evidence: Evidence) -> Result<bool, StoreError>;
}

/// The backup codes of an account, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupCodeCount {
    /// How many the set has, used ones included; 0 for an account that has no set.
    pub issued: u32,
    /// How many of them can still be used.
    pub left: u32,
}

/// Browsers that are trusted.
///
/// # Contract
///
/// - Find and list answer what is stored and has not expired; epochs are compared by the caller.
/// - What was revoked is gone for the next read, from whatever host.
#[async_trait]
pub trait TrustedBrowserStore: Send + Sync {
    /// Stores a browser, found by its token's digest. Happens only while the user's epochs still are the browser's;
    /// `false` otherwise.
    async fn insert(&self, browser: &TrustedBrowser, digest: Digest, evidence: Evidence) -> Result<bool, StoreError>;

    /// Finds a browser that has not expired.
    async fn find(&self, digest: Digest, now: Timestamp) -> Result<Option<TrustedBrowser>, StoreError>;

    /// Notes a use. Nothing happens to one that is gone.
    async fn touch(&self, id: TrustedBrowserId, at: Timestamp) -> Result<(), StoreError>;

    /// The account's browsers that have not expired, newest first, at most `limit`.
    async fn list(&self, user: UserId, now: Timestamp, limit: u32) -> Result<Vec<TrustedBrowser>, StoreError>;

    /// Revokes one browser of the account. `false`, and no evidence, when it has no such browser.
    async fn revoke(&self, user: UserId, id: TrustedBrowserId, evidence: Evidence) -> Result<bool, StoreError>;

    /// Revokes all. The outcome is how many.
    async fn revoke_all(&self, user: UserId, evidence: EvidenceFor<'_, u64>) -> Result<u64, StoreError>;
}

/// A browser that may sign in without a second factor.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedBrowser {
    /// Identity of the row.
    pub id: TrustedBrowserId,
    /// Whose sign-ins.
    pub user: UserId,
    /// The user's epochs when it was trusted. Worth nothing under others.
    pub epochs: Epochs,
    /// The kind of factor that was shown in it.
    pub factor: String,
    /// The client it was trusted for.
    pub client: ClientInfo,
    /// Where that client was.
    pub place: Option<Place>,
    /// When it was trusted.
    pub created_at: Timestamp,
    /// When it last signed in on that strength.
    pub last_used_at: Timestamp,
    /// When it stops being trusted.
    pub expires_at: Timestamp,
}

impl TrustedBrowser {
    /// Whether the factor that was shown is one of `held`.
    #[must_use]
    pub fn was_shown_one_of(&self, held: &[FactorKind]) -> bool {
        held.iter().any(|kind| kind.name() == self.factor)
    }
}
