//! Filling a database by the store's own tables: one transaction, many rows a statement, one password for everybody.

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SimpleExpr};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, TransactionTrait as _, Value};
use sigra_core::assurance::{Aal, Assurance, Method};
use sigra_core::client::ClientInfo;
use sigra_core::id::{EventId, SessionId, UserId};
use sigra_core::secret::{Purpose, RawToken};
use sigra_core::time::{Clock as _, SystemClock, Timestamp};

use crate::database::Database;
use crate::error::BenchError;

/// How much a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) accounts: usize,
    pub(crate) sessions: usize,
}

/// What was put in, as far as requests need it.
pub(crate) struct Seeded {
    pub(crate) size: Size,
    /// The account that signs in first.
    first: UserId,
    /// Sessions spread evenly over all of them, with the text of their tokens.
    sampled: Vec<(SessionId, String)>,
    taken: usize,
}

/// Everybody's password.
pub(crate) const PASSWORD: &str = "slate.harbour-quilt.93.meander";

const SAMPLE: usize = 1_024;
const ROWS_A_STATEMENT: usize = 500;

impl Seeded {
    /// Confirmed accounts with `hash`, who have never signed in; and sessions of theirs, begun a minute ago.
    pub(crate) async fn fill(database: &Database, size: Size, hash: &str) -> Result<Self, BenchError> {
        let now = SystemClock::new().now();
        let since = Timestamp::from_micros((now.as_micros() / 1_000_000 - 60) * 1_000_000);
        let users: Vec<_> = (0..size.accounts).map(|_| UserId::new(since)).collect();
        let transaction = database.db.begin().await?;
        insert(&transaction, "sigra_users", &USER, users.iter().enumerate().map(|(n, id)| user(n, *id, hash, since)))
            .await?;
        let every = (size.sessions / SAMPLE).max(1);
        let mut sampled = Vec::new();
        let sessions = (0..size.sessions).map(|number| {
            let (id, token) = (SessionId::new(since), RawToken::random());
            if number % every == 0 && sampled.len() < SAMPLE {
                sampled.push((id, token.expose().to_string()));
            }
            session(id, users[number % users.len()], &token, since)
        });
        insert(&transaction, "sigra_sessions", &SESSION, sessions).await?;
        transaction.commit().await?;
        database.settle().await?;
        Ok(Self { size, first: users[0], sampled, taken: 0 })
    }

    /// So many audit events about the first account, a second apart.
    pub(crate) async fn record(&self, database: &Database, count: usize) -> Result<(), BenchError> {
        let since = SystemClock::new().now().as_micros() - 1_000_000 * i64::try_from(count).unwrap_or_default();
        let transaction = database.db.begin().await?;
        let events = (since..).step_by(1_000_000).take(count).map(|at| event(self.first, Timestamp::from_micros(at)));
        insert(&transaction, "sigra_audit_events", &EVENT, events).await?;
        transaction.commit().await?;
        database.settle().await
    }

    /// The cookies of the sampled sessions.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = String> {
        self.sampled.iter().map(|(_, token)| format!("sigra_session={token}"))
    }

    /// Makes the sampled sessions look as if they had been used just now, as those of people who are clicking do. A
    /// session that was not used for a minute has its activity written by the next request.
    pub(crate) async fn use_now(&self, database: &Database) -> Result<(), BenchError> {
        let now = SystemClock::new().now().as_micros();
        for part in self.sampled.chunks(ROWS_A_STATEMENT) {
            let update = Query::update()
                .table(Alias::new("sigra_sessions"))
                .value(Alias::new("last_seen_at"), now)
                .value(Alias::new("idle_expires_at"), now + 30 * 60 * 1_000_000)
                .and_where(Expr::col(Alias::new("id")).is_in(part.iter().map(|(id, _)| id.as_uuid())))
                .to_owned();
            database.db.execute(&update).await?;
        }
        Ok(())
    }

    /// The last `count` accounts are to be deleted, since long ago.
    pub(crate) async fn doom(&self, database: &Database, count: usize) -> Result<(), BenchError> {
        let update = Query::update()
            .table(Alias::new("sigra_users"))
            .value(Alias::new("deletion_due_at"), 0_i64)
            .and_where(Expr::col(Alias::new("email_identity")).gte(address(self.size.accounts - count)))
            .to_owned();
        database.db.execute(&update).await?;
        Ok(())
    }

    /// Bodies of sign-ins of accounts that have not signed in yet.
    pub(crate) fn take_logins(&mut self, count: usize) -> Result<Vec<String>, BenchError> {
        let first = self.taken;
        self.taken += count;
        if self.taken > self.size.accounts {
            return Err(BenchError::failed("too few accounts were seeded for the sign-ins to be of distinct ones"));
        }
        Ok((first..self.taken).map(login).collect())
    }

    /// Bodies of sign-ins of every account.
    pub(crate) fn all_logins(&self) -> Vec<String> {
        (0..self.size.accounts).map(login).collect()
    }

    /// Addresses of accounts, so many before the last `skipped` ones.
    pub(crate) fn addresses_from_the_end(&self, skipped: usize, count: usize) -> impl Iterator<Item = String> {
        let end = self.size.accounts - skipped;
        (end - count..end).map(address)
    }

    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }
}

