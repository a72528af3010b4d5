//! The store: over a pool, or inside a transaction the host holds.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::{
    DatabaseConnection, DatabaseExecutor, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, TransactionTrait,
};
use sigra_core::Stores;
use sigra_core::config::DeletionStrategy;
use sigra_core::error::StoreError;
use sigra_core::user::User;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::dialect;
use crate::error::Fault;
#[cfg(feature = "sqlite")]
use crate::own::Own;
use crate::retry::Retries;

/// The ports of `sigra-core` on SeaORM.
///
/// Cheap to clone; clones share the pool and the queue of writers. Use one store (or clones of it) per process and
/// database.
#[derive(Clone)]
pub struct SeaOrmStore {
    on: On,
    turn: Arc<Semaphore>,
    #[cfg(feature = "sqlite")]
    own: Option<Arc<Own>>,
    hook: Option<Arc<dyn InTransaction>>,
}

/// Where statements go.
#[derive(Clone)]
enum On {
    /// A pool: each step is a transaction of its own, and is retried by this store when it lost a race for locks.
    Pool(DatabaseConnection),
    /// A transaction of the host: each step is a savepoint in it, and the host decides what becomes of the whole.
    Transaction(Arc<DatabaseTransaction>),
}

/// What the host does inside the transactions of this store.
///
/// For rows of the host that must exist exactly when an account does, and go when it goes. Everything here holds locks: do quick database
/// work on `tx` and nothing else. It must not use another handle on the same database (on SQLite that waits for
/// itself), and it may be called again when the transaction is retried.
///
/// Pass on a [`DbErr`] as it is. One that says that a statement lost a race, or that the database is gone, is no refusal: the
/// first runs the transaction again, and both answer the caller as they would if the statement were the store's own.
#[async_trait]
pub trait InTransaction: Send + Sync {
    /// An account was created: registered and proven, or created outright.
    ///
    /// # Errors
    ///
    /// Any error rolls the whole step back; the caller sees
    /// [`StoreErrorKind::Hook`](sigra_core::error::StoreErrorKind::Hook).
    async fn registered(&self, tx: &DatabaseTransaction, user: &User) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// An account is about to be erased: delete what you keep about it. Its own rows are there still, so rows of yours that
    /// refer to them can go first. Where the strategy leaves an account, rows that tell nothing about anybody may stay.
    ///
    /// # Errors
    ///
    /// Any error rolls the whole step back: the account stays, and the next sweep tries again.
    async fn erasing(
        &self,
        tx: &DatabaseTransaction,
        user: &User,
        strategy: DeletionStrategy,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// The transaction of one step.
pub(crate) type Tx = Arc<DatabaseTransaction>;

/// How long a writer waits for its turn. As long as `connect` lets SQLite wait for other processes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a step may take in all, should a server neither answer nor go away. Longer than waiting in vain for a
/// connection or for a lock takes.
const DEADLINE: Duration = Duration::from_secs(8);

impl SeaOrmStore {
    /// A store over a pool the host has opened.
    ///
    /// On SQLite the pool must enforce foreign keys (sqlx does by default) and should be in WAL mode with a busy
    /// time-out; the crate's `connect` (feature `sqlite`) sets all of it.
    #[must_use]
    pub fn new(pool: DatabaseConnection) -> Self {
        let writers = match pool.get_database_backend() {
            // SQLite has one writer. Queueing for it here is fair and keeps the connections free for readers.
            DbBackend::Sqlite => 1,
            _ => Semaphore::MAX_PERMITS,
        };
        Self {
            #[cfg(feature = "sqlite")]
            own: Own::beside(&pool).map(Arc::new),
            on: On::Pool(pool),
            turn: Arc::new(Semaphore::new(writers)),
            hook: None,
        }
    }

    /// The same store with a hook inside its transactions.
    #[must_use]
    pub fn with_hook(mut self, hook: Arc<dyn InTransaction>) -> Self {
        self.hook = Some(hook);
        self
    }

    /// A store whose methods run inside `transaction`, which stays the host's to commit or roll back.
    ///
    /// Each change is a savepoint. Nothing is retried: a transaction that lost a race has to be run again as a whole,
    /// by its owner. When the future of a step is dropped before it is done, roll the transaction back. Drop the bound
    /// store before unwrapping the `Arc` for the commit. Begin the transaction with [`begin_immediate`].
    #[must_use]
    pub fn bound_to(&self, transaction: Arc<DatabaseTransaction>) -> Self {
        Self {
            #[cfg(feature = "sqlite")]
            own: None,
            on: On::Transaction(transaction),
            turn: Arc::new(Semaphore::new(1)),
            hook: self.hook.clone(),
        }
    }

    /// This store for every port, as the builder of [`Sigra`](sigra_core::Sigra) takes it.
    #[must_use]
    pub fn stores(&self) -> Stores {
        let store = Arc::new(self.clone());
        Stores {
            accounts: store.clone(),
            address_changes: store.clone(),
            attempts: store.clone(),
            audit: store.clone(),
            ceremonies: store.clone(),
            devices: store.clone(),
            dormancy: store.clone(),
            health: store.clone(),
            housekeeping: store.clone(),
            leases: store.clone(),
            lifecycle: store.clone(),
            log: store.clone(),
            outbox: store.clone(),
            outbox_reader: store.clone(),
            passwords: store.clone(),
            profiles: store.clone(),
            quarantine: store.clone(),
            registrations: store.clone(),
            requests: store.clone(),
            sessions: store.clone(),
            tokens: store,
        }
    }

    /// The connections the store keeps for itself, where it has some.
    #[cfg(feature = "sqlite")]
    pub(crate) fn own(&self) -> Option<&Own> {
        self.own.as_deref()
    }

    /// Where a read that needs no transaction goes.
    pub(crate) fn reader(&self) -> DatabaseExecutor<'_> {
        match &self.on {
            On::Pool(pool) => pool.into(),
            On::Transaction(transaction) => (&**transaction).into(),
        }
    }

    /// Reads without a transaction.
    pub(crate) async fn read<'s, T, F, Fut>(&'s self, operation: &'static str, read: F) -> Result<T, StoreError>
    where
        F: FnOnce(DatabaseExecutor<'s>) -> Fut,
        Fut: Future<Output = Result<T, Fault>>,
    {
        in_time(read(self.reader())).await.map_err(|fault| fault.within(operation))
    }

    /// Runs a single changing statement, which is atomic without a transaction around it.
    pub(crate) async fn single<'s, T, F, Fut>(&'s self, operation: &'static str, step: F) -> Result<T, StoreError>
    where
        F: Fn(DatabaseExecutor<'s>) -> Fut,
        Fut: Future<Output = Result<T, Fault>>,
    {
        let mut retries = Retries::new();
        loop {
            let attempt = async {
                let _turn = self.turn().await?;
                step(self.reader()).await
            };
            match in_time(attempt).await {
                Ok(value) => return Ok(value),
                Err(fault) => self.pause_or_fail(fault, &mut retries, operation).await?,
            }
        }
    }

    /// Runs `step` in a transaction, or not at all.
    pub(crate) async fn write<T, F, Fut>(&self, operation: &'static str, step: F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, Fault>>,
    {
        let mut retries = Retries::new();
        loop {
            match in_time(self.attempt(&step)).await {
                Ok(value) => return Ok(value),
                Err(fault) => self.pause_or_fail(fault, &mut retries, operation).await?,
            }
        }
    }

    /// As [`SeaOrmStore::write`], for what may take as long as it takes.
    pub(crate) async fn write_at_length<T, F, Fut>(&self, operation: &'static str, step: F) -> Result<T, StoreError>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, Fault>>,
    {
        let mut retries = Retries::new();
        loop {
            match self.attempt(&step).await {
                Ok(value) => return Ok(value),
                Err(fault) => self.pause_or_fail(fault, &mut retries, operation).await?,
            }
        }
    }

    /// Tells the host's hook about a new account.
    pub(crate) async fn tell_registered(&self, tx: &Tx, user: &User) -> Result<(), Fault> {
        match &self.hook {
            Some(hook) => hook.registered(tx, user).await.map_err(Fault::of_hook),
            None => Ok(()),
        }
    }

    /// Tells the host's hook about an account that is about to be erased.
    pub(crate) async fn tell_erasing(&self, tx: &Tx, user: &User, strategy: DeletionStrategy) -> Result<(), Fault> {
        match &self.hook {
            Some(hook) => hook.erasing(tx, user, strategy).await.map_err(Fault::of_hook),
            None => Ok(()),
        }
    }

    async fn attempt<T, F, Fut>(&self, step: &F) -> Result<T, Fault>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, Fault>>,
    {
        let _turn = self.turn().await?;
        let tx = Arc::new(self.begin().await?);
        let result = step(Arc::clone(&tx)).await;
        let tx = Arc::into_inner(tx).expect("the step is over and held the only other handle");
        match result {
            Ok(value) => {
                tx.commit().await?;
                Ok(value)
            }
            Err(fault) => {
                // A rollback that fails is done again by the pool when the connection comes back.
                if let Err(error) = tx.rollback().await {
                    tracing::debug!(name: "sigra.store.rollback_failed", %error, "a rollback failed");
                }
                Err(fault)
            }
        }
    }

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        match &self.on {
            On::Pool(pool) => begin_immediate(pool).await,
            On::Transaction(transaction) => transaction.begin().await,
        }
    }

    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, Fault> {
        let turn = tokio::time::timeout(PATIENCE, self.turn.acquire()).await;
        turn.map_err(|_| Fault::Busy)?.map_err(|_| Fault::Busy)
    }

    pub(crate) async fn pause_or_fail(
        &self,
        fault: Fault,
        retries: &mut Retries,
        operation: &'static str,
    ) -> Result<(), StoreError> {
        let pause = match (&self.on, &fault) {
            (On::Pool(pool), Fault::Db(error)) => retries.pause_after(pool.get_database_backend(), error),
            _ => None,
        };
        let Some(pause) = pause else {
            return Err(fault.within(operation));
        };
        tracing::debug!(name: "sigra.store.retried", operation, "a transaction lost a race and runs again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

pub(crate) async fn in_time<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(Fault::Overdue))
}

impl fmt::Debug for SeaOrmStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = match &self.on {
            On::Pool(_) => "pool",
            On::Transaction(_) => "transaction",
        };
        f.debug_struct("SeaOrmStore").field("on", &on).field("hook", &self.hook.is_some()).finish()
    }
}

/// Begins a transaction that is going to write.
///
/// On SQLite it takes the writer's lock at once (`BEGIN IMMEDIATE`): a deferred transaction that reads first and writes
/// later fails as soon as somebody else has written in between, and no waiting helps. On a server it is `READ COMMITTED`,
/// whatever the server does by default.
///
/// # Errors
///
/// When no connection is free, or the lock does not become free in time.
pub async fn begin_immediate(pool: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let backend = pool.get_database_backend();
    let options = dialect::writing(backend);
    if !dialect::loses_a_cancelled_begin(backend) {
        return pool.begin_with_options(options).await;
    }
    let pool = pool.clone();
    // A task of its own goes on to the end when the caller goes away; a transaction nobody takes is rolled back.
    let begun = tokio::spawn(async move { pool.begin_with_options(options).await }).await;
    begun.unwrap_or_else(|error| Err(DbErr::Conn(RuntimeErr::Internal(error.to_string()))))
}
