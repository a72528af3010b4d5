//! [`SessionStore`](sigra_core::ports::SessionStore): accounts that have so many sessions at most.

use std::sync::Mutex;

use sigra_core::evidence::Evidence;
use sigra_core::id::SessionId;
use sigra_core::ports::{Minted, SignInRecorded};
use sigra_core::session::NewSession;
use sigra_core::user::User;

use super::Backend;
use super::press::{Pending, Press};
use super::sessions::{is_minted, raise_epoch};
use super::support::*;

suite! {
    se_21_one_more_ends_the_oldest,
    se_21_a_step_ends_the_oldest_too,
    se_21_what_has_ended_is_not_counted,
    se_21_what_is_replaced_makes_room,
    se_21_sign_ins_at_once_leave_as_many_as_may_be,
    se_21_without_its_evidence_nothing_is_ended,
}

/// The oldest goes, whatever the order they came in, and the evidence hears of it. Accounts are counted each by itself.
pub async fn se_21_one_more_ends_the_oldest(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let at = now();
    let theirs = mint(backend, &Press::limited(backend, at - HOUR, 2).session(&other).await).await.0;
    let newer = mint(backend, &Press::limited(backend, at + MINUTE, 2).session(&user).await).await.0;
    let older = mint(backend, &Press::limited(backend, at, 2).session(&user).await).await.0;
    assert_eq!(stored_of(backend, &user).await, [newer, older]);
    let (third, ended) = mint(backend, &Press::limited(backend, at + 2 * MINUTE, 2).session(&user).await).await;
    assert_eq!(ended, [older]);
    assert_eq!(stored_of(backend, &user).await, [third, newer]);
    assert_eq!(stored_of(backend, &other).await, [theirs]);

    // With a limit that was lowered since, all that is too much goes, the oldest first of all.
    let fourth = Press::limited(backend, at + 3 * MINUTE, 1).session(&user).await;
    let (fourth, ended) = mint(backend, &fourth).await;
    assert_eq!(ended, [third, newer]);
    assert_eq!(stored_of(backend, &user).await, [fourth]);

    // Without one, none goes.
    let (fifth, ended) = mint(backend, &Press::at(backend, at + 4 * MINUTE).session(&user).await).await;
    assert_eq!(ended, []);
    assert_eq!(stored_of(backend, &user).await, [fifth, fourth]);
}

/// A sign-in that owed a step is counted as any other.
pub async fn se_21_a_step_ends_the_oldest_too(backend: &Backend) {
    let (user, at) = (account(backend).await, now());
    let (first, _) = mint(backend, &Press::limited(backend, at, 1).session(&user).await).await;
    let pending = Pending::stored(backend, &user, at).await;
    let press = Press::limited(backend, at + MINUTE, 1);
    let (promoted, late) = (press.promoting(&pending, None).await, press.promoting(&pending, None).await);
    let (second, ended) = mint(backend, &promoted).await;
    assert_eq!((ended, stored_of(backend, &user).await), (vec![first], vec![second]));
    // One that is not minted ends nothing.
    let minted = backend.stores.sessions.insert(&late, &|_| trace(user.id)).await.unwrap();
    assert_eq!(minted, Minted::PendingGone);
    assert_eq!(stored_of(backend, &user).await, [second]);
}

/// Sessions that ended by time or with their epochs leave room, and stay for housekeeping.
pub async fn se_21_what_has_ended_is_not_counted(backend: &Backend) {
    let (user, at) = (account(backend).await, now());
    let (expired, _) = mint(backend, &Press::at(backend, at - 100_000 * HOUR).session(&user).await).await;
    let (stale, _) = mint(backend, &Press::at(backend, at).session(&user).await).await;
    raise_epoch(backend, &user).await;
    let user = stored(backend, user.id).await;
    let (first, ended) = mint(backend, &Press::limited(backend, at + MINUTE, 2).session(&user).await).await;
    assert_eq!(ended, []);
    let (second, ended) = mint(backend, &Press::limited(backend, at + 2 * MINUTE, 2).session(&user).await).await;
    assert_eq!(ended, []);
    assert_eq!(stored_of(backend, &user).await, [second, first, stale, expired]);
}

