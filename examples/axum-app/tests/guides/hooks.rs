//! The code of `docs/guides/hooks.md`, which shows parts of this file word for word.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, Statement};
use sigra_core::client::ClientInfo;
use sigra_core::config::DeletionStrategy;
use sigra_core::email::EmailAddress;
use sigra_core::error::{FlowError, StoreErrorKind};
use sigra_core::flows::Confirmed;
use sigra_core::id::UserId;
use sigra_core::mail::MailKind;
use sigra_core::ports::{Happened, Hooks};
use sigra_core::user::User;
use sigra_store_seaorm::{InTransaction, SeaOrmStore, migrations};
use sigra_testing::scenario::TestHost;
use tempfile::TempDir;

/// Whoever was invited gets a garden, once.
struct Gardens;

#[async_trait]
impl InTransaction for Gardens {
    async fn registered(&self, tx: &DatabaseTransaction, user: &User) -> Result<(), Box<dyn Error + Send + Sync>> {
        let invited = "DELETE FROM invitations WHERE address = $1";
        if run(tx, invited, user.email.identity().into()).await? == 0 {
            return Err("not invited".into());
        }
        run(tx, "INSERT INTO gardens (owner) VALUES ($1)", user.id.as_uuid().into()).await?;
        Ok(())
    }

    async fn erasing(
        &self,
        tx: &DatabaseTransaction,
        user: &User,
        _: DeletionStrategy,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        run(tx, "DELETE FROM gardens WHERE owner = $1", user.id.as_uuid().into()).await?;
        Ok(())
    }
}

/// `$1` is for SQLite and PostgreSQL; MySQL has `?` in its place.
async fn run(tx: &DatabaseTransaction, sql: &str, value: sea_orm::Value) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [value]);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// Who gets the newsletter, as the service that sends it is told.
#[derive(Default)]
struct Newsletter(Mutex<BTreeMap<UserId, EmailAddress>>);

#[async_trait]
impl Hooks for Newsletter {
    async fn after_commit(&self, happened: &Happened<'_>) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut readers = self.0.lock().map_err(|_| "the list of readers is broken")?;
        match happened {
            Happened::Registered(user) | Happened::EmailChanged(user, _) => {
                readers.insert(user.id, user.email.clone());
            }
            Happened::Deleted(user) => _ = readers.remove(&user.id),
            _ => {}
        }
        Ok(())
    }
}

/// A database of the application: sigra's tables, and one of its own.
async fn database(folder: &TempDir) -> DatabaseConnection {
    let pool = sigra_store_seaorm::open(&format!("sqlite:{}", folder.path().join("app.db").display())).await.unwrap();
    migrations::migrate(&pool).await.unwrap();
    for table in [
        "CREATE TABLE gardens (owner BLOB NOT NULL PRIMARY KEY REFERENCES sigra_users (id))",
        "CREATE TABLE invitations (address TEXT NOT NULL PRIMARY KEY)",
    ] {
        pool.execute_unprepared(table).await.unwrap();
    }
    pool
}

async fn gardens(pool: &DatabaseConnection) -> i64 {
    let count = Statement::from_string(pool.get_database_backend(), "SELECT COUNT(*) FROM gardens");
    pool.query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

fn over(pool: DatabaseConnection, hooks: Arc<dyn Hooks>) -> TestHost<SeaOrmStore> {
    let store = SeaOrmStore::new(pool).with_hook(Arc::new(Gardens));
    TestHost::over(store.clone(), store.stores()).hooks(hooks).build()
}

async fn invite(pool: &DatabaseConnection) {
    pool.execute_unprepared("INSERT INTO invitations VALUES ('ann@example.org')").await.unwrap();
}

#[tokio::test]
async fn a_garden_comes_and_goes_with_its_account() {
    let folder = tempfile::tempdir().unwrap();
    let pool = database(&folder).await;
    let newsletter = Arc::new(Newsletter::default());
    let host = over(pool.clone(), newsletter.clone());

    invite(&pool).await;
    let ann = host.confirmed("ann@example.org").await;
    assert_eq!((gardens(&pool).await, newsletter.0.lock().unwrap().len()), (1, 1));

    assert!(host.sigra.operator().erase(ann.id, &ClientInfo::default()).await.unwrap());
    assert_eq!((gardens(&pool).await, newsletter.0.lock().unwrap().len()), (0, 0));
}

#[tokio::test]
async fn who_is_not_invited_gets_no_account_and_can_try_the_link_again() {
    let folder = tempfile::tempdir().unwrap();
    let pool = database(&folder).await;
    let newsletter = Arc::new(Newsletter::default());
    let host = over(pool.clone(), newsletter.clone());

    host.registered("ann@example.org").await;
    let link = host.mailed_token(&MailKind::CONFIRM_EMAIL, "ann@example.org");
    let refused = host.sigra.confirmation().by_token(&link, &host.client()).await;
    assert!(matches!(refused, Err(FlowError::Store(error)) if error.kind() == StoreErrorKind::Hook));
    assert!(gardens(&pool).await == 0 && newsletter.0.lock().unwrap().is_empty());

    invite(&pool).await;
    let confirmed = host.sigra.confirmation().by_token(&link, &host.client()).await.unwrap();
    assert!(matches!(confirmed, Confirmed::Created(_)));
    assert_eq!((gardens(&pool).await, newsletter.0.lock().unwrap().len()), (1, 1));
}

#[test]
fn the_guide_shows_this_file_word_for_word() {
    super::shown_word_for_word(include_str!("../../../../docs/guides/hooks.md"), include_str!("hooks.rs"));
}
