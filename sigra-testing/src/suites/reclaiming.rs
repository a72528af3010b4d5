//! [`AccountStore`](sigra_core::ports::AccountStore): accounts whose address is not proven, and what proves it.

use sigra_core::Stores;
use sigra_core::address_change::Completed;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{LiveToken, NewAccount, Recovered};
use sigra_core::registration::{MailedToken, RequestKind};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::User;

use super::Backend;
use super::address_changes::{self, completion};
use super::erasure::Belongings;
use super::lifecycle::{schedule, undo_token};
use super::support::*;

suite! {
    its_own_token_confirms_and_keeps_everything,
    a_confirmation_needs_a_live_token_of_an_unproven_account,
    tk_03_one_of_many_confirmations_wins,
    a_confirmation_without_its_evidence_is_not_made,
    tk_16_a_link_reclaims_an_unproven_account,
    tk_16_a_reset_reclaims_an_unproven_account,
    tk_16_every_other_proof_of_the_mailbox_does_too,
    a_new_address_that_reclaims_leaves_nothing_to_the_old_one,
    a_proven_account_is_not_reclaimed,
    a_reclaim_without_its_evidence_is_not_made,
    tk_16_one_of_many_proofs_reclaims,
    tk_16_a_confirmation_and_a_reclaim_exclude_each_other,
}

/// Confirming consumes the token, stores the time, and changes nothing else.
pub async fn its_own_token_confirms_and_keeps_everything(backend: &Backend) {
    let owned = Belongings::of(backend, unproven(backend).await).await;
    let before = stored(backend, owned.user.id).await;
    let (link, other) = (mail_token(backend, &before, CONFIRMS).await, mail_token(backend, &before, CONFIRMS).await);
    let at = now();
    let confirmed = confirm(backend, link.digest, at).await.expect("the token is live");
    assert_eq!(confirmed, User { confirmed_at: Some(at), ..before });
    let found = backend.stores.accounts.find(owned.user.id).await.unwrap().unwrap();
    assert_eq!(found.user, confirmed);
    assert_eq!(found.password.unwrap().expose(), hash("first").expose());
    assert_eq!(owned.left(backend).await, 9, "everything is kept");
    assert_eq!(traces(backend, owned.user.id).await, 2, "of the change of address, and this");
    assert!(!is_live(backend, &link).await, "a token is good once");
    assert!(confirm(backend, other.digest, now()).await.is_none(), "there is nothing left to confirm");
    assert_eq!(stored(backend, owned.user.id).await, confirmed);
}

/// A token that is unknown, expired, of a rescue or of a proven account confirms nothing.
pub async fn a_confirmation_needs_a_live_token_of_an_unproven_account(backend: &Backend) {
    let user = unproven(backend).await;
    let good = mail_token(backend, &user, CONFIRMS).await;
    let elsewhere = MailedToken { email: email("elsewhere"), digest: digest(), ..good.clone() };
    let rescue = rescue_token(&user);
    for token in [&elsewhere, &rescue] {
        keep(backend, token).await;
        assert!(confirm(backend, token.digest, now()).await.is_none(), "{token:?}");
    }
    assert!(confirm(backend, digest(), now()).await.is_none());
    assert!(confirm(backend, good.digest, good.expires_at).await.is_none());
    assert_eq!(stored(backend, user.id).await, user);
    let proven = account(backend).await;
    let theirs = mail_token(backend, &proven, CONFIRMS).await;
    assert!(confirm(backend, theirs.digest, now()).await.is_none());
    assert_eq!(stored(backend, proven.id).await, proven);
    if let Some(operator) = operator(backend, "reclaiming::a_confirmation_needs_a_live_token, under other epochs") {
        let other = unproven(backend).await;
        let token = mail_token(backend, &other, CONFIRMS).await;
        operator.raise_factor_epoch(other.id).await;
        assert!(confirm(backend, token.digest, now()).await.is_none(), "TK-05: epochs kill tokens");
    }
    assert!(confirm(backend, good.digest, good.expires_at - TICK).await.is_some(), "TK-04");
}

