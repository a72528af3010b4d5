//! Sixteen contenders, one winner: across two pools on one file, as two hosts would have it.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use sea_orm::{ConnectionTrait as _, SqlErr};
use sigra_core::Sigra;
use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::client::ClientInfo;
use sigra_core::evidence::Evidence;
use sigra_core::flows::SweepOutcome;
use sigra_core::id::{PendingId, UserId};
use sigra_core::mail::MailKind;
use sigra_core::password::PasswordHash;
use sigra_core::ports::{
    AccountStore, AttemptKey, AttemptPolicy, AttemptStore as _, Bucket, EvidenceLog as _, Mac, OutboxStore as _,
    Promotion, Quota, RateDecision, RateLimiter as _, RegistrationStore as _, Reservation, SessionStore as _,
    TokenStore as _,
};
use sigra_core::registration::RequestKind;
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::session::PendingSignIn;
use sigra_core::time::Timestamp;
use sigra_store_seaorm::{DurableRateLimiter, SeaOrmStore};
use sigra_testing::ManualClock;
use sigra_testing::scenario::TestHost;
use tokio::sync::Barrier;

use crate::support::{
    Fixture, NOW, account, count, email, later, mail, registration, request, sign_in, statement, sweep, token_of, user,
};

pub(crate) const CONTENDERS: usize = 16;

/// Lets everybody loose at once, on two stores in turn.
pub(crate) async fn race<T, F, Fut>(stores: &[SeaOrmStore; 2], contend: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(SeaOrmStore, usize) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(CONTENDERS));
    let mut tasks = Vec::new();
    for number in 0..CONTENDERS {
        let (start, contender) = (start.clone(), contend(stores[number % 2].clone(), number));
        tasks.push(tokio::spawn(async move {
            start.wait().await;
            contender.await
        }));
    }
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

async fn two_hosts(f: &Fixture) -> [SeaOrmStore; 2] {
    [f.store.clone(), SeaOrmStore::new(f.another_pool().await)]
}

fn winners(outcomes: &[bool]) -> usize {
    outcomes.iter().filter(|won| **won).count()
}

pub(crate) async fn tk_03_one_redemption_of_a_token_succeeds(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let ann = user(&f.store, "ann@example.org").await;
    for purpose in [Purpose::MAGIC_LINK, Purpose::RESET_PASSWORD] {
        let ann = AccountStore::find(&f.store, ann.id).await.unwrap().unwrap().user;
        let token = token_of(&ann, purpose);
        f.store.append(Evidence::none().and_token(token.clone())).await.unwrap();
        let outcomes = race(&hosts, |store, number| async move {
            if purpose == Purpose::MAGIC_LINK {
                return store.redeem(token.digest, NOW, &|_| Evidence::none()).await.unwrap().is_some();
            }
            let hash = PasswordHash::new(format!("hash {number}"));
            store.reset_password(token.digest, &hash, NOW, &|_| Evidence::none()).await.unwrap().is_some()
        });
        assert_eq!(winners(&outcomes.await), 1, "{}", purpose.name());
    }
}

pub(crate) async fn th_07_th_08_every_granted_attempt_has_a_number_of_its_own(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let policy = AttemptPolicy { free: 5, cap: 80, lock_secs: 60, max_lock_secs: 3_600, window_secs: None };
    let key = AttemptKey { counter: "password.stranger", whom: Mac::from_bytes([7; 32]) };
    let outcomes = race(&hosts, move |store, _| {
        let key = key.clone();
        async move { store.reserve(&key, &policy, None, NOW).await.unwrap() }
    })
    .await;
    let mut granted: Vec<u32> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Reservation::Granted(reserved) => Some(reserved.count),
            _ => None,
        })
        .collect();
    granted.sort_unstable();
    assert_eq!(granted, [1, 2, 3, 4, 5, 6], "the sixth locks");
}

pub(crate) async fn lc_06_one_account_is_created_for_an_address(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let outcomes = race(&hosts, |store, number| async move {
        let address = if number % 2 == 0 { "ann@example.org" } else { "ANN@example.ORG" };
        store.create(&account(address), Evidence::none()).await.unwrap()
    })
    .await;
    assert_eq!(winners(&outcomes), 1);
    assert_eq!(count(&f.pool, "sigra_users").await, 1);
}

