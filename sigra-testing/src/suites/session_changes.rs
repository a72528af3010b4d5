//! [`SessionStore`](sigra_core::ports::SessionStore): activity, rotation, elevation, listing, ending.

use std::time::Duration;

use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::audit::AuditEvent;
use sigra_core::evidence::Evidence;
use sigra_core::id::{SessionId, UserId};
use sigra_core::secret::Digest;
use sigra_core::session::{NewSession, Session};
use sigra_core::user::User;

use super::Backend;
use super::press::{Pending, Press};
use super::sessions::{find, is_minted, raise_epoch, stored_session};
use super::support::*;

suite! {
    activity_moves_on_and_never_back,
    a_rotated_token_is_retired,
    one_of_many_rotations_wins,
    rotation_without_evidence_does_not_happen,
    elevation_replaces_session_and_token,
    elevation_ends_retired_tokens_too,
    elevation_needs_token_and_epochs,
    one_of_many_elevations_wins,
    elevation_without_evidence_does_not_happen,
    se_18_lists_hold_ones_own_sessions_newest_first,
    se_19_one_ends_ones_own_sessions_alone,
    ending_without_evidence_does_not_happen,
    se_17_all_sessions_end_at_once,
    ending_all_without_evidence_does_not_happen,
}

/// Activity moves the times on and may replace the assurance; what is older than the last activity changes nothing.
pub async fn activity_moves_on_and_never_back(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let bystander = stored_session(backend, &user).await;
    let (sessions, before) = (&backend.stores.sessions, minted.session().clone());
    let at = before.last_seen_at + MINUTE;
    sessions.touch(before.id, at, at + HOUR, None).await.unwrap();
    let touched = Session { last_seen_at: at, idle_expires_at: at + HOUR, ..before.clone() };
    assert_eq!(session(backend, minted.digest()).await, touched);

    let lower = Assurance { aal: Aal::One, methods: vec![Method::MAGIC_LINK], at };
    sessions.touch(before.id, at + MINUTE, at + 2 * HOUR, Some(&lower)).await.unwrap();
    let (last_seen_at, idle_expires_at) = (at + MINUTE, at + 2 * HOUR);
    let lowered = Session { last_seen_at, idle_expires_at, assurance: lower, ..before.clone() };
    assert_eq!(session(backend, minted.digest()).await, lowered);

    let late = Assurance { aal: Aal::Two, ..before.assurance.clone() };
    sessions.touch(before.id, at, at + 3 * HOUR, Some(&late)).await.unwrap();
    assert_eq!(session(backend, minted.digest()).await, lowered, "a late write went back");
    sessions.touch(SessionId::new(at), at, at + HOUR, None).await.unwrap();
    assert_eq!(session(backend, bystander.digest()).await, *bystander.session());
}

/// The new token is the current one; the old one is found as retired, also after further rotations, and after the end
/// of the session neither is.
pub async fn a_rotated_token_is_retired(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let (id, at, sessions) = (minted.session().id, now() + MINUTE, &backend.stores.sessions);
    let tokens = [minted.digest(), digest(), digest()];
    assert!(!sessions.rotate(id, digest(), tokens[1], at, trace(user.id)).await.unwrap(), "not the current token");
    assert!(!sessions.rotate(SessionId::new(at), tokens[0], tokens[1], at, trace(user.id)).await.unwrap());
    assert!(find(backend, tokens[1]).await.is_none());

    let before = traces(backend, user.id).await;
    assert!(sessions.rotate(id, tokens[0], tokens[1], at, trace(user.id)).await.unwrap());
    assert_eq!(traces(backend, user.id).await, before + 1);
    assert_eq!(find(backend, tokens[0]).await.expect("it is retired").retired_at, Some(at));
    let current = find(backend, tokens[1]).await.expect("it is current");
    assert_eq!(current.retired_at, None);
    assert_eq!(current.session, Session { rotated_at: at, ..minted.session().clone() });
    assert!(!sessions.rotate(id, tokens[0], digest(), at, Evidence::none()).await.unwrap(), "a retired token rotates");

    let later = at + 24 * HOUR;
    assert!(sessions.rotate(id, tokens[1], tokens[2], later, Evidence::none()).await.unwrap());
    let mut retired = Vec::new();
    for token in tokens {
        retired.push(find(backend, token).await.map(|found| (found.session.id, found.user.id, found.retired_at)));
    }
    let expected = [Some(at), Some(later), None].map(|retired_at| Some((id, user.id, retired_at)));
    assert_eq!(retired, expected);

    assert!(sessions.revoke(user.id, id, &|_| Evidence::none()).await.unwrap());
    for token in tokens {
        assert!(find(backend, token).await.is_none());
    }
}

/// Of many who rotate one token at once, one does, and the others' tokens are worth nothing.
pub async fn one_of_many_rotations_wins(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let (id, old, at, subject) = (minted.session().id, minted.digest(), now(), UserId::new(now()));
    let outcomes = race(CONTENDERS, |_| {
        let (sessions, new) = (backend.stores.sessions.clone(), digest());
        async move { (new, sessions.rotate(id, old, new, at, trace(subject)).await.unwrap()) }
    })
    .await;
    assert_one_token(backend, &outcomes).await;
    assert_eq!(find(backend, old).await.expect("it is retired").retired_at, Some(at));
    assert_eq!(traces(backend, subject).await, 1);
}

