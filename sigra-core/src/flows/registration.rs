//! Registering: a submission that becomes an account only once its address is proven.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::InputFault;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::RegistrationId;
use crate::password::{Password, PasswordHash};
use crate::ports::{PasswordFault, PolicyContext, RegistrationStore, Sealed, VaultError, WorkOrigin};
use crate::registration::{AddressRequest, PendingRegistration, RequestKind};
use crate::sigra::Inner;
use crate::telemetry::operation;

/// Registering.
///
/// Every submission is stored alike, whether or not its address has an account, and costs the same work. A worker looks
/// the address up later and mails either the confirmation or a notice to the owner. So no answer tells whether an
/// address is taken, and no unproven account exists for anybody to have prepared in advance; unless the configuration wants
/// accounts [at once](crate::config::ConfirmationMode::Deferred), which the worker then creates.
#[derive(Clone, Copy)]
pub struct Registration<'a>(pub(crate) &'a Inner);

/// What somebody registers with.
#[derive(Clone, Copy)]
pub struct RegistrationForm<'a> {
    /// The address, as typed.
    pub email: &'a str,
    /// The password, as typed.
    pub password: &'a str,
    /// The host's own data: a JSON object.
    pub profile: Option<&'a Value>,
    /// Who submits it.
    pub client: &'a ClientInfo,
}

/// What came of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Submitted {
    /// It was stored. What follows, only the owner of the address learns.
    Accepted,
    /// Something is wrong with what was typed.
    Rejected(Vec<InputFault>),
}

impl Registration<'_> {
    /// Checks, hashes and stores a submission.
    ///
    /// # Errors
    ///
    /// When the hashing queue is full, the store cannot do its work, or a check that the configuration demands cannot be
    /// made.
    #[operation("sigra.registration.submit")]
    pub async fn submit(&self, form: RegistrationForm<'_>) -> Result<Submitted, FlowError> {
        match self.prepare(form).await? {
            Ok(prepared) => {
                prepared.commit_in(&*self.0.stores.registrations).await?;
                Ok(Submitted::Accepted)
            }
            Err(faults) => Ok(Submitted::Rejected(faults)),
        }
    }

    /// Does everything of a submission that must not happen inside a transaction: parsing, policy, hashing, sealing.
    ///
    /// The result is committed by [`PreparedRegistration::commit_in`], in a store bound to a transaction of the host's
    /// if it likes.
    ///
    /// # Errors
    ///
    /// When the hashing queue is full, or a check that the configuration demands cannot be made.
    pub async fn prepare(
        &self,
        form: RegistrationForm<'_>,
    ) -> Result<Result<PreparedRegistration, Vec<InputFault>>, FlowError> {
        let origin = WorkOrigin::Network(form.client.block());
        let mut faults = Vec::new();
        let email = EmailAddress::parse_new(form.email).map_err(|fault| faults.push(fault.into())).ok();
        let profile = form.profile.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        if !self.0.sound_profile(&profile) {
            faults.push(InputFault::InvalidProfile);
        }
        if let Some(email) = &email
            && !self.0.takes_mail(email, form.client).await?
        {
            faults.push(InputFault::UndeliverableEmail);
        }
        let password = self.0.new_password(form.password, email.as_ref(), form.client, origin, &mut faults).await?;
        let (Some(email), Some(password)) = (email, password) else {
            return Ok(Err(faults));
        };
        if !faults.is_empty() {
            return Ok(Err(faults));
        }

        let hash = self.0.essentials.hasher.hash(&password, origin).await?;
        let now = self.0.clock.now();
        let id = RegistrationId::new(now);
        let sealed = RegistrationSecrets { password: hash.expose().to_owned().into(), profile }.seal(self.0, id);
        let registration = PendingRegistration {
            id,
            email: email.clone(),
            sealed,
            client: form.client.clone(),
            created_at: now,
            expires_at: now + self.0.config.registration.pending_secs.span(),
        };
        let request = self.0.address_request(RequestKind::Register(id), &email, form.client);
        let evidence = Evidence::event(AuditEvent::new(names::REGISTER_REQUEST, now, form.client));
        Ok(Ok(PreparedRegistration { registration, request, evidence }))
    }
}

/// A submission that is checked, hashed and sealed, and not stored yet.
#[derive(Debug)]
#[must_use = "a prepared registration is lost unless it is committed"]
pub struct PreparedRegistration {
    registration: PendingRegistration,
    request: AddressRequest,
    evidence: Evidence,
}

impl PreparedRegistration {
    /// The id of the submission, for the host's own row beside it.
    #[must_use]
    pub const fn id(&self) -> RegistrationId {
        self.registration.id
    }

    /// Stores the submission with everything it owes.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn commit_in(self, store: &dyn RegistrationStore) -> Result<(), FlowError> {
        Ok(store.submit(&self.registration, &self.request, self.evidence).await?)
    }
}

/// What a pending registration keeps sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct RegistrationSecrets {
    password: Zeroizing<String>,
    profile: Value,
}

impl RegistrationSecrets {
    fn seal(&self, inner: &Inner, id: RegistrationId) -> Sealed {
        let plain = Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        inner.essentials.vault.seal(&Self::context(id), &plain)
    }

    /// Password hash and profile of a stored registration.
    pub(super) fn open(inner: &Inner, registration: &PendingRegistration) -> Result<(PasswordHash, Value), VaultError> {
        let opened = inner.essentials.vault.open(&Self::context(registration.id), &registration.sealed)?;
        let secrets: Self = serde_json::from_slice(opened.plain.expose()).map_err(|_| VaultError)?;
        Ok((PasswordHash::new(secrets.password.to_string()), secrets.profile))
    }

    fn context(id: RegistrationId) -> String {
        format!("sigra_registrations.sealed.{id}")
    }
}

impl Inner {
    /// Parses a new password and holds it against the policy. Only if nothing is wrong at all is it looked up among
    /// breached ones. Faults are added; the password comes back only without any of its own.
    pub(crate) async fn new_password(
        &self,
        typed: &str,
        email: Option<&EmailAddress>,
        client: &ClientInfo,
        origin: WorkOrigin,
        faults: &mut Vec<InputFault>,
    ) -> Result<Option<Password>, FlowError> {
        let Ok(password) = Password::parse(typed) else {
            faults.push(InputFault::Password(PasswordFault::TooLong));
            return Ok(None);
        };
        let Some(email) = email else {
            return Ok(Some(password));
        };
        let context = PolicyContext { email, words: &[] };
        let found = self.essentials.policy.check(&password, &context, origin).await?;
        if !found.is_empty() {
            faults.extend(found.into_iter().map(InputFault::Password));
            return Ok(None);
        }
        if faults.is_empty() && self.is_breached(&password, client).await? {
            faults.push(InputFault::Password(PasswordFault::Breached));
            return Ok(None);
        }
        Ok(Some(password))
    }
}
