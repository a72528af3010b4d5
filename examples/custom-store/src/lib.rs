//! A store as a stranger would write one: every storage port of sigra in [redb](https://www.redb.org), an embedded
//! key-value database, against `sigra-core` alone.
//!
//! `docs/guides/writing-a-store.md` walks through it. From the outside in:
//!
//! - [`KvStore`] opens the file and runs steps: reading on a snapshot, writing one at a time, each with its evidence.
//! - `ports` says what each port does, one file a port, in terms of rows.
//! - `rows` says what the rows are and what they are found by.
//! - `table` keeps rows and their index entries together. Beside `store`, it is all that knows redb.
//! - [`SessionsApart`] is the other case: sessions in a storage of their own, accounts and audit trail elsewhere.

mod apart;
mod error;
mod operator;
mod ports;
mod rows;
mod store;
mod table;

pub use apart::SessionsApart;
pub use store::KvStore;
