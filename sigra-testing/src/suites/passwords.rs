//! [`PasswordStore`](sigra_core::ports::PasswordStore).

use sigra_core::evidence::Evidence;
use sigra_core::id::UserId;
use sigra_core::password::PasswordHash;
use sigra_core::ports::{NewAccount, Recovered, Replaced, Replacement};
use sigra_core::registration::{AddressRequest, MailedToken, RequestKind};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::support::*;

suite! {
    a_change_replaces_the_password_and_ends_what_was_handed_out,
    a_change_needs_the_epochs_it_was_judged_under,
    one_of_many_changes_wins,
    a_change_without_its_evidence_is_not_made,
    tokens_of_the_evidence_outlive_the_change,
    a_first_password_is_set_where_there_is_none,
    one_of_many_first_passwords_wins,
    a_change_and_a_reset_exclude_each_other,
    a_change_is_required_of_whoever_has_a_password,
    whatever_sets_or_takes_the_password_ends_the_requirement,
    a_requirement_that_overtakes_a_change_stays,
    a_withdrawn_password_is_gone_and_a_reset_starts,
    one_of_many_withdrawals_wins,
    a_requirement_can_be_taken_back_once,
    a_requirement_without_its_evidence_is_not_made,
}

/// The password is replaced, the epoch raised, tokens and other devices forgotten; rescue tokens and other accounts are left.
pub async fn a_change_replaces_the_password_and_ends_what_was_handed_out(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let theirs = mail_token(backend, &other, Purpose::RESET_PASSWORD).await;
    let their_device = device(backend, &other).await;
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let (mine, another) = (device(backend, &user).await, device(backend, &user).await);
    let before = stored(backend, user.id).await;

    let at = now();
    let new = hash("changed");
    let change = Replacement { device: Some(mine), now: at, ..change(&user, &new) };
    let changed = done(replace(backend, &change).await);
    let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
    assert_eq!(changed, User { epochs, password_changed_at: Some(at), ..before });
    let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.user, changed);
    assert_eq!(found.password.unwrap().expose(), new.expose());
    assert_told(backend, &changed).await;

    assert!(!is_live(backend, &magic).await, "TK-05: links die");
    assert!(is_live(backend, &rescue).await, "a rescue token is what an owner has left");
    assert!(is_known(backend, mine).await, "the device it was changed on stays known");
    assert!(!is_known(backend, another).await);
    assert!(is_live(backend, &theirs).await && is_known(backend, their_device).await);
    assert_eq!(stored(backend, other.id).await.epochs, other.epochs);

    // Somebody else's device is not kept for this account, nor taken from theirs.
    let again = hash("again");
    let change = Replacement { device: Some(their_device), ..self::change(&changed, &again) };
    done(replace(backend, &change).await);
    assert!(!is_known(backend, mine).await && is_known(backend, their_device).await);
}

/// Under other epochs, of an account that is gone or disabled, nothing changes.
pub async fn a_change_needs_the_epochs_it_was_judged_under(backend: &Backend) {
    let user = account(backend).await;
    let new = hash("changed");
    let Epochs { security, factor } = user.epochs;
    for (security, factor) in
        [(security + 1, factor), (security - 1, factor), (security, factor + 1), (security, factor - 1)]
    {
        let change = Replacement { epochs: Epochs { security, factor }, ..change(&user, &new) };
        assert_eq!(replace(backend, &change).await, Replaced::Stale);
    }
    let nobody = Replacement { user: UserId::new(now()), ..change(&user, &new) };
    assert_eq!(replace(backend, &nobody).await, Replaced::Stale);
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(password(backend, user.id).await.unwrap().expose(), hash("first").expose());
    if let Some(operator) = operator(backend, "passwords::a_change_needs_the_epochs_it_was_judged_under, when disabled")
    {
        operator.disable(user.id, now()).await;
        for first in [false, true] {
            let change = Replacement { first, ..change(&user, &new) };
            assert_eq!(replace(backend, &change).await, Replaced::Stale);
        }
    }
    assert_eq!(traces(backend, user.id).await, 0);
}