/// Of many who redeem one token at once, one does.
pub async fn tk_03_one_of_many_confirmations_wins(backend: &Backend) {
    let user = unproven(backend).await;
    let digest = mail_token(backend, &user, CONFIRMS).await.digest;
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        async move { confirm(&backend, digest, now()).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// AU-02: without its evidence a confirmation consumes nothing and changes nothing.
pub async fn a_confirmation_without_its_evidence_is_not_made(backend: &Backend) {
    let user = unproven(backend).await;
    let token = mail_token(backend, &user, CONFIRMS).await;
    let evidence = spent(backend).await;
    assert!(backend.stores.accounts.confirm(token.digest, now(), &|_| evidence.clone()).await.is_err());
    assert_eq!(stored(backend, user.id).await, user);
    assert!(is_live(backend, &token).await);
}

/// A sign-in link is proof of the mailbox by another path: everything that was there goes in the same step.
pub async fn tk_16_a_link_reclaims_an_unproven_account(backend: &Backend) {
    let (theirs, other) = (unproven(backend).await, unproven(backend).await);
    let (prepared, kept) = (Belongings::of(backend, theirs).await, Belongings::of(backend, other).await);
    let before = stored(backend, prepared.user.id).await;
    let link = mail_token(backend, &before, Purpose::MAGIC_LINK).await;
    let at = now();
    let live = redeem(backend, link.digest, at).await.expect("the token is live");
    assert!(live.reclaimed);
    let expected = before.reclaimed(at);
    assert_eq!(live.user.as_ref(), Some(&expected), "the account as it is then");
    assert_reclaimed(backend, &prepared, &expected).await;
    let found = backend.stores.accounts.find(expected.id).await.unwrap().unwrap();
    assert!(found.password.is_none(), "whoever registered knows it");
    assert_eq!(kept.left(backend).await, 9, "another account keeps what it has");
}

/// So is a reset, which sets another password.
pub async fn tk_16_a_reset_reclaims_an_unproven_account(backend: &Backend) {
    let prepared = Belongings::of(backend, unproven(backend).await).await;
    let before = stored(backend, prepared.user.id).await;
    let link = mail_token(backend, &before, Purpose::RESET_PASSWORD).await;
    let at = now();
    let evidence = |reset: &Recovered| trace(reset.user.id).and_token(rescue_token(&reset.user));
    let reset = backend.stores.accounts.reset_password(link.digest, &hash("reset"), at, &evidence).await.unwrap();
    let Recovered { user, reclaimed } = reset.expect("the token is live");
    assert!(reclaimed && user.has_password && user.confirmed_at == Some(at) && user.last_sign_in_at.is_none());
    assert!(user.epochs.security > before.epochs.security && user.epochs.factor > before.epochs.factor);
    assert_reclaimed(backend, &prepared, &user).await;
    let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.password.unwrap().expose(), hash("reset").expose());
}

/// A rescue, the ways back from a deletion and from a change of address, and the proof of a new one: nobody who prepared the
/// account keeps anything by way of any of them.
pub async fn tk_16_every_other_proof_of_the_mailbox_does_too(backend: &Backend) {
    for path in PATHS {
        let prepared = Belongings::of(backend, unproven(backend).await).await;
        let link = path.prepare(backend, &prepared).await;
        let before = stored(backend, prepared.user.id).await;
        let spent = spent(backend).await;
        assert!(path.show(backend, link, now(), &spent).await.is_err(), "AU-02: {path:?}");
        assert_eq!(stored(backend, before.id).await, before, "{path:?}");

        let at = now();
        let shown = path.show(backend, link, at, &trace(before.id)).await.unwrap();
        let Recovered { user, reclaimed } = shown.expect("the link is good");
        assert!(reclaimed && user.confirmed_at == Some(at) && user.last_sign_in_at.is_none(), "{path:?}");
        assert!(user.epochs.security > before.epochs.security && user.epochs.factor > before.epochs.factor);
        assert_eq!(user.deletion_due_at, None);
        assert_reclaimed(backend, &prepared, &user).await;
        let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
        assert!(found.password.is_none() && !user.has_password, "{path:?}: whoever registered knows it");
        let again = path.show(backend, link, now(), &trace(before.id)).await.unwrap();
        assert_eq!(again, None, "{path:?}: a link is good once");
    }
}

/// Nobody has shown that the old address was theirs: it is free, and no link of the change undoes it.
pub async fn a_new_address_that_reclaims_leaves_nothing_to_the_old_one(backend: &Backend) {
    let prepared = Belongings::of(backend, unproven(backend).await).await;
    let (changes, old) = (&backend.stores.address_changes, &prepared.user.email);
    let undo = digest();
    let outcome = address_changes::redeem(backend, prepared.change.confirm, now(), undo).await;
    assert!(matches!(outcome, Completed::Changed(changed) if changed.reclaimed));
    for link in [undo, prepared.change.undo] {
        assert!(changes.peek_undo(link, now()).await.unwrap().is_none());
    }
    assert_eq!(changes.reserved_for(old, now()).await.unwrap(), None);
    assert!(backend.stores.accounts.create(&new_account(old), Evidence::none()).await.unwrap());
}

/// Whoever has proven the address once loses nothing by proving the mailbox.
pub async fn a_proven_account_is_not_reclaimed(backend: &Backend) {
    let owned = Belongings::of(backend, account(backend).await).await;
    let before = stored(backend, owned.user.id).await;
    let link = mail_token(backend, &before, Purpose::MAGIC_LINK).await;
    let live = redeem(backend, link.digest, now()).await.expect("the token is live");
    assert!(!live.reclaimed);
    assert_eq!(live.user, Some(before.clone()));
    assert_eq!(stored(backend, before.id).await, before);
    assert_eq!(owned.left(backend).await, 9);
}

/// AU-02: without its evidence nothing is consumed and nothing goes.
pub async fn a_reclaim_without_its_evidence_is_not_made(backend: &Backend) {
    let prepared = Belongings::of(backend, unproven(backend).await).await;
    let before = stored(backend, prepared.user.id).await;
    let link = mail_token(backend, &before, Purpose::MAGIC_LINK).await;
    let reset = mail_token(backend, &before, Purpose::RESET_PASSWORD).await;
    let evidence = spent(backend).await;
    let stores = &backend.stores;
    assert!(stores.tokens.redeem(link.digest, now(), &|_| evidence.clone()).await.is_err());
    let by_reset = stores.accounts.reset_password(reset.digest, &hash("reset"), now(), &|_| evidence.clone()).await;
    assert!(by_reset.is_err());
    let found = stores.accounts.find(before.id).await.unwrap().unwrap();
    assert_eq!(found.user, before);
    assert_eq!(found.password.unwrap().expose(), hash("first").expose());
    assert_eq!(prepared.left(backend).await, 9);
    assert!(is_live(backend, &link).await && is_live(backend, &reset).await);
}

/// Of many who prove the mailbox at once, each by a link of their own, one does, and what it finds is gone once.
pub async fn tk_16_one_of_many_proofs_reclaims(backend: &Backend) {
    let user = unproven(backend).await;
    let mut links = Vec::new();
    for _ in 0..CONTENDERS {
        links.push(mail_token(backend, &user, Purpose::MAGIC_LINK).await.digest);
    }
    let outcomes = race(CONTENDERS, |contender| {
        let (backend, digest) = (backend.clone(), links[contender]);
        async move { redeem(&backend, digest, now()).await }
    })
    .await;
    assert_eq!(count(&outcomes, |live| live.as_ref().is_some_and(|live| live.reclaimed)), 1);
    assert_eq!(count(&outcomes, Option::is_some), 1, "the links of before died with the first");
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
}

/// Either the registration's own token came first, and everything is kept, or the other proof did, and all of it is gone.
pub async fn tk_16_a_confirmation_and_a_reclaim_exclude_each_other(backend: &Backend) {
    let user = unproven(backend).await;
    let (own, link) =
        (mail_token(backend, &user, CONFIRMS).await, mail_token(backend, &user, Purpose::MAGIC_LINK).await);
    let outcomes = race(CONTENDERS, |contender| {
        let (backend, own, link) = (backend.clone(), own.digest, link.digest);
        async move {
            match contender % 2 {
                0 => (confirm(&backend, own, now()).await.is_some(), false),
                _ => (false, redeem(&backend, link, now()).await.is_some_and(|live| live.reclaimed)),
            }
        }
    })
    .await;
    let (confirmed, reclaimed) = (count(&outcomes, |(own, _)| *own), count(&outcomes, |(_, other)| *other));
    assert_eq!(confirmed + reclaimed, 1, "one of them found the account unproven");
    let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.password.is_some(), confirmed == 1);
    assert_eq!(found.user.epochs == user.epochs, confirmed == 1);
}

