//! [`QuarantineStore`](sigra_core::ports::QuarantineStore): addresses that were left, and who can have them.

use sigra_core::address_change::{ChangedAddress, Completed, Completion, UndoneChange};
use sigra_core::config::DeletionStrategy;
use sigra_core::email::EmailAddress;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::{Erasure, Mac, NewAccount, Promotion, Quarantined, RowKind};
use sigra_core::registration::RequestKind;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::Backend;
use super::address_changes::{Asked, change_of, completion};
use super::support::*;

suite! {
    lc_06_a_quarantined_address_is_nobodys_until_its_microsecond,
    lc_06_a_quarantine_is_found_under_every_key,
    lc_06_whoever_left_an_address_can_have_it_back,
    lc_06_an_undo_brings_a_quarantined_address_back,
    lc_06_a_quarantine_is_replaced_and_never_cut_short,
    lc_06_erasing_makes_a_quarantine_nobodys,
    lc_06_a_step_that_fails_leaves_no_quarantine,
    lc_06_one_of_many_releases_wins,
    lc_06_many_at_once_get_no_quarantined_address,
    lc_06_no_registration_slips_past_an_erasure,
    lc_06_no_registration_slips_past_a_change,
    se_30_quarantines_that_ran_out_go_in_bounded_batches,
}

/// By creation, by promotion and by a change: not while it lasts, and again from the moment it ends.
pub async fn lc_06_a_quarantined_address_is_nobodys_until_its_microsecond(backend: &Backend) {
    let (address, key) = (email("left"), key());
    let until = now() + HOUR;
    keep_for(backend, key, None, until).await;
    let early = NewAccount { created_at: until - TICK, ..taking(&address, &[key]) };
    assert!(!backend.stores.accounts.create(&early, trace(early.id)).await.unwrap());
    assert_eq!(promote(backend, &early).await, Promotion::Taken);
    assert_eq!(traces(backend, early.id).await, 0);
    assert!(backend.stores.accounts.find_by_email(&address).await.unwrap().is_none());
    let user = account(backend).await;
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    assert!(matches!(redeem(backend, &asked, until - TICK, &[key]).await, Completed::Taken));
    assert_eq!(stored(backend, user.id).await, user);

    // The same account would have got it under another key.
    assert!(asked.redeem(backend).await.is_some());
    assert!(find(backend, &[key], until).await.is_none());
    let late = NewAccount { created_at: until, ..early };
    assert!(backend.stores.accounts.create(&late, Evidence::none()).await.unwrap());
}

