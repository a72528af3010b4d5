//! [`PasskeyStore`](sigra_passkeys::ports::PasskeyStore): handles, finding, registering. What changes and removes passkeys
//! is checked by [`passkey_changes`](super::passkey_changes).

use std::collections::HashSet;

use sigra_core::evidence::Evidence;
use sigra_core::id::{PasskeyId, UserId};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};
use sigra_passkeys::ports::Registered;
use sigra_passkeys::{CredentialId, Passkey, UserHandle};
use uuid::Uuid;

use super::PasskeyBackend;
use super::support::*;

suite! {
    over PasskeyBackend:
    an_account_keeps_its_first_handle,
    concurrent_first_calls_answer_one_handle,
    a_passkey_is_found_with_its_account,
    passkeys_are_listed_oldest_first,
    credential_ids_stand_for_themselves,
    a_registration_raises_the_factor_epoch,
    wa_08_a_credential_id_is_unique_over_all_accounts,
    wa_08_one_of_many_registrations_of_a_credential_wins,
    an_account_is_never_over_full,
    a_registration_needs_the_epochs_it_was_decided_under,
    refusals_of_a_registration_have_an_order,
    a_registration_needs_a_handle,
    a_registration_without_its_evidence_is_not_made,
}

/// A handle is drawn once and stays, for each account its own.
pub async fn an_account_keeps_its_first_handle(backend: &PasskeyBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let (first, theirs) = (handle(), handle());
    assert_eq!(backend.passkeys.user_handle(user.id, first).await.unwrap(), first);
    assert_eq!(backend.passkeys.user_handle(user.id, handle()).await.unwrap(), first);
    assert_eq!(backend.passkeys.user_handle(other.id, theirs).await.unwrap(), theirs);
    assert_eq!(backend.passkeys.user_handle(user.id, first).await.unwrap(), first);
    assert_eq!(stored(backend, user.id).await, user, "a handle is no factor");
}

/// Of many who ask for the handle of a new account at once, all hear the same, and it stays.
pub async fn concurrent_first_calls_answer_one_handle(backend: &PasskeyBackend) {
    let user = account(backend).await.id;
    let outcomes = race(CONTENDERS, |_| {
        let passkeys = backend.passkeys.clone();
        async move { passkeys.user_handle(user, handle()).await.unwrap() }
    })
    .await;
    let distinct: HashSet<_> = outcomes.iter().collect();
    assert_eq!(distinct.len(), 1, "one account has two handles");
    assert_eq!(backend.passkeys.user_handle(user, handle()).await.unwrap(), outcomes[0]);
}

/// Every field survives storage exactly, and comes with the account and its handle.
pub async fn a_passkey_is_found_with_its_account(backend: &PasskeyBackend) {
    let user = holder(backend).await;
    let handle = backend.passkeys.user_handle(user.id, handle()).await.unwrap();
    let full = Passkey {
        credential_id: credential(CredentialId::MAX_LEN),
        public_key: (0..=255).cycle().take(4_000).collect(),
        sign_count: u32::MAX,
        backup_eligible: true,
        backed_up: true,
        transports: AWKWARD.iter().map(|text| (*text).to_owned()).collect(),
        aaguid: Uuid::max(),
        nickname: AWKWARD.concat(),
        last_used_at: Some(now() + HOUR),
        ..passkey(user.id, now())
    };
    let bare = Passkey { transports: Vec::new(), nickname: String::new(), ..passkey(user.id, now()) };
    for passkey in [full, bare] {
        let user = stored(backend, user.id).await;
        let now = registered(backend, &user, &passkey).await;
        let found = backend.passkeys.find(&passkey.credential_id).await.unwrap().expect("it was registered");
        assert_eq!(found.passkey, passkey);
        assert_eq!((found.user, found.handle), (now, handle));
    }
    let unknown = credential(16);
    assert!(backend.passkeys.find(&unknown).await.unwrap().is_none());
    if let Some(operator) = operator(backend, "passkeys, of a disabled account") {
        let id = &backend.passkeys.list(user.id).await.unwrap()[0].credential_id;
        operator.disable(user.id, now()).await;
        assert!(backend.passkeys.find(id).await.unwrap().is_some(), "the caller judges the account");
    }
}

