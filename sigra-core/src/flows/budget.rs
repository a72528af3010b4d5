//! How much one recipient gets: of mail, and of what mail opens.

use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::ports::{Bucket, Quota, RateDecision, RateLimiter, Vault};
use crate::sigra::Inner;
use crate::time::Timestamp;

impl Inner {
    /// Takes one from a recipient's budget of this name; `false` when it is used up.
    pub(crate) async fn may_mail(
        &self,
        to: &EmailAddress,
        limit: Quota,
        name: &'static str,
        now: Timestamp,
    ) -> Result<bool, FlowError> {
        may_mail(&*self.essentials.vault, &*self.essentials.mail_budget, to, limit, name, now).await
    }
}

/// As [`Inner::may_mail`], for what has its parts alone.
pub(crate) async fn may_mail(
    vault: &dyn Vault,
    budget: &dyn RateLimiter,
    to: &EmailAddress,
    limit: Quota,
    name: &'static str,
    now: Timestamp,
) -> Result<bool, FlowError> {
    let mac = vault.mac("mail.recipient", to.limiter_key().as_bytes());
    let key = mac.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let decision = budget.take(&Bucket { name, key, limit }, 1, now).await?;
    Ok(decision == RateDecision::Granted)
}
