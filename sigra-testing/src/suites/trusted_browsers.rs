//! [`TrustedBrowserStore`](sigra_mfa::ports::TrustedBrowserStore).

use sigra_core::audit::AuditEvent;
use sigra_core::client::Place;
use sigra_core::evidence::Evidence;
use sigra_core::id::{TrustedBrowserId, UserId};
use sigra_core::secret::Digest;
use sigra_core::user::User;
use sigra_mfa::ports::TrustedBrowser;

use super::MfaBackend;
use super::enrolled::browser;
use super::support::*;

suite! {
    over MfaBackend:
    browsers_read_back_as_they_were_stored,
    a_browser_needs_the_epochs_it_was_trusted_under,
    what_exists_is_never_overwritten,
    a_browser_without_its_evidence_is_not_trusted,
    trust_ends_at_its_microsecond,
    a_use_is_noted,
    browsers_are_listed_newest_first,
    a_browser_is_revoked_by_its_owner_alone,
    one_of_many_revocations_wins,
    all_browsers_of_an_account_are_revoked,
    a_revocation_without_its_evidence_does_not_happen,
    se_30_browsers_go_when_they_have_expired,
}

/// Every field survives storage exactly; epochs are told and not judged.
pub async fn browsers_read_back_as_they_were_stored(backend: &MfaBackend) {
    let user = account(backend).await;
    let awkward = TrustedBrowser {
        factor: AWKWARD[3].to_owned(),
        client: awkward_client(),
        place: Some(Place { city: Some(AWKWARD[7].to_owned()), country: None }),
        last_used_at: now() + HOUR,
        ..browser(&user, now())
    };
    for browser in [browser(&user, now()), awkward] {
        let digest = trusted(backend, &browser).await;
        assert_eq!(find(backend, digest).await, Some(browser));
    }
    assert_eq!(traces(backend, user.id).await, 2);
    assert_eq!(find(backend, digest()).await, None);
    assert_eq!(stored(backend, user.id).await, user, "a browser is no factor");
    if let Some(operator) = operator(backend, "trusted_browsers, of epochs that were left behind") {
        operator.raise_factor_epoch(user.id).await;
        assert_eq!(list(backend, &user).await.len(), 2, "the caller compares");
    }
}

/// Under other epochs, for a disabled account and for one that does not exist, nothing is trusted.
pub async fn a_browser_needs_the_epochs_it_was_trusted_under(backend: &MfaBackend) {
    let user = account(backend).await;
    let refused = async |browser: TrustedBrowser| {
        let digest = digest();
        assert!(!backend.trusted.insert(&browser, digest, trace(user.id)).await.unwrap());
        assert_eq!(find(backend, digest).await, None);
    };
    for epochs in other_epochs(&user) {
        refused(TrustedBrowser { epochs, ..browser(&user, now()) }).await;
    }
    refused(TrustedBrowser { user: UserId::new(now()), ..browser(&user, now()) }).await;
    if let Some(operator) = operator(backend, "trusted_browsers, of a disabled account") {
        operator.disable(user.id, now()).await;
        refused(browser(&user, now())).await;
    }
    assert_eq!(traces(backend, user.id).await, 0, "a refused browser left evidence");
}

/// A digest or an id that exists is a conflict, and what has it stays as it was.
pub async fn what_exists_is_never_overwritten(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let first = browser(&user, now());
    let taken = trusted(backend, &first).await;
    let theirs = browser(&other, now());
    assert!(backend.trusted.insert(&theirs, taken, trace(other.id)).await.is_err());
    let same_id = TrustedBrowser { id: first.id, ..theirs };
    assert!(backend.trusted.insert(&same_id, digest(), trace(other.id)).await.is_err());
    assert_eq!(find(backend, taken).await, Some(first));
    assert_eq!(list(backend, &other).await, []);
    assert_eq!(traces(backend, other.id).await, 0);
}

/// AU-02: what cannot be recorded is not trusted.
pub async fn a_browser_without_its_evidence_is_not_trusted(backend: &MfaBackend) {
    let (user, digest) = (account(backend).await, digest());
    assert!(backend.trusted.insert(&browser(&user, now()), digest, spent(backend).await).await.is_err());
    assert_eq!(find(backend, digest).await, None);
}

/// At its expiry a browser is a stranger; a microsecond earlier it was not.
pub async fn trust_ends_at_its_microsecond(backend: &MfaBackend) {
    let user = account(backend).await;
    let browser = browser(&user, now());
    let digest = trusted(backend, &browser).await;
    let end = browser.expires_at;
    for (at, trusted) in [(end + HOUR, false), (end, false), (end - TICK, true)] {
        assert_eq!(backend.trusted.find(digest, at).await.unwrap().is_some(), trusted);
        assert_eq!(backend.trusted.list(user.id, at, 10).await.unwrap().len(), usize::from(trusted));
    }
}

/// The time of a use is stored, of that browser alone; one that is gone is no error.
pub async fn a_use_is_noted(backend: &MfaBackend) {
    let user = account(backend).await;
    let (mine, other) = (browser(&user, now()), browser(&user, now()));
    let (digest, others) = (trusted(backend, &mine).await, trusted(backend, &other).await);
    let at = mine.last_used_at + HOUR;
    backend.trusted.touch(mine.id, at).await.unwrap();
    backend.trusted.touch(TrustedBrowserId::new(at), at).await.unwrap();
    assert_eq!(find(backend, digest).await, Some(TrustedBrowser { last_used_at: at, ..mine }));
    assert_eq!(find(backend, others).await, Some(other));
}