/// However one address is written, sixteen at once get one account of it; and addresses that a collation would take for one are
/// several. The unique index says so itself, whoever inserts.
pub(crate) async fn lc_06_an_address_is_one_in_every_spelling_and_no_other(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let spellings: [&[&str]; 4] = [
        &["ann@example.org", "ANN@example.org", "Ann@EXAMPLE.org", "aNN@Example.Org"],
        &["jos\u{e9}@example.org", "jose\u{301}@example.org", "JOS\u{e9}@EXAMPLE.org", "JOSe\u{301}@example.org"],
        &[
            "ann@b\u{fc}cher.example",
            "ann@bu\u{308}cher.example",
            "ANN@B\u{dc}CHER.example",
            "ann@XN--bcher-kva.example",
        ],
        &[
            "\u{ac00}@example.org",
            "\u{1100}\u{1161}@example.org",
            "\u{ac00}@EXAMPLE.org",
            "\u{1100}\u{1161}@Example.org",
        ],
    ];
    for (made, of_one) in (1..).zip(spellings) {
        let outcomes = race(&hosts, |store, number| {
            let address = of_one[number % 4].to_owned();
            async move { store.create(&account(&address), Evidence::none()).await.unwrap() }
        })
        .await;
        assert_eq!((winners(&outcomes), count(&f.pool, "sigra_users").await), (1, made), "{of_one:?}");
        for address in of_one {
            assert!(f.store.find_by_email(&email(address)).await.unwrap().is_some(), "{address}");
        }
    }

    let several = [
        "jose@example.org",
        "jos\u{e8}@example.org",
        "mike@example.org",
        "m\u{131}ke@example.org",
        "strasse@example.org",
        "stra\u{df}e@example.org",
        "\u{ff41}nn@example.org",
        "\u{430}nn@example.org",
        "a.nn@example.org",
        "ann@bucher.example",
    ];
    let outcomes = race(&hosts, |store, number| {
        let address = several.get(number).map(|address| account(address));
        async move {
            match address {
                Some(account) => store.create(&account, Evidence::none()).await.unwrap(),
                None => false,
            }
        }
    })
    .await;
    assert_eq!(winners(&outcomes), several.len(), "a collation took one for another");

    let copy = "INSERT INTO sigra_users (id, email, email_identity, profile, security_epoch, factor_epoch, created_at) \
                SELECT ?, email, email_identity, profile, 0, 0, 0 FROM sigra_users WHERE email_identity = ?";
    for of_one in spellings {
        let values = [UserId::new(NOW).as_uuid().into(), email(of_one[1]).identity().into()];
        let error = f.pool.execute_raw(statement(&f.pool, copy, values)).await.unwrap_err();
        assert!(matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))), "{error}");
    }
}

/// Two hosts sweep one database, eight at a time in each: what they count is what there was.
pub(crate) async fn se_30_two_hosts_sweep_each_row_once(f: &Fixture) {
    let hosts = two_hosts(f).await;
    for _ in 0..100 {
        let pending = registration("eve@example.org");
        let answer = request("eve@example.org", RequestKind::Register(pending.id));
        f.store.submit(&pending, &answer, Evidence::none()).await.unwrap();
    }
    let counted = race(&hosts, |store, _| async move {
        let sigra = sweeping(&store, later(3_601));
        let mut gone = 0;
        for _ in 0..10 {
            if let SweepOutcome::Done(report) = sigra.sweeper().run_once().await.unwrap() {
                assert!(!report.interrupted && !report.failed(), "{report:?}");
                gone += report.gone();
            }
        }
        gone
    })
    .await;
    let left = sweep(&sweeping(&f.store, later(3_601))).await;
    assert_eq!(counted.iter().sum::<u64>() + left, 100 + 100, "a row was counted twice, or by nobody");
    assert!(left < 200, "nobody swept");
    for table in ["sigra_registrations", "sigra_requests", "sigra_leases"] {
        assert_eq!(count(&f.pool, table).await, 0, "{table}");
    }
}

/// Two hosts sweep one database, eight at a time in each: every owner is told once of each.
pub(crate) async fn th_22_two_hosts_tell_of_each_unfinished_sign_in_once(f: &Fixture) {
    let hosts = two_hosts(f).await;
    for number in 0..40 {
        let user = user(&f.store, &format!("user{number}@example.org")).await;
        let pending = PendingSignIn {
            id: PendingId::new(NOW),
            user: user.id,
            assurance: Assurance { aal: Aal::One, methods: vec![Method::PASSWORD], at: NOW },
            epochs: user.epochs,
            remember: false,
            opens_sudo: true,
            tell_unfinished: true,
            client: ClientInfo::default(),
            created_at: NOW,
            expires_at: later(300),
        };
        let digest = RawToken::random().digest(Purpose::PENDING);
        f.store.insert_pending(&pending, digest, None, Evidence::none()).await.unwrap();
    }
    let counted = race(&hosts, |store, _| async move {
        let sigra = sweeping(&store, later(300));
        let mut gone = 0;
        for _ in 0..10 {
            if let SweepOutcome::Done(report) = sigra.sweeper().run_once().await.unwrap() {
                assert!(!report.interrupted && !report.failed(), "{report:?}");
                gone += report.gone();
            }
        }
        gone
    })
    .await;
    let left = sweep(&sweeping(&f.store, later(300))).await;
    assert_eq!(counted.iter().sum::<u64>() + left, 40);
    assert!(left < 40, "nobody swept");
    assert_eq!(count(&f.pool, "sigra_pending_sign_ins").await, 0);
    assert_eq!(count(&f.pool, "sigra_audit_events WHERE name = 'auth.login.unfinished'").await, 40);
    let mails = format!("sigra_outbox WHERE kind = '{}'", MailKind::SIGN_IN_UNFINISHED);
    assert_eq!(count(&f.pool, &mails).await, 40);
    assert_eq!(count(&f.pool, "sigra_tokens").await, 40, "each mail has its link");
}

