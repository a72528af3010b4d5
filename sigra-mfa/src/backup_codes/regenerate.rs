//! Making new backup codes.

use std::time::Duration;

use sigra_core::Sigra;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::Notice;
use sigra_core::telemetry::operation;
use sigra_core::user::User;

use super::{BACKUP_CODE, BackupCode};
use crate::events::names;
use crate::mails::BACKUP_CODES_REGENERATED;
use crate::mfa::Mfa;
use crate::totp::ShownTotp;

/// What came of making new backup codes.
#[derive(Debug)]
#[must_use]
pub enum RegenerateOutcome {
    /// These are the codes, to be shown once. Those from before are dead.
    Regenerated {
        /// The codes.
        codes: Vec<BackupCode>,
    },
    /// The code is wrong, or missing.
    Wrong,
    /// The session has not shown enough: it must authenticate again, with another factor than a backup code.
    Unproven,
    /// Too many were wrong. Right ones are refused too, for so long; `None` until the mailbox was proven by a reset.
    LockedOut(Option<Duration>),
    /// The account has no factor that backup codes could stand in for.
    NotEnrolled,
    /// The account has changed beside this.
    Stale,
}

impl Mfa {
    /// Replaces the account's backup codes.
    ///
    /// With an authenticator app set up, one of its codes is needed; a backup code does not make others. An account that has
    /// other factors alone needs none when `proven`: when its session [proves](crate::proves) enough. `user` must be the account as
    /// the session found it, and the session fresh.
    ///
    /// # Errors
    ///
    /// When a port cannot do its work. The codes from before still work then, and the one shown may be used up.
    #[operation("sigra.mfa.backup_codes.regenerate")]
    pub async fn regenerate_backup_codes(
        &self,
        sigra: &Sigra,
        user: &User,
        code: Option<&str>,
        proven: bool,
        client: &ClientInfo,
    ) -> Result<RegenerateOutcome, FlowError> {
        if let Some(stored) = self.inner.active_totp(user.id).await? {
            let Some(code) = code.filter(|code| !code.trim().is_empty()) else {
                return Ok(RegenerateOutcome::Wrong);
            };
            match self.inner.show_totp(sigra, user, &stored, code, client).await? {
                ShownTotp::Right => {}
                ShownTotp::Wrong => return Ok(RegenerateOutcome::Wrong),
                ShownTotp::LockedOut(wait) => return Ok(RegenerateOutcome::LockedOut(wait)),
            }
        } else {
            let held = sigra.second_factors().held(user).await?;
            if !held.iter().any(|kind| *kind != BACKUP_CODE) {
                return Ok(RegenerateOutcome::NotEnrolled);
            }
            if !proven {
                return Ok(RegenerateOutcome::Unproven);
            }
        }
        let now = self.inner.parts.clock.now();
        let (codes, macs) = self.inner.new_backup_codes(user.id);
        let event = AuditEvent::new(names::BACKUP_CODES_REGENERATED, now, client).by(user.id);
        let notice = Notice { kind: &BACKUP_CODES_REGENERATED, user, client, at: now, what: None, left: None };
        let evidence = sigra.second_factors().notice(Evidence::event(event.with("count", macs.len())), &notice);
        if self.inner.parts.backup_codes.replace(user.id, user.epochs, &macs, now, evidence).await? {
            Ok(RegenerateOutcome::Regenerated { codes })
        } else {
            Ok(RegenerateOutcome::Stale)
        }
    }
}
