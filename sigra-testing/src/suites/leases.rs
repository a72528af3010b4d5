//! [`LeaseStore`](sigra_core::ports::LeaseStore).

use sigra_core::id::LeaseId;
use sigra_core::time::Timestamp;

use super::Backend;
use super::support::*;

suite! {
    se_30_one_of_many_takes_a_lease,
    se_30_one_of_many_takes_over_a_lapsed_lease,
    se_30_a_lease_that_is_held_is_taken_by_nobody,
    se_30_a_renewed_lease_lapses_later,
    se_30_a_released_lease_is_free_at_once,
    se_30_a_lapsed_holder_touches_nobodys_lease,
    se_30_a_strangers_lease_is_not_touched,
    se_30_one_of_many_takes_a_lease_while_its_holder_renews,
    se_30_names_of_leases_are_literal,
}

/// Of many who take a free lease at once, one gets it.
pub async fn se_30_one_of_many_takes_a_lease(backend: &Backend) {
    let (name, at) = (stamp(), now());
    assert_eq!(contend(backend, &name, at).await, 1);
    assert_eq!(contend(backend, &name, at + MINUTE - TICK).await, 0, "it is held");
}

/// Of many who take over what a holder that died left, one gets it.
pub async fn se_30_one_of_many_takes_over_a_lapsed_lease(backend: &Backend) {
    let (name, at) = (stamp(), now());
    for round in 0..3 {
        assert_eq!(contend(backend, &name, at + round * MINUTE).await, 1, "{round}");
    }
}

/// Not even its holder takes a lease that is held; at its end it is free.
pub async fn se_30_a_lease_that_is_held_is_taken_by_nobody(backend: &Backend) {
    let (name, at, [mine, other]) = (stamp(), now(), holders());
    assert!(take(backend, &name, mine, at).await);
    for holder in [mine, other] {
        assert!(!take(backend, &name, holder, at).await);
        assert!(!take(backend, &name, holder, at + MINUTE - TICK).await);
    }
    assert!(take(backend, &name, other, at + MINUTE).await, "a lease lapses at its end");
    assert!(!take(backend, &name, mine, at + MINUTE).await);
}

/// A holder that renews in time goes on holding.
pub async fn se_30_a_renewed_lease_lapses_later(backend: &Backend) {
    let (name, at, [mine, other]) = (stamp(), now(), holders());
    assert!(take(backend, &name, mine, at).await);
    let last = at + MINUTE - TICK;
    assert!(renew(backend, &name, mine, last).await);
    assert!(!take(backend, &name, other, last + MINUTE - TICK).await);
    assert!(take(backend, &name, other, last + MINUTE).await);
}

/// What was given back can be taken, also by whoever had it.
pub async fn se_30_a_released_lease_is_free_at_once(backend: &Backend) {
    let (name, at, [mine, other]) = (stamp(), now(), holders());
    assert!(take(backend, &name, mine, at).await);
    assert!(release(backend, &name, mine, at).await);
    assert!(!release(backend, &name, mine, at).await, "released twice");
    assert!(!renew(backend, &name, mine, at).await, "it is held no more");
    assert_eq!(contend(backend, &name, at).await, 1);
    let freed = now() + 2 * MINUTE;
    assert!(take(backend, &name, other, freed).await);
    assert!(release(backend, &name, other, freed).await);
    assert!(take(backend, &name, other, freed).await);
}

/// A holder that was too slow has nothing left, whether or not somebody came after it.
pub async fn se_30_a_lapsed_holder_touches_nobodys_lease(backend: &Backend) {
    let (name, at, [slow, next]) = (stamp(), now(), holders());
    assert!(take(backend, &name, slow, at).await);
    let end = at + MINUTE;
    assert!(!renew(backend, &name, slow, end).await);
    assert!(!release(backend, &name, slow, end).await);
    assert!(take(backend, &name, next, end).await);
    // A clock that goes behind the other host's changes nothing.
    for at in [at, end, end + MINUTE] {
        assert!(!renew(backend, &name, slow, at).await);
        assert!(!release(backend, &name, slow, at).await);
    }
    assert!(!take(backend, &name, slow, end).await, "it is the other's");
    assert!(renew(backend, &name, next, end).await);
    assert!(release(backend, &name, next, end).await);
}

