//! [`AccountStore`](sigra_core::ports::AccountStore): finding, creating, rewriting hashes, noting sign-ins. Reset and
//! rescue are checked by [`recovery`](super::recovery).

use std::time::Duration;

use serde_json::json;
use sigra_core::evidence::Evidence;
use sigra_core::id::{DeviceId, UserId};
use sigra_core::ports::{NewAccount, SignIn, SignInDevice, SignInRecorded};
use sigra_core::secret::Digest;
use sigra_core::session::Device;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::support::*;

suite! {
    accounts_read_back_as_they_were_written,
    an_address_is_one_account_in_any_case,
    addresses_that_look_alike_are_different_accounts,
    addresses_are_no_patterns,
    one_of_many_creators_wins,
    a_creation_without_its_evidence_is_not_made,
    a_hash_is_rewritten_only_while_it_is_the_one_that_was_read,
    pw_22_concurrent_logins_rewrite_a_hash_once,
    sign_ins_are_noted_with_their_device,
    th_02_only_a_sign_in_that_says_so_clears_attempts,
    a_known_device_stays_known_for_longer,
    an_account_keeps_the_devices_it_was_last_seen_on,
    a_sign_in_of_another_epoch_or_account_is_not_noted,
    a_sign_in_to_a_disabled_account_is_not_noted,
    a_sign_in_without_its_evidence_is_not_noted,
}

/// Every field of an account survives storage exactly, and ids that do not exist find nothing.
pub async fn accounts_read_back_as_they_were_written(backend: &Backend) {
    let accounts = &backend.stores.accounts;
    let full = NewAccount {
        profile: json!({ "texts": AWKWARD, "deep": { "list": [1, -2.5, null, true, { "": "" }] } }),
        password: Some(hash("%_'\\ü🦀")),
        ..new_account(&email("A.b+C"))
    };
    let bare = NewAccount { password: None, confirmed_at: None, profile: json!({}), ..new_account(&email("bare")) };
    for account in [&full, &bare] {
        assert!(accounts.create(account, trace(account.id)).await.unwrap());
        let found = accounts.find(account.id).await.unwrap().expect("it was created");
        let by_email = accounts.find_by_email(&account.email).await.unwrap().expect("it was created");
        assert_eq!(found.user, account.to_user());
        assert_eq!(by_email.user, account.to_user());
        let expose = |hash: &Option<sigra_core::password::PasswordHash>| hash.as_ref().map(|h| h.expose().to_owned());
        assert_eq!(expose(&found.password), expose(&account.password));
        assert_eq!(expose(&by_email.password), expose(&account.password));
        assert_eq!(traces(backend, account.id).await, 1);
    }
    assert!(accounts.find(UserId::new(now())).await.unwrap().is_none());
    assert!(accounts.find_by_email(&email("nobody")).await.unwrap().is_none());
}

/// An address in another case is the same account: found, and taken.
pub async fn an_address_is_one_account_in_any_case(backend: &Backend) {
    let accounts = &backend.stores.accounts;
    let stamp = stamp();
    let first = new_account(&parse(&format!("Ann.{stamp}@Bücher.example")));
    let second = new_account(&parse(&format!("aNN.{stamp}@XN--BCHER-KVA.EXAMPLE")));
    assert!(accounts.create(&first, Evidence::none()).await.unwrap());
    assert!(!accounts.create(&second, trace(second.id)).await.unwrap());
    assert!(accounts.find(second.id).await.unwrap().is_none(), "a refused account was written");
    assert_eq!(traces(backend, second.id).await, 0, "a refused creation left evidence");
    let found = accounts.find_by_email(&second.email).await.unwrap().expect("case does not matter").user;
    assert_eq!(found.id, first.id);
    assert_eq!(found.email.as_str(), first.email.as_str(), "mail goes to the address as it was typed");
}

/// TK-20: letters that resemble each other are different letters, whatever the database's collation thinks.
pub async fn addresses_that_look_alike_are_different_accounts(backend: &Backend) {
    let stamp = stamp();
    let mut seen = Vec::new();
    for local in ["mike", "mıke", "mîke", "mikë", "straße", "strasse", "МIKE", "Émile", "émile", "emile"] {
        let account = new_account(&parse(&format!("{local}{stamp}@conformance.example")));
        let created = backend.stores.accounts.create(&account, Evidence::none()).await.unwrap();
        assert!(created, "{local} was taken for one of {seen:?}");
        let found = backend.stores.accounts.find_by_email(&account.email).await.unwrap().unwrap();
        assert_eq!(found.user.id, account.id, "{local}");
        seen.push(local);
    }
}

