//! [`LifecycleStore`](sigra_core::ports::LifecycleStore): which deletions are due, and erasing. What goes with an account is in
//! [`erasure`](super::erasure).

use sigra_core::config::DeletionStrategy;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{DueDeletion, Erasure};
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::Backend;
use super::erasure::Belongings;
use super::lifecycle::{cancel, scheduled};
use super::support::*;

suite! {
    lc_01_due_deletions_come_in_order_and_in_pages,
    lc_01_an_erasure_needs_a_deletion_that_is_due,
    lc_01_what_belongs_to_an_account_is_erased_with_it,
    lc_02_what_each_strategy_leaves,
    lc_03_one_of_many_erasures_wins,
    lc_01_a_deletion_that_is_taken_back_never_happens,
    au_02_an_erasure_without_its_evidence_is_not_made,
}

/// By time, then by account; each once; none that is not due, or was taken back.
pub async fn lc_01_due_deletions_come_in_order_and_in_pages(backend: &Backend) {
    let mut mine = Vec::new();
    for secs in [30, 10, 20, 10, 20] {
        let due_at = LONG_AGO + MINUTE * secs;
        let user = account(backend).await.id;
        let lifecycle = &backend.stores.lifecycle;
        lifecycle.schedule_deletion(user, None, due_at, &|_| Evidence::none()).await.unwrap().unwrap();
        mine.push(DueDeletion { due_at, user });
    }
    scheduled(backend).await;
    mine.sort_unstable();
    let last = LONG_AGO + MINUTE * 30;
    for limit in [1, 2, 100] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = backend.stores.lifecycle.due_deletions(last, after, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let Some(end) = page.last() else { break };
            after = Some(*end);
            seen.extend(page);
        }
        assert!(seen.is_sorted_by(|one, next| one < next), "{seen:?}");
        assert!(seen.iter().all(|due| due.due_at <= last));
        seen.retain(|due| mine.contains(due));
        assert_eq!(seen, mine);
    }
    let early = backend.stores.lifecycle.due_deletions(last - TICK, None, 1_000).await.unwrap();
    assert_eq!(count(&early, |due| mine.contains(due)), 4);
    for DueDeletion { user, .. } in mine {
        assert!(erase(backend, user, true, now()).await.is_some());
    }
}

/// A microsecond early, of an account that is not to be deleted, of none: nothing happens. An operator needs no date.
pub async fn lc_01_an_erasure_needs_a_deletion_that_is_due(backend: &Backend) {
    let (doomed, kept) = (scheduled(backend).await, account(backend).await);
    let due_at = doomed.deletion_due_at.unwrap();
    assert_eq!(erase(backend, doomed.id, true, due_at - TICK).await, None);
    assert_eq!(erase(backend, kept.id, true, due_at).await, None);
    assert_eq!(erase(backend, UserId::new(now()), false, due_at).await, None);
    assert_eq!((stored(backend, doomed.id).await, stored(backend, kept.id).await), (doomed.clone(), kept.clone()));
    assert_eq!((traces(backend, doomed.id).await, traces(backend, kept.id).await), (1, 0));
    assert_eq!(erase(backend, doomed.id, true, due_at).await, Some(doomed), "as it was");
    assert_eq!(erase(backend, kept.id, false, now()).await, Some(kept));
}

/// Under every strategy: sessions with their retired tokens, pending sign-ins, devices, tokens, ceremonies, changes of address, counters,
/// registrations for the address. Another account keeps all of it.
pub async fn lc_01_what_belongs_to_an_account_is_erased_with_it(backend: &Backend) {
    for strategy in STRATEGIES {
        let (erased, kept) = (Belongings::new(backend).await, Belongings::new(backend).await);
        let (rival, _) = submitted(backend, &erased.user.email).await;
        let (other, _) = submitted(backend, &kept.user.email).await;
        let erasure = Erasure { user: erased.user.id, only_if_due: false, strategy, at: now() };
        assert!(apply(backend, &erasure).await.is_some());
        let account = usize::from(strategy != DeletionStrategy::HardDelete);
        assert_eq!((erased.left(backend).await, kept.left(backend).await), (account, 9), "{strategy:?}");
        assert_eq!(
            (erased.attempts(backend).await, kept.attempts(backend).await),
            (1, 2),
            "{strategy:?}: the counters"
        );
        let registrations = &backend.stores.registrations;
        assert!(registrations.find(rival.id, now()).await.unwrap().is_none());
        assert!(registrations.find(other.id, now()).await.unwrap().is_some());
        assert_eq!(traces(backend, erased.user.id).await, 2, "the trail stays: of asking for an address, and of this");
    }
}

