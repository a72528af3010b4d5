//! [`TokenStore`](sigra_core::ports::TokenStore).

use sigra_core::id::UserId;
use sigra_core::ports::LiveToken;
use sigra_core::registration::{MailedToken, TokenOwner};
use sigra_core::secret::{Digest, Purpose, RawToken};
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::support::*;

suite! {
    looking_at_a_token_does_not_consume_it,
    tk_02_a_token_is_found_for_its_purpose_alone,
    tk_04_tokens_end_at_their_microsecond,
    tk_05_tokens_of_other_epochs_or_addresses_are_dead,
    tk_05_changes_of_the_account_kill_tokens,
    tk_03_one_of_many_redemptions_wins,
    tokens_of_registrations_have_no_account,
    a_redemption_without_its_evidence_consumes_nothing,
}

/// A token is found as it was written, with its account, as often as it is looked at; it is redeemed once.
pub async fn looking_at_a_token_does_not_consume_it(backend: &Backend) {
    let user = account(backend).await;
    let token = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let spare = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    for _ in 0..3 {
        let live = backend.stores.tokens.peek(token.digest, now()).await.unwrap().expect("it is live");
        assert_same(&live, &token, Some(&user));
    }
    let live = redeem(backend, token.digest, now()).await.expect("it is live");
    assert_same(&live, &token, Some(&user));
    assert!(!is_live(backend, &token).await);
    assert!(redeem(backend, token.digest, now()).await.is_none());
    assert_eq!(traces(backend, user.id).await, 1, "only the redemption that consumed leaves evidence");
    assert!(is_live(backend, &spare).await, "the account's other tokens are left alone");
}

/// The digest of the same token for another purpose, or of no token at all, finds nothing.
pub async fn tk_02_a_token_is_found_for_its_purpose_alone(backend: &Backend) {
    let user = account(backend).await;
    let raw = RawToken::random();
    let made_for = Purpose::MAGIC_LINK;
    keep(backend, &MailedToken { digest: raw.digest(made_for), ..token(&user, made_for) }).await;
    for purpose in [Purpose::RESET_PASSWORD, Purpose::CONFIRM_REGISTRATION, Purpose::NOT_ME, Purpose::SESSION] {
        assert!(backend.stores.tokens.peek(raw.digest(purpose), now()).await.unwrap().is_none());
        assert!(redeem(backend, raw.digest(purpose), now()).await.is_none());
    }
    for digest in [Digest::from_bytes([0; 32]), Digest::from_bytes([0xff; 32])] {
        assert!(redeem(backend, digest, now()).await.is_none());
    }
    assert!(redeem(backend, raw.digest(made_for), now()).await.is_some());
}

/// At its expiry a token is dead; a microsecond earlier it was not.
pub async fn tk_04_tokens_end_at_their_microsecond(backend: &Backend) {
    let user = account(backend).await;
    let token = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let peek = |at| backend.stores.tokens.peek(token.digest, at);
    assert!(peek(token.expires_at).await.unwrap().is_none());
    assert!(redeem(backend, token.digest, token.expires_at).await.is_none());
    assert!(redeem(backend, token.digest, token.expires_at + HOUR).await.is_none());
    assert!(peek(token.expires_at - TICK).await.unwrap().is_some());
    assert!(redeem(backend, token.digest, token.expires_at - TICK).await.is_some());
}

/// A token counts only for the epochs and the address it was made for; a rescue token asks for no epochs.
pub async fn tk_05_tokens_of_other_epochs_or_addresses_are_dead(backend: &Backend) {
    let user = account(backend).await;
    let good = token(&user, Purpose::MAGIC_LINK);
    let Epochs { security, factor } = user.epochs;
    let with = |epochs| MailedToken {
        digest: digest(),
        owner: TokenOwner::User { id: user.id, epochs: Some(epochs) },
        ..good.clone()
    };
    let elsewhere = email("elsewhere");
    let dead = [
        with(Epochs { security: security + 1, factor }),
        with(Epochs { security: security - 1, factor }),
        with(Epochs { security, factor: factor + 1 }),
        MailedToken { digest: digest(), email: elsewhere.clone(), ..good.clone() },
        MailedToken { email: elsewhere, ..rescue_token(&user) },
    ];
    for token in &dead {
        keep(backend, token).await;
        assert!(!is_live(backend, token).await, "{token:?}");
        assert!(redeem(backend, token.digest, now()).await.is_none(), "{token:?}");
    }
    assert_eq!(traces(backend, user.id).await, 0);
}

