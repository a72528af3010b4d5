//! The database goes away while requests are answered, and comes back.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use serde_json::json;
use sigra_core::Stores;
use sigra_example_databases::{Engine, Line, OwnDatabase};
use sigra_http::Surface;
use sigra_store_seaorm::{SeaOrmStore, begin_immediate, migrations, open};
use sigra_testing::golden::{Answer, Browser, GoldenHost, Mount, Subject};
use sigra_testing::scenario::PASSWORD;

use crate::support::golden_host;

const ANN: &str = "ann@example.org";
const EVE: &str = "eve@example.org";
/// What one request may take while nothing answers.
const FEW_SECONDS: Duration = Duration::from_secs(10);
/// More than a pool has connections that may have to be found dead.
const TRIES: usize = 20;

struct Over(Stores);

impl Mount for Over {
    fn mount(&self, surface: Surface) -> Box<dyn Subject> {
        golden_host(surface)
    }

    fn stores(&self) -> Option<Stores> {
        Some(self.0.clone())
    }
}

async fn in_time(answer: impl Future<Output = Answer>) -> Answer {
    let began = Instant::now();
    let answer = answer.await;
    assert!(began.elapsed() < FEW_SECONDS, "{:?}", began.elapsed());
    answer
}

/// What must not change while the database is away.
async fn granted(direct: &DatabaseConnection) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in ["sigra_sessions", "sigra_users", "sigra_devices", "sigra_registrations", "sigra_requests"] {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let row = direct.query_one_raw(Statement::from_string(direct.get_database_backend(), sql)).await;
        counts.push(row.unwrap().unwrap().try_get_by_index(0).unwrap());
    }
    counts
}

