//! The gate that demands the proof of an address that was to follow the registration.

use std::time::Duration;

use async_trait::async_trait;

use super::gate::{Gate, GateContext, GateVerdict, Step};
use crate::error::FlowError;

/// Demands the proof of the address of whoever has had an account for so long without it.
pub(crate) struct ConfirmationGate {
    pub(crate) within: Duration,
}

#[async_trait]
impl Gate for ConfirmationGate {
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        let GateContext { user, now, .. } = *context;
        Ok(match user.confirmed_at {
            None if now >= user.created_at + self.within => GateVerdict::Require(Step::CONFIRM_EMAIL),
            None | Some(_) => GateVerdict::Pass,
        })
    }
}
