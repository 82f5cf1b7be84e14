//! The seam between the catalog and a database: text in, text out, and transactions that write.
//!
//! A dialect implements the two traits. The statements are written with `?` for each bind, in SQL that SQLite and
//! PostgreSQL share; a dialect with numbered binds rewrites them, since none holds a `?` otherwise.

use std::fmt::Debug;

use async_trait::async_trait;
use stitchwork_core::Result;

/// The columns of a row.
pub(crate) type Row = Vec<Option<String>>;

/// The values of the binds of a statement, in their order.
pub(crate) type Binds<'a> = &'a [Option<&'a str>];

/// A database with the tables of a catalog.
#[async_trait]
pub(crate) trait Database: Debug + Send + Sync {
    /// Whether what was committed survives the process.
    fn is_durable(&self) -> bool;

    /// A statement without binds that gives a row when the table of [`crate::statements::CREATE_EXTRAS`] is there.
    fn finds_extras(&self) -> &'static str;

    /// Reads rows, seeing what was committed.
    async fn fetch(&self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>>;

    /// Begins a transaction that is the only writing one.
    async fn begin(&self) -> Result<Box<dyn Transaction>>;
}

/// A writing transaction; dropped, it changes nothing.
#[async_trait]
pub(crate) trait Transaction: Send {
    /// Reads rows, seeing what this transaction has written.
    async fn fetch(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>>;

    /// Runs a statement and gives the number of changed rows. A key that is taken is `AlreadyExists`.
    async fn execute(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<u64>;

    /// Makes the changes durable. The error says whether they were committed.
    async fn commit(self: Box<Self>) -> Result<()>;
}
