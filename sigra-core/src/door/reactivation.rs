//! The gate before accounts whose deletion is scheduled.

use async_trait::async_trait;

use super::gate::{Gate, GateContext, GateVerdict, Step};
use crate::error::FlowError;

/// Demands of whoever signs in to an account that is to be deleted that they take that back. Nobody signs in without.
pub(crate) struct ReactivationGate;

#[async_trait]
impl Gate for ReactivationGate {
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        Ok(match context.user.deletion_due_at {
            None => GateVerdict::Pass,
            Some(_) if context.user.deletion_is_due(context.now) => GateVerdict::Refuse("deletion_due"),
            Some(_) => GateVerdict::Require(Step::REACTIVATE),
        })
    }
}
