//! [`SessionStore`](sigra_core::ports::SessionStore): minting, finding, pending sign-ins. What changes and ends sessions
//! is checked by [`session_changes`](super::session_changes).

use std::sync::Mutex;

use sigra_core::assurance::Method;
use sigra_core::error::{StoreError, StoreErrorKind};
use sigra_core::evidence::Evidence;
use sigra_core::id::{PendingId, UserId};
use sigra_core::ports::{FoundSession, Minted, SignInDevice, SignInRecorded};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::session::{Device, NewSession};
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::accounts::cleared_at;
use super::press::{Pending, Press};
use super::support::*;

suite! {
    a_session_is_found_with_its_user,
    se_08_what_exists_is_never_overwritten,
    se_08_one_of_many_equal_sessions_wins,
    a_session_of_other_epochs_is_not_minted,
    a_session_of_a_disabled_account_is_not_minted,
    minting_records_the_sign_in,
    th_02_minting_clears_attempts_by_password_and_mailbox_alone,
    minting_moves_a_known_device_on,
    a_session_whose_sign_in_is_not_recorded_is_not_minted,
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
        assert!(is_minted(&insert(backend, &session).await));
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
    assert!(!is_recorded(backend, &theirs).await, "a sign-in without a session was recorded");
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
        async move { sessions.insert(&session, &|_| trace(subject)).await }
    })
    .await;
    assert_eq!(count(&outcomes, is_minted), 1);
    let is_conflict = |outcome: &Inserted| matches!(outcome, Err(error) if error.kind() == StoreErrorKind::Conflict);
    assert_eq!(count(&outcomes, is_conflict), CONTENDERS - 1);
    assert_eq!(backend.stores.sessions.list(user.id, 100).await.unwrap().len(), 1);
    assert_eq!(traces(backend, subject).await, 1);
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
    assert!(!is_recorded(backend, &stale).await);
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
    assert!(!is_recorded(backend, &session).await);
    assert_eq!(traces(backend, user.id).await, 0);
}

/// The sign-in is recorded with its session: the account hears of the time, the evidence of the time before, and a new
/// device is remembered.
pub async fn minting_records_the_sign_in(backend: &Backend) {
    let (user, at) = (account(backend).await, now());
    let mut previous = None;
    for at in [at, at + MINUTE] {
        let session = Press::at(backend, at).session(&user).await;
        let told = Mutex::new(Vec::new());
        let evidence = |recorded: &SignInRecorded| {
            told.lock().unwrap().push(recorded.clone());
            trace(user.id)
        };
        let minted = backend.stores.sessions.insert(&session, &evidence).await.unwrap();
        let Minted::Done(recorded) = minted else { panic!("nothing stands against it: {minted:?}") };
        assert_eq!(recorded.previous_sign_in_at, previous);
        assert_eq!(recorded.user.last_sign_in_at, Some(at));
        assert_eq!(recorded.user, stored(backend, user.id).await);
        assert_eq!(told.lock().unwrap().last(), Some(&recorded), "the evidence is of another outcome");
        assert!(is_recorded(backend, &session).await);
        previous = Some(at);
    }
    assert_eq!(traces(backend, user.id).await, 2);

    // Another host's clock may be behind.
    let late = Press::at(backend, at - HOUR).session(&user).await;
    assert!(is_minted(&insert(backend, &late).await));
    assert_eq!(stored(backend, user.id).await.last_sign_in_at, Some(at + MINUTE), "time went back");
}

/// Attempts are cleared as of the sign-in whose session shows the password or the mailbox. One by a passkey, or in a browser
/// that is trusted, clears none; neither does a rotation.
pub async fn th_02_minting_clears_attempts_by_password_and_mailbox_alone(backend: &Backend) {
    let sessions = &backend.stores.sessions;
    let (user, at) = (account(backend).await, now());
    let mut expected = None;
    let shown: [(&[Method], bool); 6] = [
        (&[Method::new("hwk"), Method::MULTI_FACTOR], false),
        (&[Method::PASSWORD], true),
        (&[Method::TRUSTED_BROWSER, Method::new("swk")], false),
        (&[Method::MAGIC_LINK], true),
        (&[Method::new("swk"), Method::EMAIL_CODE], true),
        (&[Method::new("hwk")], false),
    ];
    for (minute, (methods, clears)) in (0..).zip(shown) {
        let at = at + minute * MINUTE;
        let session = Press::at(backend, at).shown(&user, methods.to_vec()).await;
        assert!(is_minted(&insert(backend, &session).await));
        expected = if clears { Some(at) } else { expected };
        assert_eq!(cleared_at(backend, user.id).await, expected, "{methods:?}");
        let (id, old) = (session.session().id, session.digest());
        assert!(sessions.rotate(id, old, digest(), at + TICK, Evidence::none()).await.unwrap());
        assert_eq!(cleared_at(backend, user.id).await, expected, "a rotation");
    }
}

