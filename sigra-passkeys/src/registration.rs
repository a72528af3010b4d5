//! Adding a passkey.

use serde_json::Value;
use sigra_core::Sigra;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::id::{PasskeyId, SessionId};
use sigra_core::ports::Notice;
use sigra_core::telemetry::operation;
use sigra_core::user::User;

use crate::authenticators::authenticator_name;
use crate::ceremony::{Bound, random};
use crate::decoys;
use crate::events::{REGISTER_FAILURE, REGISTER_SUCCESS};
use crate::mails::PASSKEY_ADDED;
use crate::manage::nickname_of;
use crate::options;
use crate::passkey::{CredentialId, Passkey, UserHandle};
use crate::ports::Registered;
use crate::service::{Inner, Passkeys};
use crate::verify::{NewCredential, UserVerification};
use crate::wire::{Refused, RegistrationResponse};

/// What came of asking to add a passkey.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum StartOutcome {
    /// The options for the browser: a `PublicKeyCredentialCreationOptionsJSON`.
    Options(Value),
    /// The account has as many as it may have.
    Limit,
    /// The account's address is not proven. Its true owner could not get rid of a passkey somebody else left there.
    Unconfirmed,
}

/// What came of adding a passkey.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum FinishOutcome {
    /// It was added. Every session of the account but the one that [carries on](sigra_core::flows::Sessions::carry_on) is
    /// dead.
    Registered {
        /// The passkey.
        passkey: Box<Passkey>,
        /// The account as it is now.
        user: Box<User>,
    },
    /// What the browser sent is not what it was asked for.
    Rejected,
    /// A name has 1 to 64 characters, none of them a control character. Nothing was looked at yet: the same response can be
    /// brought again, with another name or none.
    InvalidNickname,
    /// The account has as many as it may have.
    Limit,
    /// The authenticator's credential is registered already, with this account or another.
    Duplicate,
    /// The account has changed since it was read.
    Stale,
}

impl Passkeys {
    /// Asks a browser to make a passkey for the account. The caller has made sure that the session is fresh.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.passkeys.start_registration")]
    pub async fn start_registration(&self, user: &User, session: SessionId) -> Result<StartOutcome, FlowError> {
        let Inner { store, ceremonies, config, .. } = &*self.inner;
        if user.confirmed_at.is_none() {
            return Ok(StartOutcome::Unconfirmed);
        }
        let existing = store.list(user.id).await?;
        if existing.len() >= config.at_most as usize {
            return Ok(StartOutcome::Limit);
        }
        let handle = store.user_handle(user.id, UserHandle::from_bytes(random())).await?;
        let challenge = ceremonies.begin(Bound::Registration(user.id, session), None).await?;
        Ok(StartOutcome::Options(options::creation(config, &challenge, user, &handle, &existing)))
    }

    /// Adds the passkey a browser made, a `RegistrationResponseJSON`. Once its challenge is read its ceremony is over, whatever
    /// comes of it. The caller has made sure that the session is fresh, and lets it
    /// [carry on](sigra_core::flows::Sessions::carry_on) afterwards.
    ///
    /// Without a nickname, the passkey is called after its authenticator.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.passkeys.register")]
    pub async fn finish_registration(
        &self,
        sigra: &Sigra,
        user: &User,
        session: SessionId,
        response: &str,
        nickname: Option<&str>,
        client: &ClientInfo,
    ) -> Result<FinishOutcome, FlowError> {
        let nickname = match nickname.map(nickname_of) {
            Some(None) => return Ok(FinishOutcome::InvalidNickname),
            nickname => nickname.flatten(),
        };
        let now = self.inner.clock.now();
        let refused = |reason: &'static str| {
            let event = AuditEvent::new(REGISTER_FAILURE, now, client).by(user.id).within(session).failed(reason);
            self.inner.log.append(Evidence::event(event))
        };
        let made = match self.made(user, session, response).await? {
            Ok(made) => made,
            Err(Refused(reason)) => {
                refused(reason).await?;
                return Ok(FinishOutcome::Rejected);
            }
        };
        if self.inner.is_taken(&made.id).await? {
            refused("duplicate").await?;
            return Ok(FinishOutcome::Duplicate);
        }
        let what = authenticator_name(made.aaguid);
        let passkey = Passkey {
            id: PasskeyId::new(now),
            user: user.id,
            credential_id: made.id,
            public_key: made.key.to_cose(),
            sign_count: made.sign_count,
            backup_eligible: made.backup_eligible,
            backed_up: made.backed_up,
            transports: made.transports,
            aaguid: made.aaguid,
            nickname: nickname.unwrap_or_else(|| what.to_owned()),
            created_at: now,
            last_used_at: None,
        };
        let evidence = |user: &User| {
            let event = AuditEvent::new(REGISTER_SUCCESS, now, client)
                .by(user.id)
                .within(session)
                .with("passkey", passkey.id.to_string())
                .with("aaguid", passkey.aaguid.to_string())
                .with("authenticator", what)
                .with("backup_eligible", passkey.backup_eligible);
            let notice = Notice { kind: &PASSKEY_ADDED, user, client, at: now, what: Some(what), left: None };
            sigra.second_factors().notice(Evidence::event(event), &notice)
        };
        let at_most = self.inner.config.at_most;
        let (reason, outcome) = match self.inner.store.register(&passkey, user.epochs, at_most, &evidence).await? {
            Registered::Done(user) => return Ok(FinishOutcome::Registered { passkey: Box::new(passkey), user }),
            Registered::Full => ("limit", FinishOutcome::Limit),
            Registered::Duplicate => ("duplicate", FinishOutcome::Duplicate),
            Registered::Stale => ("stale", FinishOutcome::Stale),
        };
        refused(reason).await?;
        Ok(outcome)
    }

    /// The credential a response tells of, if it is the answer to the ceremony of this session.
    async fn made(
        &self,
        user: &User,
        session: SessionId,
        response: &str,
    ) -> Result<Result<NewCredential, Refused>, FlowError> {
        let Inner { ceremonies, clock, verifier, .. } = &*self.inner;
        let received = match RegistrationResponse::receive(response) {
            Ok(received) => received,
            Err(refused) => return Ok(Err(refused)),
        };
        let bound = Bound::Registration(user.id, session);
        let Some(state) = ceremonies.take(bound, &received.client_data.challenge, clock.now()).await? else {
            return Ok(Err(Refused("unknown_ceremony")));
        };
        if user.confirmed_at.is_none() {
            return Ok(Err(Refused("unconfirmed")));
        }
        let registration = |response| verifier.registration(&response, &state.challenge(), UserVerification::Required);
        Ok(received.open().and_then(registration))
    }
}

impl Inner {
    /// Whether a credential id is somebody's already, or a decoy. Were a decoy free to be registered, registering one would tell
    /// it from a passkey of somebody's; that is also why both are found here, by the same steps, and not by the storage when it
    /// registers. It has the last word on what happens beside this.
    async fn is_taken(&self, id: &CredentialId) -> Result<bool, FlowError> {
        let decoy = decoys::is_one(id, &*self.ceremonies.vault);
        Ok(self.store.find(id).await?.is_some() || decoy)
    }
}
