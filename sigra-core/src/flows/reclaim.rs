//! What follows when the mailbox of an unproven account was shown by other means than its registration's.

use crate::audit::{AuditEvent, names};
use crate::client::ClientInfo;
use crate::error::FlowError;
use crate::evidence::Evidence;
use crate::ports::Happened;
use crate::sigra::Inner;
use crate::time::Timestamp;
use crate::user::User;

/// Adds to the evidence of a proof of the mailbox that it dropped what an unproven account had.
pub(crate) fn with_reclaim(
    evidence: Evidence,
    user: &User,
    reclaimed: bool,
    client: &ClientInfo,
    now: Timestamp,
) -> Evidence {
    if !reclaimed {
        return evidence;
    }
    evidence.and_event(AuditEvent::new(names::RECLAIMED, now, client).by(user.id))
}

impl Inner {
    /// What follows the reclaiming of an account: the host hears of it, and factors whose store is not the account's go too.
    pub(crate) async fn reclaimed(&self, user: &User, client: &ClientInfo) -> Result<(), FlowError> {
        self.happened(Happened::Reclaimed(user)).await;
        self.disown_factors(user, Timestamp::EPOCH, client).await
    }
}
