//! Accounts, what is mailed to prove or rescue them, and the devices they are used from.

use async_trait::async_trait;

use crate::email::EmailAddress;
use crate::error::StoreError;
use crate::evidence::{Evidence, EvidenceFor};
use crate::id::{DeviceId, RegistrationId, SessionId, UserId};
use crate::password::PasswordHash;
use crate::ports::Mac;
use crate::registration::{
    AddressRequest, ConfirmationCode, LeasedRequest, MailedToken, PendingRegistration, Resolution,
};
use crate::secret::Digest;
use crate::session::Device;
use crate::time::Timestamp;
use crate::user::{Epochs, User};

/// An account with its password hash, for the flows that verify.
#[derive(Clone, Debug)]
pub struct AccountRecord {
    /// The account.
    pub user: User,
    /// Its password hash, if it has a password.
    pub password: Option<PasswordHash>,
    /// When a sign-in last showed the password or the mailbox, which is what forgets attempts at the password; `None`
    /// before the first. See [`SignIn::clears_attempts`].
    pub attempts_cleared_at: Option<Timestamp>,
}

/// An account about to be created.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Identity of the new row.
    pub id: UserId,
    /// The address.
    pub email: EmailAddress,
    /// The password hash, if there is a password.
    pub password: Option<PasswordHash>,
    /// The profile.
    pub profile: serde_json::Value,
    /// When the address was proven.
    pub confirmed_at: Option<Timestamp>,
    /// When the account is created.
    pub created_at: Timestamp,
    /// What the address may be [in quarantine](super::QuarantineStore) under. None are asked for when it is empty.
    pub quarantine: Vec<Mac>,
}

impl NewAccount {
    /// The user this becomes.
    #[must_use]
    pub fn to_user(&self) -> User {
        User {
            id: self.id,
            email: self.email.clone(),
            confirmed_at: self.confirmed_at,
            has_password: self.password.is_some(),
            password_changed_at: None,
            password_change_required_at: None,
            profile: self.profile.clone(),
            epochs: Epochs::default(),
            disabled_at: None,
            deletion_due_at: None,
            created_at: self.created_at,
            last_sign_in_at: None,
        }
    }
}

