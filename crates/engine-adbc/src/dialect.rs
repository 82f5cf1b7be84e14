//! What differs between databases.

mod duckdb;
mod postgresql;
mod sqlite;

use std::fmt::Debug;
use std::sync::Arc;

use arrow_schema::DataType;
use sqlparser::dialect::Dialect as SqlDialect;
use stitchwork_core::{ErrorKind, Result};

use crate::config::{AdbcConfig, Profile};

/// How relations get the names that a query uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Views in schemas and catalogs of the query's own database.
    Views,
    /// The names in the query's text are replaced by those of temporary tables.
    Rewritten,
}

/// Which filters mean the same in the database as in a predicate of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pushes {
    /// `like` distinguishes upper and lower case.
    pub(crate) like: bool,
    /// Texts are ordered by their bytes.
    pub(crate) text_order: bool,
    /// Dates and timestamps are of a type of their own.
    pub(crate) times: bool,
    /// Names in SQL are compared without regard to case; else unquoted ones mean their lower-case spelling.
    pub(crate) any_case: bool,
}

/// A database's own ways. What a database cannot do is said here, and nowhere else.
pub(crate) trait Dialect: Debug + Send + Sync {
    fn profile(&self) -> Profile;
    /// Whose SQL the parser takes.
    fn parser(&self) -> &dyn SqlDialect;
    /// The driver's options for a database.
    fn database(&self, config: &AdbcConfig) -> Vec<(&'static str, String)>;
    /// What is run on a fresh connection.
    fn start(&self, config: &AdbcConfig) -> Vec<String>;
    /// What is run when all relations have their places, before the database sees the user's SQL, which reads
    /// these files.
    fn seal(&self, config: &AdbcConfig, files: &[String]) -> Vec<String> {
        let _ = (config, files);
        vec![]
    }
    /// What is run when all tables are filled, before the user's SQL runs.
    fn read_only(&self) -> &'static [&'static str] {
        &[]
    }
    /// Options of the driver for statements that explain.
    fn explain_options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    /// The statement that says how another one would run.
    fn explain(&self, sql: &str) -> String {
        format!("EXPLAIN {sql}")
    }
    fn naming(&self) -> Naming;
    fn pushes(&self) -> Pushes;
    /// Names that the database keeps for itself.
    fn reserved(&self) -> &'static [&'static str];
    /// Where temporary tables are, as a prefix of their name.
    fn temporary(&self) -> &'static str;
    /// The type in which rows of another type are given to the driver; `None` where there is none.
    fn stored(&self, data_type: &DataType) -> Option<DataType>;
    /// Whether a float may be a NaN there; else the database would make a null of it without a word, and is given none.
    fn holds_nan(&self) -> bool {
        true
    }
    /// Whether the database reads Parquet files on its own.
    fn reads_parquet(&self) -> bool {
        false
    }
    /// Whether the driver reads results by `copy (…)`, which neither takes a semicolon nor tells how many dimensions an
    /// array has.
    fn reads_by_copy(&self) -> bool {
        false
    }
    /// What an error means, by the database's words and SQL's state, where that says more than the driver does.
    fn classify(&self, reason: &str, state: &str) -> Option<(ErrorKind, &'static str)>;
}

/// The dialect of a profile.
pub(crate) fn of(profile: Profile) -> Arc<dyn Dialect> {
    match profile {
        Profile::DuckDb => Arc::new(duckdb::DuckDb::default()),
        Profile::Sqlite => Arc::new(sqlite::Sqlite::default()),
        Profile::PostgreSql => Arc::new(postgresql::PostgreSql::default()),
    }
}

/// An identifier in double quotes, as all our databases take it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes, as standard SQL has it.
///
/// # Errors
/// `Unsupported` for a text with a zero byte, which no statement can hold.
pub(crate) fn text(value: &str) -> Result<String> {
    if value.contains('\0') {
        return Err(stitchwork_core::Error::unsupported("a text with a zero byte cannot stand in SQL"));
    }
    Ok(in_single_quotes(value))
}

fn in_single_quotes(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Arrow types that every database of ours takes under another one.
fn plainer(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Null => DataType::Boolean,
        DataType::Float16 => DataType::Float32,
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::RunEndEncoded(_, value) => value.data_type().clone(),
        DataType::Date64 => DataType::Date32,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::Decimal256(p, s) if *p <= 38 => DataType::Decimal128(*p, *s),
        _ => return None,
    })
}
