//! Warning about accounts that nobody uses, and disabling them.

use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::id::UserId;
use crate::mail::{Facts, MailKind, OutgoingMail};
use crate::ports::{DormancyLook, DormancyLooked, DormancyRule, DormancyVerdict, DueLook};
use crate::sigra::Inner;
use crate::telemetry::operation;

/// Warning about accounts that nobody uses, and disabling them, where `lifecycle.dormancy.warn_after_secs` says so.
///
/// An account is used by signing in and by using a session. Its owner is warned by mail, and it is disabled, as an operator
/// would, `lifecycle.dormancy.disable_after_secs` after that and never before the day the mail named. Signing in meanwhile is
/// all it takes to keep it. Accounts that are disabled or will be deleted are left alone.
#[derive(Clone, Copy)]
pub struct Dormancy<'a>(pub(crate) &'a Inner);

/// What a sweep of dormant accounts did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct DormancySwept {
    /// How many accounts it looked at. Most of them had been used, and are looked at later again.
    pub looked_at: u64,
    /// How many owners were warned.
    pub warned: u64,
    /// How many accounts were disabled.
    pub disabled: u64,
}

impl Dormancy<'_> {
    /// Looks at accounts whose time has come, at most `limit`, each in a transaction of its own. Does nothing where accounts may
    /// be dormant for ever. The [`Sweeper`](super::Sweeper) does this beside all else.
    ///
    /// Any number of hosts may do so at once: each owner is warned once, and each account disabled once. An account that cannot
    /// be looked at now is logged and left for the next time; it keeps no other from its turn.
    ///
    /// # Errors
    ///
    /// When the store cannot tell whose time has come.
    #[operation("sigra.dormancy.sweep", DEBUG)]
    pub async fn sweep(&self, limit: u32) -> Result<DormancySwept, FlowError> {
        const PAGE: u32 = 50;
        let (mut swept, mut after) = (DormancySwept::default(), None);
        let Some(rule) = self.rule() else { return Ok(swept) };
        while swept.looked_at < u64::from(limit) {
            let left = u32::try_from(u64::from(limit) - swept.looked_at).unwrap_or(PAGE);
            let page = self.0.stores.dormancy.due_looks(self.0.clock.now(), after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for DueLook { user, .. } in page {
                match self.look(user, rule).await {
                    Ok(verdict) => swept.count(verdict),
                    Err(error) => {
                        tracing::error!(
                            name: "sigra.dormancy.failed",
                            error = &error as &dyn std::error::Error,
                            %user,
                            "an account could not be looked at now"
                        );
                    }
                }
            }
        }
        Ok(swept)
    }

    /// What the configuration asks for; `None` when accounts may be dormant for ever.
    pub(super) fn rule(&self) -> Option<DormancyRule> {
        let config = &self.0.config.lifecycle.dormancy;
        let (warn_after, disable_after) = (config.warn_after_secs.span(), config.disable_after_secs.span());
        (!warn_after.is_zero()).then_some(DormancyRule { warn_after, disable_after })
    }

    /// Looks at one account. `None` when somebody else has.
    async fn look(&self, user: UserId, rule: DormancyRule) -> Result<Option<DormancyVerdict>, FlowError> {
        let stores = &self.0.stores;
        // Before the sessions are read, so that no use before this moment is missed.
        let at = self.0.clock.now();
        let sessions = stores.sessions.list(user, self.0.config.sessions.list_at_most).await?;
        let seen_at = sessions.iter().map(|session| session.last_seen_at).max();
        let look = DormancyLook { user, rule, seen_at, at };
        let evidence = |looked: &DormancyLooked| self.evidence(&look, looked);
        let Some(looked) = stores.dormancy.look(&look, &evidence).await? else {
            return Ok(None);
        };
        if looked.verdict == DormancyVerdict::Disable {
            self.0.after_disabling(&looked.user, &ClientInfo::default()).await;
        }
        Ok(Some(looked.verdict))
    }

    fn evidence(&self, look: &DormancyLook, looked: &DormancyLooked) -> Evidence {
        let (now, user) = (look.at, &looked.user);
        let event = |name| AuditEvent::new(name, now, &ClientInfo::default()).about(user.id).with("by", "sweep");
        match looked.verdict {
            DormancyVerdict::Leave => Evidence::none(),
            DormancyVerdict::Warn => {
                let due_at = looked.record.look_at;
                let facts = Facts { at: Some(looked.last_used_at), due_at: Some(due_at), ..Facts::default() };
                let vault = &*self.0.essentials.vault;
                let mail = OutgoingMail::seal(vault, MailKind::DORMANT_WARNING, &user.email, &facts, now, due_at);
                Evidence::event(event(names::DORMANCY_WARN).with("due_at", due_at.to_string())).and_mail([mail])
            }
            DormancyVerdict::Disable => Evidence::event(event(names::ACCOUNT_DISABLE).with("why", "dormant")),
        }
    }
}

impl DormancySwept {
    fn count(&mut self, verdict: Option<DormancyVerdict>) {
        self.looked_at += u64::from(verdict.is_some());
        self.warned += u64::from(verdict == Some(DormancyVerdict::Warn));
        self.disabled += u64::from(verdict == Some(DormancyVerdict::Disable));
    }
}
