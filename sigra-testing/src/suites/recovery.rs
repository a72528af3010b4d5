//! [`AccountStore`](sigra_core::ports::AccountStore): reset and rescue.

use sigra_core::id::RequestId;
use sigra_core::ports::Recovered;
use sigra_core::registration::{AddressRequest, MailedToken, RequestKind, TokenOwner};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::support::*;

suite! {
    a_reset_replaces_the_password_and_ends_what_was_handed_out,
    a_reset_needs_a_live_token,
    tk_04_reset_tokens_end_at_their_microsecond,
    tk_03_one_of_many_resets_wins,
    a_reset_without_its_evidence_is_not_made,
    tokens_of_the_evidence_outlive_the_reset,
    a_rescue_ends_what_was_handed_out_and_starts_a_reset,
    rescue_tokens_outlive_epochs,
    a_rescue_needs_a_live_token,
    tk_03_one_of_many_rescues_wins,
    a_rescue_without_its_evidence_is_not_made,
}

/// The password is replaced, the epoch raised, devices and tokens forgotten; rescue tokens and other accounts are left.
pub async fn a_reset_replaces_the_password_and_ends_what_was_handed_out(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let theirs = mail_token(backend, &other, Purpose::RESET_PASSWORD).await;
    let their_device = device(backend, &other).await;
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let device = device(backend, &user).await;

    let at = now();
    let changed = redeem(backend, reset.digest, at).await.expect("the token is live");
    let Epochs { security, factor } = user.epochs;
    assert_eq!(changed.epochs, Epochs { security: security + 1, factor });
    assert_eq!(changed.password_changed_at, Some(at));
    assert_eq!(changed.confirmed_at, user.confirmed_at, "a proven address keeps its time");
    let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.user, changed);
    assert_eq!(found.password.unwrap().expose(), hash("reset").expose());
    assert_eq!(traces(backend, user.id).await, 1);

    assert!(redeem(backend, reset.digest, now()).await.is_none(), "a token is good once");
    assert!(!is_live(backend, &magic).await, "TK-05: other tokens die");
    assert!(is_live(backend, &rescue).await, "a rescue token is what an owner has left");
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_none(), "devices are forgotten");
    assert!(is_live(backend, &theirs).await);
    assert!(backend.stores.devices.find(their_device, now()).await.unwrap().is_some());
    assert_eq!(stored(backend, other.id).await.epochs, other.epochs);
}

/// A token that is unknown, of other epochs or mailed elsewhere changes nothing.
pub async fn a_reset_needs_a_live_token(backend: &Backend) {
    let user = account(backend).await;
    let good = token(&user, Purpose::RESET_PASSWORD);
    let epochs = |security, factor| {
        let Epochs { security: s, factor: f } = user.epochs;
        TokenOwner::User { id: user.id, epochs: Some(Epochs { security: s + security, factor: f + factor }) }
    };
    let dead = [
        MailedToken { owner: epochs(1, 0), digest: digest(), ..good.clone() },
        MailedToken { owner: epochs(-1, 0), digest: digest(), ..good.clone() },
        MailedToken { owner: epochs(0, 1), digest: digest(), ..good.clone() },
        MailedToken { email: email("elsewhere"), digest: digest(), ..good.clone() },
    ];
    for token in &dead {
        keep(backend, token).await;
        assert!(redeem(backend, token.digest, now()).await.is_none(), "{token:?}");
    }
    assert!(redeem(backend, digest(), now()).await.is_none());
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0);
    if let Some(operator) = operator(backend, "recovery::a_reset_needs_a_live_token, of a disabled account") {
        keep(backend, &good).await;
        operator.disable(user.id, now()).await;
        assert!(redeem(backend, good.digest, now()).await.is_none(), "TK-05: disabling kills tokens");
    }
}

/// At its expiry a token is dead; a microsecond earlier it was not.
pub async fn tk_04_reset_tokens_end_at_their_microsecond(backend: &Backend) {
    let user = account(backend).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    assert!(redeem(backend, reset.digest, reset.expires_at + HOUR).await.is_none());
    assert!(redeem(backend, reset.digest, reset.expires_at).await.is_none());
    assert!(redeem(backend, reset.digest, reset.expires_at - TICK).await.is_some());
}

/// Of many who redeem one token at once, one does, and the epoch rises once.
pub async fn tk_03_one_of_many_resets_wins(backend: &Backend) {
    let user = account(backend).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await.digest;
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        async move { redeem(&backend, reset, now()).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// AU-02: without its evidence a reset consumes nothing and changes nothing.
pub async fn a_reset_without_its_evidence_is_not_made(backend: &Backend) {
    let user = account(backend).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let device = device(backend, &user).await;
    let before = stored(backend, user.id).await;
    let evidence = spent(backend).await;
    let accounts = &backend.stores.accounts;
    assert!(accounts.reset_password(reset.digest, &hash("reset"), now(), &|_| evidence.clone()).await.is_err());
    let found = accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.user, before);
    assert_eq!(found.password.unwrap().expose(), hash("first").expose());
    assert!(is_live(backend, &reset).await && is_live(backend, &magic).await);
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_some());
}

/// The tokens that the mail about a reset carries are not among those it forgets.
pub async fn tokens_of_the_evidence_outlive_the_reset(backend: &Backend) {
    let user = account(backend).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let (rescue, link) = (rescue_token(&user), digest());
    let evidence = |Recovered { user: changed, .. }: &Recovered| {
        let link = MailedToken { digest: link, ..token(changed, Purpose::MAGIC_LINK) };
        trace(changed.id).and_token(rescue.clone()).and_token(link)
    };
    let accounts = &backend.stores.accounts;
    accounts.reset_password(reset.digest, &hash("reset"), now(), &evidence).await.unwrap().expect("it is live");
    assert!(is_live(backend, &rescue).await);
    assert!(backend.stores.tokens.peek(link, now()).await.unwrap().is_some());
}

