//! Statements that need no answer of one another.

use std::borrow::Cow;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value};

use crate::dialect;
use crate::error::Fault;
use crate::store::Tx;

/// Statements of one transaction whose answers nobody waits for: the first that fails ends the step.
#[derive(Default)]
pub(crate) struct Batch {
    statements: Vec<(Cow<'static, str>, Vec<Value>)>,
}

impl Batch {
    /// Adds a statement, written with `?` for its parameters.
    pub(crate) fn add(&mut self, sql: impl Into<Cow<'static, str>>, values: impl Into<Vec<Value>>) {
        self.statements.push((sql.into(), values.into()));
    }

    /// Adds one statement that inserts all rows, if there are any. `into` names the table and its columns, up to `VALUES`.
    pub(crate) fn insert<const COLUMNS: usize>(
        &mut self,
        into: &'static str,
        rows: impl ExactSizeIterator<Item = [Value; COLUMNS]>,
    ) {
        if rows.len() == 0 {
            return;
        }
        let row = format!("({})", ["?"; COLUMNS].join(", "));
        self.add([into, &vec![row; rows.len()].join(", ")].concat(), rows.flatten().collect::<Vec<_>>());
    }

    /// Runs them in the order they were added, in as few turns as the database allows.
    pub(crate) async fn run(self, tx: &Tx) -> Result<(), Fault> {
        let backend = tx.get_database_backend();
        if dialect::takes_many_at_once(backend) && self.statements.len() > 1 {
            tx.execute_raw(self.joined(backend)).await?;
            return Ok(());
        }
        for (sql, values) in self.statements {
            tx.execute_raw(dialect::statement(backend, &sql, values)).await?;
        }
        Ok(())
    }

    /// All of them as one text.
    pub(crate) fn joined(self, backend: DbBackend) -> Statement {
        let (sql, values): (Vec<_>, Vec<_>) = self.statements.into_iter().unzip();
        dialect::statement(backend, &sql.join("; "), values.into_iter().flatten())
    }
}
