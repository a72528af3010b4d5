//! [`CeremonyStore`](sigra_core::ports::CeremonyStore).

use sigra_core::error::StoreErrorKind;
use sigra_core::id::UserId;
use sigra_core::ports::{Ceremony, Sealed};
use sigra_core::secret::Digest;
use sigra_core::time::Timestamp;

use super::Backend;
use super::support::*;

suite! {
    ceremonies_read_back_as_they_were_put,
    a_ceremony_is_taken_once,
    one_of_many_takers_wins,
    a_ceremony_ends_at_its_microsecond,
    a_ceremony_replaces_the_one_of_its_key,
    ceremonies_put_at_once_replace_each_other,
    keys_stand_for_themselves,
    a_ceremony_of_nobody_is_not_stored,
    se_30_ceremonies_go_when_they_have_expired,
}

/// Every field survives storage exactly, with a user and without; looking leaves a ceremony where it is.
pub async fn ceremonies_read_back_as_they_were_put(backend: &Backend) {
    let user = account(backend).await;
    let states = [Vec::new(), (0..=255).collect(), vec![b'%'; 100_000]];
    for (state, user) in states.into_iter().zip([Some(user.id), None, Some(user.id)]) {
        let ceremony = Ceremony { state: Sealed::from_bytes(state), ..ceremony(user, now()) };
        put(backend, &ceremony).await;
        for _ in 0..2 {
            assert_eq!(peek(backend, ceremony.key, ceremony.created_at).await.as_ref(), Some(&ceremony));
        }
        assert_eq!(take(backend, ceremony.key, ceremony.created_at).await, Some(ceremony));
    }
    assert_eq!(peek(backend, digest(), now()).await, None);
    assert_eq!(take(backend, digest(), now()).await, None);
}

/// What was taken is gone, and others are left alone.
pub async fn a_ceremony_is_taken_once(backend: &Backend) {
    let (mine, other) = (stored_ceremony(backend).await, stored_ceremony(backend).await);
    assert_eq!(take(backend, mine.key, now()).await, Some(mine.clone()));
    assert_eq!(take(backend, mine.key, now()).await, None);
    assert_eq!(peek(backend, mine.key, now()).await, None);
    assert_eq!(peek(backend, other.key, now()).await, Some(other));
}

