//! [`RequestStore`](sigra_core::ports::RequestStore).

use std::collections::HashSet;

use sigra_core::evidence::Evidence;
use sigra_core::id::{LeaseId, UserId};
use sigra_core::registration::{
    AddressRequest, ConfirmationCode, LeasedRequest, MailedToken, NewToken, RequestKind, Resolution, TokenOwner,
};
use sigra_core::secret::Purpose;
use sigra_core::time::Timestamp;
use sigra_core::user::Epochs;

use super::Backend;
use super::support::*;

suite! {
    requests_read_back_as_they_were_written,
    requests_are_leased_oldest_first_and_expired_ones_too,
    a_lease_holds_until_it_lapses,
    concurrent_workers_get_different_requests,
    only_the_holder_of_the_lease_answers,
    one_of_many_answers_wins,
    an_answer_stores_tokens_and_codes,
    tk_05_a_new_token_shortens_the_life_of_older_ones,
    a_token_of_other_epochs_is_not_stored,
    an_answer_without_its_evidence_is_not_given,
}

/// Every kind and every field survives storage exactly; the evidence is stored with it.
pub async fn requests_read_back_as_they_were_written(backend: &Backend) {
    let address = email("Ann.B+c");
    let (registration, _) = submitted(backend, &address).await;
    for kind in [
        RequestKind::Register(registration.id),
        RequestKind::ResendConfirmation,
        RequestKind::MagicLink,
        RequestKind::ResetPassword,
        RequestKind::RescueReset,
        RequestKind::LockNotice,
        RequestKind::ChangeEmail,
    ] {
        let subject = UserId::new(now());
        let written = AddressRequest { client: awkward_client(), ..request(kind, &address) };
        backend.stores.requests.submit(&written, trace(subject)).await.unwrap();
        let AddressRequest { id, kind, email, client, created_at, expires_at } =
            lease_request(backend, written.id).await.request;
        assert_eq!((id, kind, email.as_str()), (written.id, written.kind, written.email.as_str()));
        assert_eq!((client, created_at, expires_at), (written.client, written.created_at, written.expires_at));
        assert_eq!(traces(backend, subject).await, 1);
    }
    let refused = request(RequestKind::MagicLink, &address);
    assert!(backend.stores.requests.submit(&refused, spent(backend).await).await.is_err());
    assert!(lease_requests(backend, &[refused.id], now()).await.is_empty(), "stored without its evidence");
}

/// Requests come in the order they were made; those nobody answered in time are handed out too, to be dropped.
pub async fn requests_are_leased_oldest_first_and_expired_ones_too(backend: &Backend) {
    let mut written = Vec::new();
    for age in [2, 4, 1, 3] {
        let request = request(RequestKind::MagicLink, &email("ann"));
        let (created_at, expires_at) = (request.created_at - age * MINUTE, request.created_at - TICK);
        let request = AddressRequest { created_at, expires_at, ..request };
        backend.stores.requests.submit(&request, Evidence::none()).await.unwrap();
        written.push((created_at, request.id));
    }
    written.sort_unstable();
    let ids: Vec<_> = written.into_iter().map(|(_, id)| id).collect();
    let leased = lease_requests(backend, &ids, now()).await;
    assert_eq!(leased.iter().map(|leased| leased.request.id).collect::<Vec<_>>(), ids);
}

/// A leased request is handed out to nobody else until its lease has lapsed, and then again, under another lease.
pub async fn a_lease_holds_until_it_lapses(backend: &Backend) {
    let request = queued(backend).await;
    let at = now();
    let until = at + MINUTE;
    let first = lease_requests(backend, &[request.id], at).await.pop().expect("it is free");
    assert!(lease_requests(backend, &[request.id], at).await.is_empty());
    assert!(lease_requests(backend, &[request.id], until - TICK).await.is_empty());
    let second = lease_requests(backend, &[request.id], until + TICK).await.pop().expect("the lease has lapsed");
    assert_ne!(first.lease, second.lease);
    assert!(!backend.stores.requests.resolve(&first, &Resolution::default(), Evidence::none()).await.unwrap());
    assert!(backend.stores.requests.resolve(&second, &Resolution::default(), Evidence::none()).await.unwrap());
}

/// No request is handed to two workers, and none is lost.
pub async fn concurrent_workers_get_different_requests(backend: &Backend) {
    let mut ids = HashSet::new();
    for _ in 0..2 * CONTENDERS {
        ids.insert(queued(backend).await.id);
    }
    let at = now();
    let batches = race(CONTENDERS, |_| {
        let requests = backend.stores.requests.clone();
        async move { requests.lease(3, at, at + MINUTE).await.unwrap() }
    })
    .await;
    let mut seen = HashSet::new();
    let rest = lease_requests(backend, &ids.iter().copied().collect::<Vec<_>>(), at).await;
    for leased in batches.into_iter().flatten().chain(rest) {
        assert!(seen.insert(leased.request.id), "one request was handed out twice");
    }
    assert!(ids.is_subset(&seen), "a request was lost");
}

/// Whoever has no lease on a request, or has it no longer, answers nothing.
pub async fn only_the_holder_of_the_lease_answers(backend: &Backend) {
    let user = account(backend).await;
    let request = queued(backend).await;
    let resolution = Resolution { tokens: vec![new_token(token(&user, Purpose::MAGIC_LINK))], codes: Vec::new() };
    let resolve = |leased: LeasedRequest| {
        let (resolution, evidence) = (resolution.clone(), trace(user.id));
        async move { backend.stores.requests.resolve(&leased, &resolution, evidence).await.unwrap() }
    };
    let forged = LeasedRequest { request: request.clone(), lease: LeaseId::new(now()) };
    assert!(!resolve(forged.clone()).await, "answered without a lease");
    let leased = lease_request(backend, request.id).await;
    assert!(!resolve(forged).await, "answered under another lease");
    assert!(!is_live(backend, &resolution.tokens[0].token).await);
    assert_eq!(traces(backend, user.id).await, 0);
    assert!(resolve(leased.clone()).await);
    assert!(!resolve(leased).await, "answered twice");
    assert_eq!(traces(backend, user.id).await, 1);
    let later = now() + HOUR;
    assert!(lease_requests(backend, &[request.id], later).await.is_empty(), "an answered request is gone");
}

