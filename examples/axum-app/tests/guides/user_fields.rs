//! The code of `docs/guides/custom-user-fields.md`, which shows parts of this file word for word.

use std::error::Error;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Json;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sigra_axum::{CurrentSession, mount};
use sigra_core::Sigra;
use sigra_core::client::ClientInfo;
use sigra_core::config::DeletionStrategy;
use sigra_core::error::{FlowError, StoreError, StoreErrorKind};
use sigra_core::export::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use sigra_core::flows::{Confirmed, ProfileOutcome, RegistrationForm};
use sigra_core::id::UserId;
use sigra_core::mail::MailKind;
use sigra_core::ports::AccountData;
use sigra_core::user::User;
use sigra_http::Surface;
use sigra_store_seaorm::{InTransaction, SeaOrmStore, migrations};
use sigra_testing::scenario::{PASSWORD, PUBLIC_URL, TestHost};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// What the application keeps in `user.profile`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Profile {
    name: String,
    newsletter: bool,
}

impl Profile {
    /// A stranger may have typed it: what does not fit is taken as absent.
    fn of(user: &User) -> Self {
        let mut profile: Self = serde_json::from_value(user.profile.clone()).unwrap_or_default();
        if profile.name.chars().count() > 100 {
            profile.name.clear();
        }
        profile
    }
}

/// What the page of the settings sends: the profile it was filled with, and the one it is to be.
#[derive(Deserialize)]
struct Edit {
    seen: Value,
    profile: Profile,
}

async fn show(session: CurrentSession) -> Json<Value> {
    Json(json!({ "seen": session.user().profile, "profile": Profile::of(session.user()) }))
}

async fn edit(session: CurrentSession, State(sigra): State<Sigra>, Json(edit): Json<Edit>) -> Response {
    let Ok(profile) = serde_json::to_value(&edit.profile) else { return StatusCode::BAD_REQUEST.into_response() };
    let client = ClientInfo::default();
    match sigra.profiles().replace(&session, &edit.seen, &profile, &client).await {
        Ok(ProfileOutcome::Done(_)) => StatusCode::NO_CONTENT.into_response(),
        // Somebody else was first, perhaps the same person in another window: show what it is now.
        Ok(ProfileOutcome::Changed(user)) => (StatusCode::CONFLICT, Json(user.profile)).into_response(),
        Ok(ProfileOutcome::Rejected(_)) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Ok(ProfileOutcome::Superseded) => StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Reads what the account has now, changes one thing, and does it again when somebody else was first.
async fn unsubscribe(sigra: &Sigra, user: UserId) -> Result<(), FlowError> {
    let Some(account) = sigra.stores().accounts.find(user).await? else { return Ok(()) };
    let mut seen = account.user.profile;
    loop {
        let mut profile = seen.clone();
        if let Some(fields) = profile.as_object_mut() {
            fields.insert("newsletter".to_owned(), json!(false));
        }
        match sigra.operator().replace_profile(user, &seen, &profile, &ClientInfo::default()).await? {
            ProfileOutcome::Changed(user) => seen = user.profile,
            _ => return Ok(()),
        }
    }
}

/// The application's own table: one row an account.
const CUSTOMERS: &str = "CREATE TABLE customers (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES sigra_users (id),
    plan TEXT NOT NULL,
    credit BIGINT NOT NULL
)";

struct Customers;

#[async_trait]
impl InTransaction for Customers {
    async fn registered(&self, tx: &DatabaseTransaction, user: &User) -> Result<(), Box<dyn Error + Send + Sync>> {
        let insert = "INSERT INTO customers (user_id, plan, credit) VALUES ($1, 'free', 0)";
        tx.execute_raw(about(tx, insert, user.id)).await?;
        Ok(())
    }

    async fn erasing(
        &self,
        tx: &DatabaseTransaction,
        user: &User,
        _: DeletionStrategy,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        tx.execute_raw(about(tx, "DELETE FROM customers WHERE user_id = $1", user.id)).await?;
        Ok(())
    }
}

/// `$1` is for SQLite and PostgreSQL; MySQL has `?` in its place.
fn about(db: &impl sea_orm::ConnectionTrait, sql: &str, user: UserId) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, [user.as_uuid().into()])
}

/// Pictures, which no transaction reaches.
#[derive(Default)]
struct Pictures(Mutex<Vec<UserId>>);

#[async_trait]
impl AccountData for Pictures {
    async fn erase(&self, user: &User, _: DeletionStrategy) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.lock().map_err(|_| "the pictures are out of reach")?.retain(|owner| *owner != user.id);
        Ok(())
    }
}

/// The row in what a person downloads of their account.
struct CustomerSection(DatabaseConnection);

#[async_trait]
impl ExportSection for CustomerSection {
    fn name(&self) -> &'static str {
        "customer"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::One
    }

    fn omissions(&self) -> &'static [Omission] {
        &[Omission { what: "card numbers", why: "The bank has them, and we do not." }]
    }

    async fn page(&self, account: &ExportAccount<'_>, _: Option<&str>) -> Result<ExportPage, FlowError> {
        let select = about(&self.0, "SELECT plan, credit FROM customers WHERE user_id = $1", account.user.id);
        let record = async {
            let Some(row) = self.0.query_one_raw(select).await? else { return Ok::<_, DbErr>(Vec::new()) };
            let (plan, credit): (String, i64) = (row.try_get("", "plan")?, row.try_get("", "credit")?);
            Ok(vec![json!({ "plan": plan, "credit": credit })])
        };
        let record = record.await.map_err(|error| {
            FlowError::from(StoreError::new(StoreErrorKind::Unavailable, "customer").because(error))
        })?;
        Ok(ExportPage::whole(record))
    }
}

