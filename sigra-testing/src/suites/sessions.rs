//! [`SessionStore`](sigra_core::ports::SessionStore): minting, finding, pending sign-ins. What changes and ends sessions
//! is checked by [`session_changes`](super::session_changes).

use sigra_core::error::{StoreError, StoreErrorKind};
use sigra_core::evidence::Evidence;
use sigra_core::id::{PendingId, UserId};
use sigra_core::ports::{FoundSession, Minted};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::session::NewSession;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::press::{Pending, Press};
use super::support::*;

suite! {
    a_session_is_found_with_its_user,
    se_08_what_exists_is_never_overwritten,
    se_08_one_of_many_equal_sessions_wins,
    a_session_of_other_epochs_is_not_minted,
    a_session_of_a_disabled_account_is_not_minted,
    minting_promotes_its_pending_sign_in,
    one_of_many_promotions_wins,
    minting_ends_the_session_it_replaces,
    minting_without_evidence_does_not_happen,
    pending_sign_ins_read_back_with_their_user,
    a_step_takes_the_place_of_the_one_before,
    tk_03_one_of_many_steps_goes_on,
    a_step_needs_the_epochs_of_its_proof,
    ending_a_pending_sign_in_is_idempotent,
    a_pending_sign_in_without_its_evidence_is_not_stored,
}

/// Session and user come together, every field as it was written; expired ones too, for the caller judges.
pub async fn a_session_is_found_with_its_user(backend: &Backend) {
    let user = account(backend).await;
    let long_ago = now() - 100_000 * HOUR;
    for at in [now(), long_ago] {
        let session = Press::at(backend, at).session(&user).await;
        assert_eq!(insert(backend, &session).await.unwrap(), Minted::Done);
        let found = find(backend, session.digest()).await.expect("it was stored");
        assert_eq!(found.session, *session.session());
        assert_eq!(found.user, stored(backend, user.id).await);
        assert_eq!(found.retired_at, None);
    }
    assert_eq!(traces(backend, user.id).await, 2);
    assert!(find(backend, digest()).await.is_none());
    assert!(find(backend, Digest::from_bytes([0; 32])).await.is_none());
}

/// A digest or an id that exists is a conflict, and what has it stays as it was.
pub async fn se_08_what_exists_is_never_overwritten(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let session = stored_session(backend, &user).await;
    let before = find(backend, session.digest()).await;
    assert_conflict(insert(backend, &session).await);
    assert_eq!(find(backend, session.digest()).await, before);

    // Another session's token becomes the one the next session would have.
    let theirs = Press::at(backend, now()).session(&other).await;
    let sessions = &backend.stores.sessions;
    let (id, old) = (session.session().id, session.digest());
    assert!(sessions.rotate(id, old, theirs.digest(), now(), Evidence::none()).await.unwrap());
    assert_conflict(insert(backend, &theirs).await);
    assert_conflict(insert(backend, &session).await);
    let found = find(backend, theirs.digest()).await.expect("the first keeps it");
    assert_eq!((found.session.id, found.user.id), (id, user.id));
    assert!(sessions.list(other.id, 10).await.unwrap().is_empty());

    // A token that a rotation retired is taken still.
    assert!(sessions.rotate(id, theirs.digest(), digest(), now(), Evidence::none()).await.unwrap());
    assert_conflict(insert(backend, &theirs).await);
    assert!(find(backend, theirs.digest()).await.is_some_and(|found| found.session.id == id));

    // An elevated session has its id still, and its first token no more.
    let session = stored_session(backend, &user).await;
    let new = digest();
    assert!(sessions.elevate(session.session(), session.digest(), new, Evidence::none()).await.unwrap());
    assert_conflict(insert(backend, &session).await);
    assert!(find(backend, session.digest()).await.is_none() && find(backend, new).await.is_some());
}

/// Of many equal sessions inserted at once, one is stored, and the others are told.
pub async fn se_08_one_of_many_equal_sessions_wins(backend: &Backend) {
    let user = account(backend).await;
    let session = Press::at(backend, now()).session(&user).await;
    let subject = UserId::new(now());
    let outcomes = race(CONTENDERS, |_| {
        let (sessions, session) = (backend.stores.sessions.clone(), session.clone());
        async move { sessions.insert(&session, trace(subject)).await.map_err(|error| error.kind()) }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| *outcome == Ok(Minted::Done)), 1);
    assert_eq!(count(&outcomes, |outcome| *outcome == Err(StoreErrorKind::Conflict)), CONTENDERS - 1);
    assert_eq!(backend.stores.sessions.list(user.id, 100).await.unwrap().len(), 1);
}