/// The session the browser held makes room for the one that takes its place.
pub async fn se_21_what_is_replaced_makes_room(backend: &Backend) {
    let (user, at) = (account(backend).await, now());
    let (first, _) = mint(backend, &Press::limited(backend, at, 2).session(&user).await).await;
    let (second, _) = mint(backend, &Press::limited(backend, at + MINUTE, 2).session(&user).await).await;
    let press = Press::limited(backend, at + 2 * MINUTE, 2);
    let (third, ended) = mint(backend, &press.replacing(&user, Some(second)).await).await;
    assert_eq!(ended, []);
    assert_eq!(stored_of(backend, &user).await, [third, first]);
}

/// However many sign in at once, there are as many sessions afterwards as there may be.
pub async fn se_21_sign_ins_at_once_leave_as_many_as_may_be(backend: &Backend) {
    let user = account(backend).await;
    let press = Press::limited(backend, now(), 3);
    let mut rivals = Vec::new();
    for _ in 0..CONTENDERS {
        rivals.push(press.session(&user).await);
    }
    let outcomes = race(CONTENDERS, |number| {
        let (sessions, rival) = (backend.stores.sessions.clone(), rivals[number].clone());
        async move { sessions.insert(&rival, &|recorded| trace(recorded.user.id)).await }
    })
    .await;
    assert_eq!(count(&outcomes, is_minted), CONTENDERS);
    let kept = stored_of(backend, &user).await;
    assert_eq!(kept.len(), 3);
    let mut ended: Vec<_> = outcomes
        .into_iter()
        .flat_map(|outcome| match outcome.unwrap() {
            Minted::Done(recorded) => recorded.crowded_out,
            minted => panic!("nothing stands against it: {minted:?}"),
        })
        .collect();
    ended.sort();
    let mut expected: Vec<_> = rivals.iter().map(|rival| rival.session().id).filter(|id| !kept.contains(id)).collect();
    expected.sort();
    assert_eq!(ended, expected, "each that is gone was ended by one sign-in");
}

/// AU-02: a sign-in that leaves no evidence ends no session.
pub async fn se_21_without_its_evidence_nothing_is_ended(backend: &Backend) {
    let (user, at) = (account(backend).await, now());
    let (first, _) = mint(backend, &Press::limited(backend, at, 1).session(&user).await).await;
    let (second, spent) = (Press::limited(backend, at + MINUTE, 1).session(&user).await, spent(backend).await);
    assert!(backend.stores.sessions.insert(&second, &|_| spent.clone()).await.is_err());
    assert_eq!(stored_of(backend, &user).await, [first]);
}

/// Mints a session. Answers its id, and which ended for it, as the evidence was told too.
async fn mint(backend: &Backend, session: &NewSession) -> (SessionId, Vec<SessionId>) {
    let told = Mutex::new(Vec::new());
    let evidence = |recorded: &SignInRecorded| {
        *told.lock().unwrap() = recorded.crowded_out.clone();
        Evidence::none()
    };
    let minted = backend.stores.sessions.insert(session, &evidence).await.unwrap();
    let Minted::Done(recorded) = minted else { panic!("nothing stands against it: {minted:?}") };
    assert_eq!(*told.lock().unwrap(), recorded.crowded_out, "the evidence is of another outcome");
    (session.session().id, recorded.crowded_out)
}

/// The account's stored sessions, newest first.
async fn stored_of(backend: &Backend, user: &User) -> Vec<SessionId> {
    backend.stores.sessions.list(user.id, 100).await.unwrap().iter().map(|session| session.id).collect()
}
