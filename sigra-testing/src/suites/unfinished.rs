//! [`SessionStore`](sigra_core::ports::SessionStore): pending sign-ins whose owner is told when they are unfinished.

use sigra_core::evidence::Evidence;
use sigra_core::id::{PendingId, UserId};
use sigra_core::ports::{Minted, SignInRecorded};
use sigra_core::session::PendingSignIn;
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::Backend;
use super::press::{Pending, Press};
use super::sessions::is_minted;
use super::support::*;

suite! {
    th_22_unfinished_sign_ins_come_in_order_and_in_pages,
    th_22_what_is_told_stays_until_it_was,
    th_22_a_purge_leaves_what_is_told,
    th_22_only_what_is_told_is_ended_so,
    th_22_one_of_many_tells,
    th_22_a_sign_in_is_finished_or_told,
    th_22_what_cannot_be_recorded_is_told_later,
    th_22_what_is_told_goes_with_its_account,
}

/// By expiry, then by id; each once, every field as it was written; none that lives, or is not to be told.
pub async fn th_22_unfinished_sign_ins_come_in_order_and_in_pages(backend: &Backend) {
    let user = account(backend).await;
    let mut mine = Vec::new();
    for minutes in [30, 10, 20, 10, 20] {
        mine.push(told(backend, &user, LONG_AGO + MINUTE * minutes).await.row);
    }
    Pending::stored(backend, &user, LONG_AGO).await;
    mine.sort_by_key(|row| (row.expires_at, row.id));
    let last = mine[4].expires_at;
    for limit in [1, 2, 100] {
        assert_eq!(unfinished(backend, &user, last, limit).await, mine, "{limit} at once");
    }
    assert_eq!(unfinished(backend, &user, last - TICK, 100).await, mine[..4], "a microsecond early");
    for row in mine {
        assert!(end(backend, &row).await);
    }
    assert_eq!(unfinished(backend, &user, last, 100).await, []);
}

/// One that was ended is found by its token no more and cannot be continued, and comes when it has expired all the same.
pub async fn th_22_what_is_told_stays_until_it_was(backend: &Backend) {
    let user = account(backend).await;
    let press = Press::at(backend, now());
    let sessions = &backend.stores.sessions;
    for all in [false, true] {
        let (pending, silent) = (told(backend, &user, now()).await, Pending::stored(backend, &user, now()).await);
        let promoting = press.promoting(&pending, None).await;
        for _ in 0..2 {
            if all {
                sessions.revoke_all(user.id, None, &|_| Evidence::none()).await.unwrap();
            } else {
                sessions.delete_pending(pending.row.id).await.unwrap();
                sessions.delete_pending(silent.row.id).await.unwrap();
            }
        }
        assert!(!pending.is_stored(backend).await && !silent.is_stored(backend).await);
        let minted = sessions.insert(&promoting, &|_| trace(user.id)).await.unwrap();
        assert_eq!(minted, Minted::PendingGone);
        let next = Pending::new(&user, now());
        assert_eq!(next.insert(backend, Some(pending.row.id)).await, Minted::PendingGone);
        assert_eq!(traces(backend, user.id).await, usize::from(all));
        assert_eq!(unfinished(backend, &user, pending.row.expires_at - TICK, 100).await, []);
        assert_eq!(unfinished(backend, &user, pending.row.expires_at, 100).await, std::slice::from_ref(&pending.row));
        assert!(end(backend, &pending.row).await);
    }
}

/// Housekeeping throws none away, and no other stays because of it.
pub async fn th_22_a_purge_leaves_what_is_told(backend: &Backend) {
    let user = account(backend).await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(told(backend, &user, LONG_AGO).await.row);
    }
    let silent = Pending::stored(backend, &user, LONG_AGO + MINUTE).await;
    backend.stores.sessions.delete_pending(kept[0].id).await.unwrap();
    let mut calls = 0;
    while purge(backend, 2).await > 0 {
        calls += 1;
        assert!(calls < 10_000, "purging never comes to an end");
    }
    assert!(!silent.is_stored(backend).await);
    kept.sort_by_key(|row| (row.expires_at, row.id));
    assert_eq!(unfinished(backend, &user, LONG_AGO + HOUR, 100).await, kept);
    for row in kept {
        assert!(end(backend, &row).await);
    }
}

