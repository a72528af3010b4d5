//! Rows, and the index entries they are found by, over one redb transaction.

use std::ops::Range;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Fault;

/// A row of one table.
pub(crate) trait Row: Serialize + DeserializeOwned {
    /// The table it belongs to.
    const TABLE: &'static str;

    /// Its key within the table.
    fn key(&self) -> Vec<u8>;

    /// What else it is found by: pairs of an index and a key within the index.
    ///
    /// An entry belongs to one row. An index whose keys end in the row's own key finds many rows; one whose keys do not
    /// is a unique index.
    fn entries(&self) -> Vec<(&'static str, Vec<u8>)>;
}

type Key = (&'static str, &'static [u8]);
type Bytes = &'static [u8];

/// Table and key, to the row as JSON.
const ROWS: TableDefinition<'static, Key, Bytes> = TableDefinition::new("rows");
/// Index and key, to the key of the row.
const INDEX: TableDefinition<'static, Key, Bytes> = TableDefinition::new("index");

/// What can be read from: a snapshot, or a transaction with what it has written so far.
pub(crate) trait Readable: ReadableTable<Key, Bytes> {}

impl<T: ReadableTable<Key, Bytes>> Readable for T {}

/// Everything stored, as one transaction sees it.
pub(crate) struct Tables<T> {
    rows: T,
    index: T,
}

/// Everything stored, as it was when the transaction began.
pub(crate) type Snapshot = Tables<ReadOnlyTable<Key, Bytes>>;

/// Everything stored, to be changed.
pub(crate) type Writing<'tx> = Tables<Table<'tx, Key, Bytes>>;

impl<'tx> Writing<'tx> {
    /// Makes the tables when they are missing.
    pub(crate) fn of(tx: &'tx WriteTransaction) -> Result<Self, Fault> {
        Ok(Self { rows: tx.open_table(ROWS)?, index: tx.open_table(INDEX)? })
    }

    /// Stores a row that must be new, in every way it is found.
    pub(crate) fn insert<R: Row>(&mut self, row: &R) -> Result<(), Fault> {
        if self.get::<R>(&row.key())?.is_some() {
            return Err(Fault::Conflict);
        }
        self.put(row)
    }

    /// Stores a row in place of the one with its key, if there is one.
    pub(crate) fn put<R: Row>(&mut self, row: &R) -> Result<(), Fault> {
        let key = row.key();
        self.remove::<R>(&key)?;
        for (index, entry) in row.entries() {
            if self.index.insert((index, entry.as_slice()), key.as_slice())?.is_some() {
                return Err(Fault::Conflict);
            }
        }
        let json = serde_json::to_vec(row).expect("rows are structures with text keys");
        self.rows.insert((R::TABLE, key.as_slice()), json.as_slice())?;
        Ok(())
    }

    /// Deletes a row with its entries, and returns it.
    pub(crate) fn remove<R: Row>(&mut self, key: &[u8]) -> Result<Option<R>, Fault> {
        let Some(row) = self.get::<R>(key)? else { return Ok(None) };
        for (index, entry) in row.entries() {
            self.index.remove((index, entry.as_slice()))?;
        }
        self.rows.remove((R::TABLE, key))?;
        Ok(Some(row))
    }
}

impl Snapshot {
    pub(crate) fn of(tx: &ReadTransaction) -> Result<Self, Fault> {
        Ok(Self { rows: tx.open_table(ROWS)?, index: tx.open_table(INDEX)? })
    }
}

impl<T: Readable> Tables<T> {
    /// The row with this key.
    pub(crate) fn get<R: Row>(&self, key: &[u8]) -> Result<Option<R>, Fault> {
        self.rows.get((R::TABLE, key))?.map(|json| decode(json.value())).transpose()
    }

    /// The row a unique index names.
    pub(crate) fn find<R: Row>(&self, index: &'static str, entry: &[u8]) -> Result<Option<R>, Fault> {
        match self.index.get((index, entry))? {
            Some(key) => self.indexed(key.value()).map(Some),
            None => Ok(None),
        }
    }

    /// The rows of a part of an index, in its order, read as they are asked for.
    pub(crate) fn walk<R: Row>(
        &self,
        index: &'static str,
        part: Range<Vec<u8>>,
    ) -> Result<impl DoubleEndedIterator<Item = Result<R, Fault>>, Fault> {
        let entries = self.index.range((index, part.start.as_slice())..(index, part.end.as_slice()))?;
        Ok(entries.map(|entry| self.indexed(entry?.1.value())))
    }

    /// The rows of a part of a table, by key, read as they are asked for.
    pub(crate) fn rows<R: Row>(
        &self,
        part: Range<Vec<u8>>,
    ) -> Result<impl DoubleEndedIterator<Item = Result<R, Fault>>, Fault> {
        let rows = self.rows.range((R::TABLE, part.start.as_slice())..(R::TABLE, part.end.as_slice()))?;
        Ok(rows.map(|row| decode(row?.1.value())))
    }

    fn indexed<R: Row>(&self, key: &[u8]) -> Result<R, Fault> {
        self.get(key)?.ok_or(Fault::Corrupt(R::TABLE))
    }
}

/// The keys that begin like this.
pub(crate) fn under(prefix: &[u8]) -> Range<Vec<u8>> {
    // No key goes on for that long after its prefix, and none is all ones.
    prefix.to_vec()..[prefix, &[0xff; 128]].concat()
}

fn decode<R: Row>(json: &[u8]) -> Result<R, Fault> {
    serde_json::from_slice(json).map_err(|_| Fault::Corrupt(R::TABLE))
}