/// Characters that patterns and quotes are made of stand for themselves.
pub async fn addresses_are_no_patterns(backend: &Backend) {
    let stamp = stamp();
    let address = |local: &str| parse(&format!("{local}{stamp}@conformance.example"));
    let plain = new_account(&address("axxb"));
    assert!(backend.stores.accounts.create(&plain, Evidence::none()).await.unwrap());
    for local in ["a__b", "a%b", "%", "____", "a*b", "a?b", "o'b", "a`b", "{a}", "$1"] {
        let email = address(local);
        assert!(backend.stores.accounts.find_by_email(&email).await.unwrap().is_none(), "{local} matched");
        let account = new_account(&email);
        assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
        assert_eq!(stored(backend, account.id).await.email, email);
    }
}

/// Of many who create an account for one address at once, one does, and only it leaves evidence.
pub async fn one_of_many_creators_wins(backend: &Backend) {
    let stamp = stamp();
    let subject = UserId::new(now());
    let outcomes = race(CONTENDERS, |number| {
        let accounts = backend.stores.accounts.clone();
        let local = if number % 2 == 0 { "RACE" } else { "race" };
        let account = new_account(&parse(&format!("{local}{stamp}@conformance.example")));
        async move { accounts.create(&account, trace(subject)).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |created| *created), 1);
    assert_eq!(traces(backend, subject).await, 1);
}

/// AU-02: an account whose evidence cannot be committed does not come to be.
pub async fn a_creation_without_its_evidence_is_not_made(backend: &Backend) {
    let account = new_account(&email("ann"));
    let outcome = backend.stores.accounts.create(&account, spent(backend).await).await;
    assert!(outcome.is_err(), "evidence was lost silently");
    assert!(backend.stores.accounts.find(account.id).await.unwrap().is_none());
    assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
}

/// A hash is replaced only while it, and the security epoch, are what they were when it was verified.
pub async fn a_hash_is_rewritten_only_while_it_is_the_one_that_was_read(backend: &Backend) {
    let accounts = &backend.stores.accounts;
    let (user, other) = (account(backend).await, account(backend).await);
    let epoch = user.epochs.security;
    let (first, new) = (hash("first"), hash("new"));
    assert!(!accounts.rewrite_hash(user.id, epoch, &hash("FIRST"), &new, trace(user.id)).await.unwrap());
    assert!(!accounts.rewrite_hash(user.id, epoch, &hash("%"), &new, trace(user.id)).await.unwrap());
    assert!(!accounts.rewrite_hash(user.id, epoch + 1, &first, &new, trace(user.id)).await.unwrap());
    assert!(!accounts.rewrite_hash(UserId::new(now()), epoch, &first, &new, Evidence::none()).await.unwrap());
    assert_eq!(traces(backend, user.id).await, 0, "a refused rewrite left evidence");

    assert!(accounts.rewrite_hash(user.id, epoch, &first, &new, trace(user.id)).await.unwrap());
    let found = accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.password.unwrap().expose(), new.expose());
    assert_eq!(found.user, user, "nothing else changes, the epochs least of all");
    assert_eq!(traces(backend, user.id).await, 1);
    let untouched = accounts.find(other.id).await.unwrap().unwrap().password.unwrap();
    assert_eq!(untouched.expose(), first.expose());

    assert!(accounts.rewrite_hash(user.id, epoch, &new, &first, spent(backend).await).await.is_err());
    let found = accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.password.unwrap().expose(), new.expose(), "rewritten without its evidence");
}

