//! Erasing accounts, against what the database itself says of its tables: a table that is added and forgotten fails here.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement, Value};
use sigra_core::address_change::AddressChange;
use sigra_core::client::ClientInfo;
use sigra_core::config::DeletionStrategy;
use sigra_core::evidence::Evidence;
use sigra_core::id::PendingId;
use sigra_core::mail::MailKind;
use sigra_core::ports::{
    AddressChangeStore, AttemptKey, AttemptOwner, AttemptPolicy, AttemptStore as _, Erasure, EvidenceLog as _,
    LifecycleStore as _, Mac, Quarantined, RegistrationStore, RequestStore, SessionStore as _, TokenStore,
};
use sigra_core::registration::RequestKind;
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::session::PendingSignIn;
use sigra_core::user::User;
use sigra_passkeys::ports::{PasskeyStore, Registered};
use sigra_store_seaorm::SeaOrmStore;

use crate::factors::{ceremony, handle, passkey, with_factors};
use crate::flows::host_over;
use crate::races::{CONTENDERS, race};
use crate::support::{Fixture, NOW, count, later, mail, registration, request, sign_in, statement, token_of, user};

const ANN: &str = "ann@example.org";

/// Where the id of an erased account stays: who did what to whom. The trail is pseudonymous from then on.
const KEPT_IDS: [&str; 2] = ["sigra_audit_events.actor_id", "sigra_audit_events.subject_id"];

/// Where the address stays, and for how long: mail that is owed until it is sent, and its record until housekeeping throws
/// it away (`housekeeping.keep_mail_secs`); requests until they expire (`requests.pending_secs`).
const KEPT_ADDRESSES: [&str; 2] = ["sigra_outbox.recipient", "sigra_requests.email"];

pub(crate) async fn lc_01_erasing_leaves_no_row_in_any_table(f: &Fixture) {
    let bob = belongings(&f.store, "bob@example.org").await;
    for strategy in [DeletionStrategy::HardDelete, DeletionStrategy::Anonymize, DeletionStrategy::SoftDelete] {
        let ann = belongings(&f.store, ANN).await;
        let columns = columns(&f.pool).await;
        let (ids, bobs) = (holders(&f.pool, &columns, &ann).await, holders(&f.pool, &columns, &bob).await);
        for table in referring(&f.pool).await {
            let column = format!("{table}.user_id");
            assert!(ids.contains(&column), "{column}: a test that puts nothing there shows nothing");
        }
        for (table, column, _) in columns.iter().filter(|(_, column, _)| column.ends_with("user_id")) {
            assert!(
                ids.contains(&format!("{table}.{column}")),
                "{table}.{column} is new: put a row there, and erase it"
            );
        }
        assert!(ids.contains("sigra_quarantines.holder_id"));
        let addresses = mentions(&f.pool, &columns, ANN).await;
        for column in ["sigra_users.email", "sigra_tokens.email", "sigra_registrations.email_identity"] {
            assert!(addresses.contains(column), "{column} in {addresses:?}");
        }

        let erasure = Erasure { user: ann.id, only_if_due: false, strategy, at: NOW };
        f.store.erase(&erasure, &|_| Evidence::none()).await.unwrap().expect("it was there");

        let mut kept: BTreeSet<_> = KEPT_IDS.map(str::to_owned).into();
        let mut mentioned: BTreeSet<_> = KEPT_ADDRESSES.map(str::to_owned).into();
        match strategy {
            DeletionStrategy::HardDelete => {}
            DeletionStrategy::Anonymize => kept.extend(["sigra_users.id".to_owned()]),
            DeletionStrategy::SoftDelete => {
                kept.extend(["sigra_users.id".to_owned()]);
                mentioned.extend(["sigra_users.email".to_owned(), "sigra_users.email_identity".to_owned()]);
            }
        }
        assert_eq!(holders(&f.pool, &columns, &ann).await, kept, "{strategy:?}");
        assert_eq!(mentions(&f.pool, &columns, ANN).await, mentioned, "{strategy:?}");
        assert_eq!(holders(&f.pool, &columns, &bob).await, bobs, "another account keeps its own");
        assert_eq!(count(&f.pool, "sigra_session_retired_tokens").await, 1, "they go with their session");
        assert_eq!(count(&f.pool, "sigra_passkeys").await, 1, "they go with their owner's handle");
    }
}

