//! [`PasskeyStore`](sigra_passkeys::ports::PasskeyStore): using, renaming, removing, disowning.

use sigra_core::audit::AuditEvent;
use sigra_core::evidence::Evidence;
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::ports::{Minted, Recovered};
use sigra_core::secret::Purpose;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_passkeys::Passkey;
use sigra_passkeys::ports::{Disowned, PasskeyUse, Removed};

use super::PasskeyBackend;
use super::passkeys::{given_a_handle, handle, holder, passkey, registered};
use super::press::Press;
use super::reclaiming::{redeem, unproven};
use super::support::*;

suite! {
    over PasskeyBackend:
    a_use_is_recorded_while_the_counter_is_the_one_it_was_judged_by,
    one_of_many_uses_of_a_counter_wins,
    uses_without_a_counter_are_all_recorded,
    a_use_without_its_evidence_is_not_recorded,
    a_passkey_is_renamed_by_its_owner_alone,
    a_renaming_without_its_evidence_is_not_made,
    a_passkey_is_removed_by_its_owner_alone,
    what_is_needed_is_not_removed,
    a_removal_needs_the_epochs_it_was_decided_under,
    a_passkey_found_beside_its_removal_signs_nobody_in,
    one_of_many_removals_of_a_passkey_wins,
    wa_15_one_of_two_last_passkeys_stays,
    a_removal_without_its_evidence_is_not_made,
    what_was_added_since_is_disowned,
    nothing_added_since_is_nothing_disowned,
    one_of_many_disownings_wins,
    a_disowning_without_its_evidence_is_not_made,
    lc_01_passkeys_go_with_their_account,
    wa_17_passkeys_of_an_unproven_account_go_when_it_is_reclaimed,
}

/// Counter, backup state and time are stored, and nothing else; a counter that has moved on refuses.
pub async fn a_use_is_recorded_while_the_counter_is_the_one_it_was_judged_by(backend: &PasskeyBackend) {
    let (user, [first, other]) = with_passkeys(backend).await;
    let at = now() + HOUR;
    let used = PasskeyUse { counter_before: 7, sign_count: u32::MAX - 1, backed_up: true, at };
    for counter_before in [0, 6, 8, u32::MAX - 1] {
        assert!(!record(backend, &user, first.id, &PasskeyUse { counter_before, ..used }).await);
    }
    assert!(!record(backend, &user, PasskeyId::new(at), &used).await);
    assert_eq!(traces(backend, user.id).await, 0, "a refused use left evidence");
    assert!(record(backend, &user, first.id, &used).await);
    assert!(!record(backend, &user, first.id, &used).await, "it was judged by another counter");
    let moved_on = Passkey { sign_count: u32::MAX - 1, backed_up: true, last_used_at: Some(at), ..first };
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), [moved_on, other]);
    assert_eq!(stored(backend, user.id).await, user, "a passkey that is used changes no factor");
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Of many uses that were judged by one counter, one is recorded.
pub async fn one_of_many_uses_of_a_counter_wins(backend: &PasskeyBackend) {
    let (user, [first, _]) = with_passkeys(backend).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, user, id) = (backend.clone(), user.clone(), first.id);
        let used = PasskeyUse { counter_before: 7, sign_count: 8, backed_up: false, at: now() };
        async move { record(&backend, &user, id, &used).await }
    })
    .await;
    assert_eq!(count(&outcomes, |recorded| *recorded), 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Where an authenticator has no counter, its uses do not shut each other out, at one moment or later.
pub async fn uses_without_a_counter_are_all_recorded(backend: &PasskeyBackend) {
    let user = holder(backend).await;
    let passkey = Passkey { sign_count: 0, ..passkey(user.id, now()) };
    let user = registered(backend, &user, &passkey).await;
    let used = PasskeyUse { counter_before: 0, sign_count: 0, backed_up: passkey.backed_up, at: now() };
    let outcomes = race(CONTENDERS, |_| {
        let (backend, user, id) = (backend.clone(), user.clone(), passkey.id);
        async move { record(&backend, &user, id, &used).await }
    })
    .await;
    assert_eq!(count(&outcomes, |recorded| *recorded), CONTENDERS);
    assert_eq!(traces(backend, user.id).await, CONTENDERS);
    let used = Passkey { last_used_at: Some(used.at), ..passkey };
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), [used]);
}

/// AU-02: what cannot be recorded was no use.
pub async fn a_use_without_its_evidence_is_not_recorded(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    let used = PasskeyUse { counter_before: 7, sign_count: 8, backed_up: true, at: now() };
    assert!(backend.passkeys.record_use(passkeys[0].id, &used, spent(backend).await).await.is_err());
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
}

