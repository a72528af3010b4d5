//! Proving the address of a registration, by link or by code.

use std::time::Duration;

use super::Requested;
use super::registration::RegistrationSecrets;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::config::ConfirmationMode;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::{RegistrationId, UserId};
use crate::ports::{AttemptKey, AttemptPolicy, Happened, NewAccount, Promotion, RegistrationStore, Reservation};
use crate::registration::{PendingRegistration, RequestKind, TokenOwner};
use crate::secret::{Code, Digest, Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// Proving the address of a registration.
///
/// A link or code promotes its own submission only, creates the account and deletes the submission's rivals. Where the
/// account was created before that ([`ConfirmationMode::Deferred`]), it proves the address of the account its registration
/// became, which keeps everything it has. It signs nobody in.
#[derive(Clone, Copy)]
pub struct Confirmation<'a>(pub(crate) &'a Inner);

/// What came of a confirmation.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Confirmed {
    /// The account exists now.
    Created(Box<User>),
    /// The account existed, and its address is proven now.
    Proven(Box<User>),
    /// The link or code is unknown, used, expired, exhausted or for something else: all alike.
    Invalid,
}

/// What a live confirmation link tells before it is redeemed.
#[derive(Clone, Debug)]
pub struct ConfirmationView {
    /// The address that would be proven.
    pub email: EmailAddress,
    /// When the registration was submitted.
    pub submitted_at: Timestamp,
    /// The device it was submitted from, while that is known.
    pub device: Option<String>,
}

