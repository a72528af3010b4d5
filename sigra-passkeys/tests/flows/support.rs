//! A host with passkeys, and people with authenticators.

use async_trait::async_trait;
use serde_json::Value;
use sigra_core::assurance::Method;
use sigra_core::audit::EventName;
use sigra_core::client::ClientInfo;
use sigra_core::door::{Admission, Granted};
use sigra_core::error::FlowError;
use sigra_core::id::UserId;
use sigra_core::ports::{Factor, FactorCheck, FactorKind, FactorVerdict, Notices, RecordedEvent, Standing};
use sigra_core::secret::RawToken;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_passkeys::{FinishOutcome, Passkey, PasskeyConfig, Passkeys, SignInOutcome, StartOutcome};
use sigra_testing::authenticator::SoftAuthenticator;
use sigra_testing::scenario::{SignedIn, TestHost, TestHostBuilder};

pub(crate) const ORIGIN: &str = "https://example.org";

/// A host whose accounts can have passkeys.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) host: TestHost,
    pub(crate) passkeys: Passkeys,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |builder| builder)
    }

    pub(crate) fn config(tweak: impl FnOnce(&mut PasskeyConfig)) -> Self {
        Self::with(tweak, |builder| builder)
    }

    pub(crate) fn with(
        tweak: impl FnOnce(&mut PasskeyConfig),
        assemble: impl FnOnce(TestHostBuilder) -> TestHostBuilder,
    ) -> Self {
        let mut config = PasskeyConfig::for_public_url(ORIGIN).unwrap();
        tweak(&mut config);
        let (builder, passkeys) = assemble(TestHost::builder()).passkeys(config);
        Self { host: builder.build(), passkeys }
    }

    pub(crate) async fn user(&self, email: &str) -> User {
        self.host.confirmed(email).await
    }

    /// The account as it is now.
    pub(crate) async fn now(&self, user: &User) -> User {
        self.host.sigra.stores().accounts.find(user.id).await.unwrap().unwrap().user
    }

    /// The options for a new passkey, in a session.
    pub(crate) async fn creation_options(&self, at: &SignedIn) -> Value {
        match self.passkeys.start_registration(&at.user, at.session.id).await.unwrap() {
            StartOutcome::Options(options) => options,
            other => panic!("registration must start: {other:?}"),
        }
    }

    pub(crate) async fn finish(&self, at: &SignedIn, response: &str) -> FinishOutcome {
        let user = self.now(&at.user).await;
        let client = self.host.client();
        let session = at.session.id;
        self.passkeys.finish_registration(&self.host.sigra, &user, session, response, None, &client).await.unwrap()
    }

    /// Tries to add a passkey, in a session of its own.
    pub(crate) async fn try_register(&self, user: &User, authenticator: &mut SoftAuthenticator) -> FinishOutcome {
        let at = self.session(user).await;
        let options = self.creation_options(&at).await;
        let response = authenticator.create(&options, ORIGIN).unwrap();
        self.finish(&at, &response).await
    }

    /// Adds a passkey. The account as it is afterwards, with the passkey.
    pub(crate) async fn register(&self, user: &User, authenticator: &mut SoftAuthenticator) -> (User, Passkey) {
        match self.try_register(user, authenticator).await {
            FinishOutcome::Registered { passkey, user } => (*user, *passkey),
            other => panic!("the passkey must be added: {other:?}"),
        }
    }

    /// A session that needs no second factor, whatever the account has.
    pub(crate) async fn session(&self, user: &User) -> SignedIn {
        use sigra_core::assurance::Aal;
        use sigra_core::door::{Proof, WayIn};
        let user = self.now(user).await;
        let proof =
            Proof::new(WayIn::Other("test"), &user, Aal::Two, vec![Method::PASSWORD], self.host.sigra.clock().now());
        match self.host.sigra.door().admit(proof, &self.host.entry()).await.unwrap() {
            Admission::Granted(granted) => (*granted).into(),
            other => panic!("the user must be let in: {other:?}"),
        }
    }

    /// Signs in without an address.
    pub(crate) async fn sign_in(&self, authenticator: &mut SoftAuthenticator) -> SignInOutcome {
        self.sign_in_as(None, authenticator).await
    }

    pub(crate) async fn sign_in_as(&self, email: Option<&str>, authenticator: &mut SoftAuthenticator) -> SignInOutcome {
        let browser = RawToken::random();
        let options = self.request_options(email, &browser).await;
        let response = authenticator.get(&options, ORIGIN).unwrap();
        self.finish_sign_in(&response, &browser).await
    }

    pub(crate) async fn request_options(&self, email: Option<&str>, browser: &RawToken) -> Value {
        let email = email.map(|email| email.parse_address());
        self.passkeys.start_sign_in(&self.host.sigra, email.as_ref(), browser).await.unwrap()
    }

    pub(crate) async fn finish_sign_in(&self, response: &str, browser: &RawToken) -> SignInOutcome {
        self.passkeys.finish_sign_in(&self.host.sigra, response, browser, &self.host.entry()).await.unwrap()
    }

    /// The account's only passkey, as stored.
    pub(crate) async fn stored(&self, user: &User) -> Passkey {
        let mut passkeys = self.passkeys.list(user).await.unwrap();
        assert_eq!(passkeys.len(), 1);
        passkeys.remove(0)
    }

    /// The newest event of a name.
    pub(crate) fn event(&self, name: EventName) -> RecordedEvent {
        let found = self.host.store.events().into_iter().rev().find(|event| event.name == name.as_str());
        found.unwrap_or_else(|| panic!("no {name} was recorded"))
    }

    pub(crate) fn count_events(&self, name: EventName) -> usize {
        self.host.store.events().iter().filter(|event| event.name == name.as_str()).count()
    }
}

pub(crate) fn granted(outcome: SignInOutcome) -> Granted {
    match outcome {
        SignInOutcome::Admitted(Admission::Granted(granted)) => *granted,
        other => panic!("the passkey must sign in: {other:?}"),
    }
}

pub(crate) fn is_rejected(outcome: &SignInOutcome) -> bool {
    matches!(outcome, SignInOutcome::Rejected)
}

pub(crate) trait ParseAddress {
    fn parse_address(&self) -> sigra_core::email::EmailAddress;
}

impl ParseAddress for &str {
    fn parse_address(&self) -> sigra_core::email::EmailAddress {
        sigra_core::email::EmailAddress::parse(self).unwrap()
    }
}

/// A factor everybody has, for when the others are lost. With it, passkeys are demanded at every sign-in.
pub(crate) struct Recovery;

#[async_trait]
impl Factor for Recovery {
    fn kind(&self) -> FactorKind {
        FactorKind::new("recovery")
    }

    fn standing(&self) -> Standing {
        Standing::Recovery
    }

    fn signs_in(&self) -> bool {
        false
    }

    async fn count(&self, _: UserId) -> Result<u32, FlowError> {
        Ok(1)
    }

    async fn check(&self, _: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError> {
        Ok(FactorVerdict::Rejected)
    }

    async fn disown(&self, _: &User, _: Timestamp, _: &ClientInfo, _: &dyn Notices) -> Result<(), FlowError> {
        Ok(())
    }
}