/// Of many who replace a password they were all shown, one does, and the epoch rises once.
pub async fn one_of_many_changes_wins(backend: &Backend) {
    let user = account(backend).await;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, user) = (backend.clone(), user.clone());
        async move { replace(&backend, &change(&user, &hash(&format!("number {number}")))).await }
    })
    .await;
    let winner = outcomes.iter().position(|outcome| matches!(outcome, Replaced::Done(_))).expect("one wins");
    assert_eq!(count(&outcomes, |outcome| *outcome == Replaced::Stale), CONTENDERS - 1);
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
    let wanted = hash(&format!("number {winner}"));
    assert_eq!(password(backend, user.id).await.unwrap().expose(), wanted.expose());
    assert_eq!(traces(backend, user.id).await, 1);
}

/// AU-02: without its evidence a change is not made.
pub async fn a_change_without_its_evidence_is_not_made(backend: &Backend) {
    let user = account(backend).await;
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let device = device(backend, &user).await;
    let before = stored(backend, user.id).await;
    let (evidence, new) = (spent(backend).await, hash("changed"));
    let passwords = &backend.stores.passwords;
    assert!(passwords.replace(&change(&user, &new), &|_| evidence.clone()).await.is_err());
    assert_eq!(stored(backend, user.id).await, before);
    assert_eq!(password(backend, user.id).await.unwrap().expose(), hash("first").expose());
    assert!(is_live(backend, &magic).await && is_known(backend, device).await);
}

/// The tokens that the mail about a change carries are not among those it forgets.
pub async fn tokens_of_the_evidence_outlive_the_change(backend: &Backend) {
    let user = account(backend).await;
    let (rescue, link, new) = (rescue_token(&user), digest(), hash("changed"));
    let evidence = |changed: &User| {
        let link = MailedToken { digest: link, ..token(changed, Purpose::MAGIC_LINK) };
        trace(changed.id).and_token(rescue.clone()).and_token(link)
    };
    done(backend.stores.passwords.replace(&change(&user, &new), &evidence).await.unwrap());
    assert!(is_live(backend, &rescue).await);
    assert!(backend.stores.tokens.peek(link, now()).await.unwrap().is_some());
}

/// Where there is a password, a first one is refused, under whatever epochs.
pub async fn a_first_password_is_set_where_there_is_none(backend: &Backend) {
    let user = passwordless(backend).await;
    let new = hash("first of all");
    let first = Replacement { first: true, ..change(&user, &new) };
    let stale = Replacement { epochs: Epochs { security: user.epochs.security + 1, ..user.epochs }, ..first };
    assert_eq!(replace(backend, &stale).await, Replaced::Stale);
    let changed = done(replace(backend, &first).await);
    assert!(changed.has_password);
    assert_eq!(changed.epochs.security, user.epochs.security + 1);
    assert_eq!(password(backend, user.id).await.unwrap().expose(), new.expose());

    let other = hash("another");
    for epochs in [user.epochs, changed.epochs] {
        let second = Replacement { epochs, password: &other, ..first };
        assert_eq!(replace(backend, &second).await, Replaced::AlreadySet);
    }
    assert_eq!(password(backend, user.id).await.unwrap().expose(), new.expose());
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Of many first passwords one is set.
pub async fn one_of_many_first_passwords_wins(backend: &Backend) {
    let user = passwordless(backend).await;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, user) = (backend.clone(), user.clone());
        async move {
            let new = hash(&format!("number {number}"));
            replace(&backend, &Replacement { first: true, ..change(&user, &new) }).await
        }
    })
    .await;
    assert_eq!(count(&outcomes, |outcome| matches!(outcome, Replaced::Done(_))), 1);
    assert_eq!(count(&outcomes, |outcome| *outcome == Replaced::AlreadySet), CONTENDERS - 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// A change and a reset at once: one of them is made, and the other finds its epoch gone.
pub async fn a_change_and_a_reset_exclude_each_other(backend: &Backend) {
    let user = account(backend).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await.digest;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, user) = (backend.clone(), user.clone());
        async move {
            if number % 2 == 0 {
                return matches!(replace(&backend, &change(&user, &hash("changed"))).await, Replaced::Done(_));
            }
            let evidence = |reset: &Recovered| trace(reset.user.id);
            let accounts = &backend.stores.accounts;
            accounts.reset_password(reset, &hash("reset"), now(), &evidence).await.unwrap().is_some()
        }
    })
    .await;
    assert_eq!(count(&outcomes, |won| *won), 1);
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// It raises the epoch and forgets tokens; devices stay, and so does the password.
pub async fn a_change_is_required_of_whoever_has_a_password(backend: &Backend) {
    let user = account(backend).await;
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let device = device(backend, &user).await;
    let before = stored(backend, user.id).await;
    let at = now();
    let changed = require(backend, user.id, at).await.expect("it has a password");
    let epochs = Epochs { security: user.epochs.security + 1, ..user.epochs };
    assert_eq!(changed, User { epochs, password_change_required_at: Some(at), ..before });
    assert_eq!(stored(backend, user.id).await, changed);
    assert_told(backend, &changed).await;
    assert_eq!(password(backend, user.id).await.unwrap().expose(), hash("first").expose());
    assert!(!is_live(backend, &magic).await && is_live(backend, &rescue).await);
    assert!(is_known(backend, device).await);
    let again = require(backend, user.id, at + MINUTE).await.expect("once more ends once more");
    assert_eq!(again.epochs.security, user.epochs.security + 2);

    let without = passwordless(backend).await;
    assert!(require(backend, without.id, at).await.is_none());
    assert_eq!(stored(backend, without.id).await, without);
    assert_eq!(traces(backend, without.id).await, 0);
    assert!(require(backend, UserId::new(now()), at).await.is_none());
}

