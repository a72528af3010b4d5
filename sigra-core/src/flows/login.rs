//! Signing in with a password.

use crate::assurance::{Aal, Method};
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::door::{Admission, Entry, Proof, WayIn};
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::UserId;
use crate::password::{Password, PasswordHash};
use crate::ports::{
    AccountRecord, AttemptKey, AttemptOwner, AttemptPolicy, Mac, Reservation, Reserved, Verified, WorkOrigin,
};
use crate::registration::RequestKind;
use crate::secret::Purpose;
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::user::User;

/// Signing in with a password.
///
/// An unknown address, a wrong password, an account without one, a locked account and an over-long password take the
/// same steps through the same queue and end in the same answer.
#[derive(Clone, Copy)]
pub struct Login<'a>(pub(crate) &'a Inner);

/// What somebody signs in with.
#[derive(Clone, Copy)]
pub struct PasswordAttempt<'a> {
    /// The address, as typed.
    pub email: &'a str,
    /// The password, as typed.
    pub password: &'a str,
    /// What the client brought along.
    pub entry: &'a Entry,
}

/// What came of signing in.
#[derive(Debug)]
#[must_use]
pub enum LoginOutcome {
    /// Let in, or a step is owed.
    Admitted(Admission),
    /// Not let in. Why is in the audit trail and nowhere else.
    InvalidCredentials,
}

impl From<Admission> for LoginOutcome {
    fn from(admission: Admission) -> Self {
        match admission {
            Admission::Refused(_) => Self::InvalidCredentials,
            Admission::Granted(_) | Admission::StepRequired(_) => Self::Admitted(admission),
        }
    }
}

