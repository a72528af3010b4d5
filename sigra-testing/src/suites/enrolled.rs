//! Accounts with second factors, for the suites of `sigra-mfa`.

use std::time::Duration;

use sigra_core::evidence::Evidence;
use sigra_core::id::{TrustedBrowserId, UserId};
use sigra_core::ports::{Mac, Sealed};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_mfa::ports::{Activated, Activation, PendingTotp, StoredTotp, TrustedBrowser};

use super::MfaBackend;
use super::support::*;

/// The step of the code that activates a secret.
pub(super) const STEP: u64 = 60_000_000;

/// An account with an active secret, backup codes and a trusted browser.
pub(super) struct Enrolled {
    /// With the epochs it has since the activation.
    pub(super) user: User,
    pub(super) codes: Vec<Mac>,
    pub(super) browser: Digest,
    pub(super) activated_at: Timestamp,
}

impl Enrolled {
    pub(super) async fn new(backend: &MfaBackend) -> Self {
        Self::of(backend, account(backend).await).await
    }

    /// Sets everything up for an account that has nothing yet.
    pub(super) async fn of(backend: &MfaBackend, user: User) -> Self {
        let pending = begun(backend, &user).await;
        let (codes, activated_at) = (codes(10), now());
        let activation = Activation { codes: &codes, now: activated_at, ..activation(&user, &pending) };
        let user = activate(backend, &activation, Evidence::none()).await.expect("nothing stands against it");
        let (browser, digest) = (browser(&user, now()), digest());
        assert!(backend.trusted.insert(&browser, digest, Evidence::none()).await.unwrap());
        Self { user, codes, browser: digest, activated_at }
    }

    /// Asserts that nothing has been changed.
    pub(super) async fn assert_untouched(&self, backend: &MfaBackend) {
        let totp = totp(backend, self.user.id).await.expect("the secret is kept");
        assert_eq!((totp.last_step, totp.activated_at), (STEP, Some(self.activated_at)));
        assert_eq!(listed(backend, self.user.id).await, sorted(self.codes.clone()));
        assert!(is_trusted(backend, self.browser).await);
        assert_eq!(stored(backend, self.user.id).await, self.user);
    }

    /// Asserts that every factor is gone and the factor epoch was raised once.
    pub(super) async fn assert_stripped(&self, backend: &MfaBackend) {
        assert_eq!(totp(backend, self.user.id).await, None);
        assert_eq!(listed(backend, self.user.id).await, []);
        assert!(!is_trusted(backend, self.browser).await);
        assert_eq!(stored(backend, self.user.id).await, raised(&self.user));
    }
}

/// A pending secret that lives ten minutes.
pub(super) fn pending(user: &User) -> PendingTotp {
    let now = now();
    let secret = Sealed::from_bytes([&(0..=255).collect::<Vec<u8>>()[..], digest().as_bytes()].concat());
    PendingTotp { user: user.id, secret, created_at: now, expires_at: now + 10 * MINUTE }
}

/// A pending secret that is stored.
pub(super) async fn begun(backend: &MfaBackend, user: &User) -> PendingTotp {
    let pending = pending(user);
    assert!(backend.totp.begin(&pending, Evidence::none()).await.unwrap());
    pending
}

/// An activation that nothing stands against, without backup codes.
pub(super) fn activation<'a>(user: &User, pending: &'a PendingTotp) -> Activation<'a> {
    let (epochs, secret) = (user.epochs, &pending.secret);
    Activation { user: user.id, epochs, secret, step: STEP, codes: &[], now: pending.created_at }
}

pub(super) async fn activate(backend: &MfaBackend, activation: &Activation<'_>, evidence: Evidence) -> Option<User> {
    match backend.totp.activate(activation, &|_| evidence.clone()).await.unwrap() {
        Activated::Done(user) => Some(*user),
        Activated::AlreadyActive | Activated::Stale => None,
    }
}

pub(super) fn browser(user: &User, at: Timestamp) -> TrustedBrowser {
    TrustedBrowser {
        id: TrustedBrowserId::new(at),
        user: user.id,
        epochs: user.epochs,
        factor: "totp".to_owned(),
        client: client(),
        place: None,
        created_at: at,
        last_used_at: at,
        expires_at: at + Duration::from_secs(30 * 86_400),
    }
}

pub(super) fn codes(count: usize) -> Vec<Mac> {
    (0..count).map(|_| Mac::from_bytes(*digest().as_bytes())).collect()
}

pub(super) fn sorted(mut codes: Vec<Mac>) -> Vec<Mac> {
    codes.sort();
    codes
}

/// The codes that are left, in one order.
pub(super) async fn listed(backend: &MfaBackend, user: UserId) -> Vec<Mac> {
    sorted(backend.backup_codes.list(user).await.unwrap())
}

pub(super) async fn totp(backend: &MfaBackend, user: UserId) -> Option<StoredTotp> {
    backend.totp.find(user).await.unwrap()
}

pub(super) async fn is_trusted(backend: &MfaBackend, digest: Digest) -> bool {
    backend.trusted.find(digest, now()).await.unwrap().is_some()
}