/// A name is a text like any other; a passkey of another account is not there to be named.
pub async fn a_passkey_is_renamed_by_its_owner_alone(backend: &PasskeyBackend) {
    let (user, [first, second]) = with_passkeys(backend).await;
    let (other, _) = with_passkeys(backend).await;
    assert!(!rename(backend, other.id, first.id, "theirs").await);
    assert!(!rename(backend, user.id, PasskeyId::new(now()), "nobody's").await);
    assert_eq!(traces(backend, user.id).await + traces(backend, other.id).await, 0);
    for name in AWKWARD.iter().chain([&"", &"Laptop", &"Laptop"]) {
        assert!(rename(backend, user.id, first.id, name).await);
        let renamed = Passkey { nickname: (*name).to_owned(), ..first.clone() };
        assert_eq!(backend.passkeys.list(user.id).await.unwrap(), [renamed, second.clone()]);
    }
    assert_eq!(stored(backend, user.id).await, user, "a name is no factor");
    assert_eq!(traces(backend, user.id).await, AWKWARD.len() + 3);
}

/// AU-02: what cannot be recorded is not renamed.
pub async fn a_renaming_without_its_evidence_is_not_made(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    assert!(backend.passkeys.rename(user.id, passkeys[0].id, "new", spent(backend).await).await.is_err());
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
}

/// What is removed is gone and its credential free again; the epoch rises once, as the evidence sees.
pub async fn a_passkey_is_removed_by_its_owner_alone(backend: &PasskeyBackend) {
    let (user, [first, second]) = with_passkeys(backend).await;
    let (other, _) = with_passkeys(backend).await;
    assert_eq!(remove(backend, &other, first.id, 0).await, Removed::Unknown);
    assert_eq!(remove(backend, &user, PasskeyId::new(now()), 0).await, Removed::Unknown);
    assert_eq!(stored(backend, other.id).await, other);
    assert_eq!(traces(backend, user.id).await + traces(backend, other.id).await, 0);

    assert_eq!(remove(backend, &user, first.id, 0).await, Removed::Done(Box::new(raised(&user))));
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_told(backend, &raised(&user)).await;
    assert!(backend.passkeys.find(&first.credential_id).await.unwrap().is_none());
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), [second]);
    assert_eq!(remove(backend, &raised(&user), first.id, 0).await, Removed::Unknown);
    let again = Passkey { credential_id: first.credential_id, ..passkey(other.id, now()) };
    registered(backend, &other, &again).await;
}

/// As many others as are to be kept must be left.
pub async fn what_is_needed_is_not_removed(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    for keep in [2, 3, u32::MAX] {
        assert_eq!(remove(backend, &user, passkeys[0].id, keep).await, Removed::Needed);
    }
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0, "a refused removal left evidence");
    assert!(matches!(remove(backend, &user, passkeys[0].id, 1).await, Removed::Done(_)));
    let user = raised(&user);
    assert_eq!(remove(backend, &user, passkeys[1].id, 1).await, Removed::Needed);
    assert!(matches!(remove(backend, &user, passkeys[1].id, 0).await, Removed::Done(_)));
    assert_eq!(backend.passkeys.count(user.id).await.unwrap(), 0);
}

/// Under other epochs, for a disabled account and for one that does not exist, nothing is removed, whatever else would stand
/// against it.
pub async fn a_removal_needs_the_epochs_it_was_decided_under(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    let stale = async |user: &User| {
        for (id, keep) in [(passkeys[0].id, 0), (passkeys[0].id, 2), (PasskeyId::new(now()), 0)] {
            assert_eq!(remove(backend, user, id, keep).await, Removed::Stale);
        }
    };
    for epochs in other_epochs(&user) {
        stale(&User { epochs, ..user.clone() }).await;
    }
    stale(&User { id: UserId::new(now()), ..user.clone() }).await;
    assert_eq!(remove(backend, &user, PasskeyId::new(now()), 2).await, Removed::Unknown, "before it is needed");
    if let Some(operator) = operator(backend, "passkeys, of a disabled account") {
        operator.disable(user.id, now()).await;
        stale(&user).await;
    }
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
    assert_eq!(stored(backend, user.id).await.epochs, user.epochs);
    assert_eq!(traces(backend, user.id).await, 0, "a refused removal left evidence");
}

