//! [`RegistrationStore::promote`](sigra_core::ports::RegistrationStore::promote): from a registration to an account.

use sigra_core::evidence::Evidence;
use sigra_core::id::RegistrationId;
use sigra_core::ports::{NewAccount, Promotion};
use sigra_core::registration::{PendingRegistration, Resolution};
use sigra_core::time::Timestamp;

use super::Backend;
use super::registrations::{arm, link};
use super::support::*;

suite! {
    a_promotion_creates_the_account_and_deletes_its_rivals,
    what_is_gone_or_expired_is_not_promoted,
    a_taken_address_ends_its_registrations,
    one_of_many_promotions_wins,
    one_of_many_rivals_wins,
    a_promotion_without_its_evidence_is_not_made,
}

/// The account exists, with its evidence; every registration for the address, in any case, is gone with its codes and
/// tokens. Other addresses are left alone.
pub async fn a_promotion_creates_the_account_and_deletes_its_rivals(backend: &Backend) {
    let address = email("ann");
    let shouting = parse(&address.as_str().to_ascii_uppercase());
    let (chosen, request) = submitted(backend, &address).await;
    let token = link(&chosen);
    answer(backend, &request, &Resolution { tokens: vec![token.clone()], codes: Vec::new() }).await;
    let (rival, request) = submitted(backend, &shouting).await;
    let rival_token = link(&rival);
    answer(backend, &request, &Resolution { tokens: vec![rival_token.clone()], codes: Vec::new() }).await;
    arm(backend, &address).await;
    let bystander = arm(backend, &email("bob")).await;

    let account = account_of(&chosen, now());
    let promotion = promote(backend, chosen.id, &account).await;
    assert_eq!(promotion, Promotion::Created(account.to_user()));
    assert_eq!(stored(backend, account.id).await, account.to_user());
    assert_eq!(traces(backend, account.id).await, 1);

    let registrations = &backend.stores.registrations;
    for id in [chosen.id, rival.id] {
        assert!(registrations.find(id, now()).await.unwrap().is_none());
    }
    assert!(registrations.armed(&address, 10, now()).await.unwrap().is_empty());
    assert!(registrations.take_code_tries(&address, 5, now()).await.unwrap().is_empty());
    assert!(!is_live(backend, &token.token).await && !is_live(backend, &rival_token.token).await);
    assert!(registrations.find(bystander.registration, now()).await.unwrap().is_some());
    assert_eq!(promote(backend, chosen.id, &account_of(&chosen, now())).await, Promotion::Gone);
}

/// A registration that never was, or that has expired when the account would be created, creates nothing.
pub async fn what_is_gone_or_expired_is_not_promoted(backend: &Backend) {
    let (registration, _) = submitted(backend, &email("ann")).await;
    for (id, at) in [
        (RegistrationId::new(now()), now()),
        (registration.id, registration.expires_at),
        (registration.id, registration.expires_at + HOUR),
    ] {
        let account = account_of(&registration, at);
        assert_eq!(promote(backend, id, &account).await, Promotion::Gone);
        assert!(backend.stores.accounts.find(account.id).await.unwrap().is_none());
        assert_eq!(traces(backend, account.id).await, 0);
    }
    let account = account_of(&registration, registration.expires_at - TICK);
    assert_eq!(promote(backend, registration.id, &account).await, Promotion::Created(account.to_user()));
}

/// An address that got an account meanwhile keeps it; the registrations for it are gone, and nothing is recorded.
pub async fn a_taken_address_ends_its_registrations(backend: &Backend) {
    let address = email("ann");
    let (one, _) = submitted(backend, &address).await;
    let (two, _) = submitted(backend, &address).await;
    let owner = new_account(&address);
    assert!(backend.stores.accounts.create(&owner, Evidence::none()).await.unwrap());
    let account = account_of(&one, now());
    assert_eq!(promote(backend, one.id, &account).await, Promotion::Taken);
    assert_eq!(traces(backend, account.id).await, 0);
    assert!(backend.stores.accounts.find(account.id).await.unwrap().is_none());
    assert_eq!(stored(backend, owner.id).await, owner.to_user());
    for id in [one.id, two.id] {
        assert!(backend.stores.registrations.find(id, now()).await.unwrap().is_none());
    }
}

/// Of many who prove one registration at once, one creates the account.
pub async fn one_of_many_promotions_wins(backend: &Backend) {
    let (registration, _) = submitted(backend, &email("ann")).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, registration) = (backend.clone(), registration.clone());
        let account = account_of(&registration, now());
        async move { (account.id, promote(&backend, registration.id, &account).await) }
    })
    .await;
    assert_one_account(backend, &outcomes).await;
}

/// Of many rivals for one address that are proven at once, one becomes the account.
pub async fn one_of_many_rivals_wins(backend: &Backend) {
    let address = email("ann");
    let mut rivals = Vec::new();
    for _ in 0..CONTENDERS {
        rivals.push(submitted(backend, &address).await.0);
    }
    let outcomes = race(CONTENDERS, |number| {
        let (backend, rival) = (backend.clone(), rivals[number].clone());
        let account = account_of(&rival, now());
        async move { (account.id, promote(&backend, rival.id, &account).await) }
    })
    .await;
    assert_one_account(backend, &outcomes).await;
    for rival in &rivals {
        assert!(backend.stores.registrations.find(rival.id, now()).await.unwrap().is_none());
    }
}

/// AU-02: without its evidence there is no account, and the registration can still be proven.
pub async fn a_promotion_without_its_evidence_is_not_made(backend: &Backend) {
    let address = email("ann");
    let (registration, _) = submitted(backend, &address).await;
    let (rival, _) = submitted(backend, &address).await;
    let account = account_of(&registration, now());
    let evidence = spent(backend).await;
    let registrations = &backend.stores.registrations;
    assert!(registrations.promote(registration.id, &account, evidence).await.is_err());
    assert!(backend.stores.accounts.find_by_email(&address).await.unwrap().is_none());
    for id in [registration.id, rival.id] {
        assert!(registrations.find(id, now()).await.unwrap().is_some());
    }
    assert_eq!(promote(backend, registration.id, &account).await, Promotion::Created(account.to_user()));
}

fn account_of(registration: &PendingRegistration, at: Timestamp) -> NewAccount {
    NewAccount { confirmed_at: Some(at), created_at: at, ..new_account(&registration.email) }
}

async fn promote(backend: &Backend, id: RegistrationId, account: &NewAccount) -> Promotion {
    backend.stores.registrations.promote(id, account, trace(account.id)).await.unwrap()
}

async fn assert_one_account(backend: &Backend, outcomes: &[(sigra_core::id::UserId, Promotion)]) {
    assert_eq!(count(outcomes, |(_, promotion)| matches!(promotion, Promotion::Created(_))), 1);
    for (id, promotion) in outcomes {
        let created = matches!(promotion, Promotion::Created(_));
        assert_eq!(backend.stores.accounts.find(*id).await.unwrap().is_some(), created);
        assert_eq!(traces(backend, *id).await, usize::from(created));
    }
}