/// Root secrets are rotated: whichever was the first when the address was left.
pub async fn lc_06_a_quarantine_is_found_under_every_key(backend: &Backend) {
    let (keys, until) = ([key(), key(), key()], now() + HOUR);
    for old in keys {
        let address = email("left");
        let kept = keep_for(backend, old, None, until).await;
        assert_eq!(find(backend, &keys, now()).await.as_ref(), Some(&kept));
        let account = taking(&address, &keys);
        assert!(!backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
        assert!(backend.stores.quarantine.release(&keys, now(), Evidence::none()).await.unwrap());
        assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
    }
    assert_eq!(find(backend, &[], now()).await, None);
    // Of several, the one that runs out last is told.
    let last = Quarantined { key: keys[1], holder: None, until: until + HOUR };
    let first = Quarantined { key: keys[0], holder: None, until };
    backend.stores.log.append(Evidence::none().and_quarantined([last.clone(), first])).await.unwrap();
    assert_eq!(find(backend, &keys, now()).await, Some(last));
}

/// A change back to it, by the account that left it and by no other.
pub async fn lc_06_whoever_left_an_address_can_have_it_back(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let key = key();
    keep_for(backend, key, Some(user.id), now() + HOUR).await;
    for (user, gets_it) in [(&other, false), (&user, true)] {
        let asked = Asked::by(backend, user).await;
        asked.arm(backend).await;
        let completed = redeem(backend, &asked, now(), &[key]).await;
        assert_eq!(matches!(completed, Completed::Changed(_)), gets_it, "{completed:?}");
    }
    assert!(!backend.stores.accounts.create(&taking(&email("left"), &[key]), Evidence::none()).await.unwrap());
}

/// The link in the old mailbox outdoes it, and the address that is left again is kept in its turn.
pub async fn lc_06_an_undo_brings_a_quarantined_address_back(backend: &Backend) {
    let user = account(backend).await;
    let (old, new) = (key(), key());
    let asked = Asked::by(backend, &user).await;
    asked.arm(backend).await;
    let until = now() + HOUR;
    let left = |key, user: &User| Evidence::none().and_quarantined([Quarantined { key, holder: Some(user.id), until }]);
    let evidence = |changed: &ChangedAddress| left(old, &changed.user);
    let changes = &backend.stores.address_changes;
    let completed = changes.redeem(asked.confirm, &completion(now(), digest()), &evidence).await.unwrap();
    assert!(matches!(completed, Completed::Changed(_)));
    assert_eq!(find(backend, &[old], now()).await.and_then(|kept| kept.holder), Some(user.id));

    let request = |user: &User| request(RequestKind::RescueReset, &user.email);
    let evidence = |undone: &UndoneChange| left(new, &undone.user);
    let undone = changes.undo(asked.undo, now(), &request, &evidence).await.unwrap().expect("the link is live");
    assert_eq!((undone.user.email, undone.reverted_from.as_ref()), (user.email, Some(&asked.change.new)));
    let thief = taking(&asked.change.new, &[new]);
    assert!(!backend.stores.accounts.create(&thief, Evidence::none()).await.unwrap());
}

/// Left again, it is the last one's; a shorter time that comes later changes nothing.
pub async fn lc_06_a_quarantine_is_replaced_and_never_cut_short(backend: &Backend) {
    let (key, holder, until) = (key(), UserId::new(now()), now() + HOUR);
    for (holder, to, at_last) in
        [(Some(holder), until, until), (None, until - MINUTE, until), (Some(holder), until + MINUTE, until + MINUTE)]
    {
        keep_for(backend, key, holder, to).await;
        assert_eq!(find(backend, &[key], now()).await, Some(Quarantined { key, holder, until: at_last }));
    }
}

/// Under every strategy, with the quarantine the erasure makes itself. Other accounts keep theirs.
pub async fn lc_06_erasing_makes_a_quarantine_nobodys(backend: &Backend) {
    for strategy in [DeletionStrategy::HardDelete, DeletionStrategy::Anonymize, DeletionStrategy::SoftDelete] {
        let (user, other) = (account(backend).await, account(backend).await);
        let (earlier, last, theirs, until) = (key(), key(), key(), now() + HOUR);
        keep_for(backend, earlier, Some(user.id), until).await;
        keep_for(backend, theirs, Some(other.id), until).await;
        assert!(erase(backend, &user, strategy, last).await);
        for key in [earlier, last] {
            let kept = Quarantined { key, holder: None, until };
            let found = find(backend, &[key], now()).await;
            assert_eq!(found.map(|found| Quarantined { until, ..found }), Some(kept), "{strategy:?}");
        }
        assert_eq!(find(backend, &[theirs], now()).await.and_then(|kept| kept.holder), Some(other.id));
        if strategy != DeletionStrategy::SoftDelete {
            let again = taking(&user.email, &[last]);
            assert!(!backend.stores.accounts.create(&again, Evidence::none()).await.unwrap(), "{strategy:?}");
        }
    }
}

/// Evidence is all or nothing.
pub async fn lc_06_a_step_that_fails_leaves_no_quarantine(backend: &Backend) {
    let (user, key, spent) = (account(backend).await, key(), spent(backend).await);
    let spent = spent.and_quarantined([Quarantined { key, holder: None, until: now() + HOUR }]);
    let strategy = DeletionStrategy::HardDelete;
    let erasure = Erasure { user: user.id, only_if_due: false, strategy, at: now() };
    assert!(backend.stores.lifecycle.erase(&erasure, &|_| spent.clone()).await.is_err());
    assert_eq!(find(backend, &[key], now()).await, None);
    assert_eq!(stored(backend, user.id).await, user);

    let kept = keep_for(backend, key, None, now() + HOUR).await;
    assert!(backend.stores.quarantine.release(&[key], now(), self::spent(backend).await).await.is_err());
    assert_eq!(find(backend, &[key], now()).await, Some(kept));
}

/// One releases it and has evidence; what has run out, or never was, is released by nobody.
pub async fn lc_06_one_of_many_releases_wins(backend: &Backend) {
    let (key, user, until) = (key(), UserId::new(now()), now() + HOUR);
    keep_for(backend, key, None, until).await;
    let quarantine = &backend.stores.quarantine;
    assert!(!quarantine.release(&[key], until, trace(user)).await.unwrap());
    assert!(!quarantine.release(&[self::key()], now(), trace(user)).await.unwrap());
    assert!(!quarantine.release(&[], now(), trace(user)).await.unwrap());
    let outcomes = race(CONTENDERS, |_| {
        let quarantine = quarantine.clone();
        async move { quarantine.release(&[key], now(), trace(user)).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |won| *won), 1);
    assert_eq!(traces(backend, user).await, 1);
    assert_eq!(find(backend, &[key], now()).await, None);
}

/// Creations, promotions and changes side by side, and one who releases it half-way: at most one gets it, and none without
/// the release.
pub async fn lc_06_many_at_once_get_no_quarantined_address(backend: &Backend) {
    for released in [false, true] {
        let (address, key) = (email("left"), key());
        keep_for(backend, key, None, now() + HOUR).await;
        let mut changes = Vec::new();
        for _ in 0..CONTENDERS / 2 {
            let user = account(backend).await;
            let asked = Asked::of(backend, change_of(&user, &address)).await;
            asked.arm(backend).await;
            changes.push((asked.confirm, Completion { quarantine: vec![key], ..completion(now(), digest()) }));
        }
        let outcomes = race(CONTENDERS, |number| {
            let (backend, account, change) = (backend.clone(), taking(&address, &[key]), changes[number / 2].clone());
            async move {
                if released && number == 1 {
                    return !backend.stores.quarantine.release(&[key], now(), Evidence::none()).await.unwrap();
                }
                match number % 4 {
                    0 => backend.stores.accounts.create(&account, Evidence::none()).await.unwrap(),
                    2 => matches!(promote(&backend, &account).await, Promotion::Created(_)),
                    _ => {
                        let (confirm, completion) = change;
                        let redeemed =
                            backend.stores.address_changes.redeem(confirm, &completion, &|_| Evidence::none());
                        matches!(redeemed.await.unwrap(), Completed::Changed(_))
                    }
                }
            }
        })
        .await;
        let winners = count(&outcomes, |got| *got);
        assert!(winners <= usize::from(released), "{winners} got it, released: {released}");
        let owner = backend.stores.accounts.find_by_email(&address).await.unwrap();
        assert_eq!(owner.is_some(), winners == 1);
    }
}

/// The erasure that leaves an address puts it in quarantine in the same step: between the two there is nothing to hit.
pub async fn lc_06_no_registration_slips_past_an_erasure(backend: &Backend) {
    for strategy in [DeletionStrategy::HardDelete, DeletionStrategy::Anonymize] {
        for _ in 0..4 {
            let (user, key) = (account(backend).await, key());
            let outcomes = race(CONTENDERS, |number| {
                let (backend, user, account) = (backend.clone(), user.clone(), taking(&user.email, &[key]));
                async move {
                    match number {
                        0 => (true, erase(&backend, &user, strategy, key).await),
                        _ if number % 2 == 0 => {
                            (false, matches!(promote(&backend, &account).await, Promotion::Created(_)))
                        }
                        _ => (false, backend.stores.accounts.create(&account, Evidence::none()).await.unwrap()),
                    }
                }
            })
            .await;
            assert!(outcomes.contains(&(true, true)), "the account is erased");
            assert!(!outcomes.contains(&(false, true)), "and its address nobody's");
            assert!(backend.stores.accounts.find_by_email(&user.email).await.unwrap().is_none());
        }
    }
}

/// As for an erasure: an account that changes away from an address.
pub async fn lc_06_no_registration_slips_past_a_change(backend: &Backend) {
    for _ in 0..4 {
        let (user, key) = (account(backend).await, key());
        let asked = Asked::by(backend, &user).await;
        asked.arm(backend).await;
        let until = now() + HOUR;
        let outcomes = race(CONTENDERS, |number| {
            let (backend, confirm, account) = (backend.clone(), asked.confirm, taking(&user.email, &[key]));
            async move {
                if number > 0 {
                    return (false, backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
                }
                // Nothing can be undone, so nothing reserves the old address.
                let completion = Completion { undo_expires_at: now(), ..completion(now(), digest()) };
                let evidence = |changed: &ChangedAddress| {
                    let holder = Some(changed.user.id);
                    Evidence::none().and_quarantined([Quarantined { key, holder, until }])
                };
                let completed = backend.stores.address_changes.redeem(confirm, &completion, &evidence).await.unwrap();
                (true, matches!(completed, Completed::Changed(_)))
            }
        })
        .await;
        assert!(outcomes.contains(&(true, true)) && !outcomes.contains(&(false, true)));
    }
}

/// No more than the limit at once; none that lasts.
pub async fn se_30_quarantines_that_ran_out_go_in_bounded_batches(backend: &Backend) {
    let housekeeping = &backend.stores.housekeeping;
    while housekeeping.purge(RowKind::QUARANTINES, LONG_AGO + HOUR, 100).await.unwrap() > 0 {}
    let over: Vec<Mac> = (0..5).map(|_| key()).collect();
    for key in &over {
        keep_for(backend, *key, None, LONG_AGO).await;
    }
    let lasting = keep_for(backend, key(), None, now() + HOUR).await;
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(housekeeping.purge(RowKind::QUARANTINES, LONG_AGO + HOUR, 2).await.unwrap());
    }
    assert_eq!(gone, [2, 2, 1, 0]);
    assert_eq!(find(backend, &over, LONG_AGO - TICK).await, None);
    assert_eq!(find(backend, &[lasting.key], now()).await, Some(lasting));
}

fn key() -> Mac {
    Mac::from_bytes(*digest().as_bytes())
}

fn taking(email: &EmailAddress, keys: &[Mac]) -> NewAccount {
    NewAccount { quarantine: keys.to_vec(), ..new_account(email) }
}

async fn keep_for(backend: &Backend, key: Mac, holder: Option<UserId>, until: Timestamp) -> Quarantined {
    let kept = Quarantined { key, holder, until };
    backend.stores.log.append(Evidence::none().and_quarantined([kept.clone()])).await.unwrap();
    kept
}

async fn find(backend: &Backend, keys: &[Mac], at: Timestamp) -> Option<Quarantined> {
    backend.stores.quarantine.find(keys, at).await.unwrap()
}

async fn promote(backend: &Backend, account: &NewAccount) -> Promotion {
    let (registration, _) = submitted(backend, &account.email).await;
    backend.stores.registrations.promote(registration.id, account, trace(account.id)).await.unwrap()
}

async fn redeem(backend: &Backend, asked: &Asked, at: Timestamp, keys: &[Mac]) -> Completed {
    let completion = Completion { quarantine: keys.to_vec(), ..completion(at, digest()) };
    backend.stores.address_changes.redeem(asked.confirm, &completion, &|_| Evidence::none()).await.unwrap()
}

async fn erase(backend: &Backend, user: &User, strategy: DeletionStrategy, key: Mac) -> bool {
    let until = now() + HOUR;
    let erasure = Erasure { user: user.id, only_if_due: false, strategy, at: now() };
    let evidence = |_: &User| Evidence::none().and_quarantined([Quarantined { key, holder: None, until }]);
    backend.stores.lifecycle.erase(&erasure, &evidence).await.unwrap().is_some()
}
