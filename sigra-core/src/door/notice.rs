//! Security notices: mail about what was done to an account, with the link that disowns it.

use crate::client::{ClientInfo, Place};
use crate::config::{Config, ConfirmationMode};
use crate::evidence::Evidence;
use crate::mail::{Facts, MailKind, OutgoingMail};
use crate::ports::{DeviceDescriber, GeoIp, Vault};
use crate::registration::{MailedToken, TokenOwner};
use crate::secret::{Purpose, RawToken};
use crate::time::Timestamp;
use crate::user::User;
use std::time::Duration;

/// What is needed to word a notice.
pub(crate) struct NoticeParts<'a> {
    pub(crate) vault: &'a dyn Vault,
    pub(crate) describer: &'a dyn DeviceDescriber,
    pub(crate) geo: &'a dyn GeoIp,
    pub(crate) rescue_for: Duration,
}

impl NoticeParts<'_> {
    /// Adds a notice with its "this was not me" link to the evidence.
    pub(crate) fn add_to(
        &self,
        evidence: Evidence,
        kind: &MailKind,
        user: &User,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Evidence {
        self.add_with(evidence, kind, user, client, now, |_| {})
    }

    /// As [`NoticeParts::add_to`], with further facts.
    pub(crate) fn add_with(
        &self,
        evidence: Evidence,
        kind: &MailKind,
        user: &User,
        client: &ClientInfo,
        now: Timestamp,
        further: impl FnOnce(&mut Facts),
    ) -> Evidence {
        self.add_at(evidence, kind, user, client, (now, now), further)
    }

    /// As [`NoticeParts::add_to`], of what happened at the first of two times and is told at the second. The link disowns what
    /// came since the first, and is good from the second on.
    pub(crate) fn add_late(
        &self,
        evidence: Evidence,
        kind: &MailKind,
        user: &User,
        client: &ClientInfo,
        times: (Timestamp, Timestamp),
    ) -> Evidence {
        self.add_at(evidence, kind, user, client, times, |_| {})
    }

    fn add_at(
        &self,
        evidence: Evidence,
        kind: &MailKind,
        user: &User,
        client: &ClientInfo,
        (at, now): (Timestamp, Timestamp),
        further: impl FnOnce(&mut Facts),
    ) -> Evidence {
        let rescue = RawToken::random();
        let expires_at = now + self.rescue_for;
        let mut facts = self.facts(client, at, self.rescue_for).with_token("not_me", &rescue);
        further(&mut facts);
        evidence
            .and_token(MailedToken {
                digest: rescue.digest(Purpose::NOT_ME),
                purpose: Purpose::NOT_ME,
                owner: TokenOwner::User { id: user.id, epochs: None },
                email: user.email.clone(),
                created_at: at,
                expires_at,
            })
            .and_mail([OutgoingMail::seal(self.vault, kind.clone(), &user.email, &facts, now, expires_at)])
    }

    /// The facts every mail has: when, from which device and where.
    pub(crate) fn facts(&self, client: &ClientInfo, at: Timestamp, valid: Duration) -> Facts {
        Facts {
            at: Some(at),
            valid_secs: Some(valid.as_secs()),
            device: Some(self.describer.describe(client.user_agent.as_deref())),
            place: self.place(client).map(|place| place.to_string()),
            ip: client.ip.map(|ip| ip.to_string()),
            ..Facts::default()
        }
    }

    /// Where a client is.
    pub(crate) fn place(&self, client: &ClientInfo) -> Option<Place> {
        client.ip.and_then(|ip| self.geo.place(ip))
    }
}

/// Whether what is told of sign-ins goes to a mailbox nobody has shown. Whoever registers with somebody else's address must
/// not fill that mailbox by signing in.
pub(crate) fn is_strangers_mailbox(config: &Config, user: &User) -> bool {
    user.confirmed_at.is_none() && config.registration.confirmation == ConfirmationMode::Deferred
}
