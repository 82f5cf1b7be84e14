//! Connections: statements are run, rows are ingested.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use adbc_core::options::{InfoCode, IngestMode, OptionStatement, OptionValue};
use adbc_core::{Connection as _, Optionable, Statement as _};
use adbc_driver_manager::{ManagedConnection, ManagedStatement};
use arrow_array::cast::AsArray;
use arrow_array::{Array, StringArray, UnionArray};
use arrow_schema::SchemaRef;
use stitchwork_core::{BatchStream, Error, Result};
use tokio::runtime::Handle;

use super::error::from_driver;
use super::rows::Query;
use crate::BlockingReader;

/// A connection. Have one per query that runs: some drivers hang when two results are open on one.
#[derive(Clone)]
pub struct Connection {
    connection: ManagedConnection,
}

/// Where ingested rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestArgs {
    /// The table.
    pub table: String,
    /// Makes the table; else rows are added to one that is there.
    pub create: bool,
    /// The table lives as long as the connection.
    pub temporary: bool,
}

/// Who made the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vendor {
    /// The name (`duckdb`).
    pub name: String,
    /// The version (`v1.5.5`).
    pub version: String,
}

impl Connection {
    pub(crate) fn new(connection: ManagedConnection) -> Self {
        Self { connection }
    }

    /// A statement of its own for each call: one that has ingested stays in that mode.
    fn statement(&self, operation: &'static str) -> Result<ManagedStatement> {
        self.connection.clone().new_statement().map_err(|e| from_driver(e, operation))
    }

    fn statement_for(&self, sql: &str, operation: &'static str) -> Result<ManagedStatement> {
        let mut statement = self.statement(operation)?;
        statement.set_sql_query(sql).map_err(|e| from_driver(e, operation))?;
        Ok(statement)
    }

    /// A statement that has rows, to be executed; `options` are the driver's own.
    ///
    /// # Errors
    /// What the driver says.
    pub fn query(&self, sql: &str, options: &[(&str, &str)]) -> Result<Query> {
        let operation = "adbc::query";
        let mut statement = self.statement_for(sql, operation)?;
        for (key, value) in options {
            statement
                .set_option(OptionStatement::from(*key), OptionValue::String((*value).to_owned()))
                .map_err(|e| from_driver(e, operation))?;
        }
        Ok(Query::new(statement))
    }

    /// Runs a statement whose rows, if any, are of no interest.
    ///
    /// # Errors
    /// What the database says.
    pub fn run(&self, sql: &str) -> Result<()> {
        let mut statement = self.statement_for(sql, "adbc::run")?;
        statement.execute_update().map_err(|e| from_driver(e, "adbc::run"))?;
        Ok(())
    }

    /// The columns of a statement's rows, without running it.
    ///
    /// # Errors
    /// What the database says; `Unsupported` where the driver cannot tell.
    pub fn describe(&self, sql: &str) -> Result<SchemaRef> {
        let operation = "adbc::describe";
        let mut statement = self.statement_for(sql, operation)?;
        statement.prepare().map_err(|e| from_driver(e, operation))?;
        Ok(Arc::new(statement.execute_schema().map_err(|e| from_driver(e, operation))?))
    }

    /// Adds the rows of a stream to a table; the stream is polled on `runtime`, a batch or two ahead.
    ///
    /// # Errors
    /// The error of the stream as it is; else what the database says.
    pub fn ingest(&self, args: &IngestArgs, rows: BatchStream, runtime: &Handle) -> Result<()> {
        let operation = "adbc::ingest";
        let mut statement = self.statement(operation)?;
        let mode = if args.create { IngestMode::Create } else { IngestMode::Append };
        let mut options = vec![
            (OptionStatement::TargetTable, OptionValue::String(args.table.clone())),
            (OptionStatement::IngestMode, mode.into()),
        ];
        if args.temporary {
            options.push((OptionStatement::Temporary, OptionValue::String("true".to_owned())));
        }
        for (key, value) in options {
            statement.set_option(key, value).map_err(|e| from_driver(e, operation))?;
        }
        let reader = BlockingReader::new(rows, runtime);
        let failure = reader.failure();
        let outcome = statement
            .bind_stream(Box::new(reader))
            .and_then(|()| statement.execute_update())
            .map_err(|e| from_driver(e, operation).with_context("table", &args.table));
        // A driver may take an error of the stream for its end.
        match failure.take() {
            Some(error) => Err(error),
            None => outcome.map(|_| ()),
        }
    }

    /// Who made the database.
    ///
    /// # Errors
    /// What the driver says.
    pub fn vendor(&self) -> Result<Vendor> {
        let operation = "adbc::vendor";
        let codes = HashSet::from([InfoCode::VendorName, InfoCode::VendorVersion]);
        let reader = self.connection.get_info(Some(codes)).map_err(|e| from_driver(e, operation))?;
        let mut vendor = Vendor::default();
        for batch in reader {
            let batch = batch?;
            let (Some(codes), Some(values)) = (
                batch.column(0).as_primitive_opt::<arrow_array::types::UInt32Type>(),
                batch.columns().get(1).and_then(|c| c.as_any().downcast_ref::<UnionArray>()),
            ) else {
                return Err(Error::invalid_data("the driver describes itself in another shape")
                    .with_operation(operation));
            };
            for row in 0..batch.num_rows() {
                let value = values.value(row);
                let text = match value.as_any().downcast_ref::<StringArray>() {
                    Some(texts) if !texts.is_empty() && texts.is_valid(0) => texts.value(0).to_owned(),
                    _ => continue,
                };
                match codes.value(row) {
                    0 => vendor.name = text,
                    1 => vendor.version = text,
                    _ => {}
                }
            }
        }
        Ok(vendor)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
