//! A factor whose holders and right answers the test sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sigra_core::assurance::Method;
use sigra_core::client::ClientInfo;
use sigra_core::error::FlowError;
use sigra_core::id::UserId;
use sigra_core::ports::{
    Factor, FactorCheck, FactorKind, FactorVerdict, Notices, Standing, TrustToken, TrustedBrowsers,
};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

pub(crate) const RIGHT: &str = "right";

/// Accepts [`RIGHT`] from whoever was given it.
#[derive(Clone)]
pub(crate) struct FakeFactor {
    kind: FactorKind,
    standing: Standing,
    held: Arc<Mutex<HashMap<UserId, u32>>>,
    pub(crate) disowned: Arc<Mutex<Vec<(UserId, Timestamp)>>>,
}

impl FakeFactor {
    pub(crate) fn new(kind: &'static str, standing: Standing) -> Self {
        Self { kind: FactorKind::new(kind), standing, held: Arc::default(), disowned: Arc::default() }
    }

    pub(crate) fn give(&self, user: &User) {
        self.held.lock().unwrap().insert(user.id, 1);
    }

    pub(crate) fn take(&self, user: &User) {
        self.held.lock().unwrap().remove(&user.id);
    }
}

#[async_trait]
impl Factor for FakeFactor {
    fn kind(&self) -> FactorKind {
        self.kind
    }

    fn standing(&self) -> Standing {
        self.standing
    }

    fn signs_in(&self) -> bool {
        self.standing == Standing::WithRecovery
    }

    async fn count(&self, user: UserId) -> Result<u32, FlowError> {
        Ok(self.held.lock().unwrap().get(&user).copied().unwrap_or_default())
    }

    async fn check(&self, check: &FactorCheck<'_>) -> Result<FactorVerdict, FlowError> {
        Ok(if check.response == RIGHT {
            FactorVerdict::Accepted { methods: vec![Method::new(self.kind.name())], multi_factor: self.signs_in() }
        } else {
            FactorVerdict::Rejected
        })
    }

    async fn disown(&self, user: &User, since: Timestamp, _: &ClientInfo, _: &dyn Notices) -> Result<(), FlowError> {
        self.take(user);
        self.disowned.lock().unwrap().push((user.id, since));
        Ok(())
    }
}

/// Trusts in memory.
#[derive(Clone, Default)]
pub(crate) struct FakeTrust(Arc<Mutex<Vec<Trusted>>>);

/// Whose, under which epochs, after what was shown, by which digest.
type Trusted = (UserId, Epochs, FactorKind, [u8; 32]);

const PURPOSE: Purpose = Purpose::new("trust_of_a_test");

#[async_trait]
impl TrustedBrowsers for FakeTrust {
    async fn vouches(
        &self,
        user: &User,
        held: &[FactorKind],
        token: &RawToken,
        _: Timestamp,
    ) -> Result<bool, FlowError> {
        let digest = *token.digest(PURPOSE).as_bytes();
        let trusted = self.0.lock().unwrap();
        Ok(trusted.iter().any(|(id, epochs, kind, known)| {
            *id == user.id && *epochs == user.epochs && held.contains(kind) && *known == digest
        }))
    }

    async fn trust(
        &self,
        user: &User,
        shown: FactorKind,
        _: &ClientInfo,
        now: Timestamp,
    ) -> Result<TrustToken, FlowError> {
        let token = RawToken::random();
        self.0.lock().unwrap().push((user.id, user.epochs, shown, *token.digest(PURPOSE).as_bytes()));
        Ok(TrustToken { token, expires_at: now + std::time::Duration::from_secs(60) })
    }
}
