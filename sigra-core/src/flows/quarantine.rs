//! Addresses that were left, and that nobody else can have for a while.

use crate::email::EmailAddress;
use crate::error::StoreError;
use crate::id::UserId;
use crate::ports::{Mac, Quarantined};
use crate::sigra::Inner;
use crate::time::Timestamp;

const PURPOSE: &str = "quarantine.address";

impl Inner {
    /// What an address may be in quarantine under, whichever root secret was the first then.
    pub(crate) fn quarantine_keys(&self, email: &EmailAddress) -> Vec<Mac> {
        self.essentials.vault.macs(PURPOSE, email.identity().as_bytes())
    }

    /// The quarantine of an address that is left at `now`, if there are any to be. `holder` can have it back.
    pub(crate) fn quarantined(
        &self,
        email: &EmailAddress,
        holder: Option<UserId>,
        now: Timestamp,
    ) -> Option<Quarantined> {
        let span = self.config.lifecycle.address_quarantine_secs;
        let key = || self.essentials.vault.mac(PURPOSE, email.identity().as_bytes());
        (span.get() > 0).then(|| Quarantined { key: key(), holder, until: now + span.span() })
    }

    /// What keeps an address that no account has from being given to `taker`.
    pub(crate) async fn in_quarantine(
        &self,
        email: &EmailAddress,
        taker: Option<UserId>,
        now: Timestamp,
    ) -> Result<Option<Quarantined>, StoreError> {
        let found = self.stores.quarantine.find(&self.quarantine_keys(email), now).await?;
        Ok(found.filter(|found| taker.is_none() || found.holder != taker))
    }
}
