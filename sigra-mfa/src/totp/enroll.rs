//! Setting up an authenticator app.

use sigra_core::Sigra;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::Notice;
use sigra_core::telemetry::operation;
use sigra_core::user::User;

use super::TOTP;
use super::secret::TotpSecret;
use super::setup::TotpSetup;
use crate::backup_codes::BackupCode;
use crate::events::names;
use crate::mails::MFA_ENABLED;
use crate::mfa::Mfa;
use crate::ports::{Activated, Activation, PendingTotp};

/// What came of beginning.
#[derive(Debug)]
#[must_use]
pub enum BeginOutcome {
    /// What to show, once. It waits for its first code.
    Begun(TotpSetup),
    /// An authenticator app is set up already.
    AlreadyEnrolled,
    /// The account's address is not proven. Its true owner could be locked out.
    Unconfirmed,
}

/// What came of the first code.
#[derive(Debug)]
#[must_use]
pub enum ConfirmOutcome {
    /// The app is set up.
    Enrolled {
        /// The account as it is now, its factor epoch raised. The session or sign-in that did this must be carried on, or
        /// it is dead like the others.
        user: Box<User>,
        /// The backup codes, to be shown once.
        backup_codes: Vec<BackupCode>,
    },
    /// The code is wrong.
    Wrong,
    /// Nothing waits for a code, or it has waited too long.
    NotPending,
    /// An authenticator app is set up already.
    AlreadyEnrolled,
    /// The account or what was begun has changed beside this.
    Stale,
}

impl Mfa {
    /// Makes a secret for an authenticator app, in place of one that waits for its first code. Nothing is demanded of the
    /// account before that came.
    ///
    /// The caller has seen to it that the session is fresh, or that the sign-in owes this step.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work.
    #[operation("sigra.mfa.begin")]
    pub async fn begin_totp(&self, user: &User, client: &ClientInfo) -> Result<BeginOutcome, FlowError> {
        if user.confirmed_at.is_none() {
            return Ok(BeginOutcome::Unconfirmed);
        }
        let parts = &self.inner.parts;
        let now = parts.clock.now();
        let secret = TotpSecret::random();
        let pending = PendingTotp {
            user: user.id,
            secret: secret.seal(&*parts.vault, user.id),
            created_at: now,
            expires_at: now + self.inner.config.pending_secs.span(),
        };
        let event = AuditEvent::new(names::BEGIN, now, client).by(user.id).with("method", TOTP.name());
        if !parts.totp.begin(&pending, Evidence::event(event)).await? {
            return Ok(BeginOutcome::AlreadyEnrolled);
        }
        Ok(BeginOutcome::Begun(TotpSetup::new(&secret, &self.inner.config.issuer, user.email.as_str())))
    }

    /// Takes the first code: sets the app up, makes backup codes, and raises the account's factor epoch, which ends its
    /// other sessions.
    ///
    /// `user` must be the account as the session or the pending sign-in found it.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work. Nothing is set up then.
    #[operation("sigra.mfa.enroll")]
    pub async fn confirm_totp(
        &self,
        sigra: &Sigra,
        user: &User,
        code: &str,
        client: &ClientInfo,
    ) -> Result<ConfirmOutcome, FlowError> {
        let parts = &self.inner.parts;
        let now = parts.clock.now();
        let stored = match parts.totp.find(user.id).await? {
            Some(stored) if stored.activated_at.is_some() => return Ok(ConfirmOutcome::AlreadyEnrolled),
            Some(stored) if stored.expires_at.is_some_and(|until| now < until) => stored,
            _ => return Ok(ConfirmOutcome::NotPending),
        };
        // Wrong ones are not counted: the secret was shown to whoever types this.
        let Some(step) = self.inner.totp_step(user.id, &stored, code, now)? else {
            let event = AuditEvent::new(names::ENROLL_FAILURE, now, client).by(user.id).failed("wrong");
            parts.log.append(Evidence::event(event.with("method", TOTP.name()))).await?;
            return Ok(ConfirmOutcome::Wrong);
        };
        let (backup_codes, codes) = self.inner.new_backup_codes(user.id);
        let activation =
            Activation { user: user.id, epochs: user.epochs, secret: &stored.secret, step, codes: &codes, now };
        let evidence = |user: &User| {
            let event = AuditEvent::new(names::ENROLL, now, client).by(user.id).with("method", TOTP.name());
            let notice = Notice { kind: &MFA_ENABLED, user, client, at: now, what: None, left: None };
            sigra.second_factors().notice(Evidence::event(event), &notice)
        };
        Ok(match parts.totp.activate(&activation, &evidence).await? {
            Activated::Done(user) => ConfirmOutcome::Enrolled { user, backup_codes },
            Activated::AlreadyActive => ConfirmOutcome::AlreadyEnrolled,
            Activated::Stale => ConfirmOutcome::Stale,
        })
    }
}