/// A sign-in from a known device moves its times on, and remembers no other.
pub async fn minting_moves_a_known_device_on(backend: &Backend) {
    let (user, at) = (account(backend).await, now());
    let (first, token) = Press::at(backend, at).on_device(&user, None).await;
    assert!(is_minted(&insert(backend, &first).await));
    let device = device(backend, &first).await.expect("it is remembered");

    let later = at + HOUR;
    let (again, none) = Press::at(backend, later).on_device(&user, token).await;
    assert!(none.is_none(), "the device is known");
    let SignInDevice::Known { id, expires_at } = again.sign_in().device else { panic!("the device is known") };
    assert_eq!(id, device.id);
    assert!(is_minted(&insert(backend, &again).await));
    let moved_on = Device { last_seen_at: later, expires_at, ..device };
    assert_eq!(self::device(backend, &first).await, Some(moved_on));
}

/// A sign-in that cannot be recorded mints nothing and deletes nothing.
pub async fn a_session_whose_sign_in_is_not_recorded_is_not_minted(backend: &Backend) {
    let user = account(backend).await;
    let held = stored_session(backend, &user).await;
    let pending = Pending::stored(backend, &user, now()).await;
    let session = Press::at(backend, now()).promoting(&pending, Some(held.session().id)).await;
    // Its device exists already, and must not be overwritten either.
    let recorded = backend.stores.accounts.record_sign_in(session.sign_in(), &|_| Evidence::none()).await.unwrap();
    assert!(recorded.is_some());
    assert_conflict(insert(backend, &session).await);
    assert!(find(backend, session.digest()).await.is_none());
    assert!(pending.is_stored(backend).await && find(backend, held.digest()).await.is_some());
    assert_eq!(traces(backend, user.id).await, 0);
}

/// The pending sign-in goes when the session comes; without it no session comes.
pub async fn minting_promotes_its_pending_sign_in(backend: &Backend) {
    let user = account(backend).await;
    let held = stored_session(backend, &user).await;
    let (pending, other) = (Pending::stored(backend, &user, now()).await, Pending::stored(backend, &user, now()).await);
    let press = Press::at(backend, now());
    let first = press.promoting(&pending, None).await;
    let second = press.promoting(&pending, Some(held.session().id)).await;
    assert!(is_minted(&insert(backend, &first).await));
    assert!(!pending.is_stored(backend).await && other.is_stored(backend).await);

    let before = traces(backend, user.id).await;
    assert_eq!(insert(backend, &second).await.unwrap(), Minted::PendingGone);
    assert!(find(backend, second.digest()).await.is_none());
    assert!(!is_recorded(backend, &second).await);
    assert!(find(backend, held.digest()).await.is_some(), "the browser keeps the session it had");
    assert_eq!(traces(backend, user.id).await, before);
}

/// Of many sessions that promote one pending sign-in at once, one is minted, and one leaves a device and evidence.
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
        let evidence = move |recorded: &SignInRecorded| trace(recorded.user.id);
        async move { sessions.insert(&rival, &evidence).await }
    })
    .await;
    assert_eq!(count(&outcomes, is_minted), 1);
    assert_eq!(count(&outcomes, |outcome| matches!(outcome, Ok(Minted::PendingGone))), CONTENDERS - 1);
    assert_eq!(traces(backend, user.id).await, 1);
    let mut remembered = 0;
    for (rival, outcome) in rivals.iter().zip(&outcomes) {
        assert_eq!(find(backend, rival.digest()).await.is_some(), is_minted(outcome));
        remembered += usize::from(is_recorded(backend, rival).await);
    }
    assert_eq!(remembered, 1, "who came too late left a device");
}

/// SE-06: the session the browser held ends, whoever's it was. One that is gone already does not matter.
pub async fn minting_ends_the_session_it_replaces(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let theirs = stored_session(backend, &other).await;
    let kept = stored_session(backend, &other).await;
    let press = Press::at(backend, now());
    let replaced = Some(theirs.session().id);
    for session in [press.replacing(&user, replaced).await, press.replacing(&user, replaced).await] {
        assert!(is_minted(&insert(backend, &session).await));
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
    let (evidence, before) = (spent(backend).await, stored(backend, user.id).await);
    assert!(backend.stores.sessions.insert(&session, &|_| evidence.clone()).await.is_err());
    assert!(find(backend, session.digest()).await.is_none());
    assert!(!is_recorded(backend, &session).await);
    assert_eq!(stored(backend, user.id).await, before);
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
    assert_eq!(count(&outcomes, |minted| *minted == Minted::Done(())), 1);
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
    assert!(is_minted(&backend.stores.sessions.insert(&session, &|_| Evidence::none()).await));
    session
}

pub(super) fn is_minted(outcome: &Inserted) -> bool {
    matches!(outcome, Ok(Minted::Done(_)))
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

pub(super) type Inserted = Result<Minted<SignInRecorded>, StoreError>;

async fn insert(backend: &Backend, session: &NewSession) -> Inserted {
    backend.stores.sessions.insert(session, &|recorded| trace(recorded.user.id)).await
}

/// The device a session from a new one leaves.
async fn device(backend: &Backend, session: &NewSession) -> Option<Device> {
    let sign_in = session.sign_in();
    let SignInDevice::New { digest, .. } = &sign_in.device else { panic!("the session is not from a new device") };
    backend.stores.devices.find(*digest, sign_in.at).await.unwrap()
}

/// Whether the sign-in of a session from a new device left it.
async fn is_recorded(backend: &Backend, session: &NewSession) -> bool {
    device(backend, session).await.is_some()
}

fn assert_conflict(outcome: Inserted) {
    assert_eq!(outcome.map_err(|error| error.kind()), Err(StoreErrorKind::Conflict));
}
