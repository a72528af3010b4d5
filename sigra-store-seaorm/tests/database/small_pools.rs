//! One connection for everything: whoever waits for a second one would wait for ever.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use sigra_core::evidence::Evidence;
use sigra_core::flows::RegistrationForm;
use sigra_core::mail::MailKind;
use sigra_core::ports::{AccountStore as _, EvidenceLog as _, TokenStore as _};
use sigra_core::secret::Purpose;
use sigra_store_seaorm::{DurableRateLimiter, SeaOrmStore, begin_immediate};
use sigra_testing::scenario::{PASSWORD, TestHost};

use crate::flows::{host_over, visits as visits_of};
use crate::races::race;
use crate::support::{Fixture, NOW, count, token_of, user};

/// Far more than it takes, and less than a test harness waits.
const LIMIT: Duration = Duration::from_secs(60);

async fn one_connection(f: &Fixture) -> DatabaseConnection {
    let mut options = ConnectOptions::new(f.database.url());
    options.max_connections(1).acquire_timeout(LIMIT).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("it waits for a connection it holds itself")
}

pub(crate) async fn sixteen_contenders_share_one_connection(f: &Fixture) {
    let store = SeaOrmStore::new(one_connection(f).await);
    let hosts = [store.clone(), store.clone()];
    let ann = user(&store, "ann@example.org").await;
    let token = token_of(&ann, Purpose::MAGIC_LINK);
    store.append(Evidence::none().and_token(token.clone())).await.unwrap();
    let redeemed = in_time(race(&hosts, |store, _| async move {
        // A read before and after, as flows have.
        store.find(ann.id).await.unwrap().unwrap();
        let redeemed = store.redeem(token.digest, NOW, &|_| Evidence::none()).await.unwrap().is_some();
        store.peek(token.digest, NOW).await.unwrap();
        redeemed
    }));
    assert_eq!(redeemed.await.iter().filter(|won| **won).count(), 1);

    let host = host_over(&store);
    let mut users = Vec::new();
    for number in 0..16 {
        users.push(in_time(host.confirmed(&format!("user{number}@example.org"))).await);
    }
    let visits = users.into_iter().map(|user| {
        let host = host.clone();
        tokio::spawn(async move { visits_of(&host, &user).await })
    });
    let visits: Vec<_> = visits.collect();
    in_time(async {
        for visit in visits {
            visit.await.unwrap();
        }
        host.run_workers().await;
    })
    .await;
    assert_eq!(count(&f.pool, "sigra_sessions").await, 0, "everybody signed out");
}

pub(crate) async fn a_bound_store_needs_no_second_connection(f: &Fixture) {
    f.pool.execute_unprepared("CREATE TABLE plants (owner INT)").await.unwrap();
    let pool = one_connection(f).await;
    let store = SeaOrmStore::new(pool.clone());
    let host = TestHost::over(store.clone(), store.stores())
        .mail_budget(Arc::new(DurableRateLimiter::new(store.clone())))
        .build();
    let client = host.client();
    let form = RegistrationForm { email: "ann@example.org", password: PASSWORD, profile: None, client: &client };
    in_time(async {
        let prepared = host.sigra.registration().prepare(form).await.unwrap().unwrap();
        let tx = Arc::new(begin_immediate(&pool).await.unwrap());
        tx.execute_unprepared("INSERT INTO plants (owner) VALUES (1)").await.unwrap();
        prepared.commit_in(&store.bound_to(tx.clone())).await.unwrap();
        Arc::into_inner(tx).unwrap().commit().await.unwrap();
        host.run_workers().await;
    })
    .await;
    assert_eq!(host.count_mailed(&MailKind::CONFIRM_EMAIL, "ann@example.org"), 1);
}