fn address(number: usize) -> String {
    format!("user{number:08}@bench.example")
}

fn login(number: usize) -> String {
    format!(r#"{{"email":"{}","password":"{PASSWORD}"}}"#, address(number))
}

const USER: [&str; 11] = [
    "id",
    "email",
    "email_identity",
    "password_hash",
    "profile",
    "security_epoch",
    "factor_epoch",
    "confirmed_at",
    "disabled_at",
    "created_at",
    "last_sign_in_at",
];

fn user(number: usize, id: UserId, hash: &str, since: Timestamp) -> Vec<Value> {
    let (email, since) = (address(number), since.as_micros());
    let never = None::<i64>;
    vec![
        id.as_uuid().into(),
        email.clone().into(),
        email.into(),
        hash.into(),
        "{}".into(),
        0_i64.into(),
        0_i64.into(),
        since.into(),
        never.into(),
        since.into(),
        never.into(),
    ]
}

const SESSION: [&str; 15] = [
    "id",
    "token_digest",
    "user_id",
    "assurance",
    "security_epoch",
    "factor_epoch",
    "remembered",
    "fresh_until",
    "created_at",
    "last_seen_at",
    "rotated_at",
    "idle_expires_at",
    "expires_at",
    "client",
    "place",
];

fn session(id: SessionId, user: UserId, token: &RawToken, since: Timestamp) -> Vec<Value> {
    let assurance = Assurance { aal: Aal::One, methods: vec![Method::PASSWORD], at: since };
    let client = ClientInfo::new(Some([127, 0, 0, 1].into()), Some("Mozilla/5.0 (X11; Linux x86_64)"), None);
    let at = since.as_micros();
    let in_a_day = at + 24 * 60 * 60 * 1_000_000;
    vec![
        id.as_uuid().into(),
        token.digest(Purpose::SESSION).as_bytes().to_vec().into(),
        user.as_uuid().into(),
        json(&assurance).into(),
        0_i64.into(),
        0_i64.into(),
        false.into(),
        None::<i64>.into(),
        at.into(),
        at.into(),
        at.into(),
        // Beyond the longest run: an ended session would not be one of a given number any more.
        in_a_day.into(),
        in_a_day.into(),
        json(&client).into(),
        None::<String>.into(),
    ]
}

const EVENT: [&str; 13] = [
    "id",
    "name",
    "occurred_at",
    "outcome",
    "actor_id",
    "subject_id",
    "organization_id",
    "session_id",
    "ip",
    "user_agent",
    "request_id",
    "reason",
    "metadata",
];

fn event(subject: UserId, at: Timestamp) -> Vec<Value> {
    let nobody = None::<sea_orm::prelude::Uuid>;
    vec![
        EventId::new(at).as_uuid().into(),
        "auth.login.failure".into(),
        at.as_micros().into(),
        "failure".into(),
        nobody.into(),
        subject.as_uuid().into(),
        nobody.into(),
        nobody.into(),
        "192.0.2.7".into(),
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
        None::<String>.into(),
        "wrong_password".into(),
        "{}".into(),
    ]
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain structures serialize")
}

async fn insert(
    transaction: &DatabaseTransaction,
    table: &'static str,
    columns: &[&'static str],
    rows: impl Iterator<Item = Vec<Value>>,
) -> Result<(), BenchError> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut statement = Query::insert();
        statement.into_table(Alias::new(table)).columns(columns.iter().copied().map(Alias::new));
        for row in rows.by_ref().take(ROWS_A_STATEMENT) {
            statement.values_panic(row.into_iter().map(SimpleExpr::from));
        }
        transaction.execute(&statement).await?;
    }
    Ok(())
}