/// A session whose epochs the account has left behind is not minted, and deletes nothing.
pub async fn a_session_of_other_epochs_is_not_minted(backend: &Backend) {
    let user = account(backend).await;
    let held = stored_session(backend, &user).await;
    let pending = Pending::stored(backend, &user, now()).await;
    let stale = Press::at(backend, now()).promoting(&pending, Some(held.session().id)).await;
    raise_epoch(backend, &user).await;
    let before = traces(backend, user.id).await;
    assert_eq!(insert(backend, &stale).await.unwrap(), Minted::Stale);
    assert!(find(backend, stale.digest()).await.is_none());
    assert!(pending.is_stored(backend).await);
    assert!(find(backend, held.digest()).await.is_some());
    assert_eq!(traces(backend, user.id).await, before);
}

/// SE-15: nobody mints a session for an account that was disabled meanwhile.
pub async fn a_session_of_a_disabled_account_is_not_minted(backend: &Backend) {
    let Some(operator) = operator(backend, "sessions::a_session_of_a_disabled_account_is_not_minted") else { return };
    let user = account(backend).await;
    let session = Press::at(backend, now()).session(&user).await;
    operator.disable(user.id, now()).await;
    assert_eq!(insert(backend, &session).await.unwrap(), Minted::Stale);
    assert!(find(backend, session.digest()).await.is_none());
}

/// The pending sign-in goes when the session comes; without it no session comes.
pub async fn minting_promotes_its_pending_sign_in(backend: &Backend) {
    let user = account(backend).await;
    let held = stored_session(backend, &user).await;
    let (pending, other) = (Pending::stored(backend, &user, now()).await, Pending::stored(backend, &user, now()).await);
    let press = Press::at(backend, now());
    let first = press.promoting(&pending, None).await;
    let second = press.promoting(&pending, Some(held.session().id)).await;
    assert_eq!(insert(backend, &first).await.unwrap(), Minted::Done);
    assert!(!pending.is_stored(backend).await && other.is_stored(backend).await);

    let before = traces(backend, user.id).await;
    assert_eq!(insert(backend, &second).await.unwrap(), Minted::PendingGone);
    assert!(find(backend, second.digest()).await.is_none());
    assert!(find(backend, held.digest()).await.is_some(), "the browser keeps the session it had");
    assert_eq!(traces(backend, user.id).await, before);
}

/// Of many sessions that promote one pending sign-in at once, one is minted.
pub async fn one_of_many_promotions_wins(backend: &Backend) {
    let user = account(backend).await;
    let pending = Pending::stored(backend, &user, now()).await;
    let press = Press::at(backend, now());
    let mut rivals = Vec::new();
    for _ in 0..CONTENDERS {
        rivals.push(press.promoting(&pending, None).await);
    }
    let outcomes = race(CONTENDERS, |number| {
        let (sessions, rival) = (backend.stores.sessions.clone(), rivals[number].clone());
        async move { sessions.insert(&rival, Evidence::none()).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |minted| *minted == Minted::Done), 1);
    assert_eq!(count(&outcomes, |minted| *minted == Minted::PendingGone), CONTENDERS - 1);
    assert_eq!(backend.stores.sessions.list(user.id, 100).await.unwrap().len(), 1);
}

/// SE-06: the session the browser held ends, whoever's it was. One that is gone already does not matter.
pub async fn minting_ends_the_session_it_replaces(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let theirs = stored_session(backend, &other).await;
    let kept = stored_session(backend, &other).await;
    let press = Press::at(backend, now());
    let replaced = Some(theirs.session().id);
    for session in [press.replacing(&user, replaced).await, press.replacing(&user, replaced).await] {
        assert_eq!(insert(backend, &session).await.unwrap(), Minted::Done);
        assert!(find(backend, session.digest()).await.is_some());
        assert!(find(backend, theirs.digest()).await.is_none());
    }
    assert!(find(backend, kept.digest()).await.is_some());
}

/// AU-02: without its evidence no session is minted and nothing is deleted.
pub async fn minting_without_evidence_does_not_happen(backend: &Backend) {
    let user = account(backend).await;
    let held = stored_session(backend, &user).await;
    let pending = Pending::stored(backend, &user, now()).await;
    let session = Press::at(backend, now()).promoting(&pending, Some(held.session().id)).await;
    assert!(backend.stores.sessions.insert(&session, spent(backend).await).await.is_err());
    assert!(find(backend, session.digest()).await.is_none());
    assert!(pending.is_stored(backend).await && find(backend, held.digest()).await.is_some());
}

/// A pending sign-in is found by its own token, with its user, expired or not; it is no session.
pub async fn pending_sign_ins_read_back_with_their_user(backend: &Backend) {
    let user = account(backend).await;
    let sessions = &backend.stores.sessions;
    for at in [now(), now() - 100_000 * HOUR] {
        let pending = Pending::stored(backend, &user, at).await;
        let (row, owner) = sessions.find_pending(pending.digest()).await.unwrap().expect("it was stored");
        assert_eq!((row, owner), (pending.row.clone(), user.clone()));
        assert!(find(backend, pending.digest()).await.is_none());
    }
    assert!(sessions.find_pending(digest()).await.unwrap().is_none());
    let session = stored_session(backend, &user).await;
    assert!(sessions.find_pending(session.digest()).await.unwrap().is_none());
}

/// A pending sign-in that continues another one leaves one of the two.
pub async fn a_step_takes_the_place_of_the_one_before(backend: &Backend) {
    let user = account(backend).await;
    let first = Pending::stored(backend, &user, now()).await;
    let bystander = Pending::stored(backend, &user, now()).await;
    let second = Pending::new(&user, now());
    second.store(backend, Some(first.row.id)).await;
    assert!(!first.is_stored(backend).await);
    assert!(second.is_stored(backend).await && bystander.is_stored(backend).await);
}

/// Of concurrent steps from one pending sign-in one goes on; none does once it has ended.
pub async fn tk_03_one_of_many_steps_goes_on(backend: &Backend) {
    let user = account(backend).await;
    let first = Pending::stored(backend, &user, now()).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, next, first) = (backend.clone(), Pending::new(&user, now()), first.row.id);
        async move { next.insert(&backend, Some(first)).await }
    })
    .await;
    assert_eq!(count(&outcomes, |minted| *minted == Minted::Done), 1);
    assert_eq!(count(&outcomes, |minted| *minted == Minted::PendingGone), CONTENDERS - 1);
    let late = Pending::new(&user, now());
    assert_eq!(late.insert(backend, Some(first.row.id)).await, Minted::PendingGone);
    assert!(!late.is_stored(backend).await);
}