/// AU-02: without its evidence the token stays the current one.
pub async fn rotation_without_evidence_does_not_happen(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let (new, evidence) = (digest(), spent(backend).await);
    let rotation = backend.stores.sessions.rotate(minted.session().id, minted.digest(), new, now(), evidence);
    assert!(rotation.await.is_err());
    assert!(find(backend, new).await.is_none());
    assert_eq!(session(backend, minted.digest()).await, *minted.session());
}

/// The session is stored as given under the new token, and the old token is gone for good.
pub async fn elevation_replaces_session_and_token(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let bystander = stored_session(backend, &user).await;
    let (elevated, new) = (elevated(minted.session()), digest());
    let before = traces(backend, user.id).await;
    let sessions = &backend.stores.sessions;
    assert!(sessions.elevate(&elevated, minted.digest(), new, trace(user.id)).await.unwrap());
    assert!(find(backend, minted.digest()).await.is_none(), "SE-06: the old token still opens something");
    assert_eq!(session(backend, new).await, elevated);
    assert_eq!(session(backend, bystander.digest()).await, *bystander.session());
    assert_eq!(traces(backend, user.id).await, before + 1);
    assert!(!sessions.elevate(&elevated, minted.digest(), digest(), Evidence::none()).await.unwrap());
}

/// A token that a rotation retired does not open what was proven after it, not even within its grace.
pub async fn elevation_ends_retired_tokens_too(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let (current, new, sessions) = (digest(), digest(), &backend.stores.sessions);
    let id = minted.session().id;
    assert!(sessions.rotate(id, minted.digest(), current, now(), Evidence::none()).await.unwrap());
    assert!(sessions.elevate(&elevated(minted.session()), current, new, Evidence::none()).await.unwrap());
    for old in [minted.digest(), current] {
        assert!(find(backend, old).await.is_none());
    }
    assert!(find(backend, new).await.is_some());
}

/// Elevation needs the current token, and epochs the account still has.
pub async fn elevation_needs_token_and_epochs(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let (wanted, sessions) = (elevated(minted.session()), &backend.stores.sessions);
    let before = traces(backend, user.id).await;
    assert!(!sessions.elevate(&wanted, digest(), digest(), trace(user.id)).await.unwrap());
    let ghost = Session { id: SessionId::new(now()), ..wanted.clone() };
    assert!(!sessions.elevate(&ghost, minted.digest(), digest(), trace(user.id)).await.unwrap());
    raise_epoch(backend, &user).await;
    assert!(!sessions.elevate(&wanted, minted.digest(), digest(), trace(user.id)).await.unwrap());
    assert_eq!(session(backend, minted.digest()).await, *minted.session());
    assert_eq!(traces(backend, user.id).await, before);
}

/// Of many who elevate one session at once, one does, and the others' tokens are worth nothing.
pub async fn one_of_many_elevations_wins(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let (wanted, old) = (elevated(minted.session()), minted.digest());
    let outcomes = race(CONTENDERS, |_| {
        let (sessions, wanted, new) = (backend.stores.sessions.clone(), wanted.clone(), digest());
        async move { (new, sessions.elevate(&wanted, old, new, Evidence::none()).await.unwrap()) }
    })
    .await;
    assert_one_token(backend, &outcomes).await;
}

/// AU-02: without its evidence session and token stay as they were.
pub async fn elevation_without_evidence_does_not_happen(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let (wanted, new) = (elevated(minted.session()), digest());
    let sessions = &backend.stores.sessions;
    assert!(sessions.elevate(&wanted, minted.digest(), new, spent(backend).await).await.is_err());
    assert!(find(backend, new).await.is_none());
    assert_eq!(session(backend, minted.digest()).await, *minted.session());
}

/// The user's sessions and nobody else's, newest first, no more than asked for, and every field as it was written.
pub async fn se_18_lists_hold_ones_own_sessions_newest_first(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    stored_session(backend, &other).await;
    let mut minted: Vec<Session> = Vec::new();
    for age in [2, 4, 1, 3] {
        let session = Press::at(backend, now() - age * HOUR).session(&user).await;
        assert!(is_minted(&backend.stores.sessions.insert(&session, &|_| Evidence::none()).await));
        minted.push(session.session().clone());
    }
    minted.sort_by_key(|session| std::cmp::Reverse(session.created_at));
    let list = |limit| backend.stores.sessions.list(user.id, limit);
    assert_eq!(list(10).await.unwrap(), minted);
    assert_eq!(list(2).await.unwrap(), minted[..2]);
    assert!(backend.stores.sessions.list(UserId::new(now()), 10).await.unwrap().is_empty());
}

