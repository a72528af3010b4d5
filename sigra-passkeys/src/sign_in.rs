//! Signing in with a passkey.

use serde_json::Value;
use sigra_core::Sigra;
use sigra_core::assurance::Aal;
use sigra_core::door::{Admission, Entry, Proof, WayIn};
use sigra_core::email::EmailAddress;
use sigra_core::error::FlowError;
use sigra_core::id::UserId;
use sigra_core::secret::RawToken;
use sigra_core::telemetry::operation;
use uuid::Uuid;

use crate::ceremony::Bound;
use crate::decoys::{self, Descriptor};
use crate::events::AUTHENTICATE_FAILURE;
use crate::options;
use crate::passkey::CredentialId;
use crate::service::{Inner, Passkeys};
use crate::usage::{Expected, Shown};
use crate::verify::UserVerification;

/// What came of signing in with a passkey.
#[derive(Debug)]
#[must_use]
pub enum SignInOutcome {
    /// The passkey was right; what the door says.
    Admitted(Admission),
    /// It was not. The answer to the user is the same for every reason.
    Rejected,
}

impl Passkeys {
    /// Asks a browser for a passkey to sign in with: a `PublicKeyCredentialRequestOptionsJSON`.
    ///
    /// Without an address the browser offers what it has, be it from a dialog or as autofill. With one, the passkeys of the
    /// account are named; an address that has none, or no account, gets some that do not exist, the same each time. The work
    /// and the answer's shape do not tell.
    ///
    /// `browser` is a token in a cookie of this browser: only it can bring the answer.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.passkeys.start_sign_in")]
    pub async fn start_sign_in(
        &self,
        sigra: &Sigra,
        email: Option<&EmailAddress>,
        browser: &RawToken,
    ) -> Result<Value, FlowError> {
        let Inner { ceremonies, config, .. } = &*self.inner;
        let bound = Bound::SignIn(browser);
        let (challenge, named) = match email {
            None => (ceremonies.begin(bound, None).await?, Vec::new()),
            Some(email) => {
                let named = self.named(sigra, email).await?;
                let ids: Vec<CredentialId> = named.iter().map(|credential| credential.id.clone()).collect();
                (ceremonies.begin(bound, Some(&ids)).await?, named)
            }
        };
        Ok(options::request(config, &challenge, &named, UserVerification::Required))
    }

    /// Signs in with what a browser sent, an `AuthenticationResponseJSON`. Once its challenge is read its ceremony is
    /// over, whatever comes of it.
    ///
    /// A passkey that verified its user is two factors: the session reaches AAL 2.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work. Nobody is let in then.
    #[operation("sigra.passkeys.sign_in")]
    pub async fn finish_sign_in(
        &self,
        sigra: &Sigra,
        response: &str,
        browser: &RawToken,
        entry: &Entry,
    ) -> Result<SignInOutcome, FlowError> {
        let now = self.inner.clock.now();
        let expected = Expected { bound: Bound::SignIn(browser), owner: None, uv: UserVerification::Required };
        match self.inner.show(response, expected, &sigra.second_factors(), &entry.client, now).await? {
            Shown::Right { user, methods, .. } => {
                let proof = Proof::new(WayIn::Passkey, &user, Aal::Two, methods, now);
                Ok(SignInOutcome::Admitted(sigra.door().admit(proof, entry).await?))
            }
            Shown::Wrong { reason, user } => {
                self.inner.refused(AUTHENTICATE_FAILURE, reason, user.as_deref(), &entry.client, now).await?;
                Ok(SignInOutcome::Rejected)
            }
        }
    }

    /// The credentials to name for an address, by the same steps whoever's it is.
    async fn named(&self, sigra: &Sigra, email: &EmailAddress) -> Result<Vec<Descriptor>, FlowError> {
        let Inner { store, ceremonies, .. } = &*self.inner;
        let decoys = decoys::of(email, &*ceremonies.vault);
        let account = sigra.stores().accounts.find_by_email(email).await?;
        let mac = ceremonies.vault.mac("passkeys.nobody", email.identity().as_bytes());
        let nobody =
            UserId::from_uuid(Uuid::from_u128(u128::from_be_bytes(*mac.as_bytes().first_chunk().unwrap_or(&[0; 16]))));
        let passkeys = store.list(account.map_or(nobody, |account| account.user.id)).await?;
        let named: Vec<Descriptor> = passkeys.iter().map(Descriptor::from).collect();
        Ok(if named.is_empty() { decoys } else { named })
    }
}
