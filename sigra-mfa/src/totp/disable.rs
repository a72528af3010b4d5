//! Taking an authenticator app away.

use std::time::Duration;

use sigra_core::Sigra;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::flows::Attempting;
use sigra_core::ports::Notice;
use sigra_core::telemetry::operation;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::TOTP;
use crate::backup_codes::BACKUP_CODE;
use crate::events::names;
use crate::mails::MFA_DISABLED;
use crate::mfa::Mfa;
use crate::ports::{Removal, RemovalProof, StoredTotp};

/// What came of taking an authenticator app away.
#[derive(Debug)]
#[must_use]
pub enum DisableOutcome {
    /// It is gone, with the backup codes and the trusted browsers.
    Disabled {
        /// The account as it is now, its factor epoch raised. The session that did this must be carried on, with its
        /// assurance [lowered](crate::lowered), or it is dead like the others.
        user: Box<User>,
    },
    /// The code is wrong.
    Wrong,
    /// Too many were wrong. Right ones are refused too, for so long; `None` until the mailbox was proven by a reset.
    LockedOut(Option<Duration>),
    /// There is no authenticator app, or no such method.
    NotEnrolled,
    /// The account has changed, or the code was used, beside this. Nothing was taken away.
    Stale,
}

impl Mfa {
    /// Takes the authenticator app away, with the backup codes and the trusted browsers, and raises the account's factor
    /// epoch, which ends its other sessions.
    ///
    /// `method` says what `code` is, `totp` or `backup_code`: one answer is one attempt. It is used up in the step that
    /// takes away, or not at all. `user` must be the account as the session found it, and the session fresh.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work. Nothing was taken away then.
    #[operation("sigra.mfa.disable")]
    pub async fn disable(
        &self,
        sigra: &Sigra,
        user: &User,
        method: &str,
        code: &str,
        client: &ClientInfo,
    ) -> Result<DisableOutcome, FlowError> {
        let Some(kind) = [TOTP, BACKUP_CODE].into_iter().find(|kind| kind.name() == method) else {
            return Ok(DisableOutcome::NotEnrolled);
        };
        let Some(stored) = self.inner.active_totp(user.id).await? else {
            return Ok(DisableOutcome::NotEnrolled);
        };
        let factors = sigra.second_factors();
        let attempt = match factors.reserve(user, client).await? {
            Attempting::Granted(attempt) => attempt,
            Attempting::LockedOut(wait) => return Ok(DisableOutcome::LockedOut(wait)),
        };
        let now = self.inner.parts.clock.now();
        let shown = if kind == TOTP {
            self.totp_proof(user, &stored, code, now)?
        } else {
            self.inner.find_backup_code(user.id, code).await?.map(RemovalProof::BackupCode)
        };
        let Some(shown) = shown else {
            factors.wrong(attempt, user, kind, client).await?;
            return Ok(DisableOutcome::Wrong);
        };
        let removal = Removal { user: user.id, epochs: user.epochs, shown, now };
        let evidence = |user: &User| {
            let event = AuditEvent::new(names::DISABLE, now, client).by(user.id).with("method", kind.name());
            let notice = Notice { kind: &MFA_DISABLED, user, client, at: now, what: None, left: None };
            factors.notice(Evidence::event(event), &notice)
        };
        let Some(user) = self.inner.parts.totp.disable(&removal, &evidence).await? else {
            // It was right, so taking the count back helps nobody to guess.
            factors.refund(attempt).await?;
            return Ok(DisableOutcome::Stale);
        };
        factors.right(&user, attempt).await;
        Ok(DisableOutcome::Disabled { user: Box::new(user) })
    }

    fn totp_proof(
        &self,
        user: &User,
        stored: &StoredTotp,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<RemovalProof>, FlowError> {
        Ok(self.inner.totp_step(user.id, stored, code, now)?.map(RemovalProof::TotpStep))
    }
}
