//! Proving the address of a registration, by link or by code.

use std::time::Duration;

use super::Requested;
use super::registration::RegistrationSecrets;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::{RegistrationId, UserId};
use crate::ports::{AttemptKey, Happened, NewAccount, Promotion, RegistrationStore, Reservation};
use crate::registration::{PendingRegistration, RequestKind, TokenOwner};
use crate::secret::{Code, Purpose, RawToken};
use crate::sigra::Inner;
use crate::time::Timestamp;
use crate::user::User;

/// Proving the address of a registration.
///
/// A link or code promotes its own submission only, creates the account and deletes the submission's rivals. It signs
/// nobody in.
#[derive(Clone, Copy)]
pub struct Confirmation<'a>(pub(crate) &'a Inner);

/// What came of a confirmation.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Confirmed {
    /// The account exists now.
    Created(Box<User>),
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
    /// The device it was submitted from.
    pub device: String,
}

impl Confirmation<'_> {
    /// Looks at a link without consuming it.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn peek(&self, token: &str) -> Result<Option<ConfirmationView>, FlowError> {
        let found = self.by_live_token(token).await?;
        Ok(found.map(|registration| ConfirmationView {
            device: self.0.describer.describe(registration.client.user_agent.as_deref()),
            email: registration.email,
            submitted_at: registration.created_at,
        }))
    }

    /// Redeems a link.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[tracing::instrument(name = "sigra.confirmation.by_token", skip_all)]
    pub async fn by_token(&self, token: &str, client: &ClientInfo) -> Result<Confirmed, FlowError> {
        match self.prepare(token, client).await? {
            Some(prepared) => self.finish(prepared, client).await,
            None => self.invalid("invalid_token", client).await,
        }
    }

    /// Does everything of redeeming a link that must not happen inside a transaction. `None` when the link is not live.
    ///
    /// The result is committed by [`PreparedPromotion::commit_in`], in a store bound to a transaction of the host's if it
    /// likes; [`Confirmation::by_token`] does both at once.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn prepare(&self, token: &str, client: &ClientInfo) -> Result<Option<PreparedPromotion>, FlowError> {
        match self.by_live_token(token).await? {
            Some(registration) => Ok(Some(self.promotion(registration, "link", client)?)),
            None => Ok(None),
        }
    }

    /// Redeems a code for an address.
    ///
    /// Unknown addresses, exhausted, expired and wrong codes are answered alike and cost the same.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[tracing::instrument(name = "sigra.confirmation.by_code", skip_all)]
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
            return self.invalid("invalid_code", client).await;
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
    #[tracing::instrument(name = "sigra.confirmation.resend", skip_all)]
    pub async fn resend(&self, email: &str, client: &ClientInfo) -> Result<Requested, FlowError> {
        self.0.note_request(RequestKind::ResendConfirmation, names::CONFIRMATION_REQUEST, email, client).await
    }

    async fn by_live_token(&self, token: &str) -> Result<Option<PendingRegistration>, FlowError> {
        let Some(token) = RawToken::parse(token) else {
            return Ok(None);
        };
        let now = self.0.clock.now();
        let live = self.0.stores.tokens.peek(token.digest(Purpose::CONFIRM_REGISTRATION), now).await?;
        match live.map(|live| live.token.owner) {
            Some(TokenOwner::Registration(id)) => Ok(self.0.stores.registrations.find(id, now).await?),
            Some(TokenOwner::User { .. }) | None => Ok(None),
        }
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
                let key = AttemptKey { counter: "code", whom: self.0.address_mac(&user.email) };
                self.0.follow_up(self.0.stores.attempts.clear(&[key]).await.map_err(FlowError::from));
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
