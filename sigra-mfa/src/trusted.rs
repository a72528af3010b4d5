//! Browsers that are trusted after a second factor was shown in them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::{FlowError, StoreError, StoreErrorKind};
use sigra_core::evidence::Evidence;
use sigra_core::id::TrustedBrowserId;
use sigra_core::ports::{FactorKind, TrustToken, TrustedBrowsers};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::telemetry::operation;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use crate::events::names;
use crate::mfa::{Inner, Mfa};
use crate::ports::TrustedBrowser;

/// How often a browser's use is written down at most.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// The cookie of a trusted browser.
const TRUST: Purpose = Purpose::new("trusted_browser");

pub(crate) struct Trusted(pub(crate) Arc<Inner>);

#[async_trait]
impl TrustedBrowsers for Trusted {
    #[operation("sigra.mfa.trust.vouch")]
    async fn vouches(
        &self,
        user: &User,
        held: &[FactorKind],
        token: &RawToken,
        now: Timestamp,
    ) -> Result<bool, FlowError> {
        let Some(browser) = self.0.parts.trusted.find(token.digest(TRUST), now).await? else {
            return Ok(false);
        };
        let vouches = browser.user == user.id
            && browser.epochs == user.epochs
            && now < browser.expires_at
            && browser.was_shown_one_of(held);
        let noted = now.since(browser.last_used_at) < NOTED_EVERY;
        if vouches
            && !noted
            && let Err(error) = self.0.parts.trusted.touch(browser.id, now).await
        {
            // For display alone.
            tracing::warn!(
                name: "sigra.mfa.trust.not_noted",
                error = &error as &dyn std::error::Error,
                "a trusted browser's use was not noted"
            );
        }
        Ok(vouches)
    }

    #[operation("sigra.mfa.trust.grant")]
    async fn trust(
        &self,
        user: &User,
        shown: FactorKind,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<TrustToken, FlowError> {
        let Inner { parts, config } = &*self.0;
        let token = RawToken::random();
        let browser = TrustedBrowser {
            id: TrustedBrowserId::new(now),
            user: user.id,
            epochs: user.epochs,
            factor: shown.name().to_owned(),
            client: client.clone(),
            place: client.ip.and_then(|ip| parts.geo.place(ip)),
            created_at: now,
            last_used_at: now,
            expires_at: now + config.trusted_secs.span(),
        };
        let event = AuditEvent::new(names::TRUST_GRANTED, now, client)
            .by(user.id)
            .with("browser", browser.id.to_string())
            .with("method", shown.name());
        if !parts.trusted.insert(&browser, token.digest(TRUST), Evidence::event(event)).await? {
            // The account has changed since it signed in.
            return Err(StoreError::new(StoreErrorKind::Conflict, "trusted_browsers.insert").into());
        }
        Ok(TrustToken { token, expires_at: browser.expires_at })
    }
}

impl Mfa {
    /// The browsers the account trusts now, newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    pub async fn list_trusted(&self, user: &User) -> Result<Vec<TrustedBrowser>, FlowError> {
        let Inner { parts, config } = &*self.inner;
        let mut browsers = parts.trusted.list(user.id, parts.clock.now(), config.trusted_at_most).await?;
        browsers.retain(|browser| browser.epochs == user.epochs);
        Ok(browsers)
    }

    /// Stops trusting a browser of the account. `false` when it has no such browser.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.mfa.trust.revoke")]
    pub async fn revoke_trusted(
        &self,
        user: &User,
        id: TrustedBrowserId,
        client: &ClientInfo,
    ) -> Result<bool, FlowError> {
        let parts = &self.inner.parts;
        let event = AuditEvent::new(names::TRUST_REVOKED, parts.clock.now(), client).by(user.id);
        Ok(parts.trusted.revoke(user.id, id, Evidence::event(event.with("browser", id.to_string()))).await?)
    }

    /// Stops trusting every browser of the account. Answers how many.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.mfa.trust.revoke_all")]
    pub async fn revoke_all_trusted(&self, user: &User, client: &ClientInfo) -> Result<u64, FlowError> {
        let parts = &self.inner.parts;
        let now = parts.clock.now();
        let evidence = |count: &u64| {
            Evidence::event(AuditEvent::new(names::TRUST_REVOKED_ALL, now, client).by(user.id).with("count", *count))
        };
        Ok(parts.trusted.revoke_all(user.id, &evidence).await?)
    }
}
