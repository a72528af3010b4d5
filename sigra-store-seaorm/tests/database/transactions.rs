//! The host's rows and ours commit together, or not at all.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use sigra_core::config::DeletionStrategy;
use sigra_core::error::StoreErrorKind;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{
    AccountStore as _, Erasure, EvidenceLog as _, LifecycleStore as _, Promotion, RegistrationStore, RequestStore,
};
use sigra_core::registration::RequestKind;
use sigra_core::user::User;
use sigra_store_seaorm::{InTransaction, SeaOrmStore, begin_immediate};

use crate::support::{Fixture, NOW, account, count, email, later, mail, registration, request};

/// A host that keeps a row of its own for every user, and may refuse one.
struct Greenhouse {
    refuses: bool,
}

#[async_trait]
impl InTransaction for Greenhouse {
    async fn registered(&self, tx: &DatabaseTransaction, user: &User) -> Result<(), Box<dyn Error + Send + Sync>> {
        tx.execute_unprepared(&format!("INSERT INTO plants (owner) VALUES ('{}')", user.id)).await?;
        if self.refuses { Err("the greenhouse is full".into()) } else { Ok(()) }
    }

    async fn erasing(
        &self,
        tx: &DatabaseTransaction,
        user: &User,
        _: DeletionStrategy,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        tx.execute_unprepared(&format!("DELETE FROM plants WHERE owner = '{}'", user.id)).await?;
        if self.refuses { Err("somebody waters them".into()) } else { Ok(()) }
    }
}

async fn host(f: &Fixture, refuses: bool) -> SeaOrmStore {
    f.pool.execute_unprepared("CREATE TABLE plants (owner TEXT NOT NULL)").await.unwrap();
    f.store.clone().with_hook(Arc::new(Greenhouse { refuses }))
}

async fn submitted(store: &SeaOrmStore) -> sigra_core::registration::PendingRegistration {
    let registration = registration("ann@example.org");
    let request = request("ann@example.org", RequestKind::Register(registration.id));
    RegistrationStore::submit(store, &registration, &request, Evidence::none()).await.unwrap();
    registration
}

fn evidence() -> Evidence {
    Evidence::none().and_mail([mail("ann@example.org", NOW)])
}

pub(crate) async fn a_hook_commits_with_the_account(f: &Fixture) {
    let store = host(f, false).await;
    let registration = submitted(&store).await;
    let promotion = store.promote(registration.id, &account("ann@example.org"), evidence()).await.unwrap();
    assert!(matches!(promotion, Promotion::Created(_)));
    assert!(store.create(&account("eve@example.org"), Evidence::none()).await.unwrap());
    assert_eq!(count(&f.pool, "plants").await, 2);
    assert_eq!(count(&f.pool, "sigra_users").await, 2);
}

pub(crate) async fn lc_01_a_hook_erases_with_the_account_or_keeps_it(f: &Fixture) {
    let store = host(f, false).await;
    let (ann, eve) = (account("ann@example.org"), account("eve@example.org"));
    for account in [&ann, &eve] {
        assert!(store.create(account, Evidence::none()).await.unwrap());
    }
    let strategy = DeletionStrategy::HardDelete;
    let erasure = Erasure { user: ann.id, only_if_due: false, strategy, at: NOW };
    let refusing = f.store.clone().with_hook(Arc::new(Greenhouse { refuses: true }));
    let error = refusing.erase(&erasure, &|_| evidence()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Hook);
    assert_eq!((count(&f.pool, "plants").await, count(&f.pool, "sigra_users").await), (2, 2));
    assert_eq!(count(&f.pool, "sigra_outbox").await, 0);
    assert!(store.erase(&erasure, &|_| evidence()).await.unwrap().is_some());
    assert_eq!((count(&f.pool, "plants").await, count(&f.pool, "sigra_users").await), (1, 1));
    assert_eq!(count(&f.pool, "sigra_outbox").await, 1);
}