/// A change, a reset and a rescue.
pub async fn whatever_sets_or_takes_the_password_ends_the_requirement(backend: &Backend) {
    let user = account(backend).await;
    let required = require(backend, user.id, now()).await.unwrap();
    let new = hash("changed");
    let changed = done(replace(backend, &change(&required, &new)).await);
    assert_eq!(changed.password_change_required_at, None);
    assert_eq!(stored(backend, user.id).await, changed);

    let required = require(backend, user.id, now()).await.unwrap();
    let reset = mail_token(backend, &required, Purpose::RESET_PASSWORD).await;
    let accounts = &backend.stores.accounts;
    let changed = accounts.reset_password(reset.digest, &hash("reset"), now(), &|_| Evidence::none()).await.unwrap();
    let changed = changed.expect("the token is live").user;
    assert_eq!(changed.password_change_required_at, None);
    assert_eq!(stored(backend, user.id).await, changed);

    let required = require(backend, user.id, now()).await.unwrap();
    let rescue = rescue_token(&required);
    keep(backend, &rescue).await;
    let wanted = |user: &User| request(RequestKind::RescueReset, &user.email);
    let changed = accounts.rescue(rescue.digest, now(), &wanted, &|_| Evidence::none()).await.unwrap();
    let changed = changed.expect("the token is live").user;
    assert_eq!(changed.password_change_required_at, None);
    assert_eq!(stored(backend, user.id).await, changed);
}

/// A change judged before a requirement came does not satisfy it.
pub async fn a_requirement_that_overtakes_a_change_stays(backend: &Backend) {
    let user = account(backend).await;
    let required = require(backend, user.id, now()).await.unwrap();
    let new = hash("changed");
    assert_eq!(replace(backend, &change(&user, &new)).await, Replaced::Stale);
    assert_eq!(stored(backend, user.id).await, required);
}

/// It ends what was handed out, devices included, as a rescue does.
pub async fn a_withdrawn_password_is_gone_and_a_reset_starts(backend: &Backend) {
    let user = account(backend).await;
    let required = require(backend, user.id, now()).await.unwrap();
    let magic = mail_token(backend, &required, Purpose::MAGIC_LINK).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let device = device(backend, &required).await;
    let before = stored(backend, user.id).await;
    let wanted = request(RequestKind::RescueReset, &user.email);
    let changed = withdraw(backend, user.id, &wanted).await.expect("it has a password");
    let epochs = Epochs { security: user.epochs.security + 2, ..user.epochs };
    assert_eq!(changed, User { has_password: false, password_change_required_at: None, epochs, ..before });
    assert_eq!(stored(backend, user.id).await, changed);
    assert!(password(backend, user.id).await.is_none());
    assert_eq!(traces(backend, user.id).await, 2);
    assert!(!is_live(backend, &magic).await && !is_known(backend, device).await);
    assert!(is_live(backend, &rescue).await);
    assert_eq!(lease_request(backend, wanted.id).await.request.email, user.email);

    let again = request(RequestKind::RescueReset, &user.email);
    assert!(withdraw(backend, user.id, &again).await.is_none(), "there is none any more");
    assert!(withdraw(backend, UserId::new(now()), &again).await.is_none());
    assert!(lease_requests(backend, &[again.id], now()).await.is_empty());
    assert_eq!(stored(backend, user.id).await, changed);
}

