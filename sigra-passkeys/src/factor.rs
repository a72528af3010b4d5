//! Passkeys as a second factor.

use async_trait::async_trait;
use serde_json::Value;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{Factor, FactorCheck, FactorKind, FactorVerdict, Notice, Notices, Occasion, Standing};
use sigra_core::telemetry::operation;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use crate::ceremony::Bound;
use crate::decoys::Descriptor;
use crate::events::{AUTHENTICATE_FAILURE, DISOWN};
use crate::mails::PASSKEY_REMOVED;
use crate::options;
use crate::passkey::CredentialId;
use crate::ports::Disowned;
use crate::service::{Inner, Passkeys};
use crate::usage::{Expected, Shown};
use crate::verify::UserVerification;

/// The kind of factor passkeys are.
pub const PASSKEY: FactorKind = FactorKind::new("passkey");

impl Passkeys {
    /// Asks a browser for a passkey of the account, as a second factor: a `PublicKeyCredentialRequestOptionsJSON`. `None` when
    /// it has none. What comes back is the response of the [factor](Passkeys::factor), on this occasion alone.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.passkeys.start_second_factor")]
    pub async fn start_second_factor(&self, user: &User, occasion: Occasion) -> Result<Option<Value>, FlowError> {
        let Inner { store, ceremonies, config, .. } = &*self.inner;
        let named: Vec<Descriptor> = store.list(user.id).await?.iter().map(Descriptor::from).collect();
        if named.is_empty() {
            return Ok(None);
        }
        let ids: Vec<CredentialId> = named.iter().map(|credential| credential.id.clone()).collect();
        let challenge = ceremonies.begin(Bound::SecondFactor(user.id, occasion), Some(&ids)).await?;
        Ok(Some(options::request(config, &challenge, &named, UserVerification::Preferred)))
    }
}

/// The factor.
pub(crate) struct PasskeyFactor(pub(crate) Passkeys);

#[async_trait]
impl Factor for PasskeyFactor {
    fn kind(&self) -> FactorKind {
        PASSKEY
    }

    fn standing(&self) -> Standing {
        Standing::WithRecovery
    }

    fn signs_in(&self) -> bool {
        true
    }

    async fn count(&self, user: UserId) -> Result<u32, FlowError> {
        Ok(self.0.inner.store.count(user).await?)
    }

    async fn is_set_up(&self, user: &User) -> Result<bool, FlowError> {
        Ok(user.ever_had_a_factor() && self.0.inner.store.count(user.id).await? > 0)
    }

    #[operation("sigra.passkeys.second_factor")]
    async fn check(&self, check: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError> {
        let FactorCheck { user, response, occasion, client, now, notices } = *check;
        let expected = Expected {
            bound: Bound::SecondFactor(user.id, occasion),
            owner: Some(user.id),
            uv: UserVerification::Preferred,
        };
        match self.0.inner.show(response, expected, notices, client, now).await? {
            Shown::Right { methods, user_verified, .. } => {
                Ok(FactorVerdict::Accepted { methods, multi_factor: user_verified })
            }
            Shown::Wrong { reason, .. } => {
                self.0.inner.refused(AUTHENTICATE_FAILURE, reason, Some(user), client, now).await?;
                Ok(FactorVerdict::Rejected)
            }
        }
    }

    #[operation("sigra.passkeys.disown")]
    async fn disown(
        &self,
        user: &User,
        since: Timestamp,
        client: &ClientInfo,
        notices: &dyn Notices,
    ) -> Result<(), FlowError> {
        let now = self.0.inner.clock.now();
        let evidence = |disowned: &Disowned| {
            let event = AuditEvent::new(DISOWN, now, client).by(disowned.user.id).with("count", disowned.count);
            let notice = Notice {
                kind: &PASSKEY_REMOVED,
                user: &disowned.user,
                client,
                at: now,
                what: Some("Passkey"),
                left: None,
            };
            notices.add_notice(Evidence::event(event), &notice)
        };
        self.0.inner.store.disown(user.id, since, &evidence).await?;
        Ok(())
    }
}
