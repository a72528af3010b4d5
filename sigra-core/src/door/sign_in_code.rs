//! The code that proves the address in the middle of signing in.

use super::admit::Door;
use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::flows::may_mail;
use crate::mail::{MailKind, OutgoingMail};
use crate::ports::Vault;
use crate::registration::{MailedToken, TokenOwner};
use crate::secret::{Code, Digest, Purpose, RawToken};
use crate::time::Timestamp;
use crate::user::User;

/// A pending sign-in that owes the proof of its address.
#[derive(Clone, Copy)]
pub(crate) struct Owing<'a> {
    pub(crate) user: &'a User,
    pub(crate) token: &'a RawToken,
    /// When it ends.
    pub(crate) until: Timestamp,
    pub(crate) client: &'a ClientInfo,
}

impl Door {
    /// Adds a code and its mail to the evidence of a sign-in that owes it, unless its recipient has received enough.
    pub(crate) async fn with_sign_in_code(
        &self,
        evidence: Evidence,
        Owing { user, token, until, client }: Owing<'_>,
        now: Timestamp,
    ) -> Result<Evidence, FlowError> {
        let (vault, config) = (&*self.parts.vault, &self.parts.config);
        let kind = MailKind::CONFIRM_CODE;
        if !may_mail(vault, &*self.parts.mail_budget, &user.email, config.mail.budget, "mail.recipient", now).await? {
            let event = AuditEvent::new(names::MAIL_SUPPRESSED, now, client).about(user.id).failed("budget");
            return Ok(evidence.and_event(event.with("kind", kind.as_str())));
        }
        let code = Code::random();
        // Not longer than the sign-in it is for.
        let expires_at = (now + config.registration.code_secs.span()).min(until);
        let span = expires_at.since(now);
        let row = MailedToken {
            digest: sign_in_code_digest(vault, token, &code),
            purpose: Purpose::SIGN_IN_CODE,
            owner: TokenOwner::User { id: user.id, epochs: Some(user.epochs) },
            email: user.email.clone(),
            created_at: now,
            expires_at,
        };
        let mut facts = self.notices().facts(client, now, span).with_code(&code);
        facts.code_valid_secs = Some(span.as_secs());
        let mail = OutgoingMail::seal(vault, kind, &user.email, &facts, now, expires_at);
        Ok(evidence.and_mail([mail]).and_token(row))
    }
}

/// What a code is found by: a keyed hash over the sign-in and the code.
pub(crate) fn sign_in_code_digest(vault: &dyn Vault, token: &RawToken, code: &Code) -> Digest {
    let message = [&token.digest(Purpose::SIGN_IN_CODE).as_bytes()[..], &code.as_bytes()[..]].concat();
    Digest::from_bytes(*vault.mac("code.sign_in", &message).as_bytes())
}
