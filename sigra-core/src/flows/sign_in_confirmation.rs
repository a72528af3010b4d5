//! Proving the address in the middle of signing in.

use super::{CodeOutcome, CodeRequested};
use crate::assurance::{Aal, Method};
use crate::audit::{AuditEvent, names};
use crate::config::Config;
use crate::door::{Entry, Owing, PendingView, Shown, Step, sign_in_code_digest};
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::ports::{AttemptKey, AttemptOwner, AttemptPolicy, Happened, Reservation};
use crate::secret::{Code, Purpose, RawToken};
use crate::sigra::Inner;
use crate::telemetry::operation;
use crate::user::User;

/// Proving the address in the middle of signing in.
///
/// With deferred confirmation an account can be signed in to before its address is proven, for a while. Then signing in owes
/// the proof: a code that the [door](crate::door::Door) mails with it, worth something in this sign-in alone. Whoever takes
/// this step has shown what signs in to the account and its mailbox, so the account keeps what it has.
#[derive(Clone, Copy)]
pub struct SignInConfirmation<'a>(pub(crate) &'a Inner);

impl SignInConfirmation<'_> {
    /// The pending sign-in that owes the proof of its address, or owes nothing more since the link in an earlier mail gave
    /// it. `None` when there is none.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    pub async fn view(&self, token: &RawToken, entry: &Entry) -> Result<Option<PendingView>, FlowError> {
        let view = self.0.door.pending(token, entry).await?;
        Ok(view.filter(|view| view.steps.is_empty() || view.owes_first(Step::CONFIRM_EMAIL)))
    }

    /// Mails another code to the account's address. Those mailed before in this sign-in stay good for as long as they were.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.sign_in_confirmation.mail_code")]
    pub async fn mail_code(&self, token: &RawToken, entry: &Entry) -> Result<CodeRequested, FlowError> {
        let Some(view) = self.view(token, entry).await?.filter(|view| !view.steps.is_empty()) else {
            return Ok(CodeRequested::NoPending);
        };
        let now = self.0.clock.now();
        let event = AuditEvent::new(names::CONFIRMATION_REQUEST, now, &entry.client).about(view.user.id);
        let owing = Owing { user: &view.user, token, until: view.pending.expires_at, client: &entry.client };
        let evidence = self.0.door.with_sign_in_code(Evidence::event(event), owing, now).await?;
        self.0.stores.log.append(evidence).await?;
        Ok(CodeRequested::Noted)
    }

    /// Takes a mailed code. Tries are counted before the code is looked at: per sign-in, and per account and day.
    ///
    /// A sign-in that owes nothing more goes on whatever the code.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.sign_in_confirmation.enter_code")]
    pub async fn enter_code(&self, token: &RawToken, typed: &str, entry: &Entry) -> Result<CodeOutcome, FlowError> {
        let Some(view) = self.view(token, entry).await? else {
            return Ok(CodeOutcome::NoPending);
        };
        if view.steps.is_empty() {
            return Ok(CodeOutcome::Admitted(self.0.door.resume(token, Step::CONFIRM_EMAIL, None, entry).await?));
        }
        let now = self.0.clock.now();
        let confirmed = match Code::parse(typed) {
            Some(code) if self.may_try(token, &view.user).await? => {
                let evidence = |user: &User| {
                    let event = AuditEvent::new(names::ACCOUNT_CONFIRM, now, &entry.client).by(user.id);
                    Evidence::event(event.with("method", "sign_in_code"))
                };
                let digest = sign_in_code_digest(&*self.0.essentials.vault, token, &code);
                self.0.stores.accounts.confirm(digest, now, &evidence).await?
            }
            Some(_) | None => None,
        };
        let Some(user) = confirmed else {
            let event = AuditEvent::new(names::CONFIRMATION_FAILURE, now, &entry.client).about(view.user.id);
            self.0.stores.log.append(Evidence::event(event.failed("invalid_code"))).await?;
            return Ok(CodeOutcome::Wrong);
        };
        self.0.happened(Happened::Confirmed(&user)).await;
        let shown = Shown { methods: vec![Method::EMAIL_CODE], aal: Aal::One };
        Ok(CodeOutcome::Admitted(self.0.door.resume(token, Step::CONFIRM_EMAIL, Some(shown), entry).await?))
    }

    /// Counts a try. The counters are apart from those of the page where anybody can type a code, or anybody could use up
    /// what an owner may try here.
    async fn may_try(&self, token: &RawToken, user: &User) -> Result<bool, FlowError> {
        let now = self.0.clock.now();
        let Config { registration, sessions, lockout, .. } = &*self.0.config;
        // As long as the sign-in waits for it.
        let one = AttemptPolicy::per_code(registration.code_tries, registration.code_secs.max(sessions.pending_secs));
        let vault = &*self.0.essentials.vault;
        let all = AttemptKey {
            counter: "sign_in_code.account",
            whom: vault.mac("attempts.user", user.id.as_uuid().as_bytes()),
        };
        let this = AttemptKey {
            counter: "sign_in_code",
            whom: vault.mac("attempts.sign_in_code", token.digest(Purpose::SIGN_IN_CODE).as_bytes()),
        };
        let owner = Some(AttemptOwner::Account(user.id));
        for (key, policy) in [(&all, &lockout.codes), (&this, &one)] {
            if !matches!(self.0.stores.attempts.reserve(key, policy, owner, now).await?, Reservation::Granted(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