/// An account that was not proven, and its mailbox shown by a link: of all its rows only the account and what was counted stay.
pub(crate) async fn tk_16_reclaiming_leaves_no_row_but_what_was_counted(f: &Fixture) {
    let bob = belongings(&f.store, "bob@example.org").await;
    let ann = belongings(&f.store, ANN).await;
    let unproven = "UPDATE sigra_users SET confirmed_at = NULL WHERE id = ?";
    f.pool.execute_raw(statement(&f.pool, unproven, [Value::from(ann.id.as_uuid())])).await.unwrap();
    let link = token_of(&ann, Purpose::MAGIC_LINK);
    f.store.append(Evidence::none().and_token(link.clone())).await.unwrap();
    let columns = columns(&f.pool).await;
    let bobs = holders(&f.pool, &columns, &bob).await;

    let live =
        TokenStore::redeem(&f.store, link.digest, NOW, &|_| Evidence::none()).await.unwrap().expect("the link is good");
    assert!(live.reclaimed);

    let mut kept: BTreeSet<_> = KEPT_IDS.map(str::to_owned).into();
    let stays = ["sigra_users.id", "sigra_attempts.user_id", "sigra_quarantines.holder_id"];
    kept.extend(stays.map(str::to_owned));
    assert_eq!(holders(&f.pool, &columns, &ann).await, kept);
    assert_eq!(holders(&f.pool, &columns, &bob).await, bobs, "another account keeps its own");
    assert_eq!(count(&f.pool, "sigra_session_retired_tokens").await, 1, "they go with their session");
    assert_eq!(count(&f.pool, "sigra_passkeys").await, 1, "they go with their owner's handle");
}

/// Hosts sweep side by side: each account is erased once, and each owner told once.
pub(crate) async fn lc_03_sweepers_side_by_side_erase_each_account_once(f: &Fixture) {
    let hosts = [f.store.clone(), SeaOrmStore::new(f.another_pool().await)];
    let sides = hosts.each_ref().map(host_over);
    for number in 0..40 {
        let user = user(&f.store, &format!("user{number}@example.org")).await;
        assert!(sides[0].sigra.operator().schedule_deletion(user.id, &sides[0].client()).await.unwrap());
    }
    for side in &sides {
        side.advance(14 * 86_400);
    }
    let swept = race(&hosts, |_, number| {
        let sigra = sides[number % 2].sigra.clone();
        async move { sigra.deletion().sweep(100).await.unwrap() }
    })
    .await;
    assert_eq!((swept.len(), swept.iter().sum::<u64>()), (CONTENDERS, 40));
    assert_eq!(count(&f.pool, "sigra_users").await, 0);
    assert_eq!(count(&f.pool, &format!("sigra_outbox WHERE kind = '{}'", MailKind::DELETION_DONE)).await, 40);
    assert_eq!(count(&f.pool, "sigra_audit_events WHERE name = 'account.deletion_execute'").await, 40);
}

/// An account with something in every table that can hold something of it.
async fn belongings(store: &SeaOrmStore, address: &str) -> User {
    let mut user = with_factors(store, address).await;
    store.user_handle(user.id, handle()).await.unwrap();
    match PasskeyStore::register(store, &passkey(&user, 0), user.epochs, 1, &|_| Evidence::none()).await.unwrap() {
        Registered::Done(now) => user = *now,
        other => panic!("{other:?}"),
    }
    ceremony(store, Some(user.id)).await;
    let granted = sign_in(store, &user).await;
    let (id, old) = (granted.session.id, granted.token.digest(Purpose::SESSION));
    assert!(store.rotate(id, old, RawToken::random().digest(Purpose::SESSION), NOW, Evidence::none()).await.unwrap());
    let pending = PendingSignIn {
        id: PendingId::new(NOW),
        user: user.id,
        assurance: granted.session.assurance,
        epochs: user.epochs,
        remember: false,
        opens_sudo: true,
        tell_unfinished: false,
        client: ClientInfo::default(),
        created_at: NOW,
        expires_at: later(300),
    };
    let asked = request("new@example.org", RequestKind::ChangeEmail);
    let change = AddressChange {
        id: asked.id,
        user: user.id,
        session: id,
        epochs: user.epochs,
        old: user.email.clone(),
        new: asked.email.clone(),
        requested_at: NOW,
        expires_at: later(300),
    };
    assert!(AddressChangeStore::submit(store, &change, &asked, Evidence::none()).await.unwrap());
    let digest = RawToken::random().digest(Purpose::PENDING);
    store.insert_pending(&pending, digest, None, Evidence::none()).await.unwrap();
    let left = Quarantined { key: Mac::from_bytes(*digest.as_bytes()), holder: Some(user.id), until: later(300) };
    let evidence = Evidence::none().and_token(token_of(&user, Purpose::MAGIC_LINK)).and_mail([mail(address, NOW)]);
    let evidence = evidence.and_quarantined([left]);
    store.append(evidence).await.unwrap();
    let policy = AttemptPolicy { free: 5, cap: 80, lock_secs: 60, max_lock_secs: 600, window_secs: None };
    let key = AttemptKey { counter: "password.stranger", whom: Mac::from_bytes(*digest.as_bytes()) };
    store.reserve(&key, &policy, Some(AttemptOwner::Account(user.id)), NOW).await.unwrap();
    let rival = registration(address);
    let asked = request(address, RequestKind::Register(rival.id));
    RegistrationStore::submit(store, &rival, &asked, Evidence::none()).await.unwrap();
    RequestStore::submit(store, &request(address, RequestKind::MagicLink), Evidence::none()).await.unwrap();
    user
}

