//! The connection of one query.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::{StreamExt, stream};
use stitchwork_core::{BatchStream, BatchStreamAdapter, Error, ErrorKind, Result};
use stitchwork_ffi::adbc::{Canceller, Connection, Driver, IngestArgs, Vendor};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::coalesce::coalesce;
use crate::config::AdbcConfig;
use crate::dialect::{Dialect, quote};
use crate::error::classify;

/// A connection that one query has for itself. Every call to the driver blocks and is made on a thread that may.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Connection,
    dialect: Arc<dyn Dialect>,
    runtime: Handle,
    tables: usize,
}

impl Session {
    pub(crate) async fn open(
        driver: &Driver,
        dialect: &Arc<dyn Dialect>,
        config: &AdbcConfig,
    ) -> Result<Self> {
        let runtime = Handle::try_current()
            .map_err(|e| Error::invalid_input("the engine needs a tokio runtime").with_source(e))?;
        let (driver, options, start) = (driver.clone(), dialect.database(config), dialect.start(config));
        let connection = blocking(&runtime, move || {
            let connection = driver.open(&options)?.connect()?;
            start.iter().try_for_each(|sql| connection.run(sql))?;
            Ok(connection)
        });
        let connection = connection.await.map_err(|e| classify(e, dialect.as_ref()))?;
        Ok(Self { connection, dialect: dialect.clone(), runtime, tables: 0 })
    }

    pub(crate) fn dialect(&self) -> &dyn Dialect {
        self.dialect.as_ref()
    }

    /// The name of a new temporary table.
    pub(crate) fn fresh(&mut self) -> String {
        self.tables += 1;
        format!("stitchwork_{}", self.tables)
    }

    /// A temporary table as it is named in SQL.
    pub(crate) fn temporary(&self, table: &str) -> String {
        format!("{}{}", self.dialect.temporary(), quote(table))
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = self.connection.clone();
        let outcome = blocking(&self.runtime, move || work(&connection)).await;
        outcome.map_err(|e| classify(e, self.dialect.as_ref()))
    }

    pub(crate) async fn run(&self, statements: Vec<String>) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        self.call(move |connection| statements.iter().try_for_each(|sql| connection.run(sql))).await
    }

    pub(crate) async fn describe(&self, sql: &str) -> Result<SchemaRef> {
        let sql = sql.to_owned();
        self.call(move |connection| connection.describe(&sql)).await
    }

    /// The rows of a small result; the session goes on.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let sql = sql.to_owned();
        self.call(move |connection| connection.query(&sql, &[])?.execute()?.collect()).await
    }

    pub(crate) async fn vendor(&self) -> Result<Vendor> {
        self.call(Connection::vendor).await
    }

    /// Fills a temporary table, made before with `create`. Dropping the future stops it.
    pub(crate) async fn ingest(&self, table: &str, create: bool, rows: BatchStream) -> Result<()> {
        let (_alive, dropped) = oneshot::channel::<()>();
        let schema = rows.schema();
        let given_up = stream::once(dropped).map(|_| {
            Err(Error::new(ErrorKind::Cancelled, "the query was given up while its tables were filled"))
        });
        // The end of the rows ends the stream, whichever of both is polled first.
        let rows = rows.map(Some).chain(stream::iter([None]));
        let rows = stream::select(rows, given_up.map(Some))
            .take_while(|next| std::future::ready(next.is_some()))
            .filter_map(std::future::ready);
        let rows = BatchStreamAdapter::new(schema, rows);
        let args = IngestArgs { table: table.to_owned(), create, temporary: true };
        let runtime = self.runtime.clone();
        self.call(move |connection| connection.ingest(&args, rows, &runtime)).await
    }

    /// Runs a query; the connection lives as long as its rows are read.
    pub(crate) async fn stream(
        self,
        sql: &str,
        options: &'static [(&'static str, &'static str)],
        batch_rows: usize,
        limit: Option<usize>,
    ) -> Result<BatchStream> {
        let text = sql.to_owned();
        let query = self.call(move |connection| connection.query(&text, options)).await?;
        let mut guard = Guard { canceller: Some(query.canceller()), runtime: self.runtime.clone() };
        let rows = blocking(&self.runtime, move || query.execute()).await;
        guard.canceller = None;
        let rows = rows.map_err(|e| classify(e, self.dialect.as_ref()))?;
        let (runtime, dialect) = (self.runtime.clone(), self.dialect.clone());
        Ok(coalesce(rows.into_stream(&runtime, self), dialect, batch_rows, limit))
    }
}

/// Cancels a statement when the future that waits for it is dropped.
struct Guard {
    canceller: Option<Canceller>,
    runtime: Handle,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(canceller) = self.canceller.take() {
            drop(self.runtime.spawn_blocking(move || canceller.cancel()));
        }
    }
}

/// Work on a thread that may block.
async fn blocking<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match runtime.spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(lost) => Err(Error::unexpected("the thread that calls the database was lost").with_source(lost)),
    }
}