/// The account's own, newest first, no more than asked for.
pub async fn browsers_are_listed_newest_first(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let at = now();
    let times = [at + MINUTE, at, at + 3 * MINUTE, at + 2 * MINUTE];
    let mut browsers = times.map(|at| browser(&user, at));
    for browser in &browsers {
        trusted(backend, browser).await;
    }
    trusted(backend, &browser(&other, at)).await;
    browsers.sort_by_key(|browser| std::cmp::Reverse(browser.created_at));
    assert_eq!(list(backend, &user).await, browsers);
    assert_eq!(backend.trusted.list(user.id, at, 3).await.unwrap(), browsers[..3]);
    assert_eq!(backend.trusted.list(user.id, at, 0).await.unwrap(), []);
}

/// A browser of another account is not there to be revoked.
pub async fn a_browser_is_revoked_by_its_owner_alone(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let (mine, second) = (browser(&user, now()), browser(&user, now()));
    let (digest, kept) = (trusted(backend, &mine).await, trusted(backend, &second).await);
    assert!(!revoke(backend, other.id, mine.id).await);
    assert!(!revoke(backend, user.id, TrustedBrowserId::new(now())).await);
    assert!(find(backend, digest).await.is_some());
    assert!(revoke(backend, user.id, mine.id).await);
    assert!(!revoke(backend, user.id, mine.id).await);
    assert!(find(backend, digest).await.is_none() && find(backend, kept).await.is_some());
    assert_eq!(traces(backend, user.id).await, 3, "two were stored and one revoked");
    assert_eq!(traces(backend, other.id).await, 0);
}

/// Of many who revoke one browser at once, one does.
pub async fn one_of_many_revocations_wins(backend: &MfaBackend) {
    let user = account(backend).await;
    let browser = browser(&user, now());
    assert!(backend.trusted.insert(&browser, digest(), Evidence::none()).await.unwrap());
    let outcomes = race(CONTENDERS, |_| {
        let (backend, user, id) = (backend.clone(), user.id, browser.id);
        async move { revoke(&backend, user, id).await }
    })
    .await;
    assert_eq!(count(&outcomes, |revoked| *revoked), 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// All of one account go, and the evidence sees how many.
pub async fn all_browsers_of_an_account_are_revoked(backend: &MfaBackend) {
    let (user, other) = (account(backend).await, account(backend).await);
    for _ in 0..3 {
        trusted(backend, &browser(&user, now())).await;
    }
    let theirs = trusted(backend, &browser(&other, now())).await;
    let evidence = |revoked: &u64| {
        let event = AuditEvent::new(CHECKED, now(), &client()).about(user.id);
        Evidence::event(event.with("revoked", *revoked))
    };
    for revoked in [3, 0] {
        assert_eq!(backend.trusted.revoke_all(user.id, &evidence).await.unwrap(), revoked);
        assert_eq!(trail(backend, user.id).await[0].metadata["revoked"], revoked);
        assert_eq!(list(backend, &user).await, []);
    }
    assert!(find(backend, theirs).await.is_some());
}

/// AU-02: what cannot be recorded is not revoked.
pub async fn a_revocation_without_its_evidence_does_not_happen(backend: &MfaBackend) {
    let user = account(backend).await;
    let browser = browser(&user, now());
    let digest = trusted(backend, &browser).await;
    let evidence = spent(backend).await;
    assert!(backend.trusted.revoke(user.id, browser.id, evidence.clone()).await.is_err());
    assert!(backend.trusted.revoke_all(user.id, &|_| evidence.clone()).await.is_err());
    assert_eq!(find(backend, digest).await, Some(browser));
}

/// Housekeeping deletes what has expired, in bounded batches, and nothing else.
pub async fn se_30_browsers_go_when_they_have_expired(backend: &MfaBackend) {
    let user = account(backend).await;
    for _ in 0..5 {
        trusted(backend, &browser(&user, LONG_AGO)).await;
    }
    let alive = trusted(backend, &browser(&user, LONG_AGO + 5_000 * HOUR)).await;
    let left = async || backend.trusted.list(user.id, LONG_AGO, 10).await.unwrap().len();
    purge(backend, 2).await;
    assert!(left().await >= 4, "more than the limit went at once");
    while purge(backend, 100).await > 0 {}
    assert_eq!(left().await, 1);
    assert!(backend.trusted.find(alive, LONG_AGO).await.unwrap().is_some());
}

/// Stores a browser, with a trace.
async fn trusted(backend: &MfaBackend, browser: &TrustedBrowser) -> Digest {
    let digest = digest();
    assert!(backend.trusted.insert(browser, digest, trace(browser.user)).await.unwrap());
    digest
}

async fn find(backend: &MfaBackend, digest: Digest) -> Option<TrustedBrowser> {
    backend.trusted.find(digest, now()).await.unwrap()
}

async fn list(backend: &MfaBackend, user: &User) -> Vec<TrustedBrowser> {
    backend.trusted.list(user.id, now(), 100).await.unwrap()
}

async fn revoke(backend: &MfaBackend, user: UserId, id: TrustedBrowserId) -> bool {
    backend.trusted.revoke(user, id, trace(user)).await.unwrap()
}