/// The account's own, oldest first, and as many as there are.
pub async fn passkeys_are_listed_oldest_first(backend: &PasskeyBackend) {
    let (user, other) = (holder(backend).await, holder(backend).await);
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), []);
    assert_eq!(backend.passkeys.count(user.id).await.unwrap(), 0);
    let at = now();
    let mut passkeys = [at + MINUTE, at, at + 2 * MINUTE].map(|at| passkey(user.id, at));
    for passkey in &passkeys {
        let user = stored(backend, user.id).await;
        registered(backend, &user, passkey).await;
    }
    registered(backend, &other, &passkey(other.id, at)).await;
    passkeys.sort_by_key(|passkey| passkey.created_at);
    assert_eq!(backend.passkeys.list(user.id).await.unwrap(), passkeys);
    assert_eq!(backend.passkeys.count(user.id).await.unwrap(), 3);
    assert_eq!(backend.passkeys.count(other.id).await.unwrap(), 1);
    assert_eq!(backend.passkeys.count(UserId::new(at)).await.unwrap(), 0);
}

/// Credential ids are bytes, up to the last of 1,023: no case, no padding, no prefix, no text that ends at a zero.
pub async fn credential_ids_stand_for_themselves(backend: &PasskeyBackend) {
    let user = holder(backend).await;
    let stem = *digest().as_bytes();
    let long = [&stem[..], &[b'x'; CredentialId::MAX_LEN - 34]].concat();
    let ends: [&[u8]; 8] = [b"", b"a", b"A", b"a ", b"a\0", b"%", "ä".as_bytes(), &[0xff]];
    let mut ids: Vec<_> = ends.iter().map(|end| [&stem[..], end].concat()).collect();
    ids.extend([b"aa", b"aA", b"ba", b"a\0"].map(|end| [&long[..], end].concat()));
    let passkeys: Vec<_> = ids
        .into_iter()
        .map(|id| Passkey { credential_id: CredentialId::new(id).unwrap(), ..passkey(user.id, now()) })
        .collect();
    for passkey in &passkeys {
        assert!(backend.passkeys.find(&passkey.credential_id).await.unwrap().is_none());
        let user = stored(backend, user.id).await;
        registered(backend, &user, passkey).await;
    }
    for passkey in passkeys {
        let found = backend.passkeys.find(&passkey.credential_id).await.unwrap().expect("it was registered");
        assert_eq!(found.passkey, passkey);
    }
}

/// The epoch rises once for each passkey, and the evidence sees it.
pub async fn a_registration_raises_the_factor_epoch(backend: &PasskeyBackend) {
    let (user, other) = (holder(backend).await, holder(backend).await);
    let outcome = register(backend, &user, &passkey(user.id, now()), 1).await;
    assert_eq!(outcome, Registered::Done(Box::new(raised(&user))));
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_told(backend, &raised(&user)).await;
    assert_eq!(stored(backend, other.id).await, other);

    let full = register(backend, &raised(&user), &passkey(user.id, now()), 1).await;
    assert_eq!(full, Registered::Full);
    assert_eq!(stored(backend, user.id).await, raised(&user));
    assert_eq!(traces(backend, user.id).await, 1, "a refused registration left evidence");
    let second = register(backend, &raised(&user), &passkey(user.id, now()), 2).await;
    assert_eq!(second, Registered::Done(Box::new(raised(&raised(&user)))));
}

