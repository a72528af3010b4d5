//! Databases in temporary folders, and rows to put into them.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, Value};
use sigra_core::assurance::{Aal, Method};
use sigra_core::client::ClientInfo;
use sigra_core::config::Config;
use sigra_core::door::{Admission, Door, DoorParts, Entry, Granted, Proof, WayIn};
use sigra_core::email::EmailAddress;
use sigra_core::evidence::Evidence;
use sigra_core::flows::SweepOutcome;
use sigra_core::id::{MailId, RegistrationId, RequestId, UserId};
use sigra_core::mail::{MailKind, OutgoingMail};
use sigra_core::password::PasswordHash;
use sigra_core::ports::{AccountStore as _, Housekeeping as _, NewAccount, NoGeoIp, NoHooks, RowKind, Sealed};
use sigra_core::registration::{AddressRequest, MailedToken, PendingRegistration, RequestKind, TokenOwner};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::time::Timestamp;
use sigra_core::user::User;
use sigra_core::{CommonBrowsers, Sigra, Unlimited};
use sigra_example_databases::OwnDatabase;
use sigra_store_seaorm::{SeaOrmStore, migrations};
use sigra_testing::{ManualClock, TestVault};

use crate::engines::Setup;

/// When tests take place.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) fn later(secs: u64) -> Timestamp {
    NOW + Duration::from_secs(secs)
}

/// A migrated database.
pub(crate) struct Fixture {
    pub(crate) setup: Setup,
    pub(crate) pool: DatabaseConnection,
    pub(crate) store: SeaOrmStore,
    pub(crate) database: OwnDatabase,
}

impl Fixture {
    pub(crate) async fn new(setup: Setup) -> Self {
        let database = empty(setup);
        let pool = setup.open(database.url()).await;
        migrations::migrate(&pool).await.unwrap();
        let store = SeaOrmStore::new(pool.clone());
        Self { setup, pool, store, database }
    }

    /// What another host would open.
    pub(crate) async fn another_pool(&self) -> DatabaseConnection {
        self.setup.open(self.database.url()).await
    }
}

/// A database without tables.
pub(crate) fn empty(setup: Setup) -> OwnDatabase {
    OwnDatabase::set_up(setup.engine(), setup.statements())
}

/// A new SQLite file, for what only SQLite has.
pub(crate) async fn sqlite() -> Fixture {
    Fixture::new(Setup::Sqlite).await
}

pub(crate) async fn count(db: &impl ConnectionTrait, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// A statement with `?` for its parameters, on whatever database.
pub(crate) fn statement(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    let backend = db.get_database_backend();
    let mut sql = sql.to_owned();
    if matches!(backend, DbBackend::Postgres) {
        for number in 1..=sql.matches('?').count() {
            sql = sql.replacen('?', &format!("${number}"), 1);
        }
    }
    Statement::from_sql_and_values(backend, sql, values)
}

/// Purges each kind once.
pub(crate) async fn purge(store: &SeaOrmStore, now: Timestamp, mail_before: Timestamp, limit: u32) -> u64 {
    let mut gone = 0;
    for kind in store.kinds() {
        let before = if kind == RowKind::MAIL { mail_before } else { now };
        gone += store.purge(kind, before, limit).await.unwrap();
    }
    gone
}

/// Sweeps until nothing is left, and tells what went.
pub(crate) async fn sweep(sigra: &Sigra) -> u64 {
    let mut gone = 0;
    loop {
        match sigra.sweeper().run_once().await.unwrap() {
            SweepOutcome::Done(report) if report.gone() > 0 => gone += report.gone(),
            SweepOutcome::Done(_) => return gone,
            SweepOutcome::HeldElsewhere => panic!("nobody else sweeps"),
        }
    }
}

pub(crate) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn account(address: &str) -> NewAccount {
    NewAccount {
        id: UserId::new(NOW),
        email: email(address),
        password: Some(PasswordHash::new("$argon2id$old".to_owned())),
        profile: serde_json::json!({ "name": "Ann" }),
        confirmed_at: Some(NOW),
        created_at: NOW,
        quarantine: Vec::new(),
    }
}

pub(crate) async fn user(store: &SeaOrmStore, address: &str) -> User {
    let account = account(address);
    assert!(store.create(&account, Evidence::none()).await.unwrap());
    account.to_user()
}

pub(crate) fn registration(address: &str) -> PendingRegistration {
    PendingRegistration {
        id: RegistrationId::new(NOW),
        email: email(address),
        sealed: Sealed::from_bytes(b"sealed".to_vec()),
        client: ClientInfo::new(Some([192, 0, 2, 7].into()), Some("Firefox"), Some("r-1")),
        created_at: NOW,
        expires_at: later(3_600),
    }
}

pub(crate) fn request(address: &str, kind: RequestKind) -> AddressRequest {
    AddressRequest {
        id: RequestId::new(NOW),
        kind,
        email: email(address),
        client: ClientInfo::default(),
        created_at: NOW,
        expires_at: later(3_600),
    }
}

pub(crate) fn token_of(user: &User, purpose: Purpose) -> MailedToken {
    MailedToken {
        digest: RawToken::random().digest(purpose),
        purpose,
        owner: TokenOwner::User { id: user.id, epochs: Some(user.epochs) },
        email: user.email.clone(),
        created_at: NOW,
        expires_at: later(600),
    }
}

pub(crate) fn mail(address: &str, created_at: Timestamp) -> OutgoingMail {
    OutgoingMail {
        id: MailId::new(created_at),
        kind: MailKind::MAGIC_LINK,
        to: email(address),
        facts: Sealed::from_bytes(b"facts".to_vec()),
        created_at,
        expires_at: created_at + Duration::from_secs(600),
    }
}

/// A door over the store, at [`NOW`].
pub(crate) fn door(store: &SeaOrmStore) -> Door {
    let store = Arc::new(store.clone());
    let parts = DoorParts {
        devices: store.clone(),
        sessions: store.clone(),
        log: store,
        vault: Arc::new(TestVault::default()),
        describer: Arc::new(CommonBrowsers),
        geo: Arc::new(NoGeoIp),
        mail_budget: Arc::new(Unlimited),
        hooks: Arc::new(NoHooks),
        clock: Arc::new(ManualClock::at(NOW)),
        config: Arc::new(Config::default()),
    };
    Door::new(parts, Vec::new())
}

pub(crate) async fn sign_in(store: &SeaOrmStore, user: &User) -> Granted {
    let client = ClientInfo::new(Some([192, 0, 2, 7].into()), Some("Firefox"), None);
    let proof = Proof::new(WayIn::Password, user, Aal::One, vec![Method::PASSWORD], NOW);
    match door(store).admit(proof, &Entry { client, ..Entry::default() }).await.unwrap() {
        Admission::Granted(granted) => *granted,
        other => panic!("not let in: {other:?}"),
    }
}