/// A pending sign-in under epochs that are not the user's any more is not stored, and the one it continues stays.
pub async fn a_step_needs_the_epochs_of_its_proof(backend: &Backend) {
    let user = account(backend).await;
    let first = Pending::stored(backend, &user, now()).await;
    let Epochs { security, factor } = user.epochs;
    for epochs in [Epochs { security: security + 1, factor }, Epochs { security, factor: factor + 1 }] {
        let other = Pending::new(&User { epochs, ..user.clone() }, now());
        assert_eq!(other.insert(backend, Some(first.row.id)).await, Minted::Stale);
        assert!(first.is_stored(backend).await && !other.is_stored(backend).await);
    }
}

/// A pending sign-in ends once; ending it again, or one that never was, is no error.
pub async fn ending_a_pending_sign_in_is_idempotent(backend: &Backend) {
    let user = account(backend).await;
    let (one, two) = (Pending::stored(backend, &user, now()).await, Pending::stored(backend, &user, now()).await);
    let sessions = &backend.stores.sessions;
    for id in [one.row.id, one.row.id, PendingId::new(now())] {
        sessions.delete_pending(id).await.unwrap();
    }
    assert!(!one.is_stored(backend).await && two.is_stored(backend).await);
}

/// AU-02: without its evidence a pending sign-in is not stored, and the one it continues stays.
pub async fn a_pending_sign_in_without_its_evidence_is_not_stored(backend: &Backend) {
    let user = account(backend).await;
    let first = Pending::stored(backend, &user, now()).await;
    let second = Pending::new(&user, now());
    let evidence = spent(backend).await;
    let sessions = &backend.stores.sessions;
    assert!(sessions.insert_pending(&second.row, second.digest(), Some(first.row.id), evidence).await.is_err());
    assert!(first.is_stored(backend).await && !second.is_stored(backend).await);
}

/// A session that is stored.
pub(super) async fn stored_session(backend: &Backend, user: &User) -> NewSession {
    let session = Press::at(backend, now()).session(user).await;
    let minted = backend.stores.sessions.insert(&session, Evidence::none()).await.unwrap();
    assert_eq!(minted, Minted::Done);
    session
}

pub(super) async fn find(backend: &Backend, digest: Digest) -> Option<FoundSession> {
    backend.stores.sessions.find(digest).await.unwrap()
}

/// Raises the account's security epoch the way a reset does.
pub(super) async fn raise_epoch(backend: &Backend, user: &User) {
    let reset = mail_token(backend, user, Purpose::RESET_PASSWORD).await;
    let accounts = &backend.stores.accounts;
    accounts.reset_password(reset.digest, &hash("reset"), now(), &|_| Evidence::none()).await.unwrap().unwrap();
}

async fn insert(backend: &Backend, session: &NewSession) -> Result<Minted, StoreError> {
    backend.stores.sessions.insert(session, trace(session.session().user)).await
}

fn assert_conflict(outcome: Result<Minted, StoreError>) {
    assert_eq!(outcome.map_err(|error| error.kind()), Err(StoreErrorKind::Conflict));
}
