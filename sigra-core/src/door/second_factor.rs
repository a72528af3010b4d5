//! The gate that demands the second factor of whoever has one, and of whoever must have one.

use std::sync::Arc;

use async_trait::async_trait;

use super::gate::{Gate, GateContext, GateVerdict, Step};
use crate::assurance::{Aal, Method};
use crate::error::FlowError;
use crate::id::UserId;
use crate::ports::{Factor, FactorKind, FactorRequirement, Standing, TrustedBrowsers};
use crate::user::User;

/// The registry of factors. Capabilities register theirs and know nothing of each other.
#[derive(Clone, Default)]
pub(crate) struct Factors(Vec<Arc<dyn Factor>>);

impl Factors {
    pub(crate) fn new(factors: Vec<Arc<dyn Factor>>) -> Self {
        Self(factors)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Factor>> {
        self.0.iter()
    }

    /// The factor of a kind, by the name a client gives.
    pub(crate) fn named(&self, kind: &str) -> Option<&Arc<dyn Factor>> {
        self.0.iter().find(|factor| factor.kind().name() == kind)
    }

    /// Whether there is such a kind, and one of it signs in by itself.
    pub(crate) fn signs_in(&self, kind: &str) -> bool {
        self.named(kind).is_some_and(|factor| factor.signs_in())
    }

    /// The kinds of which an account has one it could show now, in the order they were registered.
    pub(crate) async fn held(&self, user: UserId) -> Result<Vec<FactorKind>, FlowError> {
        let mut held = Vec::with_capacity(self.0.len());
        for factor in self.iter() {
            if factor.count(user).await? > 0 {
                held.push(factor.kind());
            }
        }
        Ok(held)
    }

    /// Whether every sign-in of an account takes a second factor. Asks no more factors than it takes to tell: this is part
    /// of every sign-in.
    pub(crate) async fn demanded(&self, user: &User) -> Result<bool, FlowError> {
        if self.any_set_up(Standing::Alone, user).await? {
            return Ok(true);
        }
        Ok(self.any_set_up(Standing::WithRecovery, user).await? && self.any_set_up(Standing::Recovery, user).await?)
    }

    async fn any_set_up(&self, standing: Standing, user: &User) -> Result<bool, FlowError> {
        for factor in self.iter().filter(|factor| factor.standing() == standing) {
            if factor.is_set_up(user).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Demands a second factor of whoever has one, and that whoever must have one sets it up.
pub(crate) struct SecondFactorGate {
    pub(crate) factors: Factors,
    pub(crate) trusted: Option<Arc<dyn TrustedBrowsers>>,
    pub(crate) required: bool,
    pub(crate) requirement: Option<Arc<dyn FactorRequirement>>,
}

impl SecondFactorGate {
    async fn is_required(&self, user: &User) -> Result<bool, FlowError> {
        match &self.requirement {
            _ if self.required => Ok(true),
            Some(requirement) => requirement.required(user).await,
            None => Ok(false),
        }
    }
}

#[async_trait]
impl Gate for SecondFactorGate {
    async fn judge(&self, context: &GateContext<'_>) -> Result<GateVerdict, FlowError> {
        let GateContext { user, assurance, trust, now, .. } = *context;
        if assurance.aal >= Aal::Two {
            return Ok(GateVerdict::Pass);
        }
        if self.factors.demanded(user).await? {
            if let (Some(trusted), Some(token)) = (&self.trusted, trust)
                && trusted.vouches(user, &self.factors.held(user.id).await?, token, now).await?
            {
                return Ok(GateVerdict::Vouched(Method::TRUSTED_BROWSER));
            }
            return Ok(GateVerdict::Require(Step::MFA));
        }
        if self.is_required(user).await? {
            return Ok(GateVerdict::Require(Step::MFA_ENROLLMENT));
        }
        Ok(GateVerdict::Pass)
    }
}
