//! Ceremonies, second factors and passkeys: across two hosts, inside transactions of a host, and with their account.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, IsolationLevel, TransactionOptions, TransactionTrait as _};
use sigra_core::client::ClientInfo;
use sigra_core::error::StoreErrorKind;
use sigra_core::evidence::Evidence;
use sigra_core::id::{PasskeyId, TrustedBrowserId, UserId};
use sigra_core::ports::{AccountStore, Ceremony, CeremonyStore as _, Housekeeping as _, Mac, RowKind, Sealed};
use sigra_core::secret::{Digest, Purpose, RawToken};
use sigra_core::user::User;
use sigra_example_databases::Engine;
use sigra_mfa::ports::{
    Activated, Activation, BackupCodeStore as _, PendingTotp, Removal, RemovalProof, TotpStore, TrustedBrowser,
    TrustedBrowserStore as _,
};
use sigra_passkeys::ports::{PasskeyStore, PasskeyUse, Registered, Removed};
use sigra_passkeys::{CredentialId, Passkey, UserHandle};
use sigra_store_seaorm::{SeaOrmStore, begin_immediate, open};
use uuid::Uuid;

use crate::races::{CONTENDERS, race};
use crate::support::{Fixture, NOW, count, later, purge, sqlite, user};

const STEP: u64 = 60_000_000;

pub(crate) async fn mf_03_mf_17_two_hosts_use_a_factor_up_once(f: &Fixture) {
    let hosts = [f.store.clone(), SeaOrmStore::new(f.another_pool().await)];
    let ann = with_factors(&f.store, "ann@example.org").await;
    let (id, codes) = (ann.id, codes(10));
    let stepped = race(&hosts, |store, _| async move { store.advance_step(id, STEP + 1).await.unwrap() }).await;
    assert_eq!(won(&stepped, |won| *won), 1);
    let code = codes[0];
    let used =
        race(&hosts, |store, _| async move { store.consume(id, &code, NOW, &|_| Evidence::none()).await.unwrap() });
    assert_eq!(won(&used.await, Option::is_some), 1);
    let key = ceremony(&f.store, Some(id)).await;
    let taken = race(&hosts, |store, _| async move { store.take(key, NOW).await.unwrap() }).await;
    assert_eq!(won(&taken, Option::is_some), 1);
    let off = race(&hosts, |store, number| {
        let shown = match codes.get(number + 1) {
            Some(code) => RemovalProof::BackupCode(*code),
            None => RemovalProof::TotpStep(STEP + 2 + number as u64),
        };
        let removal = Removal { user: id, epochs: ann.epochs, shown, now: NOW };
        async move { store.disable(&removal, &|_| Evidence::none()).await.unwrap() }
    })
    .await;
    assert_eq!(won(&off, Option::is_some), 1);
    for table in ["totp", "backup_codes", "trusted_browsers"] {
        assert_eq!(count(&f.pool, &format!("sigra_{table}")).await, 0, "{table}");
    }
}

pub(crate) async fn wa_08_wa_15_two_hosts_keep_passkeys_unique_and_the_last_one(f: &Fixture) {
    let hosts = [f.store.clone(), SeaOrmStore::new(f.another_pool().await)];
    let mut holders = Vec::new();
    for number in 0..CONTENDERS {
        let holder = user(&f.store, &format!("holder{number}@example.org")).await;
        f.store.user_handle(holder.id, handle()).await.unwrap();
        holders.push(holder);
    }
    let credential = passkey(&holders[0], 0).credential_id;
    let registered = race(&hosts, |store, number| {
        let holder = holders[number].clone();
        let passkey = Passkey { credential_id: credential.clone(), ..passkey(&holder, number) };
        async move { store.register(&passkey, holder.epochs, 10, &|_| Evidence::none()).await.unwrap() }
    })
    .await;
    assert_eq!(won(&registered, |outcome| matches!(outcome, Registered::Done(_))), 1);
    assert_eq!(won(&registered, |outcome| *outcome == Registered::Duplicate), CONTENDERS - 1);

    let (ann, passkeys) = with_passkeys(&f.store, "ann@example.org").await;
    let used = PasskeyUse { counter_before: 1, sign_count: 2, backed_up: false, at: NOW };
    let (id, ids) = (ann.id, passkeys.map(|passkey| passkey.id));
    let uses = race(&hosts, |store, _| async move { store.record_use(ids[0], &used, Evidence::none()).await.unwrap() });
    assert_eq!(won(&uses.await, |won| *won), 1);
    let removed = race(&hosts, |store, number| async move {
        for _ in 0..1_000 {
            let epochs = AccountStore::find(&store, id).await.unwrap().unwrap().user.epochs;
            match store.remove(id, epochs, ids[number % 2], 1, &|_| Evidence::none()).await.unwrap() {
                Removed::Stale => {}
                removed => return removed,
            }
        }
        panic!("it is never this one's turn")
    })
    .await;
    assert_eq!(won(&removed, |outcome| matches!(outcome, Removed::Done(_))), 1);
    assert_eq!(PasskeyStore::count(&f.store, id).await.unwrap(), 1);
}

