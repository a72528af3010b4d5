//! The rows, and what several ports ask of them.

#[cfg(feature = "mfa")]
use std::collections::BTreeSet;
use std::collections::{BTreeMap, HashMap};

use sigra_core::email::EmailAddress;
use sigra_core::evidence::Evidence;
#[cfg(feature = "passkeys")]
use sigra_core::id::PasskeyId;
#[cfg(feature = "mfa")]
use sigra_core::id::TrustedBrowserId;
use sigra_core::id::{EventId, MailId, PendingId, RegistrationId, RequestId, SessionId, UserId};
use sigra_core::ports::{
    AccountRecord, AttemptKey, Ceremony, DormancyRecord, LiveToken, Mac, Quarantined, RecordedEvent,
};
use sigra_core::registration::{MailedToken, NewToken, TokenOwner};
use sigra_core::secret::Digest;
use sigra_core::session::{Device, PendingSignIn};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
#[cfg(feature = "mfa")]
use sigra_mfa::ports::{StoredTotp, TrustedBrowser};
#[cfg(feature = "passkeys")]
use sigra_passkeys::{Passkey, UserHandle};

use super::Refused;
use super::address_changes::StoredChange;
use super::attempts::Counter;
use super::housekeeping::Turn;
use super::outbox::QueuedMail;
use super::registrations::Registration;
use super::requests::QueuedRequest;
use super::sessions::StoredSession;

/// Everything stored.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<UserId, AccountRecord>,
    /// Of accounts that were looked at, or enabled.
    pub(super) dormancy: BTreeMap<UserId, DormancyRecord>,
    pub(super) devices: HashMap<Digest, Device>,
    pub(super) tokens: HashMap<Digest, MailedToken>,
    pub(super) registrations: BTreeMap<RegistrationId, Registration>,
    pub(super) requests: BTreeMap<RequestId, QueuedRequest>,
    pub(super) attempts: HashMap<AttemptKey, Counter>,
    pub(super) sessions: BTreeMap<SessionId, StoredSession>,
    /// Those that have ended and are still to be told have no token.
    pub(super) pending: BTreeMap<PendingId, (PendingSignIn, Option<Digest>)>,
    pub(super) ceremonies: HashMap<Digest, Ceremony>,
    pub(super) address_changes: BTreeMap<RequestId, StoredChange>,
    #[cfg(feature = "mfa")]
    pub(super) totp: BTreeMap<UserId, StoredTotp>,
    #[cfg(feature = "mfa")]
    pub(super) backup_codes: BTreeMap<UserId, BackupCodes>,
    #[cfg(feature = "mfa")]
    pub(super) trusted: BTreeMap<TrustedBrowserId, (TrustedBrowser, Digest)>,
    #[cfg(feature = "passkeys")]
    pub(super) handles: BTreeMap<UserId, UserHandle>,
    #[cfg(feature = "passkeys")]
    pub(super) passkeys: BTreeMap<PasskeyId, Passkey>,
    pub(super) events: BTreeMap<EventId, RecordedEvent>,
    pub(super) outbox: BTreeMap<MailId, QueuedMail>,
    pub(super) leases: BTreeMap<String, Turn>,
    pub(super) quarantines: BTreeMap<Mac, Quarantined>,
}

/// The backup codes of an account: when the set was made, how many it had, and which are left.
#[cfg(feature = "mfa")]
#[derive(Clone)]
pub(super) struct BackupCodes {
    pub(super) made_at: Timestamp,
    pub(super) issued: usize,
    pub(super) left: BTreeSet<Mac>,
}

impl State {
    pub(super) fn user(&self, id: UserId) -> Option<&User> {
        self.accounts.get(&id).map(|account| &account.user)
    }

    pub(super) fn account_by_email(&self, email: &EmailAddress) -> Option<&AccountRecord> {
        self.accounts.values().find(|account| same_address(&account.user.email, email))
    }

    /// The user, if what was proven under `epochs` still counts.
    pub(super) fn standing_user(&mut self, id: UserId, epochs: Epochs) -> Option<&mut User> {
        let user = &mut self.accounts.get_mut(&id)?.user;
        user.stands(epochs).then_some(user)
    }

    /// Raises the factor epoch of an account that exists.
    #[cfg(any(feature = "mfa", feature = "passkeys"))]
    pub(super) fn raise_factor_epoch(&mut self, id: UserId) -> Result<User, Refused> {
        let account = self.accounts.get_mut(&id).ok_or(Refused::DANGLING)?;
        account.user.epochs.factor += 1;
        Ok(account.user.clone())
    }