/// Whoever finds a passkey while it is removed finds the account as it was before: what is proven with it is stale once it is
/// gone, and mints no session.
pub async fn a_passkey_found_beside_its_removal_signs_nobody_in(backend: &PasskeyBackend) {
    let (user, [first, _]) = with_passkeys(backend).await;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, user, first) = (backend.clone(), user.clone(), first.clone());
        async move {
            if number == 0 {
                assert!(matches!(remove(&backend, &user, first.id, 0).await, Removed::Done(_)));
                return None;
            }
            backend.passkeys.find(&first.credential_id).await.unwrap()
        }
    })
    .await;
    let press = Press::at(backend, now());
    for found in outcomes.into_iter().flatten() {
        assert_eq!(found.user.epochs, user.epochs, "it was found with the epochs that follow its removal");
        let session = press.session(&found.user).await;
        let minted = backend.stores.sessions.insert(&session, &|_| Evidence::none()).await.unwrap();
        assert_eq!(minted, Minted::Stale);
    }
    let used = PasskeyUse { counter_before: 7, sign_count: 8, backed_up: false, at: now() };
    assert!(!record(backend, &user, first.id, &used).await);
}

/// Of many who remove one passkey at once, one does, and the epoch rises once.
pub async fn one_of_many_removals_of_a_passkey_wins(backend: &PasskeyBackend) {
    let (user, [first, _]) = with_passkeys(backend).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, user, id) = (backend.clone(), user.clone(), first.id);
        async move { remove(&backend, &user, id, 0).await }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| matches!(outcome, Removed::Done(_))), 1);
    assert_eq!(count(&outcomes, |outcome| *outcome == Removed::Stale), CONTENDERS - 1);
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Two last passkeys that are removed at once are not both removed, if one has to be kept.
pub async fn wa_15_one_of_two_last_passkeys_stays(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, user, id) = (backend.clone(), user.id, passkeys[number % 2].id);
        async move {
            for _ in 0..1_000 {
                match remove(&backend, &stored(&backend, user).await, id, 1).await {
                    Removed::Stale => {}
                    outcome => return outcome,
                }
            }
            panic!("it is never this one's turn")
        }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| matches!(outcome, Removed::Done(_))), 1);
    assert_eq!(backend.passkeys.count(user.id).await.unwrap(), 1);
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_eq!(traces(backend, user.id).await, 1);
}

/// AU-02: what cannot be recorded is not removed.
pub async fn a_removal_without_its_evidence_is_not_made(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    let evidence = spent(backend).await;
    assert!(backend.passkeys.remove(user.id, user.epochs, passkeys[0].id, 0, &|_| evidence.clone()).await.is_err());
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
    assert_eq!(stored(backend, user.id).await, user);
}

/// What was added at that moment or later goes, what was added before stays, and the epoch rises once for all of them.
pub async fn what_was_added_since_is_disowned(backend: &PasskeyBackend) {
    let (since, user) = (now(), holder(backend).await);
    let (other, theirs) = with_passkeys(backend).await;
    let [before, others @ ..] = [since - TICK, since, since + TICK, since + HOUR].map(|at| passkey(user.id, at));
    for passkey in others.iter().chain([&before]) {
        let user = stored(backend, user.id).await;
        registered(backend, &user, passkey).await;
    }
    let user = stored(backend, user.id).await;
    assert_eq!(disown(backend, &user, since).await, 3);
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), [before]);
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_told(backend, &raised(&user)).await;
    assert_eq!(trail(backend, user.id).await[0].metadata["count"], 3);
    assert_eq!(backend.passkeys.list(other.id).await.unwrap(), theirs);
    assert_eq!(stored(backend, other.id).await, other);
}

/// With nothing to disown, nothing changes and no evidence is asked for.
pub async fn nothing_added_since_is_nothing_disowned(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    assert_eq!(disown(backend, &user, passkeys[1].created_at + TICK).await, 0);
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0);
    let nobody = User { id: UserId::new(now()), ..user };
    assert_eq!(disown(backend, &nobody, Timestamp::EPOCH).await, 0);
}

/// Of many who disown at once, one finds something, and the epoch rises once.
pub async fn one_of_many_disownings_wins(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    let since = passkeys[0].created_at;
    let mut outcomes = race(CONTENDERS, |_| {
        let (backend, user) = (backend.clone(), user.clone());
        async move { disown(&backend, &user, since).await }
    })
    .await;
    outcomes.sort_unstable();
    assert_eq!(outcomes.pop(), Some(2));
    assert!(outcomes.iter().all(|count| *count == 0), "{outcomes:?}");
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_eq!(traces(backend, user.id).await, 1);
}