/// At whatever level the host began its transactions, and whatever they had read before.
pub(crate) async fn wa_15_transactions_of_a_host_keep_the_last_passkey(f: &Fixture) {
    let hosts = [f.store.clone(), SeaOrmStore::new(f.another_pool().await)];
    let levels = [None, Some(IsolationLevel::RepeatableRead), Some(IsolationLevel::Serializable)];
    for (round, level) in levels.into_iter().enumerate() {
        // SQLite has one level, and one way to begin.
        if level.is_some() && f.setup.engine() == Engine::Sqlite {
            continue;
        }
        let (ann, passkeys) = with_passkeys(&f.store, &format!("ann{round}@example.org")).await;
        let (id, ids) = (ann.id, passkeys.map(|passkey| passkey.id));
        let pool = f.pool.clone();
        let removed = race(&hosts, |store, number| {
            let pool = pool.clone();
            async move { remove_in_transaction(&store, &pool, level, id, ids[number % 2]).await }
        })
        .await;
        assert_eq!(won(&removed, |outcome| matches!(outcome, Removed::Done(_))), 1, "{level:?}");
        assert_eq!(PasskeyStore::count(&f.store, id).await.unwrap(), 1, "{level:?}");
    }
}

async fn remove_in_transaction(
    store: &SeaOrmStore,
    pool: &sea_orm::DatabaseConnection,
    level: Option<IsolationLevel>,
    user: UserId,
    id: PasskeyId,
) -> Removed {
    for _ in 0..1_000 {
        let epochs = AccountStore::find(store, user).await.unwrap().unwrap().user.epochs;
        let tx = match level {
            None => begin_immediate(pool).await,
            Some(_) => {
                let options = TransactionOptions { isolation_level: level, ..TransactionOptions::default() };
                pool.begin_with_options(options).await
            }
        };
        let tx = Arc::new(tx.unwrap());
        let bound = store.bound_to(tx.clone());
        PasskeyStore::count(&bound, user).await.unwrap();
        let removed = bound.remove(user, epochs, id, 1, &|_| Evidence::none()).await;
        drop(bound);
        let tx = Arc::into_inner(tx).unwrap();
        match removed {
            // Decided by what another one has changed since.
            Ok(Removed::Stale) => tx.rollback().await.unwrap(),
            Ok(removed) => match tx.commit().await {
                Ok(()) => return removed,
                Err(error) => assert!(error.to_string().contains("serialize"), "{error}"),
            },
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Busy, "{error:?}");
                // At a deadlock MySQL has rolled everything back, savepoints included.
                if let Err(error) = tx.rollback().await {
                    assert!(error.to_string().contains("SAVEPOINT"), "{error}");
                }
            }
        }
    }
    panic!("it never wins")
}

pub(crate) async fn lc_01_deleting_an_account_erases_its_factors(f: &Fixture) {
    for address in ["ann@example.org", "bob@example.org"] {
        let user = with_factors(&f.store, address).await;
        f.store.user_handle(user.id, handle()).await.unwrap();
        let registered = f.store.register(&passkey(&user, 0), user.epochs, 1, &|_| Evidence::none()).await.unwrap();
        assert!(matches!(registered, Registered::Done(_)));
        ceremony(&f.store, Some(user.id)).await;
    }
    ceremony(&f.store, None).await;
    f.pool.execute_unprepared("DELETE FROM sigra_users WHERE email = 'ann@example.org'").await.unwrap();
    let left = [("totp", 1), ("backup_codes", 10), ("trusted_browsers", 1), ("passkey_users", 1), ("passkeys", 1)];
    for (table, left) in left.into_iter().chain([("ceremonies", 2)]) {
        assert_eq!(count(&f.pool, &format!("sigra_{table}")).await, left, "{table}: bob's alone are left");
    }
}

