//! Services outside that answer what a test wants.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sigra_core::error::{StoreError, StoreErrorKind};
use sigra_core::password::Password;
use sigra_core::ports::{BreachedPasswords, Bucket, MailDomains, RateDecision, RateLimiter, Unanswered};
use sigra_core::time::Timestamp;

/// Knows the breached passwords, and the domains that take no mail, that it is told. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct KnownBad {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    known: BTreeSet<String>,
    silent: bool,
    asked: usize,
}

impl KnownBad {
    /// A service that knows these passwords or domains.
    pub fn new<'a>(known: impl IntoIterator<Item = &'a str>) -> Self {
        let service = Self::default();
        service.lock().known.extend(known.into_iter().map(str::to_owned));
        service
    }

    /// Whether it gives no answers from now on, for the reason `timed_out`.
    pub fn silent(&self, silent: bool) {
        self.lock().silent = silent;
    }

    /// How often it was asked since this was last called.
    #[must_use]
    pub fn take_asked(&self) -> usize {
        std::mem::take(&mut self.lock().asked)
    }

    fn knows(&self, text: &str) -> Result<bool, Unanswered> {
        let mut state = self.lock();
        state.asked += 1;
        if state.silent { Err(Unanswered::new("timed_out")) } else { Ok(state.known.contains(text)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl BreachedPasswords for KnownBad {
    async fn is_breached(&self, password: &Password) -> Result<bool, Unanswered> {
        self.knows(password.expose())
    }
}

#[async_trait]
impl MailDomains for KnownBad {
    async fn takes_mail(&self, domain: &str) -> Result<bool, Unanswered> {
        self.knows(domain).map(|known| !known)
    }
}

/// A rate limiter that cannot be reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnreachableRateLimiter;

#[async_trait]
impl RateLimiter for UnreachableRateLimiter {
    async fn take(&self, _: &Bucket, _: u32, _: Timestamp) -> Result<RateDecision, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, "RateLimiter::take"))
    }
}
