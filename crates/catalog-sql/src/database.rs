//! The seam between the catalog and a database: text in, text out, and transactions that write.
//!
//! A dialect implements the two traits. The statements are those of [`crate::statements`], each dialect writing their
//! binds in its own way.

use std::fmt::Debug;

use async_trait::async_trait;
use stitchwork_core::{Error, Result};

use crate::statements;

/// The columns of a row.
pub(crate) type Row = Vec<Option<String>>;

/// The values of the binds of a statement, in their order.
pub(crate) type Binds<'a> = &'a [Option<&'a str>];

/// The state of SQL for a transaction that gave way to another one, and for one of two that waited for each other. Both
/// are rolled back and may be tried again at once.
const GAVE_WAY: [&str; 2] = ["40001", "40P01"];

/// How a dialect is called, and what it says in its own way.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The scheme of its URLs.
    pub(crate) scheme: &'static str,
    /// Its name for people.
    pub(crate) name: &'static str,
    /// Gives a row for each of the tables of [`statements::CREATE_TABLES`] that is there.
    pub(crate) finds_tables: &'static str,
    /// Gives a row when the column of [`statements::ADD_TYPE`] is there.
    pub(crate) finds_type: &'static str,
    /// Gives a row when the table of [`statements::CREATE_EXTRAS`] is there.
    pub(crate) finds_extras: &'static str,
    /// Keeps the row of a table (catalog, namespace, name) from all other writers until the transaction ends; nothing
    /// where a transaction is the only writing one.
    pub(crate) locks: Option<&'static str>,
    /// The same for what is known of a namespace (catalog, namespace) besides its tables.
    pub(crate) locks_namespace: Option<&'static str>,
}

/// A database with the tables of a catalog.
#[async_trait]
pub(crate) trait Database: Debug + Send + Sync {
    /// What it says in its own way.
    fn dialect(&self) -> &'static Dialect;

    /// Whether what was committed survives the process.
    fn is_durable(&self) -> bool;

    /// Reads rows, seeing what was committed.
    async fn fetch(&self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>>;

    /// Begins a transaction that writes. Either it is the only one, or each of its statements sees what was committed
    /// before it and waits for those who have changed its rows.
    async fn begin(&self) -> Result<Box<dyn Transaction>>;
}

/// A writing transaction; dropped, it changes nothing.
#[async_trait]
pub(crate) trait Transaction: Send {
    /// Reads rows, seeing what this transaction has written.
    async fn fetch(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>>;

    /// Runs a statement and gives the number of changed rows. A key that is taken is `AlreadyExists`. Of many that make
    /// a table where it is missing, one makes it and the others wait.
    async fn execute(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<u64>;

    /// Makes the changes durable. The error says whether they were committed.
    async fn commit(self: Box<Self>) -> Result<()>;
}

/// Makes the tables that are missing. A catalog that is complete is only read, so that opening it never waits for a
/// writer.
pub(crate) async fn prepare(database: &dyn Database) -> Result<()> {
    let dialect = database.dialect();
    let complete = database.fetch(dialect.finds_tables, &[]).await?.len() == statements::CREATE_TABLES.len();
    if complete && !database.fetch(dialect.finds_type, &[]).await?.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    for sql in statements::CREATE_TABLES {
        transaction.execute(sql, &[]).await?;
    }
    if transaction.fetch(dialect.finds_type, &[]).await?.is_empty() {
        transaction.execute(statements::ADD_TYPE, &[]).await?;
    }
    transaction.commit().await
}

/// Whether a transaction failed for nothing but others beside it, and can be done again from its beginning.
pub(crate) fn gave_way(error: &Error) -> bool {
    error.context(SQLSTATE).is_some_and(|state| GAVE_WAY.contains(&state))
}

/// The context of an error that holds the state of SQL.
pub(crate) const SQLSTATE: &str = "sqlstate";