impl Login<'_> {
    /// Verifies a password and hands the proof to the door.
    ///
    /// # Errors
    ///
    /// When the hashing queue is full (the attempt is not counted then) or a port cannot do its work.
    #[operation("sigra.login.password")]
    pub async fn password(&self, attempt: PasswordAttempt<'_>) -> Result<LoginOutcome, FlowError> {
        let PasswordAttempt { email: typed, password, entry } = attempt;
        let now = self.0.clock.now();
        let email = EmailAddress::parse(typed).ok();
        let account = match &email {
            Some(email) => self.0.stores.accounts.find_by_email(email).await?,
            None => None,
        };
        let known_device = self.is_known_device(account.as_ref(), entry).await?;
        let origin = if known_device { WorkOrigin::KnownDevice } else { WorkOrigin::Network(entry.client.block()) };
        let lane = self.lane(email.as_ref(), account.is_some(), known_device);

        // Recording a sign-in that shows the password or the mailbox is what clears the attempts before it, so that nothing
        // has to be written for it.
        let owner = account.as_ref().map(|account| AttemptOwner::ClearedBySignIn {
            user: account.user.id,
            cleared_at: account.attempts_cleared_at,
        });
        let reserved = match self.0.stores.attempts.reserve(&lane.key, &lane.policy, owner, now).await? {
            Reservation::Granted(reserved) => reserved,
            Reservation::Locked(_) => return self.locked(account.as_ref(), "locked", origin, entry).await,
            Reservation::Exhausted => return self.locked(account.as_ref(), "exhausted", origin, entry).await,
        };

        let password = Password::parse(password).ok();
        let hash = account.as_ref().and_then(|account| account.password.as_ref());
        let verified = match self.0.essentials.hasher.verify(password.as_ref(), hash, origin).await {
            Ok(verified) => verified,
            Err(overloaded) => {
                self.0.stores.attempts.refund(&lane.key, &reserved).await?;
                return Err(overloaded.into());
            }
        };
        match (verified, account, password) {
            (Verified::Match { stale }, Some(account), Some(password)) => {
                self.right(account, password, stale, &reserved, origin, entry).await
            }
            (_, account, password) => {
                let reason = match (&account, &password) {
                    (None, _) => "unknown_address",
                    (Some(_), None) => "over_long_password",
                    (Some(account), Some(_)) if account.password.is_none() => "no_password",
                    (Some(_), Some(_)) => "invalid_password",
                };
                let user = account.map(|account| account.user);
                let locks = reserved.locked_until.is_some() || reserved.count >= lane.policy.cap;
                let locked_by = locks.then_some(reserved.count);
                self.wrong(email.as_ref(), user.as_ref(), reason, locked_by, &entry.client).await
            }
        }
    }

    async fn right(
        &self,
        account: AccountRecord,
        password: Password,
        stale: bool,
        reserved: &Reserved,
        origin: WorkOrigin,
        entry: &Entry,
    ) -> Result<LoginOutcome, FlowError> {
        let now = self.0.clock.now();
        let AccountRecord { user, password: stored, .. } = account;
        if let (true, Some(stored)) = (stale, stored) {
            self.upgrade_hash(&user, &stored, &password, origin, &entry.client).await?;
        }
        let proof = Proof::new(WayIn::Password, &user, Aal::One, vec![Method::PASSWORD], now);
        let admission = self.0.door.admit(proof, entry).await?;
        // A password that was right clears the attempts whatever the door says. A sign-in that was recorded has done so,
        // unless the count was started by a clock that is ahead.
        let is_cleared = match &admission {
            Admission::Granted(granted) => granted.session.created_at >= reserved.started_at,
            Admission::StepRequired(_) | Admission::Refused(_) => false,
        };
        if !is_cleared {
            self.0.reopen(&user).await?;
        }
        Ok(admission.into())
    }

    async fn wrong(
        &self,
        email: Option<&EmailAddress>,
        user: Option<&User>,
        reason: &'static str,
        locked_by: Option<u32>,
        client: &ClientInfo,
    ) -> Result<LoginOutcome, FlowError> {
        let now = self.0.clock.now();
        let about = |event: AuditEvent| match user {
            Some(user) => event.about(user.id),
            None => event,
        };
        let evidence = Evidence::event(about(AuditEvent::new(names::LOGIN_FAILURE, now, client).failed(reason)));
        match (locked_by, email) {
            // The owner learns of a lock through a request like any other, so that locking an account that exists
            // costs the same as locking one that does not.
            (Some(attempts), Some(email)) => {
                let lockout = about(AuditEvent::new(names::LOCKOUT, now, client).failed("threshold_reached"))
                    .with("attempts", attempts);
                let request = self.0.address_request(RequestKind::LockNotice, email, client);
                self.0.stores.requests.submit(&request, evidence.and_event(lockout)).await?;
                tracing::info!(
                    name: "sigra.security.lockout",
                    user = user.map(|user| tracing::field::display(user.id)),
                    attempts,
                    "attempts at a password were locked"
                );
            }
            _ => self.0.stores.log.append(evidence).await?,
        }
        Ok(LoginOutcome::InvalidCredentials)
    }

    async fn locked(
        &self,
        account: Option<&AccountRecord>,
        reason: &'static str,
        origin: WorkOrigin,
        entry: &Entry,
    ) -> Result<LoginOutcome, FlowError> {
        self.0.essentials.hasher.verify(None, None, origin).await?;
        let event = AuditEvent::new(names::LOGIN_FAILURE, self.0.clock.now(), &entry.client).failed(reason);
        let event = match account {
            Some(account) => event.about(account.user.id),
            None => event,
        };
        self.0.stores.log.append(Evidence::event(event)).await?;
        Ok(LoginOutcome::InvalidCredentials)
    }

    async fn upgrade_hash(
        &self,
        user: &User,
        old: &PasswordHash,
        password: &Password,
        origin: WorkOrigin,
        client: &ClientInfo,
    ) -> Result<(), FlowError> {
        // An upgrade can wait for a quieter moment; the sign-in cannot.
        let Ok(new) = self.0.essentials.hasher.hash(password, origin).await else {
            return Ok(());
        };
        let event = AuditEvent::new(names::HASH_UPGRADED, self.0.clock.now(), client).by(user.id);
        let epoch = user.epochs.security;
        self.0.stores.accounts.rewrite_hash(user.id, epoch, old, &new, Evidence::event(event)).await?;
        Ok(())
    }

    async fn is_known_device(&self, account: Option<&AccountRecord>, entry: &Entry) -> Result<bool, FlowError> {
        let Some(token) = &entry.device else {
            return Ok(false);
        };
        let device = self.0.stores.devices.find(token.digest(Purpose::DEVICE), self.0.clock.now()).await?;
        let owner: Option<UserId> = account.map(|account| account.user.id);
        Ok(device.is_some_and(|device| Some(device.user) == owner))
    }

    fn lane(&self, email: Option<&EmailAddress>, has_account: bool, known_device: bool) -> Lane {
        let whom = match email {
            Some(email) => self.0.address_mac(email),
            // All of them share one counter: what nobody can own needs none of its own, and takes no room.
            None => self.0.essentials.vault.mac("attempts.not_an_address", b""),
        };
        let lockout = &self.0.config.lockout;
        if known_device {
            Lane { key: AttemptKey { counter: KNOWN_DEVICE, whom }, policy: lockout.known_devices }
        } else {
            // Anybody can make addresses up, so what is counted for them goes in the end. An account's count never does.
            let window_secs = (!has_account).then(|| lockout.unknown_secs.get());
            let policy = AttemptPolicy { window_secs, ..lockout.strangers };
            Lane { key: AttemptKey { counter: STRANGER, whom }, policy }
        }
    }
}

/// The counter an attempt falls under. Strangers and known devices have one each, so nobody can lock an owner out of
/// their own browser.
struct Lane {
    key: AttemptKey,
    policy: AttemptPolicy,
}

const STRANGER: &str = "password.stranger";
const KNOWN_DEVICE: &str = "password.known_device";

impl Inner {
    /// Forgets failed attempts: the password, or proof of the mailbox, was shown.
    pub(crate) async fn reopen(&self, user: &User) -> Result<(), FlowError> {
        let whom: Mac = self.address_mac(&user.email);
        let keys = [STRANGER, KNOWN_DEVICE].map(|counter| AttemptKey { counter, whom });
        Ok(self.stores.attempts.clear(&keys).await?)
    }
}