/// Accounts.
///
/// # Contract
///
/// - An address is unique by its [identity](EmailAddress::identity), enforced by the storage itself.
/// - Every method that changes something is one atomic step, guarded in the storage, and commits its evidence with the
///   change or not at all. Where the guard fails, nothing changes and no evidence is asked for, except where an outcome
///   is handed to it.
/// - Texts are literal: no value is a pattern.
///
/// # Reclaiming
///
/// Whoever registers may do so with somebody else's address. So where the mailbox of an account that is not proven is shown
/// by other means than the link or the code of its registration, the account is [*reclaimed*](User::reclaimed), in the step
/// that confirms it: its password goes, both epochs are raised, and every row that belongs to the account goes with them,
/// whatever it is for and whoever owns the port: sessions, pending sign-ins, ceremonies, devices, tokens (rescue tokens too),
/// second factors, passkeys, trusted browsers, changes under way. Only what counts attempts stays.
///
/// Every way to show a mailbox does so, whatever the link was for: [`TokenStore::redeem`], [`AccountStore::reset_password`],
/// [`AccountStore::rescue`], [`LifecycleStore::undo_deletion`](super::LifecycleStore::undo_deletion),
/// [`AddressChangeStore::redeem`](super::AddressChangeStore::redeem) and
/// [`AddressChangeStore::undo`](super::AddressChangeStore::undo). [`AccountStore::confirm`] does not.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Finds an account by id.
    async fn find(&self, id: UserId) -> Result<Option<AccountRecord>, StoreError>;

    /// Finds an account by the identity of its address.
    async fn find_by_email(&self, email: &EmailAddress) -> Result<Option<AccountRecord>, StoreError>;

    /// Creates an account outright, its address vouched for by the caller.
    ///
    /// `false`, and nothing written, when the address is taken, reserved or [in quarantine](super::QuarantineStore).
    async fn create(&self, account: &NewAccount, evidence: Evidence) -> Result<bool, StoreError>;

    /// Replaces a password hash by an equivalent one. Happens only while the stored hash is still `old` and the
    /// security epoch still `epoch`; `false` otherwise. No epoch is raised.
    async fn rewrite_hash(
        &self,
        user: UserId,
        epoch: i64,
        old: &PasswordHash,
        new: &PasswordHash,
        evidence: Evidence,
    ) -> Result<bool, StoreError>;

    /// Records a completed sign-in: stores the time, and the device with it. Happens only while the account is not
    /// disabled and its epochs are still those of the proof; `None` otherwise.
    ///
    /// The time of the account's last sign-in never goes back, and neither does
    /// [`AccountRecord::attempts_cleared_at`], which only a sign-in that [says so](SignIn::clears_attempts) moves. A device that exists is a
    /// [`Conflict`](crate::error::StoreErrorKind::Conflict); one that is gone, or another account's, is left alone. When a
    /// new one makes more than [`Device::AT_MOST`], the one the account was not seen on for longest is forgotten in the same
    /// step, never the new one.
    ///
    /// Made for session stores: it is the half of [`SessionStore::insert`](super::SessionStore::insert) that is this
    /// port's business. One that shares the storage does both in one step; any other calls it.
    async fn record_sign_in(
        &self,
        sign_in: &SignIn,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Option<SignInRecorded>, StoreError>;

    /// Redeems a link or a code of the registration that created the account, or one shown while signing in: consumes it and
    /// confirms the address. Everything else stays as it is, the epochs too.
    ///
    /// `None`, and nothing changed, unless the token is live as [`TokenStore`] says, carries epochs, and its account is not
    /// confirmed. Of concurrent redemptions one succeeds.
    async fn confirm(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError>;

    /// Redeems a reset token: consumes it, sets the password at `now`, which a change that was required is satisfied by,
    /// raises the security epoch, forgets every device and every other token of the account except rescue tokens. An account
    /// that is not confirmed is [reclaimed](#reclaiming) first.
    ///
    /// `None`, and nothing changed, unless the token is live as [`TokenStore`] says. Of concurrent redemptions one
    /// succeeds.
    async fn reset_password(
        &self,
        digest: Digest,
        password: &PasswordHash,
        now: Timestamp,
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError>;

    /// Redeems a rescue token: consumes it, takes the password away, and with it the requirement to change it, raises the
    /// security epoch, forgets every device and every token of the account except other rescue tokens, and stores `request`
    /// made from the account as it is then.
    ///
    /// The password goes because whoever the owner disowns may know it; the reset that `request` starts sets another. So
    /// does a deletion that is scheduled and not due at `now`, because they may have asked for it. An account that is not
    /// confirmed is [reclaimed](#reclaiming) first.
    ///
    /// `None`, and nothing changed, unless the token is live as [`TokenStore`] says.
    async fn rescue(
        &self,
        digest: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError>;
}

/// An account that was recovered by proof of its mailbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The account, as it is then.
    pub user: User,
    /// Whether it was not confirmed, and [reclaimed](AccountStore#reclaiming).
    pub reclaimed: bool,
}

/// A sign-in to be recorded.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Who signed in.
    pub user: UserId,
    /// The epochs of the proof.
    pub epochs: Epochs,
    /// When.
    pub at: Timestamp,
    /// Whether the password or the mailbox was shown in it. Attempts at the password that were counted up to `at` are then
    /// forgotten. A passkey or a remembered browser says nothing about who has been guessing the password, and forgets
    /// none.
    pub clears_attempts: bool,
    /// From which device.
    pub device: SignInDevice,
}

/// The device of a sign-in.
#[derive(Clone, Debug)]
pub enum SignInDevice {
    /// One the account has used: its time is moved on.
    Known {
        /// Which one.
        id: DeviceId,
        /// Until when it now stays known.
        expires_at: Timestamp,
    },
    /// A new one to remember.
    New {
        /// The digest of the device token it will present.
        digest: Digest,
        /// The row.
        device: Device,
    },
}

/// A sign-in that was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct SignInRecorded {
    /// The account, with this sign-in noted.
    pub user: User,
    /// When the account had signed in before; `None` for its first time.
    pub previous_sign_in_at: Option<Timestamp>,
    /// The account's sessions that ended because it had as many as it may have. Only
    /// [`SessionStore::insert`](super::SessionStore::insert) ends any.
    pub crowded_out: Vec<SessionId>,
}

/// The browsers accounts have signed in from.
#[async_trait]
pub trait DeviceStore: Send + Sync {
    /// Finds the device a token names, of whatever account. Expired ones are not found.
    async fn find(&self, digest: Digest, now: Timestamp) -> Result<Option<Device>, StoreError>;