    /// The token, if it can be redeemed.
    pub(super) fn live_token(&self, digest: Digest, now: Timestamp) -> Option<LiveToken> {
        let token = self.tokens.get(&digest).filter(|token| now < token.expires_at)?.clone();
        let TokenOwner::User { id, epochs } = token.owner else {
            return Some(LiveToken { token, user: None, reclaimed: false });
        };
        let user = self.user(id)?.clone();
        // A rescue token counts under any epochs.
        let live = user.stands(epochs.unwrap_or(user.epochs)) && same_address(&user.email, &token.email);
        live.then_some(LiveToken { token, user: Some(user), reclaimed: false })
    }

    /// Forgets the account's tokens that are no rescue tokens.
    pub(super) fn forget_tokens(&mut self, user: UserId) {
        self.tokens.retain(|_, token| match token.owner {
            TokenOwner::User { id, epochs: Some(_) } => id != user,
            TokenOwner::User { epochs: None, .. } | TokenOwner::Registration(_) => true,
        });
    }

    /// Deletes an account and all rows that refer to it.
    pub(super) fn erase(&mut self, user: UserId) {
        self.accounts.remove(&user);
        self.dormancy.remove(&user);
        self.delete_belongings(user);
        for kept in self.quarantines.values_mut().filter(|kept| kept.holder == Some(user)) {
            kept.holder = None;
        }
    }

    /// Makes an account whose mailbox was shown by other means than its registration's one of whoever showed it, and answers
    /// whether it was not proven; one that was is left alone.
    pub(super) fn reclaim(&mut self, id: UserId, now: Timestamp) -> Result<bool, Refused> {
        let account = self.accounts.get_mut(&id).ok_or(Refused::DANGLING)?;
        if account.user.confirmed_at.is_some() {
            return Ok(false);
        }
        account.user = account.user.clone().reclaimed(now);
        account.password = None;
        self.delete_belongings(id);
        Ok(true)
    }

    /// Deletes all rows that refer to an account. Names every kind of row, so that a further one is not forgotten.
    fn delete_belongings(&mut self, user: UserId) {
        let Self {
            devices,
            tokens,
            sessions,
            pending,
            ceremonies,
            address_changes,
            #[cfg(feature = "mfa")]
            totp,
            #[cfg(feature = "mfa")]
            backup_codes,
            #[cfg(feature = "mfa")]
            trusted,
            #[cfg(feature = "passkeys")]
            handles,
            #[cfg(feature = "passkeys")]
            passkeys,
            // Of the account itself, of its address, of nobody, or what outlives it.
            accounts: _,
            dormancy: _,
            registrations: _,
            requests: _,
            attempts: _,
            events: _,
            outbox: _,
            leases: _,
            quarantines: _,
        } = self;
        devices.retain(|_, device| device.user != user);
        tokens.retain(|_, token| !matches!(token.owner, TokenOwner::User { id, .. } if id == user));
        sessions.retain(|_, row| row.session.user != user);
        pending.retain(|_, (pending, _)| pending.user != user);
        ceremonies.retain(|_, ceremony| ceremony.user != Some(user));
        address_changes.retain(|_, row| row.user() != user);
        #[cfg(feature = "mfa")]
        {
            totp.remove(&user);
            backup_codes.remove(&user);
            trusted.retain(|_, (browser, _)| browser.user != user);
        }
        #[cfg(feature = "passkeys")]
        {
            handles.remove(&user);
            passkeys.retain(|_, passkey| passkey.user != user);
        }
    }

    /// Writes evidence down. Its rows must be new.
    pub(super) fn record(&mut self, evidence: Evidence) -> Result<(), Refused> {
        let Evidence { events, mail, tokens, quarantined } = evidence;
        for event in events {
            new_row(self.events.insert(event.id, super::evidence::recorded(event)))?;
        }
        for mail in mail {
            new_row(self.outbox.insert(mail.id, QueuedMail::new(mail)))?;
        }
        for token in tokens {
            self.add_token(&NewToken { token, older_expire_at: None })?;
        }
        for new in quarantined {
            self.quarantine(new);
        }
        Ok(())
    }
}

pub(super) fn same_address(one: &EmailAddress, other: &EmailAddress) -> bool {
    one.identity() == other.identity()
}

/// Refuses when an insert found a row in its place.
pub(super) fn new_row<T>(previous: Option<T>) -> Result<(), Refused> {
    if previous.is_some() { Err(Refused::CONFLICT) } else { Ok(()) }
}
