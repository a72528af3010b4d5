//! The gate that demands the proof of an address that was to follow the registration.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::gate::{Gate, GateContext, GateVerdict, Step};
use super::second_factor::SecondFactorGate;
use crate::error::FlowError;

/// Demands the proof of the address of whoever has had an account for so long without it, and of whoever must set a second
/// factor up: an account that is not proven gets none.
pub(crate) struct ConfirmationGate {
    pub(crate) within: Duration,
    pub(crate) second_factor: Arc<SecondFactorGate>,
}

#[async_trait]
impl Gate for ConfirmationGate {
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        let GateContext { user, now, .. } = *context;
        if user.confirmed_at.is_some() {
            return Ok(GateVerdict::Pass);
        }
        let owed = now >= user.created_at + self.within
            || self.second_factor.judge(context).await? == GateVerdict::Require(Step::MFA_ENROLLMENT);
        Ok(if owed { GateVerdict::Require(Step::CONFIRM_EMAIL) } else { GateVerdict::Pass })
    }
}