pub(crate) async fn se_30_ceremonies_and_factors_are_purged_in_bounded_batches(f: &Fixture) {
    for number in 0..3 {
        let address = format!("user{number}@example.org");
        let (pending, active) = (user(&f.store, &address).await, format!("with.{address}"));
        assert!(f.store.begin(&pending_totp(&pending), Evidence::none()).await.unwrap());
        let active = with_factors(&f.store, &active).await;
        ceremony(&f.store, Some(active.id)).await;
    }
    assert_eq!(purge(&f.store, NOW, NOW, 2).await, 0, "nothing has expired");
    assert_eq!(purge(&f.store, later(601), NOW, 2).await, 2 + 2, "ceremonies and pending secrets");
    assert_eq!(purge(&f.store, later(601), NOW, 2).await, 1 + 1);
    assert_eq!(count(&f.pool, "sigra_totp").await, 3, "an active secret has no end");
    assert_eq!(purge(&f.store, later(86_401), NOW, 2).await, 2);
    assert_eq!(purge(&f.store, later(86_401), NOW, 2).await, 1);
    assert_eq!(purge(&f.store, later(86_401), NOW, 2).await, 0);
    assert_eq!(count(&f.pool, "sigra_backup_codes").await, 30);
}

#[tokio::test]
async fn an_assertion_is_one_read_by_indexes() {
    let f = sqlite().await;
    let (_, passkeys) = with_passkeys(&f.store, "ann@example.org").await;
    let mut pool = open(f.database.url()).await.unwrap();
    let log: Arc<std::sync::Mutex<Vec<sea_orm::Statement>>> = Arc::default();
    let writer = log.clone();
    pool.set_metric_callback(move |info| writer.lock().unwrap().push(info.statement.clone()));
    let found = PasskeyStore::find(&SeaOrmStore::new(pool), &passkeys[0].credential_id).await.unwrap();
    assert_eq!(found.unwrap().passkey, passkeys[0]);
    let log = log.lock().unwrap().clone();
    assert_eq!(log.len(), 1, "passkey and account are read together");
    let explain = sea_orm::Statement { sql: format!("EXPLAIN QUERY PLAN {}", log[0].sql), ..log[0].clone() };
    let rows = f.pool.query_all_raw(explain).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(3).unwrap()).collect();
    assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{plan:?}");
}

/// Foreign keys keep such rows from coming about; a tool that does not enforce them can leave one.
#[tokio::test]
async fn a_passkey_that_lost_its_owner_is_an_error() {
    let f = sqlite().await;
    for (table, key) in [("sigra_passkey_users", "user_id"), ("sigra_users", "id")] {
        let (ann, [passkey, _]) = with_passkeys(&f.store, &format!("{key}@example.org")).await;
        let id = ann.id.as_uuid().simple();
        let sql =
            format!("PRAGMA foreign_keys = OFF; DELETE FROM {table} WHERE {key} = x'{id}'; PRAGMA foreign_keys = ON");
        f.pool.execute_unprepared(&sql).await.unwrap();
        let found = PasskeyStore::find(&f.store, &passkey.credential_id).await;
        assert_eq!(found.unwrap_err().kind(), StoreErrorKind::Corrupt, "{table}");
    }
}