/// Whoever never held a lease neither renews nor releases it, and a lease of another name is another lease.
pub async fn se_30_a_strangers_lease_is_not_touched(backend: &Backend) {
    let (name, another, at, [mine, other]) = (stamp(), stamp(), now(), holders());
    assert!(!renew(backend, &name, other, at).await, "there is none");
    assert!(!release(backend, &name, other, at).await, "there is none");
    assert!(take(backend, &name, mine, at).await);
    assert!(take(backend, &another, other, at).await);
    assert!(!renew(backend, &name, other, at).await);
    assert!(!release(backend, &name, other, at).await);
    assert!(release(backend, &another, other, at).await);
    assert!(!take(backend, &name, other, at).await, "it is held as before");
}

/// At the end of a lease either its holder keeps it or one other takes it: never both, never two.
pub async fn se_30_one_of_many_takes_a_lease_while_its_holder_renews(backend: &Backend) {
    let (name, at, [mine, _]) = (stamp(), now(), holders());
    assert!(take(backend, &name, mine, at).await);
    let leases = &backend.stores.leases;
    let outcomes = race(CONTENDERS, |number| {
        let (leases, name) = (leases.clone(), name.clone());
        async move {
            let (before, end) = (at + MINUTE - TICK, at + MINUTE);
            match number {
                0 => leases.renew(&name, mine, before, before + MINUTE).await.unwrap(),
                _ => leases.take(&name, LeaseId::new(at), end, end + MINUTE).await.unwrap(),
            }
        }
    })
    .await;
    assert_eq!(count(&outcomes, |got| *got), 1);
}

/// A name is its bytes: no pattern, no case folding.
pub async fn se_30_names_of_leases_are_literal(backend: &Backend) {
    let (at, stamp) = (now(), &stamp()[12..]);
    let mut names: Vec<String> = ["%", "_", "a", "A", "\u{e9}", "e\u{301}", "\u{131}", "'; --", " "]
        .iter()
        .flat_map(|odd| [format!("{odd}{stamp}"), format!("{stamp}{odd}")])
        .collect();
    names.push("x".repeat(64 - stamp.len()) + stamp);
    let mut held = Vec::new();
    for name in names {
        assert!(name.len() <= 64);
        let [mine, other] = holders();
        assert!(take(backend, &name, mine, at).await, "{name:?}");
        held.push((name, mine, other));
    }
    for (name, mine, other) in held {
        assert!(!take(backend, &name, other, at).await, "{name:?}");
        assert!(release(backend, &name, mine, at).await, "{name:?}");
    }
}

fn holders() -> [LeaseId; 2] {
    [LeaseId::new(now()), LeaseId::new(now())]
}

async fn take(backend: &Backend, name: &str, holder: LeaseId, at: Timestamp) -> bool {
    backend.stores.leases.take(name, holder, at, at + MINUTE).await.unwrap()
}

async fn renew(backend: &Backend, name: &str, holder: LeaseId, at: Timestamp) -> bool {
    backend.stores.leases.renew(name, holder, at, at + MINUTE).await.unwrap()
}

async fn release(backend: &Backend, name: &str, holder: LeaseId, at: Timestamp) -> bool {
    backend.stores.leases.release(name, holder, at).await.unwrap()
}

/// How many of the contenders take the lease for a minute.
async fn contend(backend: &Backend, name: &str, at: Timestamp) -> usize {
    let outcomes = race(CONTENDERS, |_| {
        let (leases, name) = (backend.stores.leases.clone(), name.to_owned());
        async move { leases.take(&name, LeaseId::new(at), at, at + MINUTE).await.unwrap() }
    })
    .await;
    count(&outcomes, |taken| *taken)
}