impl Confirmation<'_> {
    /// Looks at a link without consuming it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek(&self, token: &str) -> Result<Option<ConfirmationView>, FlowError> {
        Ok(match self.by_live_token(token).await? {
            Some(Provable::Registration(registration)) => Some(ConfirmationView {
                device: Some(self.0.describer.describe(registration.client.user_agent.as_deref())),
                email: registration.email,
                submitted_at: registration.created_at,
            }),
            Some(Provable::Account(_, user)) => {
                Some(ConfirmationView { device: None, email: user.email, submitted_at: user.created_at })
            }
            None => None,
        })
    }

    /// Redeems a link.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.confirmation.by_token")]
    pub async fn by_token(&self, token: &str, client: &ClientInfo) -> Result<Confirmed, FlowError> {
        match self.by_live_token(token).await? {
            Some(Provable::Registration(registration)) => {
                self.finish(self.promotion(registration, "link", client)?, client).await
            }
            Some(Provable::Account(digest, _)) => match self.prove(digest, "link", client).await? {
                Some(user) => Ok(Confirmed::Proven(Box::new(user))),
                None => self.invalid("used", client).await,
            },
            None => self.invalid("invalid_token", client).await,
        }
    }

    /// Does everything of redeeming a link that must not happen inside a transaction. `None` when the link is not live, or
    /// its registration is an account already.
    ///
    /// The result is committed by [`PreparedPromotion::commit_in`], in a store bound to a transaction of the host's if it
    /// likes; [`Confirmation::by_token`] does both at once.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn prepare(&self, token: &str, client: &ClientInfo) -> Result<Option<PreparedPromotion>, FlowError> {
        match self.by_live_token(token).await? {
            Some(Provable::Registration(registration)) => Ok(Some(self.promotion(registration, "link", client)?)),
            Some(Provable::Account(..)) | None => Ok(None),
        }
    }

    /// Redeems a code for an address.
    ///
    /// Unknown addresses, exhausted, expired and wrong codes are answered alike and cost the same.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.confirmation.by_code")]
    pub async fn by_code(&self, email: &str, code: &str, client: &ClientInfo) -> Result<Confirmed, FlowError> {
        let (Ok(email), Some(code)) = (EmailAddress::parse(email), Code::parse(code)) else {
            return self.invalid("malformed", client).await;
        };
        let now = self.0.clock.now();
        let key = AttemptKey { counter: "code", whom: self.0.address_mac(&email) };
        let policy = self.0.config.lockout.codes;
        let Reservation::Granted(_) = self.0.stores.attempts.reserve(&key, &policy, None, now).await? else {
            return self.invalid("exhausted", client).await;
        };
        let tries = self.0.config.registration.code_tries;
        let codes = self.0.stores.registrations.take_code_tries(&email, tries, now).await?;
        let matching = codes
            .iter()
            .find(|candidate| {
                let message = code_message(candidate.registration, &email, &code);
                self.0.essentials.vault.verify_mac("code.confirm", &message, &candidate.mac)
            })
            .map(|candidate| candidate.registration);
        let Some(id) = matching else {
            return match self.prove_by_code(&email, &code, client).await? {
                Some(user) => Ok(Confirmed::Proven(Box::new(user))),
                None => self.invalid("invalid_code", client).await,
            };
        };
        let Some(registration) = self.0.stores.registrations.find(id, now).await? else {
            return self.invalid("invalid_code", client).await;
        };
        let prepared = self.promotion(registration, "code", client)?;
        self.finish(prepared, client).await
    }

    /// Asks for the confirmation mail once more.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.confirmation.resend")]
    pub async fn resend(&self, email: &str, client: &ClientInfo) -> Result<Requested, FlowError> {
        self.0.note_request(RequestKind::ResendConfirmation, names::CONFIRMATION_REQUEST, email, client).await
    }

    async fn by_live_token(&self, token: &str) -> Result<Option<Provable>, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return Ok(None);
        };
        let now = self.0.clock.now();
        let digest = token.digest(Purpose::CONFIRM_REGISTRATION);
        let Some(live) = self.0.stores.tokens.peek(digest, now).await? else {
            return Ok(None);
        };
        Ok(match (live.token.owner, live.user) {
            (TokenOwner::Registration(id), _) => {
                self.0.stores.registrations.find(id, now).await?.map(Provable::Registration)
            }
            (TokenOwner::User { .. }, Some(user)) if user.confirmed_at.is_none() => {
                Some(Provable::Account(digest, Box::new(user)))
            }
            (TokenOwner::User { .. }, _) => None,
        })
    }

    /// Redeems a code that was mailed for an account. Found by address and code alone, so an address without an account costs
    /// the same.
    async fn prove_by_code(
        &self,
        email: &EmailAddress,
        code: &Code,
        client: &ClientInfo,
    ) -> Result<Option<User>, FlowError> {
        let rules = &self.0.config.registration;
        if rules.confirmation == ConfirmationMode::Required {
            return Ok(None);
        }
        let policy = AttemptPolicy::per_code(rules.code_tries, rules.code_secs);
        let key = account_code_key(self.0, email);
        let now = self.0.clock.now();
        match self.0.stores.attempts.reserve(&key, &policy, None, now).await? {
            Reservation::Granted(_) => self.prove(account_code_digest(self.0, email, code), "code", client).await,
            Reservation::Locked(_) | Reservation::Exhausted => Ok(None),
        }
    }

    /// Proves the address of an account. `None` when what was mailed for it is worth nothing any more.
    async fn prove(
        &self,
        digest: Digest,
        method: &'static str,
        client: &ClientInfo,
    ) -> Result<Option<User>, FlowError> {
        let now = self.0.clock.now();
        let evidence = |user: &User| {
            let event = AuditEvent::new(names::ACCOUNT_CONFIRM, now, client).by(user.id);
            Evidence::event(event.with("method", method))
        };
        let Some(user) = self.0.stores.accounts.confirm(digest, now, &evidence).await? else {
            return Ok(None);
        };
        self.forget_tries(&user).await;
        self.0.happened(Happened::Confirmed(&user)).await;
        Ok(Some(user))
    }

    async fn forget_tries(&self, user: &User) {
        let key = AttemptKey { counter: "code", whom: self.0.address_mac(&user.email) };
        self.0.follow_up(self.0.stores.attempts.clear(&[key]).await.map_err(FlowError::from));
    }

    fn promotion(
        &self,
        registration: PendingRegistration,
        method: &'static str,
        client: &ClientInfo,
    ) -> Result<PreparedPromotion, FlowError> {
        let now = self.0.clock.now();
        let (password, profile) = RegistrationSecrets::open(self.0, &registration)?;
        let account = NewAccount {
            quarantine: self.0.quarantine_keys(&registration.email),
            id: UserId::new(now),
            email: registration.email,
            password: Some(password),
            profile,
            confirmed_at: Some(now),
            created_at: now,
        };
        let evidence = Evidence::event(
            AuditEvent::new(names::CONFIRMATION_SUCCESS, now, client).by(account.id).with("method", method),
        )
        .and_event(AuditEvent::new(names::REGISTER_SUCCESS, now, client).by(account.id).with("method", "password"));
        Ok(PreparedPromotion { registration: registration.id, account, evidence })
    }

    async fn finish(&self, prepared: PreparedPromotion, client: &ClientInfo) -> Result<Confirmed, FlowError> {
        match prepared.commit_in(&*self.0.stores.registrations).await? {
            Promotion::Created(user) => {
                self.forget_tries(&user).await;
                self.0.happened(Happened::Registered(&user)).await;
                Ok(Confirmed::Created(Box::new(user)))
            }
            Promotion::Gone => self.invalid("used", client).await,
            Promotion::Taken => self.invalid("address_taken", client).await,
        }
    }

    async fn invalid(&self, reason: &'static str, client: &ClientInfo) -> Result<Confirmed, FlowError> {
        let event = AuditEvent::new(names::CONFIRMATION_FAILURE, self.0.clock.now(), client).failed(reason);
        self.0.stores.log.append(Evidence::event(event)).await?;
        Ok(Confirmed::Invalid)
    }
}

