//! [`Housekeeping`](sigra_core::ports::Housekeeping).

use std::collections::HashSet;

use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::evidence::Evidence;
use sigra_core::id::{DeviceId, PendingId, UserId};
use sigra_core::ports::{AttemptKey, AttemptOwner, AttemptPolicy, Mac, Reservation, RowKind, SignIn, SignInDevice};
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
    se_30_no_row_is_deleted_twice,
    se_30_every_kind_is_named_once,
    se_30_counters_that_count_nothing_go_in_bounded_batches,
    th_01_counters_that_count_stay,
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
    while purge_at(backend, at, at, 100).await > 0 {}

    assert!(backend.stores.sessions.find_pending(pending).await.unwrap().is_some());
    assert!(backend.stores.sessions.find(session.digest()).await.unwrap().is_some());
    assert!(is_live(backend, &token).await);
    assert!(backend.stores.registrations.find(registration.id, now()).await.unwrap().is_some());
    assert_eq!(lease_request(backend, request.id).await.request.id, request.id);
    assert_eq!(stored(backend, user.id).await.id, user.id);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// What many who purge at once count is what there was, and each row is counted once.
pub async fn se_30_no_row_is_deleted_twice(backend: &Backend) {
    let user = account(backend).await;
    while purge(backend, 100).await > 0 {}
    let mut digests = Vec::new();
    for _ in 0..2 * CONTENDERS {
        digests.push(pending(backend, &user, LONG_AGO).await);
    }
    let counted = race(CONTENDERS, |_| {
        let housekeeping = backend.stores.housekeeping.clone();
        async move { housekeeping.purge(RowKind::PENDING_SIGN_INS, LONG_AGO + HOUR, 3).await.unwrap() }
    })
    .await;
    assert!(counted.iter().all(|gone| *gone <= 3), "more than the limit went at once: {counted:?}");
    let mut left = 0;
    for digest in &digests {
        left += u64::from(backend.stores.sessions.find_pending(*digest).await.unwrap().is_some());
    }
    let counted: u64 = counted.iter().sum();
    assert_eq!(counted + left, digests.len() as u64, "a row was counted twice, or by nobody");
    assert!(counted > 0);
    while purge(backend, 100).await > 0 {}
}

/// A kind that is missing from the list is never swept.
pub async fn se_30_every_kind_is_named_once(backend: &Backend) {
    let kinds = backend.stores.housekeeping.kinds();
    let names: HashSet<_> = kinds.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), kinds.len(), "a kind is swept twice: {kinds:?}");
    for kind in [
        RowKind::REGISTRATIONS,
        RowKind::TOKENS,
        RowKind::REQUESTS,
        RowKind::DEVICES,
        RowKind::SESSIONS,
        RowKind::PENDING_SIGN_INS,
        RowKind::ATTEMPTS,
        RowKind::VOID_ATTEMPTS,
        RowKind::CEREMONIES,
        RowKind::ADDRESS_CHANGES,
        RowKind::QUARANTINES,
        RowKind::MAIL_FACTS,
        RowKind::MAIL,
    ] {
        assert!(kinds.contains(&kind), "{kind} are never swept");
    }
    let nothing = backend.stores.housekeeping.purge(RowKind::new("of_nobody"), now() + 10_000 * HOUR, 100).await;
    assert_eq!(nothing.unwrap(), 0);
}

/// Counters that a sign-in has cleared, and those of accounts that are gone, are deleted.
pub async fn se_30_counters_that_count_nothing_go_in_bounded_batches(backend: &Backend) {
    let user = account(backend).await;
    let of = |user| Some(AttemptOwner::ClearedBySignIn { user, cleared_at: None });
    let (gone, at) = (UserId::new(now()), now());
    let owners = [of(user.id), of(user.id), of(user.id), of(gone), Some(AttemptOwner::Account(gone))];
    let keys = owners.map(|owner| (key(), owner));
    for (key, owner) in &keys {
        assert_eq!(attempt(backend, key, *owner, at).await, 1);
    }
    sign_in(backend, &user, at, true).await;
    purge(backend, 2).await;
    let mut left = 0;
    for (key, owner) in &keys {
        left += u32::from(attempt(backend, key, *owner, at).await > 1);
    }
    assert!(left >= 3, "more than the limit went at once");
    while purge(backend, 100).await > 0 {}
    for (key, owner) in &keys {
        assert_eq!(attempt(backend, key, *owner, at).await, 1, "{owner:?}");
    }
}

/// A counter stays while it counts: no sign-in has cleared it, or it started after that, or sign-ins do not clear it.
pub async fn th_01_counters_that_count_stay(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let at = now();
    let of = |user: &User| Some(AttemptOwner::ClearedBySignIn { user: user.id, cleared_at: None });
    let (theirs, after, factors, nobodys) = (key(), key(), key(), key());
    let counters = [
        (&theirs, of(&other), at),
        (&after, of(&user), at + TICK),
        (&factors, Some(AttemptOwner::Account(user.id)), at),
        (&nobodys, None, at),
    ];
    for (key, owner, at) in counters {
        assert_eq!(attempt(backend, key, owner, at).await, 1);
    }
    sign_in(backend, &user, at, true).await;
    // Shows neither password nor mailbox.
    sign_in(backend, &user, at + HOUR, false).await;
    sign_in(backend, &other, at + HOUR, false).await;
    while purge(backend, 100).await > 0 {}
    for (key, owner, at) in counters {
        assert_eq!(attempt(backend, key, owner, at).await, 2, "{owner:?}");
    }
}

fn key() -> AttemptKey {
    AttemptKey { counter: "conformance", whom: Mac::from_bytes(*digest().as_bytes()) }
}

/// Counts an attempt and tells its number.
async fn attempt(backend: &Backend, key: &AttemptKey, owner: Option<AttemptOwner>, at: Timestamp) -> u32 {
    let policy = AttemptPolicy { free: 5, cap: 100, lock_secs: 60, max_lock_secs: 60, window_secs: None };
    match backend.stores.attempts.reserve(key, &policy, owner, at).await.unwrap() {
        Reservation::Granted(reserved) => reserved.count,
        refused => panic!("nothing stands against it: {refused:?}"),
    }
}

async fn sign_in(backend: &Backend, user: &User, at: Timestamp, clears_attempts: bool) {
    let (id, expires_at) = (DeviceId::new(at), at);
    let device = SignInDevice::Known { id, expires_at };
    let sign_in = SignIn { user: user.id, epochs: user.epochs, at, clears_attempts, device };
    let recorded = backend.stores.accounts.record_sign_in(&sign_in, &|_| Evidence::none()).await.unwrap();
    assert!(recorded.is_some(), "nothing stands against it");
}

async fn pending(backend: &Backend, user: &User, at: Timestamp) -> Digest {
    let pending = PendingSignIn {
        id: PendingId::new(at),
        user: user.id,
        assurance: Assurance { aal: Aal::One, methods: vec![Method::PASSWORD], at },
        epochs: user.epochs,
        remember: false,
        opens_sudo: true,
        tell_unfinished: false,
        client: client(),
        created_at: at,
        expires_at: at + 5 * MINUTE,
    };
    let digest = digest();
    backend.stores.sessions.insert_pending(&pending, digest, None, Evidence::none()).await.unwrap();
    digest
}
