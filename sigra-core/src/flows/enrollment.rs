//! Who may set up a second factor in the middle of signing in.

use crate::assurance::{Aal, Method};
use crate::audit::{AuditEvent, names};
use crate::door::{Admission, Entry, PendingView, Shown, Step};
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::mail::{MailKind, OutgoingMail};
use crate::ports::{AttemptKey, AttemptPolicy, Ceremony, Mac, Reservation};
use crate::secret::{Code, Digest, Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::user::User;

/// Who may set up a second factor in the middle of signing in.
///
/// Where a second factor is required and absent, whoever knows the password could set up one of their own. So a browser
/// that the account has not used must show the mailbox too: by having signed in with a link, or by a code mailed here.
#[derive(Clone, Copy)]
pub struct Enrollment<'a>(pub(crate) &'a Inner);

/// A pending sign-in that owes the setting up of a second factor.
#[derive(Clone, Debug)]
pub struct EnrollmentView {
    /// The sign-in.
    pub view: PendingView,
    /// Whether the mailbox must be shown first.
    pub code_needed: bool,
}

/// What came of asking for a code while signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum CodeRequested {
    /// A mail is on its way, unless its recipient has received enough today.
    Noted,
    /// There is no pending sign-in that owes this step and needs a code.
    NoPending,
}

/// What came of a code while signing in.
#[derive(Debug)]
#[must_use]
pub enum CodeOutcome {
    /// It is right. The sign-in goes on, under a new token.
    Admitted(Admission),
    /// It is wrong, expired or used up.
    Wrong,
    /// There is no pending sign-in that owes this step and needs a code.
    NoPending,
}

impl Enrollment<'_> {
    /// The pending sign-in that owes the setting up of a second factor. `None` when there is none.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn view(&self, token: &RawToken, entry: &Entry) -> Result<Option<EnrollmentView>, FlowError> {
        let view = self.0.door.pending(token, entry).await?;
        Ok(view.filter(|view| view.owes_first(Step::MFA_ENROLLMENT)).map(|view| {
            let methods = &view.pending.assurance.methods;
            let proven = methods.contains(&Method::MAGIC_LINK) || methods.contains(&Method::EMAIL_CODE);
            EnrollmentView { code_needed: !view.known_device && !proven, view }
        }))
    }

    /// Mails a code to the account's address, in place of an earlier one.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.enrollment.mail_code")]
    pub async fn mail_code(&self, token: &RawToken, entry: &Entry) -> Result<CodeRequested, FlowError> {
        let Some(EnrollmentView { view, code_needed: true }) = self.view(token, entry).await? else {
            return Ok(CodeRequested::NoPending);
        };
        let now = self.0.clock.now();
        let user = &view.user;
        let event = AuditEvent::new(names::MFA_CODE_REQUEST, now, &entry.client).about(user.id);
        if !self.0.may_mail(&user.email, self.0.config.mail.budget, "mail.recipient", now).await? {
            let suppressed = AuditEvent::new(names::MAIL_SUPPRESSED, now, &entry.client)
                .about(user.id)
                .failed("budget")
                .with("kind", MailKind::ENROLLMENT_CODE.as_str());
            self.0.stores.log.append(Evidence::event(event).and_event(suppressed)).await?;
            return Ok(CodeRequested::Noted);
        }
        let code = Code::random();
        let key = token.digest(Purpose::ENROLLMENT_CODE);
        // Not longer than the sign-in it is for.
        let expires_at = (now + self.0.config.second_factors.code_secs.span()).min(view.pending.expires_at);
        let span = expires_at.since(now);
        let mac = self.0.essentials.vault.mac(MAC, &message(key, &code));
        let state = self.0.essentials.vault.seal(&context(key), mac.as_bytes());
        let ceremony = Ceremony { key, user: Some(user.id), state, created_at: now, expires_at };
        self.0.stores.attempts.clear(&[self.code_key(key)]).await?;
        self.0.stores.ceremonies.put(&ceremony).await?;
        let mut facts = self.0.notices().facts(&entry.client, now, span).with_code(&code);
        facts.code_valid_secs = Some(span.as_secs());
        let vault = &*self.0.essentials.vault;
        let mail = OutgoingMail::seal(vault, MailKind::ENROLLMENT_CODE, &user.email, &facts, now, expires_at);
        self.0.stores.log.append(Evidence::event(event).and_mail([mail])).await?;
        Ok(CodeRequested::Noted)
    }

    /// Takes a mailed code. Tries are counted before the code is looked at: per code, and per account and day.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.enrollment.enter_code")]
    pub async fn enter_code(&self, token: &RawToken, typed: &str, entry: &Entry) -> Result<CodeOutcome, FlowError> {
        let Some(EnrollmentView { view, code_needed: true }) = self.view(token, entry).await? else {
            return Ok(CodeOutcome::NoPending);
        };
        let key = token.digest(Purpose::ENROLLMENT_CODE);
        if !self.is_right(key, &view.user, typed).await? {
            let event = AuditEvent::new(names::MFA_CODE_FAILURE, self.0.clock.now(), &entry.client).about(view.user.id);
            self.0.stores.log.append(Evidence::event(event.failed("invalid_code"))).await?;
            return Ok(CodeOutcome::Wrong);
        }
        let shown = Shown { methods: vec![Method::EMAIL_CODE], aal: Aal::One };
        Ok(CodeOutcome::Admitted(self.0.door.resume(token, Step::MFA_ENROLLMENT, Some(shown), entry).await?))
    }

    async fn is_right(&self, key: Digest, user: &User, typed: &str) -> Result<bool, FlowError> {
        let now = self.0.clock.now();
        let rules = &self.0.config.second_factors;
        let one = AttemptPolicy::per_code(rules.code_tries, rules.code_secs);
        let whom = self.0.essentials.vault.mac("attempts.user", user.id.as_uuid().as_bytes());
        let all = AttemptKey { counter: "enrollment_code.account", whom };
        for (key, policy) in [(&all, &self.0.config.lockout.codes), (&self.code_key(key), &one)] {
            if !matches!(self.0.stores.attempts.reserve(key, policy, None, now).await?, Reservation::Granted(_)) {
                return Ok(false);
            }
        }
        let (Some(code), Some(ceremony)) = (Code::parse(typed), self.0.stores.ceremonies.peek(key, now).await?) else {
            return Ok(false);
        };
        let Some(mac) = self.mac_of(&ceremony) else {
            return Ok(false);
        };
        if !self.0.essentials.vault.verify_mac(MAC, &message(key, &code), &mac) {
            return Ok(false);
        }
        // Whoever takes it has used it up; a request beside this one may have done so.
        Ok(self.0.stores.ceremonies.take(key, now).await?.is_some())
    }

    fn mac_of(&self, ceremony: &Ceremony) -> Option<Mac> {
        let opened = self.0.essentials.vault.open(&context(ceremony.key), &ceremony.state).ok()?;
        opened.plain.expose().try_into().ok().map(Mac::from_bytes)
    }

    fn code_key(&self, key: Digest) -> AttemptKey {
        let whom = self.0.essentials.vault.mac("attempts.enrollment_code", key.as_bytes());
        AttemptKey { counter: "enrollment_code", whom }
    }
}

const MAC: &str = "code.enrollment";

fn message(key: Digest, code: &Code) -> Vec<u8> {
    [&key.as_bytes()[..], &code.as_bytes()[..]].concat()
}

fn context(key: Digest) -> String {
    let key: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sigra_ceremonies.state.{key}")
}
