//! The host's rows and ours commit together, or not at all.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend};
use sigra_core::config::DeletionStrategy;
use sigra_core::error::StoreErrorKind;
use sigra_core::evidence::Evidence;
use sigra_core::ports::{
    AccountStore as _, Erasure, EvidenceLog as _, LifecycleStore as _, Promotion, RegistrationStore, RequestStore,
};
use sigra_core::registration::RequestKind;
use sigra_core::user::User;
use sigra_store_seaorm::{InTransaction, SeaOrmStore, begin_immediate};

use tokio::sync::Notify;

use crate::support::{Fixture, NOW, account, count, email, later, mail, registration, request, statement};

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

type HookResult = Result<(), Box<dyn Error + Send + Sync>>;

/// A host with a row for every user that refers to the account, and a membership. There is one seat, and the database
/// says when it is taken.
struct Club;

#[async_trait]
impl InTransaction for Club {
    async fn registered(&self, tx: &DatabaseTransaction, user: &User) -> HookResult {
        for insert in ["INSERT INTO members (owner) VALUES (?)", "INSERT INTO seats (seat, owner) VALUES (1, ?)"] {
            tx.execute_raw(statement(tx, insert, [user.id.as_uuid().into()])).await?;
        }
        Ok(())
    }

    async fn erasing(&self, _: &DatabaseTransaction, _: &User, _: DeletionStrategy) -> HookResult {
        Ok(())
    }
}

async fn club(f: &Fixture) -> SeaOrmStore {
    let uuid = match f.pool.get_database_backend() {
        DbBackend::Postgres => "UUID",
        DbBackend::MySql => "BINARY(16)",
        _ => "BLOB",
    };
    let member = "FOREIGN KEY (owner) REFERENCES sigra_users (id) ON DELETE CASCADE";
    let seat = "FOREIGN KEY (owner) REFERENCES members (owner) ON DELETE CASCADE";
    for table in [
        format!("CREATE TABLE members (owner {uuid} NOT NULL PRIMARY KEY, {member})"),
        format!("CREATE TABLE seats (seat BIGINT NOT NULL PRIMARY KEY, owner {uuid} NOT NULL, {seat})"),
    ] {
        f.pool.execute_unprepared(&table).await.unwrap();
    }
    f.store.clone().with_hook(Arc::new(Club))
}

pub(crate) async fn lc_07_rows_of_the_host_are_created_with_the_account_or_nothing_is(f: &Fixture) {
    let store = club(f).await;
    let eve = account("eve@example.org");
    assert!(store.create(&eve, evidence()).await.unwrap());
    let standing = async || {
        let mut rows = Vec::new();
        for table in ["sigra_users", "members", "seats", "sigra_outbox"] {
            rows.push(count(&f.pool, table).await);
        }
        rows
    };
    assert_eq!(standing().await, [1, 1, 1, 1]);

    // The last row of the hook's is refused, after the account and another row are there.
    let registration = submitted(&store).await;
    let error = store.promote(registration.id, &account("ann@example.org"), evidence()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Hook, "it is the host's constraint: {error:?}");
    let error = store.create(&account("bob@example.org"), evidence()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Hook);
    assert_eq!(standing().await, [1, 1, 1, 1]);

    // The hook is content, and what follows it fails.
    f.pool.execute_unprepared("DELETE FROM seats").await.unwrap();
    let twice = mail("ann@example.org", NOW);
    let conflict = Evidence::none().and_mail([twice.clone(), twice]);
    assert!(store.promote(registration.id, &account("ann@example.org"), conflict).await.is_err());
    assert_eq!(standing().await, [1, 1, 0, 1]);

    let promotion = store.promote(registration.id, &account("ann@example.org"), evidence()).await.unwrap();
    assert!(matches!(promotion, Promotion::Created(_)), "nothing of it was used up");
    assert_eq!(standing().await, [2, 2, 1, 2]);
}

/// A host that writes its row, says so, and is never done.
struct Asleep(Arc<Notify>);

#[async_trait]
impl InTransaction for Asleep {
    async fn registered(&self, tx: &DatabaseTransaction, user: &User) -> HookResult {
        tx.execute_unprepared(&format!("INSERT INTO plants (owner) VALUES ('{}')", user.id)).await?;
        self.0.notify_one();
        std::future::pending().await
    }

    async fn erasing(&self, _: &DatabaseTransaction, _: &User, _: DeletionStrategy) -> HookResult {
        Ok(())
    }
}

pub(crate) async fn lc_07_a_hook_that_is_given_up_leaves_nothing(f: &Fixture) {
    let store = host(f, false).await;
    let written = Arc::new(Notify::new());
    let asleep = f.store.clone().with_hook(Arc::new(Asleep(written.clone())));
    let ann = account("ann@example.org");
    tokio::select! {
        created = asleep.create(&ann, evidence()) => panic!("it is never done: {created:?}"),
        () = written.notified() => {}
    }
    assert!(store.create(&ann, Evidence::none()).await.unwrap(), "neither the address nor a lock was left behind");
    for (table, rows) in [("sigra_users", 1), ("plants", 1), ("sigra_outbox", 0)] {
        assert_eq!(count(&f.pool, table).await, rows, "{table}");
    }
}

/// A host whose statements lose so many races before one goes through.
struct Unlucky {
    losses: usize,
    runs: AtomicUsize,
}

#[async_trait]
impl InTransaction for Unlucky {
    async fn registered(&self, tx: &DatabaseTransaction, user: &User) -> HookResult {
        tx.execute_unprepared(&format!("INSERT INTO plants (owner) VALUES ('{}')", user.id)).await?;
        if self.runs.fetch_add(1, Ordering::SeqCst) < self.losses {
            let deadlock = match tx.get_database_backend() {
                DbBackend::MySql => "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213",
                _ => "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$",
            };
            tx.execute_unprepared(deadlock).await?;
        }
        Ok(())
    }

    async fn erasing(&self, _: &DatabaseTransaction, _: &User, _: DeletionStrategy) -> HookResult {
        Ok(())
    }
}

/// SQLite has one writer, whose statements lose no race.
pub(crate) async fn a_hook_that_loses_a_race_runs_again(f: &Fixture) {
    host(f, false).await;
    if f.pool.get_database_backend() == DbBackend::Sqlite {
        return;
    }
    let unlucky = |losses| Arc::new(Unlucky { losses, runs: AtomicUsize::new(0) });
    let (twice, always) = (unlucky(2), unlucky(usize::MAX));
    let store = f.store.clone().with_hook(twice.clone());
    assert!(store.create(&account("ann@example.org"), evidence()).await.unwrap());
    assert_eq!((twice.runs.load(Ordering::SeqCst), count(&f.pool, "plants").await), (3, 1));
    let error = f.store.clone().with_hook(always).create(&account("eve@example.org"), evidence()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy, "it was no refusal: {error:?}");
    for table in ["sigra_users", "plants", "sigra_outbox"] {
        assert_eq!(count(&f.pool, table).await, 1, "{table}");
    }
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