pub(crate) async fn au_02_a_hook_that_refuses_rolls_everything_back(f: &Fixture) {
    let store = host(f, true).await;
    let registration = submitted(&store).await;
    let error = store.promote(registration.id, &account("ann@example.org"), evidence()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Hook);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the greenhouse is full");
    assert!(store.create(&account("eve@example.org"), evidence()).await.is_err());
    for table in ["plants", "sigra_users", "sigra_outbox"] {
        assert_eq!(count(&f.pool, table).await, 0, "{table}");
    }
    assert!(RegistrationStore::find(&store, registration.id, NOW).await.unwrap().is_some(), "it can be tried again");
}

pub(crate) async fn a_bound_store_commits_with_the_host(f: &Fixture) {
    let store = host(f, false).await;
    let tx = Arc::new(begin_immediate(&f.pool).await.unwrap());
    tx.execute_unprepared("INSERT INTO plants (owner) VALUES ('nobody yet')").await.unwrap();
    let bound = store.bound_to(tx.clone());
    submitted(&bound).await;
    drop(bound);
    Arc::into_inner(tx).unwrap().commit().await.unwrap();
    for table in ["plants", "sigra_registrations", "sigra_requests"] {
        assert_eq!(count(&f.pool, table).await, 1, "{table}");
    }
}

pub(crate) async fn a_bound_store_rolls_back_with_the_host(f: &Fixture) {
    let store = host(f, false).await;
    let tx = Arc::new(begin_immediate(&f.pool).await.unwrap());
    tx.execute_unprepared("INSERT INTO plants (owner) VALUES ('nobody yet')").await.unwrap();
    let bound = store.bound_to(tx.clone());
    let registration = submitted(&bound).await;
    let promotion = bound.promote(registration.id, &account("ann@example.org"), evidence()).await.unwrap();
    assert!(matches!(promotion, Promotion::Created(_)), "it sees its own rows");
    drop(bound);
    Arc::into_inner(tx).unwrap().rollback().await.unwrap();
    for table in ["plants", "sigra_registrations", "sigra_requests", "sigra_users", "sigra_outbox"] {
        assert_eq!(count(&f.pool, table).await, 0, "{table}");
    }
}

pub(crate) async fn a_step_that_fails_in_a_bound_store_undoes_itself_alone(f: &Fixture) {
    let store = host(f, true).await;
    let tx = Arc::new(begin_immediate(&f.pool).await.unwrap());
    let bound = store.bound_to(tx.clone());
    let registration = submitted(&bound).await;
    assert!(bound.promote(registration.id, &account("ann@example.org"), evidence()).await.is_err());
    drop(bound);
    Arc::into_inner(tx).unwrap().commit().await.unwrap();
    assert_eq!(count(&f.pool, "sigra_registrations").await, 1);
    assert_eq!(count(&f.pool, "plants").await, 0);
    assert!(store.find_by_email(&email("ann@example.org")).await.unwrap().is_none());
}

pub(crate) async fn a_caller_that_goes_away_leaves_nothing_open(f: &Fixture) {
    for polls in 0..12 {
        let mut append = Box::pin(f.store.append(evidence()));
        // Whatever statement the step waits for when it is dropped, the next writer must find the way free.
        for _ in 0..polls {
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(append.as_mut().poll(cx))).await;
            if polled.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(append);
        f.store.append(evidence()).await.unwrap();
    }
}

pub(crate) async fn a_failed_append_leaves_no_half(f: &Fixture) {
    let twice = mail("ann@example.org", NOW);
    let evidence = Evidence::none().and_mail([mail("ann@example.org", NOW), twice.clone(), twice]);
    let error = f.store.append(evidence).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert_eq!(count(&f.pool, "sigra_outbox").await, 0);
    assert!(RequestStore::lease(&f.store, 10, later(1), later(60)).await.is_ok_and(|leased: Vec<_>| leased.is_empty()));
}
