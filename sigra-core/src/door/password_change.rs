//! The gate that demands a new password where the present one must be replaced.

use async_trait::async_trait;

use super::gate::{Gate, GateContext, GateVerdict, Step};
use crate::error::FlowError;

/// Demands a new password of whoever must replace theirs, whatever way they come in.
pub(crate) struct PasswordChangeGate;

#[async_trait]
impl Gate for PasswordChangeGate {
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        Ok(match context.user.password_change_required_at {
            Some(_) => GateVerdict::Require(Step::PASSWORD_CHANGE),
            None => GateVerdict::Pass,
        })
    }
}
