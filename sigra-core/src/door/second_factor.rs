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

    /// What an account has.
    pub(crate) async fn held(&self, user: UserId) -> Result<Held, FlowError> {
        let mut held = Vec::with_capacity(self.0.len());
        for factor in self.iter() {
            let count = factor.count(user).await?;
            if count > 0 {
                held.push(HeldFactor { kind: factor.kind(), standing: factor.standing(), count });
            }
        }
        Ok(Held(held))
    }
}

/// The factors an account has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held(Vec<HeldFactor>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct HeldFactor {
    kind: FactorKind,
    standing: Standing,
    count: u32,
}

impl Held {
    /// Whether every sign-in of the account takes a second factor.
    #[must_use]
    pub fn demanded(&self) -> bool {
        let has = |standing| self.0.iter().any(|factor| factor.standing == standing);
        has(Standing::Alone) || (has(Standing::WithRecovery) && has(Standing::Recovery))
    }

    /// The kinds, in the order they were registered.
    #[must_use]
    pub fn kinds(&self) -> Vec<FactorKind> {
        self.0.iter().map(|factor| factor.kind).collect()
    }

    /// How many of a kind.
    #[must_use]
    pub fn count(&self, kind: FactorKind) -> u32 {
        self.0.iter().find(|factor| factor.kind == kind).map_or(0, |factor| factor.count)
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
        let held = self.factors.held(user.id).await?;
        if held.demanded() {
            if let (Some(trusted), Some(token)) = (&self.trusted, trust)
                && trusted.vouches(user, &held.kinds(), token, now).await?
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
