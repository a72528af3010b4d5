//! The factor `totp`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sigra_core::Sigra;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::flows::Attempting;
use sigra_core::id::UserId;
use sigra_core::ports::{Factor, FactorCheck, FactorKind, FactorVerdict, Notice, Notices, Standing};
use sigra_core::telemetry::operation;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::secret::{TotpSecret, Window};
use super::{OTP, TOTP};
use crate::events::names;
use crate::mails::MFA_DISABLED;
use crate::mfa::Inner;
use crate::ports::StoredTotp;

/// The factor `totp`.
pub(crate) struct TotpFactor(pub(crate) Arc<Inner>);

#[async_trait]
impl Factor for TotpFactor {
    fn kind(&self) -> FactorKind {
        TOTP
    }

    fn standing(&self) -> Standing {
        Standing::Alone
    }

    fn signs_in(&self) -> bool {
        false
    }

    async fn count(&self, user: UserId) -> Result<u32, FlowError> {
        Ok(u32::from(self.0.active_totp(user).await?.is_some()))
    }

    async fn is_set_up(&self, user: &User) -> Result<bool, FlowError> {
        Ok(user.ever_had_a_factor() && self.0.active_totp(user.id).await?.is_some())
    }

    #[operation("sigra.mfa.totp.check")]
    async fn check(&self, check: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError> {
        let Some(stored) = self.0.active_totp(check.user.id).await? else {
            return Ok(FactorVerdict::Rejected);
        };
        if self.0.use_up_totp(check.user.id, &stored, check.response, check.now).await? {
            Ok(FactorVerdict::Accepted { methods: vec![OTP], multi_factor: false })
        } else {
            Ok(FactorVerdict::Rejected)
        }
    }

    async fn disown(
        &self,
        user: &User,
        since: Timestamp,
        client: &ClientInfo,
        notices: &dyn Notices,
    ) -> Result<(), FlowError> {
        let now = self.0.parts.clock.now();
        let evidence = |user: &User| {
            let event = AuditEvent::new(names::DISOWN, now, client).by(user.id).with("method", TOTP.name());
            let notice = Notice { kind: &MFA_DISABLED, user, client, at: now, what: None, left: None };
            notices.add_notice(Evidence::event(event), &notice)
        };
        self.0.parts.totp.disown(user.id, since, &evidence).await?;
        Ok(())
    }
}

/// What came of a code outside of a sign-in.
pub(crate) enum ShownTotp {
    Right,
    Wrong,
    LockedOut(Option<Duration>),
}

impl Inner {
    /// The account's secret, if a code has proved it.
    pub(crate) async fn active_totp(&self, user: UserId) -> Result<Option<StoredTotp>, FlowError> {
        Ok(self.parts.totp.find(user).await?.filter(|stored| stored.activated_at.is_some()))
    }

    /// The time step of a code, if it is right and no such code and no later one was used.
    pub(crate) fn totp_step(
        &self,
        user: UserId,
        stored: &StoredTotp,
        typed: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, FlowError> {
        let secret = TotpSecret::open(&*self.parts.vault, user, &stored.secret)?;
        let (past, future) = (self.config.past_steps, self.config.future_steps);
        Ok(secret.matching_step(typed, now, Window { past, future, used: stored.last_step }))
    }

    /// Whether a code is right. It is used up then, and of concurrent calls one is told so.
    pub(crate) async fn use_up_totp(
        &self,
        user: UserId,
        stored: &StoredTotp,
        typed: &str,
        now: Timestamp,
    ) -> Result<bool, FlowError> {
        match self.totp_step(user, stored, typed, now)? {
            Some(step) => Ok(self.parts.totp.advance_step(user, step).await?),
            None => Ok(false),
        }
    }

    /// The same, counted like every answer to a second factor.
    pub(crate) async fn show_totp(
        &self,
        sigra: &Sigra,
        user: &User,
        stored: &StoredTotp,
        typed: &str,
        client: &ClientInfo,
    ) -> Result<ShownTotp, FlowError> {
        let factors = sigra.second_factors();
        let attempt = match factors.reserve(user, client).await? {
            Attempting::Granted(attempt) => attempt,
            Attempting::LockedOut(wait) => return Ok(ShownTotp::LockedOut(wait)),
        };
        if self.use_up_totp(user.id, stored, typed, self.parts.clock.now()).await? {
            factors.right(user, attempt).await;
            Ok(ShownTotp::Right)
        } else {
            factors.wrong(attempt, user, TOTP, client).await?;
            Ok(ShownTotp::Wrong)
        }
    }
}
