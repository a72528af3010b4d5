//! What a worker makes of a request to change an address.

use crate::address_change::{AddressChange, ArmedChange};
use crate::audit::{AuditEvent, names};
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::flows::workers::Answer;
use crate::mail::MailKind;
use crate::registration::{LeasedRequest, Resolution};
use crate::secret::{Purpose, RawToken};
use crate::user::User;

impl Answer<'_> {
    /// Mails the notice with its link to the old address, and the link that confirms to the new one if that is free:
    /// `owner` is who has it. `false` when the request is somebody else's by now, or the change just stopped being pending.
    ///
    /// The old mailbox is read by whoever asked. What it gets must not depend on what is known about the new address, or on
    /// how much mail went there.
    pub(in crate::flows) async fn email_change(
        &self,
        leased: &LeasedRequest,
        owner: Option<&User>,
    ) -> Result<bool, FlowError> {
        let stores = &self.inner.stores;
        let nothing = Resolution::default();
        let Some(change) = stores.address_changes.find(leased.request.id, self.now).await? else {
            return Ok(stores.requests.resolve(leased, &nothing, Evidence::none()).await?);
        };
        // Without its notice nothing is mailed at all, and strangers cannot use up what notices go by.
        let notice = MailKind::EMAIL_CHANGE_NOTICE;
        if !self.may_mail(&change.old, self.inner.config.mail.budget, "mail.email_change_notice").await? {
            let event = self.suppressed(&notice, None).about(change.user);
            return Ok(stores.requests.resolve(leased, &nothing, Evidence::event(event)).await?);
        }
        let undo = RawToken::random();
        let span = self.inner.config.reset.rescue_secs.span();
        let asked = self.request.created_at;
        let facts = self.inner.notices().facts(&self.request.client, asked, span);
        let facts = facts.with_token("email_change_cancel", &undo);
        let evidence = Evidence::none().and_mail([self.mail(notice, &change.old, &facts, self.now + span)]);
        let (confirm, evidence) = self.confirm_new_address(&change, owner, evidence).await?;
        let armed = ArmedChange {
            confirm: confirm.map(|token| token.digest(Purpose::CHANGE_EMAIL)),
            undo: undo.digest(Purpose::UNDO_EMAIL_CHANGE),
            undo_expires_at: self.now + span,
        };
        Ok(stores.address_changes.arm(leased, &armed, evidence).await?)
    }

    async fn confirm_new_address(
        &self,
        change: &AddressChange,
        owner: Option<&User>,
        evidence: Evidence,
    ) -> Result<(Option<RawToken>, Evidence), FlowError> {
        let reserved = self.inner.stores.address_changes.reserved_for(&change.new, self.now).await?;
        let holder = owner.map(|owner| owner.id).or(reserved.filter(|holder| *holder != change.user));
        if let Some(holder) = holder {
            // About its owner: in the trail of whoever asked it would tell.
            let event = AuditEvent::new(names::EMAIL_CHANGE_REFUSED, self.now, &self.request.client);
            return Ok((None, evidence.and_event(event.about(holder).failed("address_taken"))));
        }
        if let Some(kept) = self.inner.in_quarantine(&change.new, Some(change.user), self.now).await? {
            let event = AuditEvent::new(names::EMAIL_CHANGE_REFUSED, self.now, &self.request.client);
            let event = AuditEvent { subject: kept.holder, ..event };
            return Ok((None, evidence.and_event(event.failed("address_quarantined"))));
        }
        let kind = MailKind::EMAIL_CHANGE_CONFIRM;
        if !self.may_mail(&change.new, self.inner.config.mail.budget, "mail.recipient").await? {
            return Ok((None, evidence.and_event(self.suppressed(&kind, None))));
        }
        let token = RawToken::random();
        let span = change.expires_at.since(change.requested_at);
        let facts = self.inner.notices().facts(&self.request.client, change.requested_at, span);
        let facts = facts.with_token("email_change", &token);
        Ok((Some(token), evidence.and_mail([self.mail(kind, &change.new, &facts, change.expires_at)])))
    }
}
