//! [`BackupCodeStore`](sigra_mfa::ports::BackupCodeStore).

use std::time::Duration;

use sigra_core::audit::AuditEvent;
use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::ports::Mac;
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_mfa::ports::{BackupCodeCount, TrustedBrowser};

use super::MfaBackend;
use super::enrolled::{Enrolled, browser, codes, is_trusted, listed, sorted, totp};
use super::support::*;

suite! {
    over MfaBackend:
    a_set_of_codes_replaces_the_one_before,
    codes_are_replaced_only_under_the_epochs_of_the_decision,
    mf_17_nobody_sees_parts_of_two_sets,
    a_replacement_without_its_evidence_is_not_made,
    mf_17_a_code_is_used_up,
    mf_17_one_of_many_uses_of_a_code_wins,
    codes_used_at_once_are_all_counted,
    codes_that_were_all_used_are_not_codes_that_never_were,
    trust_that_codes_have_won_goes_with_their_set,
    a_code_is_not_used_up_without_its_evidence,
    codes_stand_for_themselves,
    what_was_made_since_is_disowned,
    one_of_many_disownings_wins,
    a_disowning_without_its_evidence_is_not_made,
}

/// All codes are replaced, by fewer, by more, by none; other accounts keep theirs.
pub async fn a_set_of_codes_replaces_the_one_before(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    assert_eq!(listed(backend, user.id).await, []);
    let theirs = codes(2);
    assert!(replace(backend, &other, &theirs).await);
    for (round, size) in [10, 3, 12, 0, 1].into_iter().enumerate() {
        let codes = codes(size);
        assert!(replace(backend, &user, &codes).await);
        assert_eq!(listed(backend, user.id).await, sorted(codes));
        assert_eq!(traces(backend, user.id).await, round + 1);
    }
    assert_eq!(listed(backend, other.id).await, sorted(theirs));
    assert_eq!(stored(backend, user.id).await, user, "codes are no new kind of factor");
}

/// Under other epochs, for a disabled account and for one that does not exist, the codes stay.
pub async fn codes_are_replaced_only_under_the_epochs_of_the_decision(backend: &MfaBackend) {
    let (user, before) = (account(backend).await, codes(2));
    assert!(backend.backup_codes.replace(user.id, user.epochs, &before, now(), Evidence::none()).await.unwrap());
    for epochs in other_epochs(&user) {
        assert!(!replace(backend, &User { epochs, ..user.clone() }, &codes(2)).await);
    }
    let nobody = User { id: UserId::new(now()), ..user.clone() };
    assert!(!replace(backend, &nobody, &codes(2)).await);
    if let Some(operator) = operator(backend, "backup_codes, of a disabled account") {
        operator.disable(user.id, now()).await;
        assert!(!replace(backend, &user, &codes(2)).await);
    }
    assert_eq!(listed(backend, user.id).await, sorted(before));
    assert_eq!(traces(backend, user.id).await, 0, "a refused replacement left evidence");
}

/// Whoever reads while sets replace each other reads one of them.
pub async fn mf_17_nobody_sees_parts_of_two_sets(backend: &MfaBackend) {
    let user = account(backend).await;
    let sets: Vec<_> = (0..CONTENDERS).map(|_| sorted(codes(10))).collect();
    assert!(replace(backend, &user, &sets[0]).await);
    let seen = race(CONTENDERS, |number| {
        let (backend, user, set) = (backend.clone(), user.clone(), sets[number].clone());
        async move {
            assert!(replace(&backend, &user, &set).await);
            listed(&backend, user.id).await
        }
    })
    .await;
    assert!(seen.iter().all(|seen| sets.contains(seen)), "parts of two sets were there at once");
    assert!(sets.contains(&listed(backend, user.id).await));
    assert_eq!(traces(backend, user.id).await, CONTENDERS + 1);
}

/// AU-02: what cannot be recorded is not replaced.
pub async fn a_replacement_without_its_evidence_is_not_made(backend: &MfaBackend) {
    let (user, before) = (account(backend).await, codes(3));
    assert!(replace(backend, &user, &before).await);
    let evidence = spent(backend).await;
    assert!(backend.backup_codes.replace(user.id, user.epochs, &codes(3), now(), evidence).await.is_err());
    assert_eq!(listed(backend, user.id).await, sorted(before));
}