/// Of many at once one takes it, and starts one reset. A change judged before comes too late.
pub async fn one_of_many_withdrawals_wins(backend: &Backend) {
    let user = account(backend).await;
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        let wanted = request(RequestKind::RescueReset, &user.email);
        async move { withdraw(&backend, user.id, &wanted).await.map(|_| wanted.id) }
    })
    .await;
    let won: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
    assert_eq!(traces(backend, user.id).await, 1);
    let new = hash("changed");
    assert_eq!(replace(backend, &change(&user, &new)).await, Replaced::Stale, "judged before");
    assert!(password(backend, user.id).await.is_none());
}

/// No epoch is raised.
pub async fn a_requirement_can_be_taken_back_once(backend: &Backend) {
    let user = account(backend).await;
    assert!(clear(backend, user.id).await.is_none() && clear(backend, UserId::new(now())).await.is_none());
    let required = require(backend, user.id, now()).await.unwrap();
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        async move { clear(&backend, user.id).await }
    })
    .await;
    let cleared: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(cleared, [User { password_change_required_at: None, ..required }]);
    assert_eq!(stored(backend, user.id).await, cleared[0]);
    assert_eq!(traces(backend, user.id).await, 2);
}

/// AU-02: neither requiring, nor taking back, nor withdrawing.
pub async fn a_requirement_without_its_evidence_is_not_made(backend: &Backend) {
    let user = account(backend).await;
    let evidence = spent(backend).await;
    let passwords = &backend.stores.passwords;
    assert!(passwords.require_change(user.id, now(), &|_| evidence.clone()).await.is_err());
    assert_eq!(stored(backend, user.id).await, user);
    let required = require(backend, user.id, now()).await.unwrap();
    assert!(passwords.clear_required_change(user.id, &|_| evidence.clone()).await.is_err());
    let wanted = request(RequestKind::RescueReset, &user.email);
    assert!(passwords.withdraw(user.id, &|_| wanted.clone(), &|_| evidence.clone()).await.is_err());
    assert!(lease_requests(backend, &[wanted.id], now()).await.is_empty());
    assert_eq!(stored(backend, user.id).await, required);
}

fn change<'a>(user: &User, password: &'a PasswordHash) -> Replacement<'a> {
    Replacement { user: user.id, epochs: user.epochs, first: false, password, device: None, now: now() }
}

async fn replace(backend: &Backend, replacement: &Replacement<'_>) -> Replaced {
    backend.stores.passwords.replace(replacement, &trace_of).await.unwrap()
}

fn done(replaced: Replaced) -> User {
    match replaced {
        Replaced::Done(user) => *user,
        other => panic!("it must be replaced: {other:?}"),
    }
}

async fn require(backend: &Backend, user: UserId, at: Timestamp) -> Option<User> {
    backend.stores.passwords.require_change(user, at, &trace_of).await.unwrap()
}

async fn withdraw(backend: &Backend, user: UserId, wanted: &AddressRequest) -> Option<User> {
    let request = |user: &User| AddressRequest { email: user.email.clone(), ..wanted.clone() };
    backend.stores.passwords.withdraw(user, &request, &trace_of).await.unwrap()
}

async fn clear(backend: &Backend, user: UserId) -> Option<User> {
    backend.stores.passwords.clear_required_change(user, &trace_of).await.unwrap()
}

async fn passwordless(backend: &Backend) -> User {
    let account = NewAccount { password: None, ..new_account(&email("ann")) };
    assert!(backend.stores.accounts.create(&account, Evidence::none()).await.unwrap());
    account.to_user()
}

async fn password(backend: &Backend, user: UserId) -> Option<PasswordHash> {
    backend.stores.accounts.find(user).await.unwrap().expect("the account exists").password
}

async fn is_known(backend: &Backend, device: Digest) -> bool {
    backend.stores.devices.find(device, now()).await.unwrap().is_some()
}