/// Of many who verified one stale hash at once, one rewrites it.
pub async fn pw_22_concurrent_logins_rewrite_a_hash_once(backend: &Backend) {
    let user = account(backend).await;
    let (id, epoch) = (user.id, user.epochs.security);
    let outcomes = race(CONTENDERS, |number| {
        let accounts = backend.stores.accounts.clone();
        let new = hash(&format!("new {number}"));
        async move { accounts.rewrite_hash(id, epoch, &hash("first"), &new, trace(id)).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |rewritten| *rewritten), 1);
    assert_eq!(traces(backend, id).await, 1);
}

/// The time of a sign-in is stored, the one before is told, and a new device is remembered.
pub async fn sign_ins_are_noted_with_their_device(backend: &Backend) {
    let user = account(backend).await;
    let at = now();
    let (first, digest) = from_new_device(&user, at);
    let SignInDevice::New { device, .. } = first.device.clone() else { unreachable!("it is new") };
    let recorded = note(backend, &first).await.expect("nothing stands against it");
    assert_eq!(recorded.previous_sign_in_at, None);
    assert_eq!(recorded.user.last_sign_in_at, Some(at));
    assert_eq!(recorded.user, stored(backend, user.id).await);
    assert_eq!(backend.stores.devices.find(digest, at).await.unwrap(), Some(device));

    let later = at + MINUTE;
    let (second, _) = from_new_device(&user, later);
    let recorded = note(backend, &second).await.expect("nothing stands against it");
    assert_eq!(recorded.previous_sign_in_at, Some(at));
    assert_eq!(recorded.user.last_sign_in_at, Some(later));
    assert_eq!(traces(backend, user.id).await, 2);
}

/// The time attempts are cleared by is that of the last sign-in that showed the password or the mailbox. Others leave it,
/// and it never goes back; both ways of finding an account tell it.
pub async fn th_02_only_a_sign_in_that_says_so_clears_attempts(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    assert_eq!(cleared_at(backend, user.id).await, None);
    let at = now();
    for (after, clears_attempts, expected) in [
        (Duration::ZERO, false, None),
        (MINUTE, true, Some(at + MINUTE)),
        (HOUR, false, Some(at + MINUTE)),
        (2 * HOUR, true, Some(at + 2 * HOUR)),
        // Another host's clock may be behind.
        (MINUTE, true, Some(at + 2 * HOUR)),
    ] {
        let sign_in = SignIn { clears_attempts, ..from_new_device(&user, at + after).0 };
        note(backend, &sign_in).await.expect("nothing stands against it");
        assert_eq!(cleared_at(backend, user.id).await, expected);
        let by_email = backend.stores.accounts.find_by_email(&user.email).await.unwrap().unwrap();
        assert_eq!(by_email.attempts_cleared_at, expected);
    }
    assert_eq!(cleared_at(backend, other.id).await, None);
}

/// A sign-in from a known device moves its times on; a device of another account is left alone.
pub async fn a_known_device_stays_known_for_longer(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let at = now();
    let (first, digest) = from_new_device(&user, at);
    let SignInDevice::New { device, .. } = first.device.clone() else { unreachable!("it is new") };
    note(backend, &first).await.expect("nothing stands against it");

    let later = at + HOUR;
    let known = SignInDevice::Known { id: device.id, expires_at: later + 24 * HOUR };
    let again = SignIn { at: later, device: known.clone(), ..first };
    note(backend, &again).await.expect("nothing stands against it");
    let moved_on = Device { last_seen_at: later, expires_at: later + 24 * HOUR, ..device };
    let find = || backend.stores.devices.find(digest, later + 24 * HOUR - TICK);
    assert_eq!(find().await.unwrap().as_ref(), Some(&moved_on));

    let stranger = SignIn { user: other.id, epochs: other.epochs, at: later + MINUTE, device: known, ..again };
    backend.stores.accounts.record_sign_in(&stranger, &|_| Evidence::none()).await.unwrap();
    assert_eq!(find().await.unwrap().as_ref(), Some(&moved_on), "another account moved it on");
}

/// An account has no more devices than it may: when a new one comes, the one it was not seen on for longest is forgotten,
/// be it older or not. Another account's stay.
pub async fn an_account_keeps_the_devices_it_was_last_seen_on(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let at = now();
    let is_known = async |digest| backend.stores.devices.find(digest, at).await.unwrap().is_some();
    let (theirs, kept_by_other) = from_new_device(&other, at - HOUR);
    note(backend, &theirs).await.expect("nothing stands against it");
    let mut digests = Vec::new();
    let mut first = None;
    for number in 0..Device::AT_MOST {
        let (sign_in, digest) = from_new_device(&user, at + number * TICK);
        if let SignInDevice::New { device, .. } = &sign_in.device {
            first.get_or_insert_with(|| device.clone());
        }
        note(backend, &sign_in).await.expect("nothing stands against it");
        digests.push(digest);
    }
    for digest in &digests {
        assert!(is_known(*digest).await);
    }
    // The first one is seen again, so the second one is the one that was not seen for longest.
    let Device { id, expires_at, .. } = first.expect("one was the first");
    let (sign_in, _) = from_new_device(&user, at + HOUR);
    let again = SignIn { device: SignInDevice::Known { id, expires_at }, ..sign_in };
    note(backend, &again).await.expect("nothing stands against it");
    // A clock that is behind: the new one stays, though it was seen before all others.
    for (newest, gone) in [(at + 2 * HOUR, 1), (at - MINUTE, 2)] {
        let (one_more, digest) = from_new_device(&user, newest);
        note(backend, &one_more).await.expect("nothing stands against it");
        assert!(is_known(digest).await, "the new one was forgotten");
        assert!(!is_known(digests[gone]).await, "there are more than may be");
        assert!(is_known(digests[0]).await && is_known(digests[gone + 1]).await);
    }
    assert!(is_known(kept_by_other).await);
}

/// Nothing is noted, remembered or recorded for a proof the account has left behind.
pub async fn a_sign_in_of_another_epoch_or_account_is_not_noted(backend: &Backend) {
    let user = account(backend).await;
    let at = now();
    let Epochs { security, factor } = user.epochs;
    for (id, epochs) in [
        (user.id, Epochs { security: security + 1, factor }),
        (user.id, Epochs { security, factor: factor + 1 }),
        (UserId::new(at), user.epochs),
    ] {
        let (sign_in, digest) = from_new_device(&user, at);
        let sign_in = SignIn { user: id, epochs, ..sign_in };
        assert!(note(backend, &sign_in).await.is_none());
        assert!(backend.stores.devices.find(digest, at).await.unwrap().is_none(), "the device was remembered");
    }
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0);
}