/// Somebody else's, one that is not to be told, one that is gone, and one that goes on: nothing happens, and nothing is recorded.
pub async fn th_22_only_what_is_told_is_ended_so(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let (pending, silent) = (told(backend, &user, now()).await, Pending::stored(backend, &user, now()).await);
    let (begun, went_on) = (told(backend, &user, now()).await, Pending::new(&user, now()));
    went_on.store(backend, Some(begun.row.id)).await;
    let sessions = &backend.stores.sessions;
    for (whose, id) in [
        (other.id, pending.row.id),
        (user.id, silent.row.id),
        (user.id, begun.row.id),
        (user.id, went_on.row.id),
        (user.id, PendingId::new(now())),
    ] {
        assert!(!sessions.end_unfinished(whose, id, trace(whose)).await.unwrap());
        assert_eq!(traces(backend, whose).await, 0);
    }
    for kept in [&pending, &silent, &went_on] {
        assert!(kept.is_stored(backend).await);
    }
    assert!(end(backend, &pending.row).await && !end(backend, &pending.row).await);
    assert_eq!(traces(backend, user.id).await, 1);
    assert!(!pending.is_stored(backend).await);
}

/// Of many who end one, one does, and records it.
pub async fn th_22_one_of_many_tells(backend: &Backend) {
    let user = account(backend).await;
    let row = told(backend, &user, LONG_AGO).await.row;
    let ended = race(CONTENDERS, |_| {
        let (backend, row) = (backend.clone(), row.clone());
        async move { end(&backend, &row).await }
    })
    .await;
    assert_eq!(count(&ended, |ended| *ended), 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Where some go on with a sign-in while others tell of it, one of them all succeeds.
pub async fn th_22_a_sign_in_is_finished_or_told(backend: &Backend) {
    for _ in 0..4 {
        let user = account(backend).await;
        let pending = told(backend, &user, now()).await;
        let press = Press::at(backend, now());
        let mut rivals = Vec::new();
        for _ in 0..CONTENDERS / 2 {
            rivals.push(press.promoting(&pending, None).await);
        }
        let won = race(CONTENDERS, |number| {
            let (backend, row) = (backend.clone(), pending.row.clone());
            let rival = rivals.get(number / 2).filter(|_| number % 2 == 0).cloned();
            async move {
                match rival {
                    Some(rival) => {
                        let evidence = move |recorded: &SignInRecorded| trace(recorded.user.id);
                        is_minted(&backend.stores.sessions.insert(&rival, &evidence).await)
                    }
                    None => end(&backend, &row).await,
                }
            }
        })
        .await;
        assert_eq!((count(&won, |won| *won), traces(backend, user.id).await), (1, 1));
    }
}

/// AU-02: one whose evidence is not recorded stays.
pub async fn th_22_what_cannot_be_recorded_is_told_later(backend: &Backend) {
    let user = account(backend).await;
    let row = told(backend, &user, LONG_AGO).await.row;
    let evidence = spent(backend).await;
    assert!(backend.stores.sessions.end_unfinished(user.id, row.id, evidence).await.is_err());
    assert_eq!(unfinished(backend, &user, LONG_AGO + HOUR, 100).await, std::slice::from_ref(&row));
    assert!(end(backend, &row).await);
}

/// Nobody is left to be told of it. Sessions that live apart may keep it until somebody ends it.
pub async fn th_22_what_is_told_goes_with_its_account(backend: &Backend) {
    let Some(operator) = operator(backend, "th_22_what_is_told_goes_with_its_account") else { return };
    let user = account(backend).await;
    let row = told(backend, &user, LONG_AGO).await.row;
    operator.erase(user.id).await;
    let left = unfinished(backend, &user, LONG_AGO + HOUR, 100).await;
    if !left.is_empty() {
        assert!(backend.stores.sessions.end_unfinished(user.id, row.id, Evidence::none()).await.unwrap());
    }
    assert_eq!(unfinished(backend, &user, LONG_AGO + HOUR, 100).await, []);
}

/// A stored one.
async fn told(backend: &Backend, user: &User, at: Timestamp) -> Pending {
    let pending = Pending::told(user, at);
    pending.store(backend, None).await;
    pending
}

async fn end(backend: &Backend, row: &PendingSignIn) -> bool {
    backend.stores.sessions.end_unfinished(row.user, row.id, trace(row.user)).await.unwrap()
}

/// Those of one user, read in pages of at most `limit`.
async fn unfinished(backend: &Backend, user: &User, at: Timestamp, limit: u32) -> Vec<PendingSignIn> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = backend.stores.sessions.unfinished(at, after, limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else { break };
        after = Some((last.expires_at, last.id));
        seen.extend(page);
    }
    assert!(seen.is_sorted_by(|one, next| (one.expires_at, one.id) < (next.expires_at, next.id)));
    assert!(seen.iter().all(|row| row.expires_at <= at && row.tell_unfinished));
    let whose: UserId = user.id;
    seen.retain(|row| row.user == whose);
    seen
}
