//! What operators do to accounts.

use serde_json::Value;

use super::{Deletion, ProfileOutcome, Profiles};
use crate::audit::{AuditEvent, EventName, names};
use crate::client::ClientInfo;
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::UserId;
use crate::ports::{Happened, ProfileChange};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::user::User;

/// What operators do to accounts: disabling them, deleting them, taking either back, changing their profiles; and to the
/// addresses they have left.
///
/// Nothing here asks who is calling: that is the caller's to decide, and to record with [`Operator::acting`]. Each answers
/// `false`, and does nothing, when there is no such account or nothing to do to it.
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    inner: &'a Inner,
    actor: Option<UserId>,
}

impl<'a> Operator<'a> {
    pub(crate) const fn new(inner: &'a Inner) -> Self {
        Self { inner, actor: None }
    }

    /// Who the audit trail says it was. The default is nobody: a program of the host.
    #[must_use]
    pub const fn acting(self, actor: UserId) -> Self {
        Self { actor: Some(actor), ..self }
    }

    /// Disables an account and ends everything that is signed in to it, at once. It answers to nobody from then on; a deletion
    /// that is scheduled takes place all the same, and its owner cannot take it back.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.operator.disable")]
    pub async fn disable(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        let event = self.event(names::ACCOUNT_DISABLE, user, client);
        let at = event.at;
        let evidence = |_: &User| Evidence::event(event.clone());
        let Some(user) = self.inner.stores.lifecycle.disable(user, at, &evidence).await? else {
            return Ok(false);
        };
        self.inner.after_disabling(&user, client).await;
        Ok(true)
    }

    /// Enables a disabled account. What was ended stays ended. Where accounts that nobody uses are disabled, the time this one
    /// was not used is counted from now.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.operator.enable")]
    pub async fn enable(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        let event = self.event(names::ACCOUNT_ENABLE, user, client);
        let at = event.at;
        let evidence = |_: &User| Evidence::event(event.clone());
        let Some(user) = self.inner.stores.lifecycle.enable(user, at, &evidence).await? else {
            return Ok(false);
        };
        self.inner.happened(Happened::Enabled(&user)).await;
        Ok(true)
    }

    /// Schedules the deletion of an account, as its owner could. They get the mail, and can take it back unless the account is
    /// disabled.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.operator.schedule_deletion")]
    pub async fn schedule_deletion(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        let deletion = Deletion(self.inner);
        let due_at = deletion.due_at();
        let event = self.event(names::DELETION_SCHEDULE, user, client);
        let evidence = |user: &User| deletion.scheduled(event.clone(), user, due_at, &ClientInfo::default());
        let Some(user) = self.inner.stores.lifecycle.schedule_deletion(user, None, due_at, &evidence).await? else {
            return Ok(false);
        };
        deletion.after_scheduling(&user, client).await;
        Ok(true)
    }

    /// Takes a deletion back that is not due yet.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.operator.cancel_deletion")]
    pub async fn cancel_deletion(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        let event = self.event(names::DELETION_CANCEL, user, client).with("way", "operator");
        let now = event.at;
        let evidence = |user: &User| Deletion(self.inner).cancelled(event.clone(), user, &ClientInfo::default());
        let Some(user) = self.inner.stores.lifecycle.cancel_deletion(user, None, now, &evidence).await? else {
            return Ok(false);
        };
        self.inner.happened(Happened::DeletionCancelled(&user)).await;
        Ok(true)
    }

    /// Replaces the profile of an account, as [`Profiles::replace`] does for its owner. `seen` is the one the new one was made
    /// from. It answers what a change comes to, and no `false`.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.operator.replace_profile")]
    pub async fn replace_profile(
        &self,
        user: UserId,
        seen: &Value,
        profile: &Value,
        client: &ClientInfo,
    ) -> Result<ProfileOutcome, FlowError> {
        let event = self.event(names::PROFILE_CHANGE, user, client);
        Profiles(self.inner).store(&ProfileChange { user, under: None, seen, profile }, event).await
    }

    /// Deletes an account now, whether or not that was scheduled. Nothing brings it back.
    ///
    /// # Errors
    ///
    /// When the store, or what is kept elsewhere, cannot do its work. The account may be there still.
    #[operation("sigra.operator.erase")]
    pub async fn erase(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        Deletion(self.inner).erase(user, false, self.event(names::DELETION_EXECUTE, user, client)).await
    }

    /// Ends the quarantine of an address before its time, and says whether it was in one. Whoever registers it next, or
    /// changes to it, can have it from then on.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[operation("sigra.operator.release_address")]
    pub async fn release_address(&self, email: &EmailAddress, client: &ClientInfo) -> Result<bool, FlowError> {
        let (keys, now) = (self.inner.quarantine_keys(email), self.inner.clock.now());
        let quarantine = &self.inner.stores.quarantine;
        let Some(kept) = quarantine.find(&keys, now).await? else {
            return Ok(false);
        };
        let event = AuditEvent::new(names::ADDRESS_RELEASE, now, client).with("by", "operator");
        let event = AuditEvent { actor: self.actor, subject: kept.holder, ..event };
        Ok(quarantine.release(&keys, now, Evidence::event(event)).await?)
    }

    fn event(&self, name: EventName, user: UserId, client: &ClientInfo) -> AuditEvent {
        let event = AuditEvent::new(name, self.inner.clock.now(), client).about(user).with("by", "operator");
        AuditEvent { actor: self.actor, ..event }
    }
}

impl Inner {
    /// What follows the disabling of an account, whoever did it.
    pub(super) async fn after_disabling(&self, user: &User, client: &ClientInfo) {
        self.follow_up(self.end_all_sessions(user, client).await);
        self.happened(Happened::Disabled(user)).await;
    }
}