/// Of many who take one ceremony at once, one gets it.
pub async fn one_of_many_takers_wins(backend: &Backend) {
    let key = stored_ceremony(backend).await.key;
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        async move { take(&backend, key, now()).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
}

/// At its expiry a ceremony is over; a microsecond earlier it was not.
pub async fn a_ceremony_ends_at_its_microsecond(backend: &Backend) {
    let Ceremony { key, expires_at, .. } = stored_ceremony(backend).await;
    for over in [expires_at, expires_at + HOUR] {
        assert_eq!(peek(backend, key, over).await, None);
        assert_eq!(take(backend, key, over).await, None);
    }
    assert!(peek(backend, key, expires_at - TICK).await.is_some(), "who comes too late ends it for nobody");
    assert!(take(backend, key, expires_at - TICK).await.is_some());
}

/// A ceremony takes the place of the one with its key as a whole, whether that has expired or not.
pub async fn a_ceremony_replaces_the_one_of_its_key(backend: &Backend) {
    let user = account(backend).await;
    let first = stored_ceremony(backend).await;
    let begun_again = Ceremony { key: first.key, ..ceremony(Some(user.id), first.expires_at + HOUR) };
    let anonymous = Ceremony { key: first.key, ..ceremony(None, now()) };
    for next in [begun_again, anonymous] {
        put(backend, &next).await;
        assert_eq!(peek(backend, first.key, next.created_at).await.as_ref(), Some(&next));
    }
    assert!(take(backend, first.key, now()).await.is_some());
    assert_eq!(take(backend, first.key, now()).await, None, "both were kept");
}

/// Of many ceremonies put under one key at once, one is left, whole, and nobody fails.
pub async fn ceremonies_put_at_once_replace_each_other(backend: &Backend) {
    let at = now();
    let key = digest();
    let rivals: Vec<_> = (0..CONTENDERS)
        .map(|number| Ceremony { key, state: Sealed::from_bytes(vec![number as u8; 40]), ..ceremony(None, at) })
        .collect();
    race(CONTENDERS, |number| {
        let (backend, rival) = (backend.clone(), rivals[number].clone());
        async move { put(&backend, &rival).await }
    })
    .await;
    let left = take(backend, key, at).await.expect("somebody was last");
    assert!(rivals.contains(&left), "{left:?}");
    assert_eq!(take(backend, key, at).await, None);
}

/// Keys are bytes: no case, no padding, no text that ends at a zero.
pub async fn keys_stand_for_themselves(backend: &Backend) {
    let stem = *digest().as_bytes();
    let ends = [*b"aa", *b"aA", *b"a ", *b"a\0", *b"\0a", *b"%%", *b"__", [0xc3, 0xa4], [0xff, 0xff]];
    let alike = ends.map(|end| {
        let mut key = stem;
        key[30..].copy_from_slice(&end);
        Ceremony { key: Digest::from_bytes(key), ..ceremony(None, now()) }
    });
    for ceremony in &alike {
        put(backend, ceremony).await;
    }
    for ceremony in alike {
        assert_eq!(take(backend, ceremony.key, now()).await, Some(ceremony));
    }
}

/// A ceremony of a user who does not exist is an error, and replaces nothing.
pub async fn a_ceremony_of_nobody_is_not_stored(backend: &Backend) {
    let stored = stored_ceremony(backend).await;
    let nobody = UserId::new(now());
    for ceremony in [ceremony(Some(nobody), now()), Ceremony { user: Some(nobody), ..stored.clone() }] {
        let refused = backend.stores.ceremonies.put(&ceremony).await;
        assert_eq!(refused.map_err(|error| error.kind()), Err(StoreErrorKind::Unexpected));
    }
    assert_eq!(take(backend, stored.key, stored.created_at).await, Some(stored));
}

/// Housekeeping deletes what has expired, in bounded batches, and nothing else.
pub async fn se_30_ceremonies_go_when_they_have_expired(backend: &Backend) {
    let old = [LONG_AGO; 5].map(|at| ceremony(None, at));
    let alive = ceremony(None, LONG_AGO + 5_000 * HOUR);
    for ceremony in old.iter().chain([&alive]) {
        put(backend, ceremony).await;
    }
    purge(backend, 2).await;
    let mut left = 0;
    for ceremony in &old {
        left += usize::from(peek(backend, ceremony.key, LONG_AGO).await.is_some());
    }
    assert!(left >= 3, "more than the limit went at once");
    while purge(backend, 100).await > 0 {}
    for ceremony in &old {
        assert_eq!(peek(backend, ceremony.key, LONG_AGO).await, None);
    }
    assert_eq!(take(backend, alive.key, alive.created_at).await, Some(alive));
}

fn ceremony(user: Option<UserId>, at: Timestamp) -> Ceremony {
    let state = Sealed::from_bytes(digest().as_bytes().to_vec());
    Ceremony { key: digest(), user, state, created_at: at, expires_at: at + 5 * MINUTE }
}

async fn stored_ceremony(backend: &Backend) -> Ceremony {
    let ceremony = ceremony(Some(account(backend).await.id), now());
    put(backend, &ceremony).await;
    ceremony
}

async fn put(backend: &Backend, ceremony: &Ceremony) {
    backend.stores.ceremonies.put(ceremony).await.unwrap();
}

async fn peek(backend: &Backend, key: Digest, now: Timestamp) -> Option<Ceremony> {
    backend.stores.ceremonies.peek(key, now).await.unwrap()
}

async fn take(backend: &Backend, key: Digest, now: Timestamp) -> Option<Ceremony> {
    backend.stores.ceremonies.take(key, now).await.unwrap()
}