/// What shows a mailbox, and is neither a sign-in link nor a reset.
#[derive(Clone, Copy, Debug)]
enum Path {
    Rescue,
    BackFromDeletion,
    NewAddress,
    OldAddress,
}

const PATHS: [Path; 4] = [Path::Rescue, Path::BackFromDeletion, Path::NewAddress, Path::OldAddress];

impl Path {
    /// What whoever prepared the account does for a link to be mailed.
    async fn prepare(self, backend: &Backend, prepared: &Belongings) -> Digest {
        match self {
            Self::Rescue => {
                let token = rescue_token(&prepared.user);
                keep(backend, &token).await;
                token.digest
            }
            Self::BackFromDeletion => {
                let user = schedule(backend, prepared.user.id, None).await.expect("none is scheduled");
                let token = undo_token(&user, now() + HOUR);
                keep(backend, &token).await;
                token.digest
            }
            Self::NewAddress => prepared.change.confirm,
            Self::OldAddress => prepared.change.undo,
        }
    }

    async fn show(
        self,
        backend: &Backend,
        link: Digest,
        at: Timestamp,
        evidence: &Evidence,
    ) -> Result<Option<Recovered>, StoreError> {
        let Stores { accounts, lifecycle, address_changes, .. } = &backend.stores;
        let request = |user: &User| request(RequestKind::RescueReset, &user.email);
        Ok(match self {
            Self::Rescue => accounts.rescue(link, at, &request, &|_| evidence.clone()).await?,
            Self::BackFromDeletion => lifecycle.undo_deletion(link, at, &request, &|_| evidence.clone()).await?,
            Self::NewAddress => {
                match address_changes.redeem(link, &completion(at, digest()), &|_| evidence.clone()).await? {
                    Completed::Changed(changed) => Some(Recovered { user: changed.user, reclaimed: changed.reclaimed }),
                    Completed::Invalid | Completed::Taken => None,
                }
            }
            Self::OldAddress => {
                let undone = address_changes.undo(link, at, &request, &|_| evidence.clone()).await?;
                undone.map(|undone| Recovered { user: undone.user, reclaimed: undone.reclaimed })
            }
        })
    }
}

const CONFIRMS: Purpose = Purpose::CONFIRM_REGISTRATION;

/// An account that was created before its address was proven.
pub(super) async fn unproven(backend: &Backend) -> User {
    let account = NewAccount { confirmed_at: None, ..new_account(&email("ann")) };
    assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
    account.to_user()
}

pub(super) async fn redeem(backend: &Backend, digest: Digest, at: Timestamp) -> Option<LiveToken> {
    let evidence = |live: &LiveToken| live.user.as_ref().map(|user| trace(user.id)).unwrap_or_default();
    backend.stores.tokens.redeem(digest, at, &evidence).await.unwrap()
}

async fn confirm(backend: &Backend, digest: Digest, at: Timestamp) -> Option<User> {
    backend.stores.accounts.confirm(digest, at, &|user| trace(user.id)).await.unwrap()
}

/// Asserts that nothing is left but the account, as it is expected to be.
async fn assert_reclaimed(backend: &Backend, prepared: &Belongings, expected: &User) {
    assert_eq!(prepared.left(backend).await, 1, "the account alone is left");
    assert!(backend.stores.sessions.list(expected.id, 10).await.unwrap().is_empty());
    assert_eq!(stored(backend, expected.id).await, *expected);
}