/// Of many who answer under one lease at once, one does.
pub async fn one_of_many_answers_wins(backend: &Backend) {
    let subject = UserId::new(now());
    let leased = lease_request(backend, queued(backend).await.id).await;
    let outcomes = race(CONTENDERS, |_| {
        let (requests, leased) = (backend.stores.requests.clone(), leased.clone());
        async move { requests.resolve(&leased, &Resolution::default(), trace(subject)).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |answered| *answered), 1);
    assert_eq!(traces(backend, subject).await, 1);
}

/// What an answer mints can be redeemed. What its owner no longer wants is left out.
pub async fn an_answer_stores_tokens_and_codes(backend: &Backend) {
    let user = account(backend).await;
    let (registration, waiting) = submitted(backend, &email("ann")).await;
    let tokens = vec![new_token(token(&user, Purpose::MAGIC_LINK)), new_token(rescue_token(&user))];
    let mac = sigra_core::ports::Mac::from_bytes([7; 32]);
    let codes = vec![ConfirmationCode { registration: registration.id, mac, expires_at: now() + MINUTE }];
    answer(backend, &waiting, &Resolution { tokens: tokens.clone(), codes }).await;
    for token in &tokens {
        assert!(is_live(backend, &token.token).await);
    }
    let taken = backend.stores.registrations.take_code_tries(&registration.email, 1, now()).await.unwrap();
    assert_eq!(taken.iter().map(|code| (code.registration, code.mac)).collect::<Vec<_>>(), [(registration.id, mac)]);
}

/// Older tokens of the same purpose and owner live until the given time at most; no life is made longer, and no other
/// token is touched.
pub async fn tk_05_a_new_token_shortens_the_life_of_older_ones(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let long = mail_token(backend, &user, Purpose::RESET_PASSWORD).await;
    let short = token(&user, Purpose::RESET_PASSWORD);
    let short = MailedToken { expires_at: short.created_at + MINUTE, ..short };
    keep(backend, &short).await;
    let magic = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let theirs = mail_token(backend, &other, Purpose::RESET_PASSWORD).await;

    let new = token(&user, Purpose::RESET_PASSWORD);
    let end = now() + 15 * MINUTE;
    let tokens = vec![NewToken { token: new.clone(), older_expire_at: Some(end) }];
    resolve(backend, &user.email, &Resolution { tokens, codes: Vec::new() }).await;
    let live = |token: &MailedToken, at: Timestamp| {
        let (backend, digest) = (backend.clone(), token.digest);
        async move { backend.stores.tokens.peek(digest, at).await.unwrap().is_some() }
    };
    assert!(live(&long, end - TICK).await && !live(&long, end).await);
    assert!(live(&short, short.expires_at - TICK).await && !live(&short, short.expires_at).await);
    for untouched in [&new, &magic, &theirs] {
        assert!(live(untouched, untouched.expires_at - TICK).await);
    }
    let newest = token(&user, Purpose::RESET_PASSWORD);
    let tokens = vec![NewToken { token: newest.clone(), older_expire_at: None }];
    resolve(backend, &user.email, &Resolution { tokens, codes: Vec::new() }).await;
    assert!(live(&new, new.expires_at - TICK).await && live(&newest, newest.expires_at - TICK).await);
}

/// A token for epochs the account has left behind is not stored, and shortens no other's life; the rest of the answer
/// stands.
pub async fn a_token_of_other_epochs_is_not_stored(backend: &Backend) {
    let user = account(backend).await;
    let Epochs { security, factor } = user.epochs;
    let older = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let stale = MailedToken {
        owner: TokenOwner::User { id: user.id, epochs: Some(Epochs { security: security - 1, factor }) },
        ..token(&user, Purpose::MAGIC_LINK)
    };
    let good = token(&user, Purpose::RESET_PASSWORD);
    let stale_link = NewToken { token: stale.clone(), older_expire_at: Some(now()) };
    let tokens = vec![stale_link, new_token(good.clone())];
    resolve(backend, &user.email, &Resolution { tokens, codes: Vec::new() }).await;
    assert!(!is_live(backend, &stale).await);
    assert!(is_live(backend, &good).await && is_live(backend, &older).await);
}

/// AU-02: without its evidence an answer stores nothing, and the request still waits for its worker.
pub async fn an_answer_without_its_evidence_is_not_given(backend: &Backend) {
    let user = account(backend).await;
    let leased = lease_request(backend, queued(backend).await.id).await;
    let token = token(&user, Purpose::MAGIC_LINK);
    let resolution = Resolution { tokens: vec![new_token(token.clone())], codes: Vec::new() };
    let requests = &backend.stores.requests;
    assert!(requests.resolve(&leased, &resolution, spent(backend).await).await.is_err());
    assert!(!is_live(backend, &token).await);
    assert!(requests.resolve(&leased, &resolution, Evidence::none()).await.unwrap());
    assert!(is_live(backend, &token).await);
}

fn new_token(token: MailedToken) -> NewToken {
    NewToken { token, older_expire_at: None }
}

async fn queued(backend: &Backend) -> AddressRequest {
    let request = request(RequestKind::MagicLink, &email("ann"));
    backend.stores.requests.submit(&request, Evidence::none()).await.unwrap();
    request
}
