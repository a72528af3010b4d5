//! [`AttemptStore`](sigra_core::ports::AttemptStore).

use sigra_core::id::UserId;
use sigra_core::ports::{AttemptKey, AttemptOwner, AttemptPolicy, Mac, Reservation, Reserved};
use sigra_core::time::Timestamp;

use super::Backend;
use super::support::*;

suite! {
    th_07_concurrent_guesses_get_no_more_attempts,
    th_02_locks_grow,
    th_03_a_lapsed_lock_locks_again,
    th_01_the_cap_is_final,
    th_07_concurrent_guesses_get_no_further_than_the_cap,
    a_window_that_passed_starts_again,
    what_was_counted_before_a_success_counts_no_more,
    a_clock_that_is_behind_is_granted_one_fresh_start,
    th_07_concurrent_guesses_after_a_success_get_no_more_attempts,
    a_refund_leaves_things_as_they_were,
    refunds_in_any_order_leave_nothing,
    a_refund_never_lifts_a_later_lock,
    a_refund_of_what_was_cleared_gives_nothing,
    clearing_forgets_the_keys_given_and_no_other,
}

const POLICY: AttemptPolicy =
    AttemptPolicy { free: 5, cap: 100, lock_secs: 60, max_lock_secs: 3_600, window_secs: None };

/// Of many guesses at once exactly the free ones and the one that locks are granted, each with a number of its own.
pub async fn th_07_concurrent_guesses_get_no_more_attempts(backend: &Backend) {
    let (key, at) = (key(), now());
    let outcomes = race(2 * CONTENDERS, |_| {
        let (attempts, key) = (backend.stores.attempts.clone(), key.clone());
        async move { attempts.reserve(&key, &POLICY, None, at).await.unwrap() }
    })
    .await;
    let mut numbers: Vec<_> = outcomes.iter().filter_map(granted).map(|reserved| reserved.count).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let locked = Reservation::Locked(at + MINUTE);
    assert_eq!(count(&outcomes, |outcome| *outcome == locked), 2 * CONTENDERS - 6);
}

/// The first attempt after the free ones locks, and each further one twice as long, from the moment it is reserved.
pub async fn th_02_locks_grow(backend: &Backend) {
    let (key, mut at) = (key(), now());
    let started_at = at;
    for number in 1..=5 {
        let expected = Reserved { count: number, locked_until: None, previous_lock: None, started_at };
        assert_eq!(reserve(backend, &key, at).await, Reservation::Granted(expected));
    }
    let mut previous_lock = None;
    for (number, minutes) in (6..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        let until = at + minutes * MINUTE;
        let expected = Reserved { count: number, locked_until: Some(until), previous_lock, started_at };
        assert_eq!(reserve(backend, &key, at).await, Reservation::Granted(expected));
        previous_lock = Some(until);
        at = until;
    }
}

/// While locked nothing is granted, whoever asks how often; after the lock each failure locks anew.
pub async fn th_03_a_lapsed_lock_locks_again(backend: &Backend) {
    let (key, at) = (key(), now());
    for _ in 0..6 {
        reserve(backend, &key, at).await;
    }
    let until = at + MINUTE;
    for moment in [at, at + TICK, until - TICK] {
        assert_eq!(reserve(backend, &key, moment).await, Reservation::Locked(until));
    }
    let again = reserve(backend, &key, until).await;
    assert_eq!(granted(&again).map(|reserved| reserved.count), Some(7), "refused attempts do not count");
    assert_eq!(reserve(backend, &key, until + TICK).await, Reservation::Locked(until + 2 * MINUTE));
}

/// At the cap nothing is granted any more, however long one waits.
pub async fn th_01_the_cap_is_final(backend: &Backend) {
    let policy = AttemptPolicy { free: 2, cap: 4, ..POLICY };
    let (key, mut at) = (key(), now());
    for _ in 0..4 {
        let outcome = backend.stores.attempts.reserve(&key, &policy, None, at).await.unwrap();
        assert!(granted(&outcome).is_some());
        at = at + HOUR;
    }
    for moment in [at, at + 10_000 * HOUR] {
        assert_eq!(backend.stores.attempts.reserve(&key, &policy, None, moment).await.unwrap(), Reservation::Exhausted);
    }
}