/// Somebody who waits in the database for a lock.
async fn somebody_waits(direct: &DatabaseConnection, database: &OwnDatabase) {
    let (_, name) = database.url().rsplit_once('/').unwrap();
    let sql = match direct.get_database_backend() {
        DbBackend::Postgres => {
            format!("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'")
        }
        _ => format!(
            "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p
             ON p.id = t.trx_mysql_thread_id WHERE p.db = '{name}' AND t.trx_state = 'LOCK WAIT'"
        ),
    };
    let began = Instant::now();
    loop {
        let row = direct.query_one_raw(Statement::from_string(direct.get_database_backend(), sql.as_str())).await;
        if row.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap() > 0 {
            return;
        }
        assert!(began.elapsed() < FEW_SECONDS, "nobody waits");
        // InnoDB shows the same picture again to whoever looks more often than every 100 ms.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

fn refused(answer: &Answer, engine: Engine) {
    answer.sets(&[]);
    match engine {
        // Somebody else writes: that is busy, and comes to an end.
        Engine::Sqlite => drop(answer.is_problem(503, "overloaded", &["retry-after"])),
        _ => drop(answer.is_internal()),
    }
}

/// Asks for the session until it is told, as a browser would. What failed failed closed.
async fn recovered(browser: &mut Browser<'_>) {
    for _ in 0..TRIES {
        let answer = in_time(browser.read("/auth/api/v1/session")).await;
        if answer.header("content-type").as_deref() == Some("application/json") {
            answer.status(200);
            return;
        }
        answer.is_internal();
    }
    panic!("the host does not recover");
}

pub(crate) async fn au_13_nothing_is_granted_without_a_database(engine: Engine) {
    let database = OwnDatabase::new(engine);
    let direct = open(database.url()).await.unwrap();
    migrations::migrate(&direct).await.unwrap();
    let Some((server, _)) = database.through("") else {
        return while_another_process_writes(&database, &direct).await;
    };
    let line = Line::to(server).await;
    let (_, url) = database.through(&line.address().to_string()).unwrap();
    let host = GoldenHost::new(&Over(SeaOrmStore::new(open(&url).await.unwrap()).stores()));
    let mut ann = host.signed_in(ANN).await;
    let before = granted(&direct).await;
    let login = json!({ "email": ANN, "password": PASSWORD });
    let register = json!({ "email": EVE, "password": PASSWORD });
    for silent in [false, true] {
        // In flight: it waits for the row of the account, which somebody else holds.
        let holder = begin_immediate(&direct).await.unwrap();
        holder.execute_unprepared("UPDATE sigra_users SET factor_epoch = factor_epoch").await.unwrap();
        let (mut stranger, mut visitor) = (host.browser(), host.browser());
        let (answer, ()) = tokio::join!(in_time(stranger.json("/auth/api/v1/login", login.clone())), async {
            somebody_waits(&direct, &database).await;
            if silent { line.silence() } else { line.cut() }
        });
        refused(&answer, engine);
        in_time(ann.read("/auth/api/v1/session")).await.is_internal();
        if !silent {
            in_time(ann.read("/me")).await.is_internal();
            in_time(ann.get("/auth/settings/sessions")).await.is_page(500, &[]).says("<code>").sets(&[]);
        }
        refused(&in_time(visitor.json("/auth/api/v1/register", register.clone())).await, engine);
        let form = [("email", ANN), ("password", PASSWORD)];
        in_time(visitor.post("/auth/login", &form)).await.is_page(500, &[]).says("<code>").sets(&[]);
        in_time(visitor.get("/auth/login")).await.is_page(200, &[]);
        holder.rollback().await.unwrap();
        line.restore();
        recovered(&mut ann).await;
        assert_eq!(granted(&direct).await, before, "nothing was granted or half made");
    }
    host.browser().json("/auth/api/v1/login", login).await.status(200);
    assert_eq!(granted(&direct).await[0], before[0] + 1);
}

/// A file does not go away, but it can be somebody else's to write.
async fn while_another_process_writes(database: &OwnDatabase, direct: &DatabaseConnection) {
    let host = GoldenHost::new(&Over(SeaOrmStore::new(open(database.url()).await.unwrap()).stores()));
    let mut ann = host.signed_in(ANN).await;
    let before = granted(direct).await;
    let writer = begin_immediate(direct).await.unwrap();
    let (mut stranger, mut visitor) = (host.browser(), host.browser());
    let login = json!({ "email": ANN, "password": PASSWORD });
    let register = json!({ "email": EVE, "password": PASSWORD });
    let answers = tokio::join!(
        in_time(stranger.json("/auth/api/v1/login", login.clone())),
        in_time(visitor.json("/auth/api/v1/register", register)),
        // Who only reads does not notice.
        in_time(ann.read("/auth/api/v1/session")),
    );
    refused(&answers.0, Engine::Sqlite);
    refused(&answers.1, Engine::Sqlite);
    answers.2.status(200);
    writer.rollback().await.unwrap();
    assert_eq!(granted(direct).await, before);
    stranger.json("/auth/api/v1/login", login).await.status(200);
    assert_eq!(granted(direct).await[0], before[0] + 1);
}

pub(crate) async fn connections_that_the_server_ends_are_replaced(engine: Engine) {
    let database = OwnDatabase::new(engine);
    let (_, name) = database.url().rsplit_once('/').unwrap();
    let pool = open(database.url()).await.unwrap();
    migrations::migrate(&pool).await.unwrap();
    let direct = open(database.url()).await.unwrap();
    let (backend, kill) = match engine {
        Engine::Sqlite => return,
        Engine::Postgres => (
            DbBackend::Postgres,
            format!(
                "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_stat_activity
                 WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            ),
        ),
        Engine::Mysql => (
            DbBackend::MySql,
            format!(
                "SELECT CONCAT('KILL ', id) FROM information_schema.processlist
                 WHERE db = '{name}' AND id <> CONNECTION_ID()"
            ),
        ),
    };
    let host = GoldenHost::new(&Over(SeaOrmStore::new(pool).stores()));
    let mut ann = host.signed_in(ANN).await;
    let rows = direct.query_all_raw(Statement::from_string(backend, kill)).await.unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        direct.execute_unprepared(&row.try_get_by_index::<String>(0).unwrap()).await.unwrap();
    }
    recovered(&mut ann).await;
    let login = json!({ "email": ANN, "password": PASSWORD });
    let mut stranger = host.browser();
    for _ in 0..TRIES {
        let answer = in_time(stranger.json("/auth/api/v1/login", login.clone())).await;
        if stranger.cookie("session").is_some() {
            answer.status(200);
            return;
        }
        answer.is_internal();
    }
    panic!("nobody can sign in again");
}
