//! What operators do to accounts.

use super::Deletion;
use crate::audit::{AuditEvent, EventName, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::UserId;
use crate::ports::Happened;
use crate::sigra::Inner;
use crate::user::User;

/// What operators do to accounts: disabling them, deleting them, taking either back.
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
    #[tracing::instrument(name = "sigra.operator.disable", skip_all)]
    pub async fn disable(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        let event = self.event(names::ACCOUNT_DISABLE, user, client);
        let at = event.at;
        let evidence = |_: &User| Evidence::event(event.clone());
        let Some(user) = self.inner.stores.lifecycle.disable(user, at, &evidence).await? else {
            return Ok(false);
        };
        self.inner.follow_up(self.inner.end_all_sessions(&user, client).await);
        self.inner.happened(Happened::Disabled(&user)).await;
        Ok(true)
    }

    /// Enables a disabled account. What was ended stays ended.
    ///
    /// # Errors
    ///
    /// When the store cannot do its work.
    #[tracing::instrument(name = "sigra.operator.enable", skip_all)]
    pub async fn enable(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        let event = self.event(names::ACCOUNT_ENABLE, user, client);
        let evidence = |_: &User| Evidence::event(event.clone());
        let Some(user) = self.inner.stores.lifecycle.enable(user, &evidence).await? else {
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
    #[tracing::instrument(name = "sigra.operator.schedule_deletion", skip_all)]
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
    #[tracing::instrument(name = "sigra.operator.cancel_deletion", skip_all)]
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

    /// Deletes an account now, whether or not that was scheduled. Nothing brings it back.
    ///
    /// # Errors
    ///
    /// When the store, or what is kept elsewhere, cannot do its work. The account may be there still.
    #[tracing::instrument(name = "sigra.operator.erase", skip_all)]
    pub async fn erase(&self, user: UserId, client: &ClientInfo) -> Result<bool, FlowError> {
        Deletion(self.inner).erase(user, false, self.event(names::DELETION_EXECUTE, user, client)).await
    }

    fn event(&self, name: EventName, user: UserId, client: &ClientInfo) -> AuditEvent {
        let event = AuditEvent::new(name, self.inner.clock.now(), client).about(user).with("by", "operator");
        AuditEvent { actor: self.actor, ..event }
    }
}