/// The password goes, the epoch is raised, devices and tokens forgotten, and the request stored; other rescue tokens stay.
pub async fn a_rescue_ends_what_was_handed_out_and_starts_a_reset(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let (rescue, spare) = (rescue_token(&user), rescue_token(&user));
    keep(backend, &rescue).await;
    keep(backend, &spare).await;
    let theirs = mail_token(backend, &other, Purpose::RESET_PASSWORD).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let device = device(backend, &user).await;

    let wanted = request(RequestKind::RescueReset, &user.email);
    let changed = disown(backend, rescue.digest, now(), &wanted).await.expect("the token is live");
    let Epochs { security, factor } = user.epochs;
    assert_eq!(changed.epochs, Epochs { security: security + 1, factor });
    let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!(found.user, changed);
    assert!(found.password.is_none() && !changed.has_password, "whoever is disowned may know it");
    assert_eq!(traces(backend, user.id).await, 1);
    assert!(!is_live(backend, &reset).await && !is_live(backend, &rescue).await);
    assert!(is_live(backend, &spare).await && is_live(backend, &theirs).await);
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_none());
    let queued = lease_request(backend, wanted.id).await.request;
    assert_eq!((queued.kind, queued.email), (RequestKind::RescueReset, user.email.clone()));

    let again = request(RequestKind::RescueReset, &user.email);
    assert!(disown(backend, rescue.digest, now(), &again).await.is_none(), "a token is good once");
    assert!(!is_queued(backend, again.id).await);
}

/// A rescue token works after the account's epochs have moved on: that is what it is for.
pub async fn rescue_tokens_outlive_epochs(backend: &Backend) {
    let user = account(backend).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let reset = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    redeem(backend, reset.digest, now()).await.expect("the token is live");
    if let Some(operator) = operator(backend, "recovery::rescue_tokens_outlive_epochs, the factor epoch") {
        operator.raise_factor_epoch(user.id).await;
    }
    let wanted = request(RequestKind::RescueReset, &user.email);
    let changed = disown(backend, rescue.digest, now(), &wanted).await.expect("epochs do not kill it");
    assert_eq!(changed.epochs.security, user.epochs.security + 2);
}

/// A token that is unknown, expired or mailed elsewhere changes nothing and starts nothing.
pub async fn a_rescue_needs_a_live_token(backend: &Backend) {
    let user = account(backend).await;
    let good = rescue_token(&user);
    keep(backend, &good).await;
    let elsewhere = MailedToken { email: email("elsewhere"), digest: digest(), ..good.clone() };
    keep(backend, &elsewhere).await;
    for (digest, at) in [
        (digest(), now()),
        (elsewhere.digest, now()),
        (good.digest, good.expires_at),
        (good.digest, good.expires_at + HOUR),
    ] {
        let wanted = request(RequestKind::RescueReset, &user.email);
        assert!(disown(backend, digest, at, &wanted).await.is_none());
        assert!(!is_queued(backend, wanted.id).await);
    }
    assert_eq!(stored(backend, user.id).await, user);
    assert_eq!(traces(backend, user.id).await, 0);
    let wanted = request(RequestKind::RescueReset, &user.email);
    assert!(disown(backend, good.digest, good.expires_at - TICK, &wanted).await.is_some(), "TK-04");
}

/// Of many who redeem one rescue token at once, one does, and one reset is started.
pub async fn tk_03_one_of_many_rescues_wins(backend: &Backend) {
    let user = account(backend).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, digest) = (backend.clone(), rescue.digest);
        let wanted = request(RequestKind::RescueReset, &user.email);
        async move { disown(&backend, digest, now(), &wanted).await.map(|_| wanted.id) }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    assert_eq!(stored(backend, user.id).await.epochs.security, user.epochs.security + 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// AU-02: without its evidence a rescue consumes nothing, changes nothing and starts nothing.
pub async fn a_rescue_without_its_evidence_is_not_made(backend: &Backend) {
    let user = account(backend).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    let wanted = request(RequestKind::RescueReset, &user.email);
    let evidence = spent(backend).await;
    let make = |_: &User| wanted.clone();
    let accounts = &backend.stores.accounts;
    assert!(accounts.rescue(rescue.digest, now(), &make, &|_| evidence.clone()).await.is_err());
    assert_eq!(stored(backend, user.id).await, user);
    assert!(is_live(backend, &rescue).await);
    assert!(!is_queued(backend, wanted.id).await);
}

async fn redeem(backend: &Backend, digest: Digest, at: Timestamp) -> Option<User> {
    let evidence = |reset: &Recovered| trace(reset.user.id);
    let reset = backend.stores.accounts.reset_password(digest, &hash("reset"), at, &evidence).await.unwrap()?;
    assert!(!reset.reclaimed, "the account was confirmed");
    Some(reset.user)
}

async fn disown(backend: &Backend, digest: Digest, at: Timestamp, wanted: &AddressRequest) -> Option<User> {
    let request = |user: &User| AddressRequest { email: user.email.clone(), ..wanted.clone() };
    let evidence = |rescued: &Recovered| trace(rescued.user.id);
    let rescued = backend.stores.accounts.rescue(digest, at, &request, &evidence).await.unwrap()?;
    assert!(!rescued.reclaimed, "the account was confirmed");
    Some(rescued.user)
}

async fn is_queued(backend: &Backend, id: RequestId) -> bool {
    !lease_requests(backend, &[id], now()).await.is_empty()
}