/// Where no lock comes before it, the cap bounds concurrent guesses.
pub async fn th_07_concurrent_guesses_get_no_further_than_the_cap(backend: &Backend) {
    let policy = AttemptPolicy { free: 100, cap: 5, ..POLICY };
    let (key, at) = (key(), now());
    let outcomes = race(2 * CONTENDERS, |_| {
        let (attempts, key) = (backend.stores.attempts.clone(), key.clone());
        async move { attempts.reserve(&key, &policy, None, at).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| granted(outcome).is_some()), 5);
    assert_eq!(count(&outcomes, |outcome| *outcome == Reservation::Exhausted), 2 * CONTENDERS - 5);
}

/// A window counts from its first attempt, and the next reservation after it is the first again.
pub async fn a_window_that_passed_starts_again(backend: &Backend) {
    let policy = AttemptPolicy { free: 100, cap: 3, window_secs: Some(3_600), ..POLICY };
    let (key, at) = (key(), now());
    let reserve = |at: Timestamp| backend.stores.attempts.reserve(&key, &policy, None, at);
    for number in 1..=3_u32 {
        let outcome = reserve(at + number * MINUTE).await.unwrap();
        assert_eq!(granted(&outcome).map(|reserved| reserved.count), Some(number));
    }
    let start = at + MINUTE;
    assert_eq!(reserve(start + HOUR - TICK).await.unwrap(), Reservation::Exhausted);
    let outcome = reserve(start + HOUR + TICK).await.unwrap();
    assert_eq!(granted(&outcome).map(|reserved| reserved.count), Some(1));
    let outcome = reserve(start + HOUR + MINUTE).await.unwrap();
    assert_eq!(granted(&outcome).map(|reserved| reserved.count), Some(2), "the new window has begun");
}

/// A count that started at the last success or before starts again, its lock and its refunds with it; one that started
/// after it goes on.
pub async fn what_was_counted_before_a_success_counts_no_more(backend: &Backend) {
    let (key, at) = (key(), now());
    let mut last = None;
    for _ in 0..6 {
        last = granted(&reserve(backend, &key, at).await);
    }
    let locked = Reservation::Locked(at + MINUTE);
    let early = Some(at - TICK);
    assert_eq!(reserve_after(backend, &key, early, at).await, locked, "it started after that success");
    let next = at + TICK;
    for number in 1..=3 {
        let expected = Reserved { count: number, locked_until: None, previous_lock: None, started_at: next };
        let outcome = reserve_after(backend, &key, Some(at), next).await;
        assert_eq!(outcome, Reservation::Granted(expected), "each success counts once");
    }
    backend.stores.attempts.refund(&key, &last.expect("it was granted")).await.unwrap();
    for (cleared_at, number) in [(early, 4), (None, 5)] {
        let outcome = reserve_after(backend, &key, cleared_at, next).await;
        assert_eq!(granted(&outcome).map(|reserved| reserved.count), Some(number), "who knows less clears nothing");
    }
    let capped = AttemptPolicy { cap: 5, ..POLICY };
    let attempts = &backend.stores.attempts;
    assert_eq!(attempts.reserve(&key, &capped, cleared(Some(at)), next).await.unwrap(), Reservation::Exhausted);
    let outcome = attempts.reserve(&key, &capped, cleared(Some(next)), next + TICK).await.unwrap();
    assert_eq!(granted(&outcome).map(|reserved| reserved.count), Some(1), "a success reopens what was used up");
}

/// A success that another host's clock puts into the future clears what is counted once, not until that time has come.
pub async fn a_clock_that_is_behind_is_granted_one_fresh_start(backend: &Backend) {
    let (key, at) = (key(), now());
    let ahead = at + HOUR;
    reserve(backend, &key, at).await;
    for number in 1..=6 {
        let reserved = granted(&reserve_after(backend, &key, Some(ahead), at).await).expect("no lock stands");
        assert_eq!((reserved.count, reserved.started_at), (number, ahead + TICK));
    }
    assert_eq!(reserve_after(backend, &key, Some(ahead), at).await, Reservation::Locked(at + MINUTE));
}

/// Of many guesses at once that all know of one success, no more are granted than without it.
pub async fn th_07_concurrent_guesses_after_a_success_get_no_more_attempts(backend: &Backend) {
    let (key, at) = (key(), now());
    for _ in 0..6 {
        reserve(backend, &key, at).await;
    }
    let outcomes = race(2 * CONTENDERS, |_| {
        let (attempts, key) = (backend.stores.attempts.clone(), key.clone());
        async move { attempts.reserve(&key, &POLICY, cleared(Some(at)), at + TICK).await.unwrap() }
    })
    .await;
    let mut numbers: Vec<_> = outcomes.iter().filter_map(granted).map(|reserved| reserved.count).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

/// A refunded attempt was never made: number and lock are as before.
pub async fn a_refund_leaves_things_as_they_were(backend: &Backend) {
    let (key, at) = (key(), now());
    let mut last = None;
    for _ in 0..6 {
        last = granted(&reserve(backend, &key, at).await);
    }
    let sixth = last.expect("the sixth is granted and locks");
    refund(backend, &key, &sixth).await;
    assert_eq!(granted(&reserve(backend, &key, at).await), Some(sixth), "no lock stands, and the number is free");

    let until = at + MINUTE;
    let seventh = granted(&reserve(backend, &key, until).await).expect("the lock has lapsed");
    assert_eq!(seventh.previous_lock, Some(until));
    refund(backend, &key, &seventh).await;
    assert_eq!(granted(&reserve(backend, &key, until).await), Some(seventh));
}

/// Attempts made side by side are given back in the order they end in, and no lock stays of what was never evaluated.
pub async fn refunds_in_any_order_leave_nothing(backend: &Backend) {
    for order in [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 5, 0, 4, 1, 2]] {
        let (key, at) = (key(), now());
        let mut reserved = Vec::new();
        for _ in 0..6 {
            reserved.extend(granted(&reserve(backend, &key, at).await));
        }
        assert_eq!(reserve(backend, &key, at).await, Reservation::Locked(at + MINUTE));
        for number in order {
            refund(backend, &key, &reserved[number]).await;
        }
        let next = granted(&reserve(backend, &key, at).await).expect("nothing is counted");
        assert_eq!((next.count, next.locked_until, next.previous_lock), (1, None, None), "{order:?}");
    }
}

/// Refunding an attempt while a later one stands does not take back what the later one locked.
pub async fn a_refund_never_lifts_a_later_lock(backend: &Backend) {
    let (key, at) = (key(), now());
    let first = granted(&reserve(backend, &key, at).await).expect("it is free");
    for _ in 0..5 {
        reserve(backend, &key, at).await;
    }
    refund(backend, &key, &first).await;
    assert_eq!(reserve(backend, &key, at).await, Reservation::Locked(at + MINUTE));
}

/// After clearing, a refund of an earlier attempt is no credit.
pub async fn a_refund_of_what_was_cleared_gives_nothing(backend: &Backend) {
    let (key, at) = (key(), now());
    reserve(backend, &key, at).await;
    let second = granted(&reserve(backend, &key, at).await).expect("it is free");
    backend.stores.attempts.clear(std::slice::from_ref(&key)).await.unwrap();
    refund(backend, &key, &second).await;
    let later = at + MINUTE;
    assert_eq!(granted(&reserve(backend, &key, later).await).map(|reserved| reserved.count), Some(1));
    refund(backend, &key, &second).await;
    assert_eq!(granted(&reserve(backend, &key, later).await).map(|reserved| reserved.count), Some(2));
}

/// TH-04: clearing is for the keys given; others, be it the same account's at something else, keep their count.
pub async fn clearing_forgets_the_keys_given_and_no_other(backend: &Backend) {
    let at = now();
    let mine = key();
    let same_account = AttemptKey { counter: "conformance.other", ..mine.clone() };
    let (second, other_account) = (key(), key());
    let keys = [&mine, &same_account, &second, &other_account];
    for key in keys {
        for _ in 0..6 {
            reserve(backend, key, at).await;
        }
    }
    let cleared = [mine.clone(), second.clone()];
    backend.stores.attempts.clear(&cleared).await.unwrap();
    backend.stores.attempts.clear(&cleared).await.unwrap();
    backend.stores.attempts.clear(&[]).await.unwrap();
    for key in [&mine, &second] {
        assert_eq!(granted(&reserve(backend, key, at).await).map(|reserved| reserved.count), Some(1));
    }
    for key in [&same_account, &other_account] {
        assert_eq!(reserve(backend, key, at).await, Reservation::Locked(at + MINUTE));
    }
}

fn key() -> AttemptKey {
    AttemptKey { counter: "conformance.guess", whom: Mac::from_bytes(*digest().as_bytes()) }
}

fn granted(outcome: &Reservation) -> Option<Reserved> {
    match outcome {
        Reservation::Granted(reserved) => Some(reserved.clone()),
        Reservation::Locked(_) | Reservation::Exhausted => None,
    }
}

async fn reserve(backend: &Backend, key: &AttemptKey, at: Timestamp) -> Reservation {
    reserve_after(backend, key, None, at).await
}

async fn reserve_after(
    backend: &Backend,
    key: &AttemptKey,
    cleared_at: Option<Timestamp>,
    at: Timestamp,
) -> Reservation {
    backend.stores.attempts.reserve(key, &POLICY, cleared(cleared_at), at).await.unwrap()
}

/// Some account whose last success was then. It need not exist for the port.
fn cleared(cleared_at: Option<Timestamp>) -> Option<AttemptOwner> {
    Some(AttemptOwner::ClearedBySignIn { user: UserId::new(now()), cleared_at })
}

async fn refund(backend: &Backend, key: &AttemptKey, reserved: &Reserved) {
    backend.stores.attempts.refund(key, reserved).await.unwrap();
}