/// SE-13: what was ended is gone for the next read. Another user's session, or none, ends nothing; the outcome says so.
pub async fn se_19_one_ends_ones_own_sessions_alone(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let (mine, kept) = (stored_session(backend, &user).await, stored_session(backend, &user).await);
    let theirs = stored_session(backend, &other).await;
    let subject = UserId::new(now());
    assert!(!revoke(backend, &user, theirs.session().id, subject).await);
    assert!(!revoke(backend, &user, SessionId::new(now()), subject).await);
    assert!(revoke(backend, &user, mine.session().id, subject).await);
    assert!(!revoke(backend, &user, mine.session().id, subject).await);
    assert!(find(backend, mine.digest()).await.is_none());
    assert!(find(backend, kept.digest()).await.is_some() && find(backend, theirs.digest()).await.is_some());
    let mut told: Vec<_> =
        trail(backend, subject).await.iter().map(|event| event.metadata["existed"].as_bool().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, [false, false, false, true], "the evidence is made from the outcome");
}

/// AU-02: without its evidence no session ends.
pub async fn ending_without_evidence_does_not_happen(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let evidence = spent(backend).await;
    let sessions = &backend.stores.sessions;
    assert!(sessions.revoke(user.id, minted.session().id, &|_| evidence.clone()).await.is_err());
    assert!(find(backend, minted.digest()).await.is_some());
}

/// All sessions and pending sign-ins of the user end, but the one excepted; nobody else's do.
pub async fn se_17_all_sessions_end_at_once(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let (theirs, their_pending) =
        (stored_session(backend, &other).await, Pending::stored(backend, &other, now()).await);
    let mut mine: Vec<NewSession> = Vec::new();
    for _ in 0..4 {
        mine.push(stored_session(backend, &user).await);
    }
    let pending = Pending::stored(backend, &user, now()).await;
    let kept = &mine[2];
    let subject = UserId::new(now());
    assert_eq!(revoke_all(backend, &user, Some(kept.session().id), subject).await, 3);
    for session in &mine {
        let stands = find(backend, session.digest()).await.is_some();
        assert_eq!(stands, session.digest() == kept.digest());
    }
    assert!(!pending.is_stored(backend).await);
    assert_eq!(revoke_all(backend, &user, Some(kept.session().id), subject).await, 0);
    assert_eq!(revoke_all(backend, &user, Some(theirs.session().id), subject).await, 1);
    assert!(find(backend, kept.digest()).await.is_none());
    assert_eq!(revoke_all(backend, &user, None, subject).await, 0);
    assert!(find(backend, theirs.digest()).await.is_some() && their_pending.is_stored(backend).await);
    let mut told: Vec<_> =
        trail(backend, subject).await.iter().map(|event| event.metadata["ended"].as_u64().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, [0, 0, 1, 3], "the evidence is made from the outcome");
}

/// AU-02: without its evidence nothing ends.
pub async fn ending_all_without_evidence_does_not_happen(backend: &Backend) {
    let user = account(backend).await;
    let minted = stored_session(backend, &user).await;
    let pending = Pending::stored(backend, &user, now()).await;
    let evidence = spent(backend).await;
    assert!(backend.stores.sessions.revoke_all(user.id, None, &|_| evidence.clone()).await.is_err());
    assert!(find(backend, minted.digest()).await.is_some() && pending.is_stored(backend).await);
}

async fn session(backend: &Backend, digest: Digest) -> Session {
    let found = find(backend, digest).await.expect("the session stands");
    assert_eq!(found.retired_at, None);
    found.session
}

/// The session as it would be after its user authenticated again with two factors.
fn elevated(session: &Session) -> Session {
    let at = session.last_seen_at + Duration::from_micros(1_234_567);
    let methods = vec![Method::PASSWORD, Method::from_stored("otp".to_owned())];
    Session {
        assurance: Assurance { aal: Aal::Two, methods, at },
        fresh_until: Some(at + 5 * MINUTE),
        last_seen_at: at,
        rotated_at: at,
        idle_expires_at: at + HOUR,
        expires_at: at + 24 * HOUR,
        ..session.clone()
    }
}

async fn assert_one_token(backend: &Backend, outcomes: &[(Digest, bool)]) {
    assert_eq!(count(outcomes, |(_, won)| *won), 1);
    for (token, won) in outcomes {
        assert_eq!(find(backend, *token).await.is_some(), *won);
    }
}

async fn revoke(backend: &Backend, user: &User, id: SessionId, subject: UserId) -> bool {
    let evidence = |existed: &bool| told(subject, "existed", *existed);
    backend.stores.sessions.revoke(user.id, id, &evidence).await.unwrap()
}

async fn revoke_all(backend: &Backend, user: &User, except: Option<SessionId>, subject: UserId) -> u64 {
    let evidence = |ended: &u64| told(subject, "ended", *ended);
    backend.stores.sessions.revoke_all(user.id, except, &evidence).await.unwrap()
}

fn told(subject: UserId, key: &str, outcome: impl Into<serde_json::Value>) -> Evidence {
    Evidence::event(AuditEvent::new(CHECKED, now(), &client()).about(subject).with(key, outcome))
}