    /// The account's devices, last seen first. Expired ones are not among them, and there are at most [`Device::AT_MOST`].
    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Device>, StoreError>;
}

/// Tokens that were mailed.
///
/// # Contract
///
/// A token is *live* when it has not expired, and, belonging to an account: the account is not disabled, has the
/// address the token was mailed to and (unless it is a rescue token) the epochs the token carries. Only live tokens are
/// ever found.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Looks at a live token without consuming it.
    async fn peek(&self, digest: Digest, now: Timestamp) -> Result<Option<LiveToken>, StoreError>;

    /// Consumes a live token. Of concurrent redemptions one succeeds.
    ///
    /// It proves the mailbox: an account that is not confirmed is [reclaimed](AccountStore#reclaiming) in the same step, and
    /// answered as it is then.
    async fn redeem(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, LiveToken>,
    ) -> Result<Option<LiveToken>, StoreError>;
}

/// A token that can be redeemed, with the account it belongs to.
#[derive(Clone, Debug)]
pub struct LiveToken {
    /// The token.
    pub token: MailedToken,
    /// The account, unless it belongs to a registration.
    pub user: Option<User>,
    /// Whether redeeming it has [reclaimed](AccountStore#reclaiming) the account.
    pub reclaimed: bool,
}

/// Registrations whose address is not proven yet.
///
/// # Contract
///
/// As for [`AccountStore`]; [`RegistrationStore::promote`] creates the account in the same step that consumes the
/// registration and deletes its rivals, with their tokens. Hooks that the store runs in its transactions run there.
#[async_trait]
pub trait RegistrationStore: Send + Sync {
    /// Stores a submission together with the request that will answer it.
    async fn submit(
        &self,
        registration: &PendingRegistration,
        request: &AddressRequest,
        evidence: Evidence,
    ) -> Result<(), StoreError>;

    /// Finds a registration that has not expired.
    async fn find(&self, id: RegistrationId, now: Timestamp) -> Result<Option<PendingRegistration>, StoreError>;

    /// Every registration for an address that has not expired and was armed with a code or a token, oldest first, at
    /// most `limit`.
    async fn armed(
        &self,
        email: &EmailAddress,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<PendingRegistration>, StoreError>;

    /// Takes one try from every code of the address that has one left and has not expired, and returns those codes.
    ///
    /// Atomic: no code is ever returned more than `tries` times, however many ask at once.
    async fn take_code_tries(
        &self,
        email: &EmailAddress,
        tries: u32,
        now: Timestamp,
    ) -> Result<Vec<ConfirmationCode>, StoreError>;

    /// Creates the account of a registration that has not expired, and deletes every registration for its address.
    ///
    /// The account may be one that is not confirmed yet.
    ///
    /// [`Promotion::Gone`] when the registration does not exist any more; [`Promotion::Taken`], with the address's
    /// registrations deleted and no evidence written, when the address has an account, is reserved for one or
    /// [in quarantine](super::QuarantineStore).
    async fn promote(
        &self,
        id: RegistrationId,
        account: &NewAccount,
        evidence: Evidence,
    ) -> Result<Promotion, StoreError>;
}

/// What came of a promotion.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum Promotion {
    /// The account exists now.
    Created(User),
    /// The registration was gone or expired.
    Gone,
    /// The address has an account already, or is kept from having one.
    Taken,
}

/// Requests made by address, waiting for a worker.
///
/// # Contract
///
/// - [`RequestStore::lease`] gives each request to one worker until its lease lapses; concurrent callers get different
///   rows.
/// - [`RequestStore::resolve`] deletes the request, stores tokens and codes and commits the evidence in one step, and
///   only while the lease is still the worker's; `false`, and nothing changed, otherwise.
#[async_trait]
pub trait RequestStore: Send + Sync {
    /// Stores a request.
    async fn submit(&self, request: &AddressRequest, evidence: Evidence) -> Result<(), StoreError>;

    /// Leases up to `limit` requests nobody holds, oldest first, until `until`. Includes expired ones.
    async fn lease(&self, limit: u32, now: Timestamp, until: Timestamp) -> Result<Vec<LeasedRequest>, StoreError>;

    /// Answers a leased request.
    async fn resolve(
        &self,
        leased: &LeasedRequest,
        resolution: &Resolution,
        evidence: Evidence,
    ) -> Result<bool, StoreError>;
}