/// A code is good once, for its own account, and the outcome is how many are left, as the evidence sees.
pub async fn mf_17_a_code_is_used_up(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let codes = codes(3);
    for user in [&user, &other] {
        let replaced = backend.backup_codes.replace(user.id, user.epochs, &codes, now(), Evidence::none());
        assert!(replaced.await.unwrap(), "two accounts may have the same");
    }
    for (code, left) in codes.iter().zip([2, 1, 0]) {
        assert_eq!(consume(backend, user.id, code).await, Some(left));
        assert_eq!(consume(backend, user.id, code).await, None, "it was good once");
        assert_eq!(trail(backend, user.id).await[0].metadata["left"], left);
    }
    assert_eq!(traces(backend, user.id).await, 3, "a refused code left evidence");
    assert_eq!(listed(backend, other.id).await, sorted(codes.clone()));
    assert_eq!(consume(backend, UserId::new(now()), &codes[0]).await, None);
    assert_eq!(stored(backend, user.id).await, user, "a code that is used changes no factor");
}

/// Of many who use one code at once, one does.
pub async fn mf_17_one_of_many_uses_of_a_code_wins(backend: &MfaBackend) {
    let (user, codes) = (account(backend).await, codes(10));
    assert!(backend.backup_codes.replace(user.id, user.epochs, &codes, now(), Evidence::none()).await.unwrap());
    let (id, code) = (user.id, codes[4]);
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        async move { consume(&backend, id, &code).await }
    })
    .await;
    let won: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(won, [9]);
    assert_eq!(traces(backend, id).await, 1);
}

/// Different codes that are used at once are all used up, and each is told another number that is left.
pub async fn codes_used_at_once_are_all_counted(backend: &MfaBackend) {
    let (user, codes) = (account(backend).await, codes(CONTENDERS));
    assert!(backend.backup_codes.replace(user.id, user.epochs, &codes, now(), Evidence::none()).await.unwrap());
    let outcomes = race(CONTENDERS, |number| {
        let (backend, id, code) = (backend.clone(), user.id, codes[number]);
        async move { consume(&backend, id, &code).await }
    })
    .await;
    let mut left: Vec<_> = outcomes.into_iter().map(|left| left.expect("each is a code of its own")).collect();
    left.sort_unstable();
    assert_eq!(left, (0..CONTENDERS as u32).collect::<Vec<_>>());
}

/// A used code counts as issued until its set goes, and is good for nothing; another set starts the count anew.
pub async fn codes_that_were_all_used_are_not_codes_that_never_were(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    assert_eq!(counted(backend, user.id).await, (0, 0));
    let codes = codes(3);
    assert!(replace(backend, &user, &codes).await);
    for (code, left) in codes.iter().zip([2, 1, 0]) {
        assert_eq!(consume(backend, user.id, code).await, Some(left));
        assert_eq!(counted(backend, user.id).await, (3, left));
    }
    assert_eq!(listed(backend, user.id).await, []);
    assert_eq!(consume(backend, user.id, &codes[0]).await, None, "a code that is kept as used is used");
    assert_eq!(counted(backend, other.id).await, (0, 0));
    assert!(disown(backend, user.id, Timestamp::EPOCH).await, "used codes are a set too");
    assert_eq!(counted(backend, user.id).await, (0, 0));
    // What was used may come again in another set.
    assert!(replace(backend, &user, &codes[..2]).await);
    assert_eq!(counted(backend, user.id).await, (2, 2));
    assert!(consume(backend, user.id, &codes[0]).await.is_some());
    assert!(replace(backend, &user, &[]).await);
    assert_eq!(counted(backend, user.id).await, (0, 0));
}

/// A browser that is trusted because a backup code was shown in it is so no longer when the codes are replaced or disowned.
/// Others stay, and so do all when nothing comes of it.
pub async fn trust_that_codes_have_won_goes_with_their_set(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let trust = async |user: &User, factor: &str| {
        let (browser, digest) = (TrustedBrowser { factor: factor.to_owned(), ..browser(user, now()) }, digest());
        assert!(backend.trusted.insert(&browser, digest, Evidence::none()).await.unwrap());
        digest
    };
    assert!(replace(backend, &user, &codes(2)).await);
    let (theirs, by_app) = (trust(&other, "backup_code").await, trust(&user, "totp").await);
    for round in 0..2 {
        let by_code = trust(&user, "backup_code").await;
        let [epochs, ..] = other_epochs(&user);
        assert!(!replace(backend, &User { epochs, ..user.clone() }, &codes(2)).await);
        assert!(!disown(backend, user.id, now() + HOUR).await);
        let evidence = spent(backend).await;
        assert!(backend.backup_codes.replace(user.id, user.epochs, &codes(2), now(), evidence).await.is_err());
        assert!(is_trusted(backend, by_code).await, "nothing was replaced");
        match round {
            0 => assert!(replace(backend, &user, &codes(2)).await),
            _ => assert!(disown(backend, user.id, Timestamp::EPOCH).await),
        }
        assert!(!is_trusted(backend, by_code).await, "round {round}");
        assert!(is_trusted(backend, by_app).await && is_trusted(backend, theirs).await);
    }
}