/// AU-02: what cannot be recorded is not disowned.
pub async fn a_disowning_without_its_evidence_is_not_made(backend: &PasskeyBackend) {
    let (user, passkeys) = with_passkeys(backend).await;
    let evidence = spent(backend).await;
    assert!(backend.passkeys.disown(user.id, passkeys[0].created_at, &|_| evidence.clone()).await.is_err());
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
    assert_eq!(stored(backend, user.id).await, user);
}

/// Whoever deletes an account deletes its passkeys and its handle; the credentials are free again. Another account keeps its
/// own.
pub async fn lc_01_passkeys_go_with_their_account(backend: &PasskeyBackend) {
    let Some(operator) = operator(backend, "passkey_changes::lc_01_passkeys_go_with_their_account") else { return };
    let (user, passkeys) = with_passkeys(backend).await;
    let (other, theirs) = with_passkeys(backend).await;
    operator.erase(user.id).await;
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), []);
    for passkey in passkeys {
        assert!(backend.passkeys.find(&passkey.credential_id).await.unwrap().is_none());
        let again = Passkey { id: PasskeyId::new(now()), user: other.id, ..passkey };
        registered(backend, &stored(backend, other.id).await, &again).await;
    }
    assert_eq!(backend.passkeys.list(other.id).await.unwrap().len(), theirs.len() + 2);
}

/// Passkeys that somebody put into an unproven account go with the handle they know it by, whichever link proves the mailbox.
/// Another account keeps its own.
pub async fn wa_17_passkeys_of_an_unproven_account_go_when_it_is_reclaimed(backend: &PasskeyBackend) {
    let kept = given_a_handle(backend, unproven(backend).await).await;
    let theirs = passkey(kept.id, now());
    registered(backend, &kept, &theirs).await;
    for purpose in [Purpose::MAGIC_LINK, Purpose::RESET_PASSWORD] {
        let user = unproven(backend).await;
        let planted = backend.passkeys.user_handle(user.id, handle()).await.unwrap();
        let passkey = passkey(user.id, now());
        let user = registered(backend, &user, &passkey).await;
        let link = mail_token(backend, &user, purpose).await;
        if purpose == Purpose::MAGIC_LINK {
            assert!(redeem(backend, link.digest, now()).await.is_some_and(|live| live.reclaimed));
        } else {
            let none = &|_: &Recovered| Evidence::none();
            let reset = backend.stores.accounts.reset_password(link.digest, &hash("reset"), now(), none).await;
            assert!(reset.unwrap().is_some_and(|reset| reset.reclaimed));
        }
        assert_eq!(backend.passkeys.list(user.id).await.unwrap(), []);
        assert!(backend.passkeys.find(&passkey.credential_id).await.unwrap().is_none());
        assert_ne!(backend.passkeys.user_handle(user.id, handle()).await.unwrap(), planted);
    }
    assert_eq!(backend.passkeys.list(kept.id).await.unwrap(), [theirs]);
}

/// An account with two passkeys, the older one first.
async fn with_passkeys(backend: &PasskeyBackend) -> (User, [Passkey; 2]) {
    let at = now();
    let mut user = holder(backend).await;
    let passkeys = [at, at + MINUTE].map(|at| passkey(user.id, at));
    for passkey in &passkeys {
        user = registered(backend, &user, passkey).await;
    }
    (user, passkeys)
}

async fn record(backend: &PasskeyBackend, user: &User, id: PasskeyId, used: &PasskeyUse) -> bool {
    backend.passkeys.record_use(id, used, trace(user.id)).await.unwrap()
}

async fn rename(backend: &PasskeyBackend, user: UserId, id: PasskeyId, nickname: &str) -> bool {
    backend.passkeys.rename(user, id, nickname, trace(user)).await.unwrap()
}

async fn remove(backend: &PasskeyBackend, user: &User, id: PasskeyId, keep: u32) -> Removed {
    backend.passkeys.remove(user.id, user.epochs, id, keep, &trace_of).await.unwrap()
}

async fn disown(backend: &PasskeyBackend, user: &User, since: Timestamp) -> u64 {
    let evidence = |disowned: &Disowned| {
        let Disowned { user, count } = disowned;
        let event = AuditEvent::new(CHECKED, now(), &client()).about(user.id).with("count", *count);
        let event = event.with("security", user.epochs.security).with("factor", user.epochs.factor);
        Evidence::event(event)
    };
    backend.passkeys.disown(user.id, since, &evidence).await.unwrap()
}