/// Every column of ours: table, column, and whether it can hold an id.
async fn columns(pool: &DatabaseConnection) -> Vec<(String, String, bool)> {
    let sql = match pool.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT m.name, p.name, CASE WHEN p.type = 'BLOB' THEN 1 ELSE 0 END FROM sqlite_master m \
             JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name LIKE 'sigra%'"
        }
        DbBackend::MySql => {
            "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), \
             CASE WHEN column_type = 'binary(16)' THEN 1 ELSE 0 END \
             FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name LIKE 'sigra%'"
        }
        _ => {
            "SELECT table_name::text, column_name::text, CASE WHEN data_type = 'uuid' THEN 1 ELSE 0 END \
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name LIKE 'sigra%'"
        }
    };
    let rows = rows(pool, sql).await;
    let columns = rows.iter().map(|row| {
        let text = |at| row.try_get_by_index::<String>(at).unwrap();
        (text(0), text(1), row.try_get_by_index::<i32>(2).unwrap() == 1)
    });
    columns.collect()
}

/// The tables that refer to accounts by a foreign key.
async fn referring(pool: &DatabaseConnection) -> BTreeSet<String> {
    let sql = match pool.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT m.name FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) k \
             WHERE m.type = 'table' AND k.\"table\" IN ('sigra_users', 'sigra_passkey_users')"
        }
        DbBackend::MySql => {
            "SELECT CAST(table_name AS CHAR) FROM information_schema.key_column_usage \
             WHERE table_schema = DATABASE() AND referenced_table_name IN ('sigra_users', 'sigra_passkey_users')"
        }
        _ => {
            "SELECT c.relname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
             JOIN pg_class r ON r.oid = k.confrelid WHERE k.contype = 'f' \
             AND k.connamespace = current_schema()::regnamespace AND r.relname IN ('sigra_users', 'sigra_passkey_users')"
        }
    };
    let tables: BTreeSet<String> = rows(pool, sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert!(tables.len() >= 9, "{tables:?}");
    tables
}

/// The columns that hold the id of an account.
async fn holders(pool: &DatabaseConnection, columns: &[(String, String, bool)], user: &User) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (table, column, _) in columns.iter().filter(|(_, _, holds_ids)| *holds_ids) {
        let id = [Value::from(user.id.as_uuid())];
        let query = statement(pool, &format!("SELECT COUNT(*) FROM {table} WHERE {column} = ?"), id);
        let row = pool.query_one_raw(query).await.unwrap().unwrap();
        if row.try_get_by_index::<i64>(0).unwrap() > 0 {
            found.insert(format!("{table}.{column}"));
        }
    }
    found
}

/// The columns in which an address stands.
async fn mentions(pool: &DatabaseConnection, columns: &[(String, String, bool)], address: &str) -> BTreeSet<String> {
    let text = if matches!(pool.get_database_backend(), DbBackend::MySql) { "CHAR" } else { "TEXT" };
    let mut found = BTreeSet::new();
    for (table, column, _) in columns {
        if count(pool, &format!("{table} WHERE CAST({column} AS {text}) LIKE '%{address}%'")).await > 0 {
            found.insert(format!("{table}.{column}"));
        }
    }
    found
}

async fn rows(pool: &DatabaseConnection, sql: &str) -> Vec<sea_orm::QueryResult> {
    pool.query_all_raw(Statement::from_string(pool.get_database_backend(), sql)).await.unwrap()
}