/// What a live link proves the address of.
enum Provable {
    Registration(PendingRegistration),
    /// The account a registration became before its address was proven, and what its link is found by.
    Account(Digest, Box<User>),
}

/// An account that is ready to be created from a registration, and not created yet.
#[derive(Debug)]
#[must_use = "a prepared promotion is lost unless it is committed"]
pub struct PreparedPromotion {
    registration: RegistrationId,
    account: NewAccount,
    evidence: Evidence,
}

impl PreparedPromotion {
    /// The id the account will have, for the host's own row beside it.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.account.id
    }

    /// Creates the account, unless the registration is gone or the address was taken meanwhile.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn commit_in(self, store: &dyn RegistrationStore) -> Result<Promotion, FlowError> {
        Ok(store.promote(self.registration, &self.account, self.evidence).await?)
    }
}

/// What the keyed hash of a code is made over: bound to its registration and its address.
pub(super) fn code_message(registration: RegistrationId, email: &EmailAddress, code: &Code) -> Vec<u8> {
    let mut message = registration.as_uuid().as_bytes().to_vec();
    message.extend_from_slice(code.as_bytes());
    message.extend_from_slice(email.identity().as_bytes());
    message
}

/// How long a code is good for, never longer than its registration.
pub(super) fn code_span(inner: &Inner, registration: &PendingRegistration, now: Timestamp) -> Duration {
    inner.config.registration.code_secs.span().min(registration.expires_at.since(now))
}

/// What the code of an account that is not proven is found by: a keyed hash over address and code.
pub(super) fn account_code_digest(inner: &Inner, email: &EmailAddress, code: &Code) -> Digest {
    let message = [&code.as_bytes()[..], email.identity().as_bytes()].concat();
    Digest::from_bytes(*inner.essentials.vault.mac("code.confirm_account", &message).as_bytes())
}

/// What tries at that code are counted by.
pub(super) fn account_code_key(inner: &Inner, email: &EmailAddress) -> AttemptKey {
    AttemptKey { counter: "code.account", whom: inner.address_mac(email) }
}
