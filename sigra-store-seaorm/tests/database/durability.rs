//! What was acknowledged is still there after the process was killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use sigra_core::evidence::Evidence;
use sigra_core::ports::EvidenceLog as _;
use sigra_store_seaorm::{SeaOrmStore, migrations, open};

use crate::engines::Setup;
use crate::support::{NOW, count, empty, mail};

const URL: &str = "SIGRA_TEST_DURABILITY_URL";

#[tokio::test]
async fn au_02_a_killed_process_loses_nothing_it_acknowledged() {
    let database = empty(Setup::Sqlite);
    migrations::migrate(&open(database.url()).await.unwrap()).await.unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["durability::writes_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(URL, database.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let acknowledged = lines.map_while(Result::ok).filter(|line| line.contains("acknowledged")).take(25).count();
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(acknowledged, 25);
    let pool = open(database.url()).await.unwrap();
    assert!(count(&pool, "sigra_outbox").await >= 25);
}

#[tokio::test]
#[ignore = "the process the test above kills"]
async fn writes_until_it_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let store = SeaOrmStore::connect(&url).await.unwrap();
    loop {
        store.append(Evidence::none().and_mail([mail("ann@example.org", NOW)])).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged").and_then(|()| out.flush()).unwrap();
    }
}
