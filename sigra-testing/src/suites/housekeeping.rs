//! [`Housekeeping`](sigra_core::ports::Housekeeping).

use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::evidence::Evidence;
use sigra_core::id::PendingId;
use sigra_core::secret::{Digest, Purpose};
use sigra_core::session::PendingSignIn;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::Backend;
use super::press::Press;
use super::support::*;

suite! {
    se_30_what_expired_goes_in_bounded_batches,
    se_30_what_lives_stays,
}

/// One call deletes no more of a kind than its limit; call after call, everything expired goes.
pub async fn se_30_what_expired_goes_in_bounded_batches(backend: &Backend) {
    let user = account(backend).await;
    let mut digests = Vec::new();
    for _ in 0..5 {
        digests.push(pending(backend, &user, LONG_AGO).await);
    }
    let sessions = &backend.stores.sessions;
    let press = Press::at(backend, LONG_AGO);
    let session = press.session(&user).await;
    sessions.insert(&session, &|_| Evidence::none()).await.unwrap();

    assert!(purge(backend, 2).await >= 2);
    let mut left = 0;
    for digest in &digests {
        left += usize::from(sessions.find_pending(*digest).await.unwrap().is_some());
    }
    assert!(left >= 3, "more than the limit went at once");
    let mut calls = 0;
    while purge(backend, 2).await > 0 {
        calls += 1;
        assert!(calls < 10_000, "purging never comes to an end");
    }
    for digest in digests {
        assert!(sessions.find_pending(digest).await.unwrap().is_none());
    }
    assert!(sessions.find(session.digest()).await.unwrap().is_none());
}

/// Nothing goes that has not expired, nor what never expires.
pub async fn se_30_what_lives_stays(backend: &Backend) {
    let user = account(backend).await;
    let at = LONG_AGO + 5_000 * HOUR;
    let pending = pending(backend, &user, at).await;
    let session = Press::at(backend, at).session(&user).await;
    backend.stores.sessions.insert(&session, &|_| trace(user.id)).await.unwrap();
    let token = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let (registration, request) = submitted(backend, &email("ann")).await;
    while backend.stores.housekeeping.purge_expired(at, at, 100).await.unwrap() > 0 {}

    assert!(backend.stores.sessions.find_pending(pending).await.unwrap().is_some());
    assert!(backend.stores.sessions.find(session.digest()).await.unwrap().is_some());
    assert!(is_live(backend, &token).await);
    assert!(backend.stores.registrations.find(registration.id, now()).await.unwrap().is_some());
    assert_eq!(lease_request(backend, request.id).await.request.id, request.id);
    assert_eq!(stored(backend, user.id).await.id, user.id);
    assert_eq!(traces(backend, user.id).await, 1);
}

async fn pending(backend: &Backend, user: &User, at: Timestamp) -> Digest {
    let pending = PendingSignIn {
        id: PendingId::new(at),
        user: user.id,
        assurance: Assurance { aal: Aal::One, methods: vec![Method::PASSWORD], at },
        epochs: user.epochs,
        remember: false,
        opens_sudo: true,
        client: client(),
        created_at: at,
        expires_at: at + 5 * MINUTE,
    };
    let digest = digest();
    backend.stores.sessions.insert_pending(&pending, digest, None, Evidence::none()).await.unwrap();
    digest
}