/// What a purge waited for and found prolonged or activated stays, though it had expired when the purge began.
pub(crate) async fn a_secret_that_is_activated_during_a_purge_stays(f: &Fixture) {
    // SQLite has one writer, so nothing happens during a purge.
    if f.setup.engine() == Engine::Sqlite {
        return;
    }
    let ann = user(&f.store, "ann@example.org").await;
    let pending = pending_totp(&ann);
    assert!(f.store.begin(&pending, Evidence::none()).await.unwrap());
    let tx = Arc::new(begin_immediate(&f.pool).await.unwrap());
    let bound = f.store.bound_to(tx.clone());
    let activated = bound.activate(&activation(&ann, &pending, &[]), &|_| Evidence::none()).await.unwrap();
    assert!(matches!(activated, Activated::Done(_)));
    drop(bound);
    let store = f.store.clone();
    let purge = tokio::spawn(async move { store.purge(RowKind::new("totp"), later(601), 10).await });
    // Time for the purge to come to the row and wait for it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Arc::into_inner(tx).unwrap().commit().await.unwrap();
    assert_eq!(purge.await.unwrap().unwrap(), 0);
    let kept = TotpStore::find(&f.store, ann.id).await.unwrap();
    assert!(kept.is_some_and(|totp| totp.activated_at == Some(NOW)), "an active secret was purged");
}

/// An account with an active secret, the [codes], and a trusted browser for a day.
pub(crate) async fn with_factors(store: &SeaOrmStore, address: &str) -> User {
    let user = user(store, address).await;
    let pending = pending_totp(&user);
    assert!(store.begin(&pending, Evidence::none()).await.unwrap());
    let activated = store.activate(&activation(&user, &pending, &codes(10)), &|_| Evidence::none()).await.unwrap();
    let Activated::Done(user) = activated else { panic!("{activated:?}") };
    let browser = TrustedBrowser {
        id: TrustedBrowserId::new(NOW),
        user: user.id,
        epochs: user.epochs,
        factor: "totp".to_owned(),
        client: ClientInfo::default(),
        place: None,
        created_at: NOW,
        last_used_at: NOW,
        expires_at: later(86_400),
    };
    assert!(store.insert(&browser, digest(), Evidence::none()).await.unwrap());
    *user
}

fn pending_totp(user: &User) -> PendingTotp {
    let secret = Sealed::from_bytes(b"sealed".to_vec());
    PendingTotp { user: user.id, secret, created_at: NOW, expires_at: later(600) }
}

fn activation<'a>(user: &User, pending: &'a PendingTotp, codes: &'a [Mac]) -> Activation<'a> {
    Activation { user: user.id, epochs: user.epochs, secret: &pending.secret, step: STEP, codes, now: NOW }
}

fn codes(count: u8) -> Vec<Mac> {
    (0..count).map(|number| Mac::from_bytes([number; 32])).collect()
}

pub(crate) async fn ceremony(store: &SeaOrmStore, user: Option<UserId>) -> Digest {
    let (key, state) = (digest(), Sealed::from_bytes(b"state".to_vec()));
    store.put(&Ceremony { key, user, state, created_at: NOW, expires_at: later(300) }).await.unwrap();
    key
}

/// An account with two passkeys.
async fn with_passkeys(store: &SeaOrmStore, address: &str) -> (User, [Passkey; 2]) {
    let mut user = user(store, address).await;
    store.user_handle(user.id, handle()).await.unwrap();
    let passkeys = [0, 1].map(|number| passkey(&user, number));
    for passkey in &passkeys {
        match store.register(passkey, user.epochs, 2, &|_| Evidence::none()).await.unwrap() {
            Registered::Done(now) => user = *now,
            other => panic!("{other:?}"),
        }
    }
    (user, passkeys)
}

pub(crate) fn passkey(user: &User, number: usize) -> Passkey {
    Passkey {
        id: PasskeyId::new(NOW),
        user: user.id,
        credential_id: CredentialId::new(digest().as_bytes().repeat(31)).unwrap(),
        public_key: vec![0xa5],
        sign_count: 1,
        backup_eligible: false,
        backed_up: false,
        transports: Vec::new(),
        aaguid: Uuid::nil(),
        nickname: number.to_string(),
        created_at: NOW,
        last_used_at: None,
    }
}

pub(crate) fn handle() -> UserHandle {
    UserHandle::from_bytes(digest().as_bytes().repeat(2).try_into().unwrap())
}

fn digest() -> Digest {
    RawToken::random().digest(Purpose::SESSION)
}

fn won<T>(outcomes: &[T], wins: impl Fn(&T) -> bool) -> usize {
    outcomes.iter().filter(|outcome| wins(outcome)).count()
}