/// The application over a database of its own.
async fn host(folder: &TempDir, pictures: Arc<Pictures>) -> (TestHost<SeaOrmStore>, DatabaseConnection) {
    let pool = sigra_store_seaorm::open(&format!("sqlite:{}", folder.path().join("app.db").display())).await.unwrap();
    migrations::migrate(&pool).await.unwrap();
    pool.execute_unprepared(CUSTOMERS).await.unwrap();
    let store = SeaOrmStore::new(pool.clone()).with_hook(Arc::new(Customers));
    let section: Arc<dyn ExportSection> = Arc::new(CustomerSection(pool.clone()));
    let host = TestHost::over(store.clone(), store.stores()).account_data(pictures).export_sections([section]).build();
    (host, pool)
}

fn app(host: &TestHost<SeaOrmStore>) -> Router {
    let url = PUBLIC_URL.parse().unwrap();
    let surface = Surface::builder(host.sigra.clone(), url).accounts().export().build().unwrap();
    mount(Router::new().route("/profile", get(show).put(edit)).with_state(host.sigra.clone()), surface)
}

async fn answer(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let answer = app.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 64 * 1024).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn put(cookie: &str, body: &Value) -> Request<Body> {
    Request::put("/profile")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

async fn customers(pool: &DatabaseConnection) -> i64 {
    let count = Statement::from_string(pool.get_database_backend(), "SELECT COUNT(*) FROM customers");
    pool.query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn a_profile_comes_with_the_registration_and_what_does_not_fit_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    let (host, _) = host(&folder, Arc::default()).await;
    for (email, typed, name) in [
        ("ann@example.org", json!({ "name": "Ann", "newsletter": true }), "Ann"),
        ("eve@example.org", json!({ "name": { "role": "admin" }, "is_admin": true }), ""),
        ("joe@example.org", json!({ "name": "x".repeat(5_000) }), ""),
    ] {
        let client = host.client();
        let form = RegistrationForm { email, password: PASSWORD, profile: Some(&typed), client: &client };
        let _ = host.sigra.registration().submit(form).await.unwrap();
        host.run_workers().await;
        let link = host.mailed_token(&MailKind::CONFIRM_EMAIL, email);
        let confirmed = host.sigra.confirmation().by_token(&link, &client).await.unwrap();
        let Confirmed::Created(user) = confirmed else { panic!("{confirmed:?}") };
        assert_eq!(Profile::of(&user).name, name);
    }
}

#[tokio::test]
async fn of_two_windows_one_changes_the_profile_and_the_other_is_shown_it() {
    let folder = tempfile::tempdir().unwrap();
    let (host, _) = host(&folder, Arc::default()).await;
    let (app, ann) = (app(&host), host.confirmed("ann@example.org").await);
    let cookie = host.cookie_for(&ann).await;

    let shown = Request::get("/profile").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let (status, mut form) = answer(&app, shown).await;
    assert_eq!((status, &form["seen"]), (StatusCode::OK, &json!({})));
    form["profile"]["name"] = json!("Ann");
    assert_eq!(answer(&app, put(&cookie, &form)).await.0, StatusCode::NO_CONTENT);
    form["profile"]["name"] = json!("Anna");
    let (status, now) = answer(&app, put(&cookie, &form)).await;
    assert_eq!((status, &now["name"]), (StatusCode::CONFLICT, &json!("Ann")));

    form["seen"] = now;
    assert_eq!(answer(&app, put(&cookie, &form)).await.0, StatusCode::NO_CONTENT);
    form["seen"] = form["profile"].clone();
    form["profile"]["name"] = json!("x".repeat(9_000));
    assert_eq!(answer(&app, put(&cookie, &form)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    unsubscribe(&host.sigra, ann.id).await.unwrap();
    let stored = host.sigra.stores().accounts.find(ann.id).await.unwrap().unwrap().user;
    assert_eq!(Profile::of(&stored), Profile { name: "Anna".to_owned(), newsletter: false });
}

#[tokio::test]
async fn a_customer_is_created_exported_and_erased_with_its_account() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = Arc::new(Pictures::default());
    let (host, pool) = host(&folder, pictures.clone()).await;
    let app = app(&host);
    let (ann, eve) = (host.confirmed("ann@example.org").await, host.confirmed("eve@example.org").await);
    pictures.0.lock().unwrap().extend([ann.id, eve.id]);
    assert_eq!(customers(&pool).await, 2);

    let cookie = host.cookie_for(&ann).await;
    let export = Request::get("/auth/api/v1/export").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let (status, document) = answer(&app, export).await;
    assert_eq!((status, &document["customer"]), (StatusCode::OK, &json!({ "plan": "free", "credit": 0 })));

    assert!(host.sigra.operator().erase(ann.id, &ClientInfo::default()).await.unwrap());
    assert_eq!(customers(&pool).await, 1);
    assert_eq!(*pictures.0.lock().unwrap(), [eve.id]);
}

#[test]
fn the_guide_shows_this_file_word_for_word() {
    super::shown_word_for_word(
        include_str!("../../../../docs/guides/custom-user-fields.md"),
        include_str!("user_fields.rs"),
    );
}