/// A credential that exists is refused, at its own account and at any other, and stays as it was.
pub async fn wa_08_a_credential_id_is_unique_over_all_accounts(backend: &PasskeyBackend) {
    for len in [16, CredentialId::MAX_LEN] {
        let (user, other) = (holder(backend).await, holder(backend).await);
        let first = Passkey { credential_id: credential(len), ..passkey(user.id, now()) };
        let user = registered(backend, &user, &first).await;
        for holder in [&user, &other] {
            let again = Passkey { credential_id: first.credential_id.clone(), ..passkey(holder.id, now()) };
            assert_eq!(register(backend, holder, &again, 10).await, Registered::Duplicate);
            assert_eq!(stored(backend, holder.id).await, *holder);
            assert_eq!(traces(backend, holder.id).await, 0, "a refused registration left evidence");
        }
        let found = backend.passkeys.find(&first.credential_id).await.unwrap().unwrap();
        assert_eq!((found.passkey, found.user), (first, user));
    }
}

/// Of many accounts that register one credential at once, one gets it.
pub async fn wa_08_one_of_many_registrations_of_a_credential_wins(backend: &PasskeyBackend) {
    let mut holders = Vec::new();
    for _ in 0..CONTENDERS {
        holders.push(holder(backend).await);
    }
    let (credential, subject) = (credential(CredentialId::MAX_LEN), UserId::new(now()));
    let outcomes = race(CONTENDERS, |number| {
        let (passkeys, user) = (backend.passkeys.clone(), holders[number].clone());
        let passkey = Passkey { credential_id: credential.clone(), ..passkey(user.id, now()) };
        async move { passkeys.register(&passkey, user.epochs, 10, &|_| trace(subject)).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| matches!(outcome, Registered::Done(_))), 1);
    assert_eq!(count(&outcomes, |outcome| *outcome == Registered::Duplicate), CONTENDERS - 1);
    assert_eq!(traces(backend, subject).await, 1);
    let mut risen = 0;
    for holder in &holders {
        risen += stored(backend, holder.id).await.epochs.factor - holder.epochs.factor;
    }
    assert_eq!(risen, 1);
}

/// However many register at once and try again, the account gets as many as it may have; the epoch rises for each.
pub async fn an_account_is_never_over_full(backend: &PasskeyBackend) {
    let user = holder(backend).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, id) = (backend.clone(), user.id);
        async move {
            let passkey = passkey(id, now());
            for _ in 0..1_000 {
                let user = stored(&backend, id).await;
                match register(&backend, &user, &passkey, 3).await {
                    Registered::Stale => {}
                    outcome => return outcome,
                }
            }
            panic!("it is never this one's turn")
        }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| matches!(outcome, Registered::Done(_))), 3);
    assert_eq!(count(&outcomes, |outcome| *outcome == Registered::Full), CONTENDERS - 3);
    assert_eq!(backend.passkeys.count(user.id).await.unwrap(), 3);
    assert_eq!(stored(backend, user.id).await.epochs.factor, user.epochs.factor + 3);
    assert_eq!(traces(backend, user.id).await, 3);
}

/// Under other epochs, for a disabled account and for one that does not exist, nothing is registered.
pub async fn a_registration_needs_the_epochs_it_was_decided_under(backend: &PasskeyBackend) {
    let user = holder(backend).await;
    let passkey = passkey(user.id, now());
    let refused = async |passkey: &Passkey, epochs: Epochs| {
        let outcome = backend.passkeys.register(passkey, epochs, 10, &trace_of).await.unwrap();
        assert_eq!(outcome, Registered::Stale);
        assert!(backend.passkeys.find(&passkey.credential_id).await.unwrap().is_none());
    };
    for epochs in other_epochs(&user) {
        refused(&passkey, epochs).await;
    }
    refused(&Passkey { user: UserId::new(now()), ..passkey.clone() }, user.epochs).await;
    if let Some(operator) = operator(backend, "passkeys, for a disabled account") {
        operator.disable(user.id, now()).await;
        refused(&passkey, user.epochs).await;
    }
    assert_eq!(stored(backend, user.id).await.epochs, user.epochs);
    assert_eq!(traces(backend, user.id).await, 0, "a refused registration left evidence");
}

