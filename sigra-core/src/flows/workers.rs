//! What runs in the background: answering requests made by address, and sending mail.

use super::confirmation::{account_code_digest, account_code_key, code_message, code_span};
use super::delivery::Delivery;
use super::registration::RegistrationSecrets;
use crate::audit::{AuditEvent, names};
use crate::config::{ConfirmationMode, Seconds};
use crate::email::EmailAddress;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::{RegistrationId, UserId};
use crate::mail::{Facts, MailKind, OutgoingMail};
use crate::ports::{Happened, NewAccount, Promotion, Quota};
use crate::registration::{
    AddressRequest, ConfirmationCode, LeasedRequest, MailedToken, NewToken, PendingRegistration, RequestKind,
    Resolution, TokenOwner,
};
use crate::secret::{Code, Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::time::Timestamp;
use crate::user::User;

/// What runs in the background. Nothing here spawns: a host calls these, as often as it likes, on as many hosts as it
/// likes.
#[derive(Clone, Copy)]
pub struct Workers<'a>(pub(crate) &'a Inner);

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct WorkReport {
    /// Requests by address that were answered.
    pub answered: u32,
    /// Mails handed over.
    pub sent: u32,
    /// Mails that will be tried again.
    pub retried: u32,
    /// Mails given up.
    pub abandoned: u32,
    /// Rows that could not be worked on now; they come up again when their lease lapses.
    pub failed: u32,
}

impl WorkReport {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

impl Workers<'_> {
    /// Answers one batch of requests, then sends one batch of mail, `mail.at_once` at a time.
    ///
    /// # Errors
    ///
    /// When the store cannot hand out work. A row that fails by itself is logged and counted, and the rest goes on.
    #[operation("sigra.workers.run_once", DEBUG)]
    pub async fn run_once(&self) -> Result<WorkReport, FlowError> {
        let mut report = WorkReport::default();
        self.answer_requests(&mut report).await?;
        Delivery(self.0).run_once(&mut report).await?;
        Ok(report)
    }

    async fn answer_requests(&self, report: &mut WorkReport) -> Result<(), FlowError> {
        let now = self.0.clock.now();
        let until = now + self.0.config.mail.lease_secs.span();
        for leased in self.0.stores.requests.lease(self.0.config.mail.batch, now, until).await? {
            match self.answer(&leased).await {
                Ok(true) => report.answered += 1,
                // Its lease lapsed meanwhile: it is somebody else's to answer, and to count.
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(
                        name: "sigra.requests.failed",
                        error = &error as &dyn std::error::Error,
                        request = %leased.request.id,
                        "a request could not be answered now"
                    );
                    report.failed += 1;
                }
            }
        }
        Ok(())
    }

    #[operation("sigra.requests.answer")]
    async fn answer(&self, leased: &LeasedRequest) -> Result<bool, FlowError> {
        let request = &leased.request;
        let now = self.0.clock.now();
        let (resolution, evidence) = if now >= request.expires_at {
            (Resolution::default(), Evidence::none())
        } else {
            let account = self.0.stores.accounts.find_by_email(&request.email).await?;
            let answer = Answer { inner: self.0, request, now };
            if request.kind == RequestKind::ChangeEmail {
                return answer.email_change(leased, account.as_ref().map(|record| &record.user)).await;
            }
            match (request.kind, account.map(|record| record.user)) {
                // No link could be used, and the address is not free either.
                (_, Some(user)) if user.disabled_at.is_some() || user.deletion_is_due(now) => {
                    (Resolution::default(), Evidence::none())
                }
                (RequestKind::Register(id), Some(owner)) if owner.id == account_of(id) => {
                    answer.proof_of(&owner).await?
                }
                (RequestKind::Register(_), Some(owner)) => answer.already_registered(&owner).await?,
                (RequestKind::Register(id), None) => answer.registered(id).await?,
                (RequestKind::ResendConfirmation, None) => {
                    let limit = self.0.config.registration.resend_at_most;
                    let armed = self.0.stores.registrations.armed(&request.email, limit, now).await?;
                    answer.confirmations(armed).await?
                }
                (RequestKind::ResendConfirmation, Some(user)) if answer.is_deferred() => answer.proof_of(&user).await?,
                (RequestKind::MagicLink, Some(user)) => answer.magic_link(&user).await?,
                (RequestKind::ResetPassword, Some(user)) => answer.reset_link(&user, true).await?,
                (RequestKind::RescueReset, Some(user)) => answer.reset_link(&user, false).await?,
                (RequestKind::LockNotice, Some(user)) => answer.lock_notice(&user).await?,
                (RequestKind::ResendConfirmation, Some(_))
                | (RequestKind::ChangeEmail, _)
                | (
                    RequestKind::MagicLink
                    | RequestKind::ResetPassword
                    | RequestKind::RescueReset
                    | RequestKind::LockNotice,
                    None,
                ) => (Resolution::default(), Evidence::none()),
            }
        };
        Ok(self.0.stores.requests.resolve(leased, &resolution, evidence).await?)
    }
}

