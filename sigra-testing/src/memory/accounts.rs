//! Accounts.

use async_trait::async_trait;
use sigra_core::email::EmailAddress;
use sigra_core::error::StoreError;
use sigra_core::evidence::{Evidence, EvidenceFor};
use sigra_core::id::UserId;
use sigra_core::password::PasswordHash;
use sigra_core::ports::{AccountRecord, AccountStore, NewAccount, Recovered, SignIn, SignInDevice, SignInRecorded};
use sigra_core::registration::{AddressRequest, TokenOwner};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::state::{State, new_row};
use super::{MemoryStore, Refused};

#[async_trait]
impl AccountStore for MemoryStore {
    async fn find(&self, id: UserId) -> Result<Option<AccountRecord>, StoreError> {
        self.read("accounts.find", |state| state.accounts.get(&id).cloned())
    }

    async fn find_by_email(&self, email: &EmailAddress) -> Result<Option<AccountRecord>, StoreError> {
        self.read("accounts.find_by_email", |state| state.account_by_email(email).cloned())
    }

    async fn create(&self, account: &NewAccount, evidence: Evidence) -> Result<bool, StoreError> {
        self.change("accounts.create", |state| {
            if state.is_kept(account) {
                return Ok(false);
            }
            state.add_account(account)?;
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn rewrite_hash(
        &self,
        user: UserId,
        epoch: i64,
        old: &PasswordHash,
        new: &PasswordHash,
        evidence: Evidence,
    ) -> Result<bool, StoreError> {
        self.change("accounts.rewrite_hash", |state| {
            let unchanged = |account: &AccountRecord| {
                account.user.epochs.security == epoch
                    && account.password.as_ref().is_some_and(|stored| stored.expose() == old.expose())
            };
            let Some(account) = state.accounts.get_mut(&user).filter(|account| unchanged(account)) else {
                return Ok(false);
            };
            account.password = Some(new.clone());
            state.record(evidence)?;
            Ok(true)
        })
    }

    async fn record_sign_in(
        &self,
        sign_in: &SignIn,
        evidence: EvidenceFor<'_, SignInRecorded>,
    ) -> Result<Option<SignInRecorded>, StoreError> {
        self.change("accounts.record_sign_in", |state| {
            let Some(recorded) = state.record_sign_in(sign_in)? else {
                return Ok(None);
            };
            state.record(evidence(&recorded))?;
            Ok(Some(recorded))
        })
    }

    async fn confirm(
        &self,
        digest: Digest,
        now: Timestamp,
        evidence: EvidenceFor<'_, User>,
    ) -> Result<Option<User>, StoreError> {
        self.change("accounts.confirm", |state| {
            let live = state.live_token(digest, now).map(|live| live.token.owner);
            let Some(TokenOwner::User { id, epochs: Some(_) }) = live else {
                return Ok(None);
            };
            let account = state.accounts.get_mut(&id).filter(|account| account.user.confirmed_at.is_none());
            let Some(AccountRecord { user, .. }) = account else {
                return Ok(None);
            };
            user.confirmed_at = Some(now);
            let user = user.clone();
            state.tokens.remove(&digest);
            state.record(evidence(&user))?;
            Ok(Some(user))
        })
    }

    async fn reset_password(
        &self,
        digest: Digest,
        password: &PasswordHash,
        now: Timestamp,
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        self.change("accounts.reset_password", |state| {
            let live = state.live_token(digest, now).map(|live| live.token.owner);
            let Some(TokenOwner::User { id, epochs: Some(_) }) = live else {
                return Ok(None);
            };
            let reclaimed = state.reclaim(id, now)?;
            let user = state.raise_epoch(id, None, |account| set_password(account, password, now))?;
            let reset = Recovered { user, reclaimed };
            state.record(evidence(&reset))?;
            Ok(Some(reset))
        })
    }

    async fn rescue(
        &self,
        digest: Digest,
        now: Timestamp,
        request: &(dyn for<'u> Fn(&'u User) -> AddressRequest + Send + Sync),
        evidence: EvidenceFor<'_, Recovered>,
    ) -> Result<Option<Recovered>, StoreError> {
        self.change("accounts.rescue", |state| {
            let live = state.live_token(digest, now).map(|live| live.token.owner);
            let Some(TokenOwner::User { id, epochs: None }) = live else {
                return Ok(None);
            };
            state.tokens.remove(&digest);
            let rescued = state.rescue(id, now)?;
            state.queue_request(&request(&rescued.user))?;
            state.record(evidence(&rescued))?;
            Ok(Some(rescued))
        })
    }
}

impl State {
    /// Whether the address of a new account is not to be had.
    pub(super) fn is_kept(&self, account: &NewAccount) -> bool {
        self.is_taken(&account.email, None, account.created_at)
            || self.is_quarantined(&account.quarantine, None, account.created_at)
    }

    /// Stores an account whose address is known to be free.
    pub(super) fn add_account(&mut self, account: &NewAccount) -> Result<User, Refused> {
        let user = account.to_user();
        let password = account.password.clone();
        let record = AccountRecord { user: user.clone(), password, attempts_cleared_at: None };
        new_row(self.accounts.insert(account.id, record))?;
        Ok(user)
    }

    /// Notes a sign-in with its device; `None` when the account has changed since the proof.
    pub(super) fn record_sign_in(&mut self, sign_in: &SignIn) -> Result<Option<SignInRecorded>, Refused> {
        let Some(AccountRecord { user, attempts_cleared_at, .. }) =
            self.accounts.get_mut(&sign_in.user).filter(|account| account.user.stands(sign_in.epochs))
        else {
            return Ok(None);
        };
        if sign_in.clears_attempts {
            *attempts_cleared_at = (*attempts_cleared_at).max(Some(sign_in.at));
        }
        let previous_sign_in_at = user.last_sign_in_at;
        user.last_sign_in_at = previous_sign_in_at.max(Some(sign_in.at));
        let recorded = SignInRecorded { user: user.clone(), previous_sign_in_at, crowded_out: Vec::new() };
        self.remember_device(sign_in)?;
        Ok(Some(recorded))
    }

    /// Takes the password of a disowned account away, and its deletion back.
    pub(super) fn rescue(&mut self, id: UserId, now: Timestamp) -> Result<Recovered, Refused> {
        let reclaimed = self.reclaim(id, now)?;
        self.restore(id, now);
        Ok(Recovered { user: self.raise_epoch(id, None, take_password)?, reclaimed })
    }

    /// Changes an account, raises its security epoch and forgets what the old one had handed out, and every device but one.
    pub(super) fn raise_epoch(
        &mut self,
        id: UserId,
        device: Option<Digest>,
        edit: impl FnOnce(&mut AccountRecord),
    ) -> Result<User, Refused> {
        let user = self.raise_epoch_on_devices(id, edit)?;
        self.devices.retain(|digest, known| known.user != id || Some(*digest) == device);
        Ok(user)
    }

    /// As [`State::raise_epoch`], and leaves the devices.
    pub(super) fn raise_epoch_on_devices(
        &mut self,
        id: UserId,
        edit: impl FnOnce(&mut AccountRecord),
    ) -> Result<User, Refused> {
        let account = self.accounts.get_mut(&id).ok_or(Refused::DANGLING)?;
        edit(account);
        account.user.epochs.security += 1;
        let user = account.user.clone();
        self.forget_tokens(id);
        Ok(user)
    }

    fn remember_device(&mut self, sign_in: &SignIn) -> Result<(), Refused> {
        match &sign_in.device {
            SignInDevice::New { digest, device } => {
                let known_id = self.devices.values().any(|known| known.id == device.id);
                new_row(known_id.then_some(()))?;
                let mut known: Vec<_> = self.devices.iter().filter(|(_, known)| known.user == device.user).collect();
                known.sort_by_key(|(_, known)| std::cmp::Reverse((known.last_seen_at, known.id)));
                let forgotten: Vec<_> =
                    known.into_iter().skip(Device::AT_MOST as usize - 1).map(|(digest, _)| *digest).collect();
                self.devices.retain(|digest, _| !forgotten.contains(digest));
                new_row(self.devices.insert(*digest, device.clone()))
            }
            SignInDevice::Known { id, expires_at } => {
                let mine = |device: &&mut Device| device.id == *id && device.user == sign_in.user;
                if let Some(device) = self.devices.values_mut().find(mine) {
                    device.last_seen_at = device.last_seen_at.max(sign_in.at);
                    device.expires_at = *expires_at;
                }
                Ok(())
            }
        }
    }
}

/// Sets the password of an account. Whatever was required of the one before is satisfied.
pub(super) fn set_password(account: &mut AccountRecord, password: &PasswordHash, now: Timestamp) {
    account.password = Some(password.clone());
    account.user.has_password = true;
    account.user.password_changed_at = Some(now);
    account.user.password_change_required_at = None;
}

/// Takes the password of an account away, and what was required of it.
pub(super) fn take_password(account: &mut AccountRecord) {
    account.password = None;
    account.user.has_password = false;
    account.user.password_change_required_at = None;
}