/// Where several things stand against a registration, it is stale before it is a duplicate, and a duplicate before the account
/// is full.
pub async fn refusals_of_a_registration_have_an_order(backend: &PasskeyBackend) {
    let (user, other) = (holder(backend).await, holder(backend).await);
    let first = passkey(user.id, now());
    let user = registered(backend, &user, &first).await;
    let theirs = passkey(other.id, now());
    registered(backend, &other, &theirs).await;
    for credential in [&first.credential_id, &theirs.credential_id] {
        let again = Passkey { credential_id: credential.clone(), ..passkey(user.id, now()) };
        for epochs in other_epochs(&user) {
            let stale = User { epochs, ..user.clone() };
            assert_eq!(register(backend, &stale, &again, 1).await, Registered::Stale);
        }
        assert_eq!(register(backend, &user, &again, 1).await, Registered::Duplicate);
    }
    assert_eq!(register(backend, &user, &passkey(user.id, now()), 1).await, Registered::Full);
    assert_eq!(traces(backend, user.id).await, 0, "a refused registration left evidence");
}

/// A passkey of an account without a handle could never be shown: registering one is an error, and changes nothing.
pub async fn a_registration_needs_a_handle(backend: &PasskeyBackend) {
    let user = account(backend).await;
    let passkey = passkey(user.id, now());
    assert!(backend.passkeys.register(&passkey, user.epochs, 10, &trace_of).await.is_err());
    assert!(backend.passkeys.find(&passkey.credential_id).await.unwrap().is_none());
    assert_eq!(backend.passkeys.count(user.id).await.unwrap(), 0);
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0);
    backend.passkeys.user_handle(user.id, handle()).await.unwrap();
    registered(backend, &user, &passkey).await;
}

/// AU-02: what cannot be recorded is not registered.
pub async fn a_registration_without_its_evidence_is_not_made(backend: &PasskeyBackend) {
    let user = holder(backend).await;
    let (passkey, evidence) = (passkey(user.id, now()), spent(backend).await);
    assert!(backend.passkeys.register(&passkey, user.epochs, 10, &|_| evidence.clone()).await.is_err());
    assert!(backend.passkeys.find(&passkey.credential_id).await.unwrap().is_none());
    assert_eq!(stored(backend, user.id).await, user);
    registered(backend, &user, &passkey).await;
}

/// An account that authenticators have a handle for.
pub(super) async fn holder(backend: &PasskeyBackend) -> User {
    given_a_handle(backend, account(backend).await).await
}

pub(super) async fn given_a_handle(backend: &PasskeyBackend, user: User) -> User {
    backend.passkeys.user_handle(user.id, handle()).await.unwrap();
    user
}

pub(super) fn passkey(user: UserId, at: Timestamp) -> Passkey {
    Passkey {
        id: PasskeyId::new(at),
        user,
        credential_id: credential(32),
        public_key: vec![0xa5, 1, 2, 3, 38],
        sign_count: 7,
        backup_eligible: true,
        backed_up: false,
        transports: vec!["internal".to_owned(), "hybrid".to_owned()],
        aaguid: Uuid::nil(),
        nickname: "Laptop".to_owned(),
        created_at: at,
        last_used_at: None,
    }
}

/// Registers a passkey nothing stands against, and returns the account as it is then.
pub(super) async fn registered(backend: &PasskeyBackend, user: &User, passkey: &Passkey) -> User {
    match backend.passkeys.register(passkey, user.epochs, 100, &|_| Evidence::none()).await.unwrap() {
        Registered::Done(user) => *user,
        other => panic!("nothing stands against it: {other:?}"),
    }
}

async fn register(backend: &PasskeyBackend, user: &User, passkey: &Passkey, at_most: u32) -> Registered {
    backend.passkeys.register(passkey, user.epochs, at_most, &trace_of).await.unwrap()
}

/// A credential id of so many bytes that does not repeat.
fn credential(len: usize) -> CredentialId {
    let mut bytes = digest().as_bytes().to_vec();
    bytes.resize(len, 0xfe);
    CredentialId::new(bytes).unwrap()
}

pub(super) fn handle() -> UserHandle {
    let (one, two) = (*digest().as_bytes(), *digest().as_bytes());
    UserHandle::from_bytes([one, two].concat().try_into().unwrap())
}