/// AU-02: a use that cannot be recorded does not happen.
pub async fn a_code_is_not_used_up_without_its_evidence(backend: &MfaBackend) {
    let (user, codes) = (account(backend).await, codes(2));
    assert!(replace(backend, &user, &codes).await);
    let evidence = spent(backend).await;
    assert!(backend.backup_codes.consume(user.id, &codes[0], now(), &|_| evidence.clone()).await.is_err());
    assert_eq!(listed(backend, user.id).await, sorted(codes));
}

/// Keyed hashes are bytes: no case, no padding, no text that ends at a zero.
pub async fn codes_stand_for_themselves(backend: &MfaBackend) {
    let user = account(backend).await;
    let stem = *digest().as_bytes();
    let alike = [*b"aa", *b"aA", *b"a ", *b"a\0", *b"\0a", *b"%%", *b"__", [0xc3, 0xa4]].map(|end| {
        let mut bytes = stem;
        bytes[30..].copy_from_slice(&end);
        Mac::from_bytes(bytes)
    });
    assert!(replace(backend, &user, &alike[1..]).await);
    assert_eq!(consume(backend, user.id, &alike[0]).await, None);
    assert!(replace(backend, &user, &alike).await);
    for code in &alike {
        assert!(consume(backend, user.id, code).await.is_some());
    }
}

/// A set that was made at that moment or later goes, however it was made; an older one and one of another account stay.
pub async fn what_was_made_since_is_disowned(backend: &MfaBackend) {
    let other = Enrolled::new(backend).await;
    for earlier in [Duration::ZERO, TICK, 24 * HOUR] {
        let enrolled = Enrolled::new(backend).await;
        let User { id, epochs, .. } = enrolled.user;
        assert!(!disown(backend, id, enrolled.activated_at + TICK).await, "they were made before");
        assert!(disown(backend, id, enrolled.activated_at - earlier).await, "they were made with the secret");
        assert!(!disown(backend, id, enrolled.activated_at - earlier).await, "there are none left");
        let (at, codes) = (enrolled.activated_at + HOUR, codes(2));
        assert!(backend.backup_codes.replace(id, epochs, &codes, at, Evidence::none()).await.unwrap());
        assert!(!disown(backend, id, at + TICK).await, "they were made before");
        assert_eq!(listed(backend, id).await, sorted(codes.clone()));
        backend.backup_codes.consume(id, &codes[0], at, &|_| Evidence::none()).await.unwrap();
        assert!(disown(backend, id, at - earlier).await, "a use makes no set newer or older");
        assert_eq!(listed(backend, id).await, []);
        assert_eq!(stored(backend, id).await, enrolled.user, "codes are no factor by themselves");
        assert_eq!(totp(backend, id).await.unwrap().activated_at, Some(enrolled.activated_at));
        assert_eq!(traces(backend, id).await, 2);
    }
    let nobody = account(backend).await.id;
    assert!(!disown(backend, nobody, Timestamp::EPOCH).await);
    assert_eq!(traces(backend, nobody).await, 0, "nothing was disowned, and evidence left");
    other.assert_untouched(backend).await;
}

/// Of many who disown at once, one finds something.
pub async fn one_of_many_disownings_wins(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    let (id, since) = (enrolled.user.id, enrolled.activated_at);
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        async move { disown(&backend, id, since).await }
    })
    .await;
    assert_eq!(count(&outcomes, |disowned| *disowned), 1);
    assert_eq!(traces(backend, id).await, 1);
}

/// AU-02: what cannot be recorded is not disowned.
pub async fn a_disowning_without_its_evidence_is_not_made(backend: &MfaBackend) {
    let enrolled = Enrolled::new(backend).await;
    let evidence = spent(backend).await;
    assert!(backend.backup_codes.disown(enrolled.user.id, enrolled.activated_at, evidence).await.is_err());
    enrolled.assert_untouched(backend).await;
}

async fn disown(backend: &MfaBackend, user: UserId, since: Timestamp) -> bool {
    backend.backup_codes.disown(user, since, trace(user)).await.unwrap()
}

async fn replace(backend: &MfaBackend, user: &User, codes: &[Mac]) -> bool {
    backend.backup_codes.replace(user.id, user.epochs, codes, now(), trace(user.id)).await.unwrap()
}

async fn counted(backend: &MfaBackend, user: UserId) -> (u32, u32) {
    let BackupCodeCount { issued, left } = backend.backup_codes.count(user).await.unwrap();
    (issued, left)
}

async fn consume(backend: &MfaBackend, user: UserId, code: &Mac) -> Option<u32> {
    let evidence = |left: &u32| {
        let event = AuditEvent::new(CHECKED, now(), &client()).about(user);
        Evidence::event(event.with("left", *left))
    };
    backend.backup_codes.consume(user, code, now(), &evidence).await.unwrap()
}