/// Answers one request that has something to answer.
pub(super) struct Answer<'a> {
    pub(super) inner: &'a Inner,
    pub(super) request: &'a AddressRequest,
    pub(super) now: Timestamp,
}

impl Answer<'_> {
    async fn already_registered(&self, owner: &User) -> Result<(Resolution, Evidence), FlowError> {
        let event = AuditEvent::new(names::REGISTER_FAILURE, self.now, &self.request.client)
            .about(owner.id)
            .failed("address_taken");
        let evidence = Evidence::event(event);
        let kind = MailKind::ALREADY_REGISTERED;
        if !self.may_notify(&owner.email, &kind).await? {
            return Ok((Resolution::default(), evidence.and_event(self.suppressed(&kind, Some(owner)))));
        }
        let span = self.inner.config.mail.notice_secs.span();
        let facts = self.inner.notices().facts(&self.request.client, self.request.created_at, span);
        let mail = self.mail(kind, &owner.email, &facts, self.now + span);
        Ok((Resolution::default(), evidence.and_mail([mail])))
    }

    async fn registered(&self, id: RegistrationId) -> Result<(Resolution, Evidence), FlowError> {
        let stores = &self.inner.stores;
        if let Some(holder) = stores.address_changes.reserved_for(&self.request.email, self.now).await? {
            // An account had the address until lately and can still have it back, so it would not be given to another one.
            let event = AuditEvent::new(names::REGISTER_FAILURE, self.now, &self.request.client);
            return Ok((Resolution::default(), Evidence::event(event.about(holder).failed("address_reserved"))));
        }
        if let Some(kept) = self.inner.in_quarantine(&self.request.email, None, self.now).await? {
            // Silence, as above: whoever has the mailbox now must not learn that somebody else had an account under it.
            let event = AuditEvent::new(names::REGISTER_FAILURE, self.now, &self.request.client);
            let event = AuditEvent { subject: kept.holder, ..event };
            return Ok((Resolution::default(), Evidence::event(event.failed("address_quarantined"))));
        }
        let Some(registration) = stores.registrations.find(id, self.now).await? else {
            return Ok((Resolution::default(), Evidence::none()));
        };
        if self.is_deferred() {
            self.account_at_once(registration).await
        } else {
            self.confirmations(vec![registration]).await
        }
    }

    async fn confirmations(
        &self,
        registrations: Vec<PendingRegistration>,
    ) -> Result<(Resolution, Evidence), FlowError> {
        let mut resolution = Resolution::default();
        let mut evidence = Evidence::none();
        for registration in registrations {
            let kind = MailKind::CONFIRM_EMAIL;
            let (token, code) = (RawToken::random(), Code::random());
            resolution.tokens.push(self.confirmation_token(&registration, &token));
            if !self.may_mail(&registration.email, self.inner.config.mail.budget, "mail.recipient").await? {
                // Nobody will hold that token, but by it a resend finds the registration when there is room again.
                return Ok((resolution, evidence.and_event(self.suppressed(&kind, None))));
            }
            let code_span = code_span(self.inner, &registration, self.now);
            let message = code_message(registration.id, &registration.email, &code);
            let mut facts = self
                .inner
                .notices()
                .facts(
                    &registration.client,
                    registration.created_at,
                    registration.expires_at.since(registration.created_at),
                )
                .with_token("confirm", &token)
                .with_code(&code);
            facts.code_valid_secs = Some(code_span.as_secs());
            evidence = evidence.and_mail([self.mail(kind, &registration.email, &facts, registration.expires_at)]);
            resolution.codes.push(ConfirmationCode {
                registration: registration.id,
                mac: self.inner.essentials.vault.mac("code.confirm", &message),
                expires_at: self.now + code_span,
            });
        }
        Ok((resolution, evidence))
    }

    fn is_deferred(&self) -> bool {
        self.inner.config.registration.confirmation == ConfirmationMode::Deferred
    }

    /// Creates the account of a registration before its address is proven, and mails the proof. Its rivals are gone then.
    async fn account_at_once(&self, registration: PendingRegistration) -> Result<(Resolution, Evidence), FlowError> {
        let id = registration.id;
        let (password, profile) = RegistrationSecrets::open(self.inner, &registration)?;
        let account = NewAccount {
            quarantine: self.inner.quarantine_keys(&registration.email),
            id: account_of(id),
            email: registration.email,
            password: Some(password),
            profile,
            confirmed_at: None,
            created_at: self.now,
        };
        let event = AuditEvent::new(names::REGISTER_SUCCESS, self.now, &registration.client).by(account.id);
        let evidence = Evidence::event(event.with("method", "password").with("confirmed", false));
        match self.inner.stores.registrations.promote(id, &account, evidence).await? {
            Promotion::Created(user) => {
                self.inner.happened(Happened::Registered(&user)).await;
                self.proof_of(&user).await
            }
            // Somebody else was faster: another worker with this registration, or a rival of it. Which, the next worker sees.
            Promotion::Gone | Promotion::Taken => {
                match self.inner.stores.accounts.find_by_email(&account.email).await?.map(|record| record.user) {
                    Some(owner) if owner.id == account.id => self.proof_of(&owner).await,
                    Some(owner) => self.already_registered(&owner).await,
                    None => Ok((Resolution::default(), Evidence::none())),
                }
            }
        }
    }

    /// Mails what proves the address of an account that was created before that.
    async fn proof_of(&self, user: &User) -> Result<(Resolution, Evidence), FlowError> {
        if user.confirmed_at.is_some() {
            return Ok((Resolution::default(), Evidence::none()));
        }
        let kind = MailKind::CONFIRM_EMAIL;
        if !self.may_mail(&user.email, self.inner.config.mail.budget, "mail.recipient").await? {
            return Ok((Resolution::default(), Evidence::event(self.suppressed(&kind, Some(user)))));
        }
        let rules = &self.inner.config.registration;
        let (token, code) = (RawToken::random(), Code::random());
        let token_of = |digest, purpose, good_for: Seconds, older_expire_at| NewToken {
            token: MailedToken {
                digest,
                purpose,
                owner: TokenOwner::User { id: user.id, epochs: Some(user.epochs) },
                email: user.email.clone(),
                created_at: self.request.created_at,
                expires_at: self.now + good_for.span(),
            },
            older_expire_at,
        };
        let link = token.digest(Purpose::CONFIRM_REGISTRATION);
        let code_digest = account_code_digest(self.inner, &user.email, &code);
        let tokens = vec![
            token_of(link, Purpose::CONFIRM_REGISTRATION, rules.pending_secs, None),
            token_of(code_digest, Purpose::CONFIRM_CODE, rules.code_secs, Some(self.now)),
        ];
        let span = rules.pending_secs.span();
        let facts = self.inner.notices().facts(&self.request.client, self.request.created_at, span);
        let mut facts = facts.with_token("confirm", &token).with_code(&code);
        facts.code_valid_secs = Some(u64::from(rules.code_secs.get()));
        let mail = self.mail(kind, &user.email, &facts, self.now + span);
        // The tries are the new code's.
        self.inner.stores.attempts.clear(&[account_code_key(self.inner, &user.email)]).await?;
        Ok((Resolution { tokens, codes: Vec::new() }, Evidence::none().and_mail([mail])))
    }

    fn confirmation_token(&self, registration: &PendingRegistration, token: &RawToken) -> NewToken {
        let token = MailedToken {
            digest: token.digest(Purpose::CONFIRM_REGISTRATION),
            purpose: Purpose::CONFIRM_REGISTRATION,
            owner: TokenOwner::Registration(registration.id),
            email: registration.email.clone(),
            created_at: self.request.created_at,
            expires_at: registration.expires_at,
        };
        NewToken { token, older_expire_at: None }
    }

    async fn magic_link(&self, user: &User) -> Result<(Resolution, Evidence), FlowError> {
        let kind = MailKind::MAGIC_LINK;
        if !self.may_mail(&user.email, self.inner.config.mail.budget, "mail.recipient").await? {
            return Ok((Resolution::default(), Evidence::event(self.suppressed(&kind, Some(user)))));
        }
        let link = Link {
            kind,
            purpose: Purpose::MAGIC_LINK,
            span: self.inner.config.magic_link.link_secs.span(),
            older_expire_at: Some(self.now),
        };
        Ok(self.link(user, link))
    }

    async fn reset_link(&self, user: &User, budgeted: bool) -> Result<(Resolution, Evidence), FlowError> {
        let rules = &self.inner.config;
        let kind = MailKind::RESET_PASSWORD;
        if budgeted
            && !self.may_mail(&user.email, rules.mail.budget, "mail.recipient").await?
            && !self.may_mail(&user.email, rules.mail.reset_reserve, "mail.reset_reserve").await?
        {
            return Ok((Resolution::default(), Evidence::event(self.suppressed(&kind, Some(user)))));
        }
        let link = Link {
            kind,
            purpose: Purpose::RESET_PASSWORD,
            span: rules.reset.link_secs.span(),
            older_expire_at: Some(self.now + rules.reset.older_link_secs.span()),
        };
        Ok(self.link(user, link))
    }

    async fn lock_notice(&self, user: &User) -> Result<(Resolution, Evidence), FlowError> {
        let kind = MailKind::ACCOUNT_LOCKED;
        if !self.may_notify(&user.email, &kind).await? {
            return Ok((Resolution::default(), Evidence::event(self.suppressed(&kind, Some(user)))));
        }
        let evidence =
            self.inner.notices().add_to(Evidence::none(), &kind, user, &self.request.client, self.request.created_at);
        Ok((Resolution::default(), evidence))
    }

    fn link(&self, user: &User, link: Link) -> (Resolution, Evidence) {
        let token = RawToken::random();
        let expires_at = self.now + link.span;
        let page = link.purpose.name();
        let facts = self
            .inner
            .notices()
            .facts(&self.request.client, self.request.created_at, link.span)
            .with_token(page, &token);
        let mail = self.mail(link.kind, &user.email, &facts, expires_at);
        let token = MailedToken {
            digest: token.digest(link.purpose),
            purpose: link.purpose,
            owner: TokenOwner::User { id: user.id, epochs: Some(user.epochs) },
            email: user.email.clone(),
            created_at: self.request.created_at,
            expires_at,
        };
        let tokens = vec![NewToken { token, older_expire_at: link.older_expire_at }];
        (Resolution { tokens, codes: Vec::new() }, Evidence::none().and_mail([mail]))
    }

    pub(super) fn mail(&self, kind: MailKind, to: &EmailAddress, facts: &Facts, expires_at: Timestamp) -> OutgoingMail {
        OutgoingMail::seal(&*self.inner.essentials.vault, kind, to, facts, self.now, expires_at)
    }

    /// Whether a recipient may get a notice about somebody else's doing.
    async fn may_notify(&self, to: &EmailAddress, kind: &MailKind) -> Result<bool, FlowError> {
        let name =
            if *kind == MailKind::ACCOUNT_LOCKED { "notice.account_locked" } else { "notice.already_registered" };
        self.may_mail(to, self.inner.config.mail.notices, name).await
    }

    pub(super) async fn may_mail(
        &self,
        to: &EmailAddress,
        limit: Quota,
        name: &'static str,
    ) -> Result<bool, FlowError> {
        self.inner.may_mail(to, limit, name, self.now).await
    }

    pub(super) fn suppressed(&self, kind: &MailKind, user: Option<&User>) -> AuditEvent {
        let event = AuditEvent::new(names::MAIL_SUPPRESSED, self.now, &self.request.client)
            .failed("budget")
            .with("kind", kind.as_str());
        match user {
            Some(user) => event.about(user.id),
            None => event,
        }
    }
}

/// The account a registration becomes where that happens before the proof. Fixed, so that a worker which takes up what
/// another left behind can tell the registration's own account from a rival's.
fn account_of(id: RegistrationId) -> UserId {
    UserId::from_uuid(id.as_uuid())
}

/// A link to mail to an account.
struct Link {
    kind: MailKind,
    purpose: Purpose,
    span: std::time::Duration,
    older_expire_at: Option<Timestamp>,
}