/// Nothing is noted for a disabled account.
pub async fn a_sign_in_to_a_disabled_account_is_not_noted(backend: &Backend) {
    let Some(operator) = operator(backend, "accounts::a_sign_in_to_a_disabled_account_is_not_noted") else { return };
    let user = account(backend).await;
    operator.disable(user.id, now()).await;
    let (sign_in, digest) = from_new_device(&user, now());
    assert!(note(backend, &sign_in).await.is_none());
    assert!(backend.stores.devices.find(digest, now()).await.unwrap().is_none());
    assert_eq!(stored(backend, user.id).await.last_sign_in_at, None);
    assert_eq!(cleared_at(backend, user.id).await, None);
    assert_eq!(traces(backend, user.id).await, 0);
}

/// AU-02: a sign-in whose evidence cannot be committed leaves neither time nor device.
pub async fn a_sign_in_without_its_evidence_is_not_noted(backend: &Backend) {
    let user = account(backend).await;
    let (sign_in, digest) = from_new_device(&user, now());
    let evidence = spent(backend).await;
    assert!(backend.stores.accounts.record_sign_in(&sign_in, &|_| evidence.clone()).await.is_err());
    assert!(backend.stores.devices.find(digest, now()).await.unwrap().is_none());
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(cleared_at(backend, user.id).await, None);
}

pub(super) async fn cleared_at(backend: &Backend, user: UserId) -> Option<Timestamp> {
    backend.stores.accounts.find(user).await.unwrap().expect("the account exists").attempts_cleared_at
}

async fn note(backend: &Backend, sign_in: &SignIn) -> Option<SignInRecorded> {
    let evidence = |recorded: &SignInRecorded| trace(recorded.user.id);
    backend.stores.accounts.record_sign_in(sign_in, &evidence).await.unwrap()
}

fn from_new_device(user: &User, at: Timestamp) -> (SignIn, Digest) {
    let digest = digest();
    let id = DeviceId::new(at);
    let device = Device { id, user: user.id, created_at: at, last_seen_at: at, expires_at: at + 2 * HOUR };
    let device = SignInDevice::New { digest, device };
    (SignIn { user: user.id, epochs: user.epochs, at, clears_attempts: true, device }, digest)
}