/// Raising an epoch kills tokens but rescue tokens; disabling kills these too.
pub async fn tk_05_changes_of_the_account_kill_tokens(backend: &Backend) {
    let Some(operator) = operator(backend, "tokens::tk_05_changes_of_the_account_kill_tokens") else { return };
    let user = account(backend).await;
    let token = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let rescue = rescue_token(&user);
    keep(backend, &rescue).await;
    operator.raise_factor_epoch(user.id).await;
    assert!(!is_live(backend, &token).await && redeem(backend, token.digest, now()).await.is_none());
    assert!(is_live(backend, &rescue).await);
    operator.disable(user.id, now()).await;
    assert!(!is_live(backend, &rescue).await && redeem(backend, rescue.digest, now()).await.is_none());
    assert_eq!(traces(backend, user.id).await, 0);
}

/// Of many who redeem one token at once, one does.
pub async fn tk_03_one_of_many_redemptions_wins(backend: &Backend) {
    let user = account(backend).await;
    let digest = mail_token(backend, &user, Purpose::MAGIC_LINK).await.digest;
    let outcomes = race(CONTENDERS, |_| {
        let backend = backend.clone();
        async move { redeem(&backend, digest, now()).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    assert_eq!(traces(backend, user.id).await, 1);
}

/// A registration's token is found without an account.
pub async fn tokens_of_registrations_have_no_account(backend: &Backend) {
    let (registration, _) = submitted(backend, &email("new")).await;
    let at = now();
    let purpose = Purpose::CONFIRM_REGISTRATION;
    let token = MailedToken {
        digest: RawToken::random().digest(purpose),
        purpose,
        owner: TokenOwner::Registration(registration.id),
        email: registration.email,
        created_at: at,
        expires_at: at + HOUR,
    };
    keep(backend, &token).await;
    let live = backend.stores.tokens.peek(token.digest, at).await.unwrap().expect("it is live");
    assert_same(&live, &token, None);
    assert!(backend.stores.tokens.peek(token.digest, token.expires_at).await.unwrap().is_none());
    let subject = UserId::new(at);
    let live = backend.stores.tokens.redeem(token.digest, at, &|_| trace(subject)).await.unwrap();
    assert_same(&live.expect("it is live"), &token, None);
    assert!(!is_live(backend, &token).await);
    assert_eq!(traces(backend, subject).await, 1);
}

/// AU-02: without its evidence a redemption consumes nothing.
pub async fn a_redemption_without_its_evidence_consumes_nothing(backend: &Backend) {
    let user = account(backend).await;
    let token = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let evidence = spent(backend).await;
    assert!(backend.stores.tokens.redeem(token.digest, now(), &|_| evidence.clone()).await.is_err());
    assert!(redeem(backend, token.digest, now()).await.is_some());
}

async fn redeem(backend: &Backend, digest: Digest, at: Timestamp) -> Option<LiveToken> {
    let evidence = |live: &LiveToken| live.user.as_ref().map(|user| trace(user.id)).unwrap_or_default();
    backend.stores.tokens.redeem(digest, at, &evidence).await.unwrap()
}

fn assert_same(live: &LiveToken, written: &MailedToken, user: Option<&User>) {
    let MailedToken { digest, purpose, owner, email, created_at, expires_at } = &live.token;
    assert_eq!((*digest, purpose.name(), *owner), (written.digest, written.purpose.name(), written.owner));
    assert_eq!(
        (email.as_str(), *created_at, *expires_at),
        (written.email.as_str(), written.created_at, written.expires_at)
    );
    assert_eq!(live.user.as_ref(), user);
}
