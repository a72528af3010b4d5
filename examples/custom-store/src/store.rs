//! Opening the file, and running steps over it.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase as _};
use sigra_core::Stores;
use sigra_core::error::StoreError;
use sigra_core::evidence::Evidence;
use tokio::sync::Mutex;

use crate::error::Fault;
use crate::ports::record;
use crate::table::{Snapshot, Writing};

/// Every storage port, in one redb file.
///
/// Clones share the file. It belongs to one process at a time: redb locks it.
#[derive(Clone, Debug)]
pub struct KvStore {
    database: Arc<Database>,
    /// Whoever holds it writes. redb has one writer too, but makes the others wait on a thread each.
    writer: Arc<Mutex<()>>,
}

/// What a step came to.
pub(crate) enum Step<T> {
    /// Something changed: the evidence is recorded, and all of it committed.
    Done(T),
    /// Its guard failed: nothing is kept, and no evidence asked for.
    Nothing(T),
}

impl KvStore {
    /// Opens the file, and makes it when it is missing. Blocks while it does.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, is another process's, or is no database.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let open = || -> Result<Database, Fault> {
            let database = Database::create(path)?;
            let tx = database.begin_write()?;
            Writing::of(&tx)?;
            tx.commit()?;
            Ok(database)
        };
        let database = open().map_err(|fault| fault.in_operation("KvStore::open"))?;
        Ok(Self { database: Arc::new(database), writer: Arc::default() })
    }

    /// The store as every storage port, for a [`Sigra`](sigra_core::Sigra).
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

    /// Looks at a snapshot. Never waits for a writer.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        look: impl FnOnce(&Snapshot) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = self.database.clone();
        let looked = off_the_executor(move || look(&Snapshot::of(&database.begin_read()?)?)).await;
        looked.map_err(|fault| fault.in_operation(operation))
    }

    /// Makes a step and commits it with its evidence, or does neither.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        step: impl FnOnce(&mut Writing<'_>) -> Result<Step<T>, Fault> + Send + 'static,
        evidence: impl FnOnce(&T) -> Evidence + Send,
    ) -> Result<T, StoreError> {
        let finish = |outcome: &T| {
            let evidence = evidence(outcome);
            move |tables: &mut Writing<'_>| record(tables, evidence)
        };
        self.transact(operation, step, finish).await
    }

    /// Makes a step, and with its outcome the rest of what belongs to it, in one transaction.
    ///
    /// `step` goes to another thread and owns what it needs. `finish` is called here between the two halves, so it may
    /// borrow; what it returns goes to the other thread again. A caller that goes away meanwhile leaves a transaction that is
    /// dropped, and redb undoes what is dropped.
    pub(crate) async fn transact<T: Send + 'static, F>(
        &self,
        operation: &'static str,
        step: impl FnOnce(&mut Writing<'_>) -> Result<Step<T>, Fault> + Send + 'static,
        finish: impl FnOnce(&T) -> F + Send,
    ) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Writing<'_>) -> Result<(), Fault> + Send + 'static,
    {
        let made = async {
            let writer = self.writer.clone().lock_owned().await;
            let database = self.database.clone();
            let (step, tx, writer) = off_the_executor(move || {
                let tx = database.begin_write()?;
                let step = step(&mut Writing::of(&tx)?)?;
                Ok((step, tx, writer))
            })
            .await?;
            let outcome = match step {
                Step::Done(outcome) => outcome,
                Step::Nothing(outcome) => return Ok(outcome),
            };
            let finish = finish(&outcome);
            off_the_executor(move || {
                finish(&mut Writing::of(&tx)?)?;
                tx.commit()?;
                drop(writer);
                Ok(())
            })
            .await?;
            Ok(outcome)
        };
        made.await.map_err(|fault: Fault| fault.in_operation(operation))
    }
}

/// Runs what waits for a disk on a thread that may wait.
async fn off_the_executor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await?
}
