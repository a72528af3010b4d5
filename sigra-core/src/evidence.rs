//! What a change leaves behind: the audit events, the mail with the tokens in it, and the quarantine of addresses, that become
//! durable with it, or not at all.

use crate::audit::AuditEvent;
use crate::mail::OutgoingMail;
use crate::ports::Quarantined;
use crate::registration::MailedToken;

/// Audit events, mail, the tokens in that mail, and quarantines, which commit together with a change.
#[derive(Clone, Debug, Default)]
#[must_use = "evidence that is not handed to a port is lost"]
pub struct Evidence {
    /// Rows for the audit trail.
    pub events: Vec<AuditEvent>,
    /// Rows for the outbox.
    pub mail: Vec<OutgoingMail>,
    /// The tokens that links in `mail` carry. They are stored last, so a change that forgets an account's tokens does
    /// not forget these.
    pub tokens: Vec<MailedToken>,
    /// What becomes of addresses that the change leaves free.
    pub quarantined: Vec<Quarantined>,
}

impl Evidence {
    /// Nothing to record: for outcomes that changed nothing.
    pub const fn none() -> Self {
        Self { events: Vec::new(), mail: Vec::new(), tokens: Vec::new(), quarantined: Vec::new() }
    }

    /// One audit event.
    pub fn event(event: AuditEvent) -> Self {
        Self { events: vec![event], ..Self::none() }
    }

    /// Adds an audit event.
    pub fn and_event(mut self, event: AuditEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Adds a token that one of the mails carries.
    pub fn and_token(mut self, token: MailedToken) -> Self {
        self.tokens.push(token);
        self
    }

    /// Adds the quarantine of an address that the change leaves free.
    pub fn and_quarantined(mut self, quarantined: impl IntoIterator<Item = Quarantined>) -> Self {
        self.quarantined.extend(quarantined);
        self
    }

    /// Adds mail.
    pub fn and_mail(mut self, mail: impl IntoIterator<Item = OutgoingMail>) -> Self {
        self.mail.extend(mail);
        self
    }
}

/// A function from a step's outcome to its evidence.
///
/// Called inside the transaction, after the step's outcome is known and before it commits. It may be called again when
/// the storage has to retry the transaction, so it must not have effects of its own.
pub type EvidenceFor<'a, Outcome> = &'a (dyn Fn(&Outcome) -> Evidence + Send + Sync);
