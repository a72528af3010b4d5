//! The factor `backup_code`.

use std::sync::Arc;

use async_trait::async_trait;
use sigra_core::audit::AuditEvent;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{Factor, FactorCheck, FactorKind, FactorVerdict, Mac, Notice, Notices, Standing};
use sigra_core::telemetry::operation;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::{BACKUP_CODE, BackupCode, SHOWN};
use crate::events::names;
use crate::mails::BACKUP_CODE_USED;
use crate::mfa::Inner;
use crate::ports::BackupCodeCount;

/// The factor `backup_code`.
pub(crate) struct BackupCodeFactor(pub(crate) Arc<Inner>);

#[async_trait]
impl Factor for BackupCodeFactor {
    fn kind(&self) -> FactorKind {
        BACKUP_CODE
    }

    fn standing(&self) -> Standing {
        Standing::Recovery
    }

    fn signs_in(&self) -> bool {
        false
    }

    async fn count(&self, user: UserId) -> Result<u32, FlowError> {
        Ok(self.0.count_backup_codes(user).await?.left)
    }

    async fn is_set_up(&self, user: &User) -> Result<bool, FlowError> {
        Ok(self.0.count_backup_codes(user.id).await?.issued > 0)
    }

    #[operation("sigra.mfa.backup_codes.check")]
    async fn check(&self, check: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError> {
        let FactorCheck { user, response, client, now, notices, .. } = *check;
        let Some(code) = self.0.find_backup_code(user.id, response).await? else {
            return Ok(FactorVerdict::Rejected);
        };
        let evidence = |left: &u32| {
            let event = AuditEvent::new(names::BACKUP_CODE_USED, now, client).by(user.id).with("left", *left);
            let notice = Notice { kind: &BACKUP_CODE_USED, user, client, at: now, what: None, left: Some(*left) };
            notices.add_notice(Evidence::event(event), &notice)
        };
        Ok(match self.0.parts.backup_codes.consume(user.id, &code, now, &evidence).await? {
            Some(_) => FactorVerdict::Accepted { methods: vec![SHOWN], multi_factor: false },
            None => FactorVerdict::Rejected,
        })
    }

    async fn disown(
        &self,
        user: &User,
        since: Timestamp,
        client: &ClientInfo,
        _: &dyn Notices,
    ) -> Result<(), FlowError> {
        let event = AuditEvent::new(names::DISOWN, self.0.parts.clock.now(), client).by(user.id);
        let evidence = Evidence::event(event.with("method", BACKUP_CODE.name()));
        self.0.parts.backup_codes.disown(user.id, since, evidence).await?;
        Ok(())
    }
}

impl Inner {
    pub(crate) async fn count_backup_codes(&self, user: UserId) -> Result<BackupCodeCount, FlowError> {
        Ok(self.parts.backup_codes.count(user).await?)
    }

    /// The keyed hash of the code that was typed, if it is one of the account's.
    pub(crate) async fn find_backup_code(&self, user: UserId, typed: &str) -> Result<Option<Mac>, FlowError> {
        let Some(code) = BackupCode::parse(typed) else {
            return Ok(None);
        };
        // All are compared, so that time does not tell which.
        let macs = self.parts.backup_codes.list(user).await?;
        let vault = &*self.parts.vault;
        Ok(macs.iter().fold(None, |found, mac| if code.is_behind(mac, vault, user) { Some(*mac) } else { found }))
    }

    /// A new set, and what the storage sees of it.
    pub(crate) fn new_backup_codes(&self, user: UserId) -> (Vec<BackupCode>, Vec<Mac>) {
        let vault = &*self.parts.vault;
        let codes: Vec<_> = (0..self.config.backup_codes).map(|_| BackupCode::random()).collect();
        let macs = codes.iter().map(|code| code.mac(vault, user)).collect();
        (codes, macs)
    }
}