/// The rest of the account is what core says; the address is free, unless it is to stay.
pub async fn lc_02_what_each_strategy_leaves(backend: &Backend) {
    for strategy in STRATEGIES {
        let user = scheduled(backend).await;
        let at = user.deletion_due_at.unwrap();
        let erasure = Erasure { user: user.id, only_if_due: true, strategy, at };
        assert_eq!(apply(backend, &erasure).await, Some(user.clone()));
        let found = backend.stores.accounts.find(user.id).await.unwrap();
        assert_eq!(found.as_ref().map(|found| found.user.clone()), erasure.leaves(&user), "{strategy:?}");
        assert!(found.is_none_or(|found| found.password.is_none() && found.attempts_cleared_at.is_none()));
        assert_eq!(apply(backend, &erasure).await, None, "once");
        let again = new_account(&user.email);
        let free = strategy != DeletionStrategy::SoftDelete;
        assert_eq!(backend.stores.accounts.create(&again, Evidence::none()).await.unwrap(), free, "{strategy:?}");
        if free {
            let found = backend.stores.accounts.find_by_email(&user.email).await.unwrap().unwrap();
            assert_eq!(found.user, again.to_user(), "it inherits nothing");
        }
        let due = backend.stores.lifecycle.due_deletions(at, None, 1_000).await.unwrap();
        assert!(due.iter().all(|due| due.user != user.id), "{strategy:?}: it is not due again");
    }
}

/// Of many who erase at once, one does, and one has evidence.
pub async fn lc_03_one_of_many_erasures_wins(backend: &Backend) {
    for strategy in STRATEGIES {
        let user = scheduled(backend).await;
        let at = user.deletion_due_at.unwrap();
        let outcomes = race(CONTENDERS, |_| {
            let backend = backend.clone();
            let erasure = Erasure { user: user.id, only_if_due: true, strategy, at };
            async move { apply(&backend, &erasure).await }
        })
        .await;
        assert_eq!(count(&outcomes, Option::is_some), 1, "{strategy:?}");
        assert_eq!(traces(backend, user.id).await, 2);
    }
}

/// Those who take it back and those who erase, on hosts whose clocks differ by a tick around the date: one side wins, once.
pub async fn lc_01_a_deletion_that_is_taken_back_never_happens(backend: &Backend) {
    for _ in 0..4 {
        let user = scheduled(backend).await;
        let due_at = user.deletion_due_at.unwrap();
        let outcomes = race(CONTENDERS, |number| {
            let (backend, id, epochs) = (backend.clone(), user.id, user.epochs);
            async move {
                if number % 2 == 0 {
                    return (true, cancel(&backend, id, Some(epochs), due_at - TICK).await.is_some());
                }
                (false, erase(&backend, id, true, due_at).await.is_some())
            }
        })
        .await;
        assert_eq!(count(&outcomes, |(_, won)| *won), 1);
        let kept = outcomes.contains(&(true, true));
        assert_eq!(backend.stores.accounts.find(user.id).await.unwrap().is_some(), kept);
        assert_eq!(traces(backend, user.id).await, 2);
    }
}

/// Evidence that cannot be committed keeps the account, with all that belongs to it.
pub async fn au_02_an_erasure_without_its_evidence_is_not_made(backend: &Backend) {
    let (belongings, spent) = (Belongings::new(backend).await, spent(backend).await);
    let before = stored(backend, belongings.user.id).await;
    for strategy in STRATEGIES {
        let erasure = Erasure { user: before.id, only_if_due: false, strategy, at: now() };
        assert!(backend.stores.lifecycle.erase(&erasure, &|_| spent.clone()).await.is_err());
    }
    assert_eq!(stored(backend, before.id).await, before);
    assert_eq!((belongings.left(backend).await, belongings.attempts(backend).await), (9, 2));
}

const STRATEGIES: [DeletionStrategy; 3] =
    [DeletionStrategy::HardDelete, DeletionStrategy::Anonymize, DeletionStrategy::SoftDelete];

async fn erase(backend: &Backend, user: UserId, only_if_due: bool, at: Timestamp) -> Option<User> {
    apply(backend, &Erasure { user, only_if_due, strategy: DeletionStrategy::HardDelete, at }).await
}

async fn apply(backend: &Backend, erasure: &Erasure) -> Option<User> {
    backend.stores.lifecycle.erase(erasure, &|user: &User| trace(user.id)).await.unwrap()
}