/// A host that sweeps seven rows of each kind at a time.
fn sweeping(store: &SeaOrmStore, at: Timestamp) -> Sigra {
    let host = TestHost::over((), store.stores()).clock(ManualClock::at(at));
    host.config(|config| config.housekeeping.batch = 7).build().sigra
}

pub(crate) async fn one_of_rival_registrations_is_promoted(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let mut rivals = Vec::new();
    for _ in 0..CONTENDERS {
        let rival = registration("ann@example.org");
        let request = request("ann@example.org", RequestKind::Register(rival.id));
        f.store.submit(&rival, &request, Evidence::none()).await.unwrap();
        rivals.push(rival.id);
    }
    let outcomes = race(&hosts, |store, number| {
        let rival = rivals[number];
        async move {
            let evidence = Evidence::none().and_mail([mail("ann@example.org", NOW)]);
            let promotion = store.promote(rival, &account("ann@example.org"), evidence).await.unwrap();
            matches!(promotion, Promotion::Created(_))
        }
    })
    .await;
    assert_eq!(winners(&outcomes), 1);
    assert_eq!(count(&f.pool, "sigra_users").await, 1);
    assert_eq!(count(&f.pool, "sigra_registrations").await, 0);
    assert_eq!(count(&f.pool, "sigra_outbox").await, 1, "evidence of the winner alone");
}

pub(crate) async fn workers_lease_different_mails(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let mails = (0..50).map(|n| mail("ann@example.org", later(n)));
    f.store.append(Evidence::none().and_mail(mails)).await.unwrap();
    let outcomes = race(&hosts, |store, _| async move { store.lease(4, later(100), later(200)).await.unwrap() }).await;
    let leased: Vec<_> = outcomes.iter().flatten().map(|leased| leased.mail.id).collect();
    let distinct: HashSet<_> = leased.iter().collect();
    assert_eq!(distinct.len(), leased.len());
    assert!(outcomes.iter().all(|batch| batch.len() <= 4));
}

pub(crate) async fn one_rotation_wins(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let ann = user(&f.store, "ann@example.org").await;
    let granted = sign_in(&f.store, &ann).await;
    let (id, old) = (granted.session.id, granted.token.digest(Purpose::SESSION));
    let outcomes = race(&hosts, |store, _| async move {
        let new = RawToken::random().digest(Purpose::SESSION);
        store.rotate(id, old, new, later(1), Evidence::none()).await.unwrap()
    })
    .await;
    assert_eq!(winners(&outcomes), 1);
    assert_eq!(count(&f.pool, "sigra_session_retired_tokens").await, 1);
}

pub(crate) async fn th_08_a_durable_budget_is_never_overdrawn_and_starts_again_with_its_window(f: &Fixture) {
    let hosts = two_hosts(f).await;
    let bucket = Bucket { name: "mail.recipient", key: "k".repeat(10_000), limit: Quota::new(5, 60) };
    let take = |store: SeaOrmStore, now| {
        let bucket = bucket.clone();
        async move { DurableRateLimiter::new(store).take(&bucket, 1, now).await.unwrap() == RateDecision::Granted }
    };
    assert_eq!(winners(&race(&hosts, |store, _| take(store, NOW)).await), 5);
    let decision = DurableRateLimiter::new(f.store.clone()).take(&bucket, 1, later(20)).await.unwrap();
    let RateDecision::Refused { retry_after } = decision else { panic!("overdrawn") };
    assert_eq!(retry_after.as_secs(), 40);
    assert_eq!(winners(&race(&hosts, |store, _| take(store, later(60))).await), 5);
    let other = Bucket { name: "mail.reset_reserve", ..bucket.clone() };
    let limiter = DurableRateLimiter::new(f.store.clone());
    assert_eq!(limiter.take(&other, 5, later(60)).await.unwrap(), RateDecision::Granted);
    assert!(matches!(limiter.take(&other, 6, later(200)).await.unwrap(), RateDecision::Refused { .. }));
}
