//! DuckDB.

use arrow_schema::{DataType, TimeUnit};
use sqlparser::dialect::{Dialect as SqlDialect, DuckDbDialect};
use stitchwork_core::ErrorKind;

use super::{Dialect, Naming, Pushes, in_single_quotes, plainer};
use crate::config::{AdbcConfig, Profile};

#[derive(Debug, Default)]
pub(crate) struct DuckDb {
    parser: DuckDbDialect,
}

impl Dialect for DuckDb {
    fn profile(&self) -> Profile {
        Profile::DuckDb
    }

    fn parser(&self) -> &dyn SqlDialect {
        &self.parser
    }

    fn database(&self, config: &AdbcConfig) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("path", ":memory:".to_owned()),
            // Nothing is fetched over the network that was not asked for.
            ("autoinstall_known_extensions", "false".to_owned()),
        ];
        if let Some(threads) = config.threads {
            options.push(("threads", threads.to_string()));
        }
        if let Some(bytes) = config.memory_limit {
            options.push(("memory_limit", format!("{bytes}B")));
        }
        options
    }

    fn start(&self, config: &AdbcConfig) -> Vec<String> {
        let folder = config.temp_directory.as_deref().unwrap_or_default();
        vec![
            // A timestamp with a zone is an instant, shown in UTC; without one, it is read as UTC.
            "SET TimeZone = 'UTC'".to_owned(),
            format!("SET temp_directory = {}", in_single_quotes(folder)),
        ]
    }

    fn seal(&self, config: &AdbcConfig, files: &[String]) -> Vec<String> {
        if config.external_access {
            return vec![];
        }
        let paths: Vec<String> = files.iter().map(|file| in_single_quotes(file)).collect();
        vec![
            format!("SET allowed_paths = [{}]", paths.join(", ")),
            "SET enable_external_access = false".to_owned(),
            "SET lock_configuration = true".to_owned(),
        ]
    }

    fn naming(&self) -> Naming {
        Naming::Views
    }

    fn pushes(&self) -> Pushes {
        Pushes { like: true, text_order: true, times: true, any_case: true }
    }

    fn reserved(&self) -> &'static [&'static str] {
        &["memory", "main", "temp", "system", "information_schema", "pg_catalog"]
    }

    fn temporary(&self) -> &'static str {
        "temp.main."
    }

    fn stored(&self, data_type: &DataType) -> Option<DataType> {
        Some(match data_type {
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => data_type.clone(),
            DataType::Timestamp(_, Some(zone)) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(zone.clone()))
            }
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
            // An interval of DuckDB's has microseconds, and the driver cuts nanoseconds off.
            DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
            DataType::Decimal256(p, _) if *p > 38 => return None,
            DataType::Decimal128(p, s) if *s < 0 || i16::from(*s) > i16::from(*p) => return None,
            // Neither an array nor a struct of DuckDB's is without parts.
            DataType::FixedSizeList(_, 0) => return None,
            DataType::Struct(fields) if fields.is_empty() => return None,
            DataType::Union(..) => return None,
            other => plainer(other).unwrap_or_else(|| other.clone()),
        })
    }

    fn reads_parquet(&self) -> bool {
        true
    }

    fn classify(&self, reason: &str, _state: &str) -> Option<(ErrorKind, &'static str)> {
        let invalid = ErrorKind::InvalidInput;
        let missing = reason.contains("Table with name") && reason.contains("does not exist");
        let known = [
            ("Parser Error", invalid, "the SQL does not parse"),
            ("Binder Error", invalid, "the SQL is no query over these tables"),
            ("Catalog Error", invalid, "the SQL names something that is not there"),
            ("Conversion Error", invalid, "a value of the query does not fit its type"),
            ("Out of Range Error", invalid, "a value of the query is out of range"),
            ("Invalid Input Error", invalid, "the database refuses the query's input"),
            ("Syntax Error", invalid, "the SQL does not parse"),
            ("No statements found", invalid, "there is no statement in the SQL"),
            ("Not implemented Error", ErrorKind::Unsupported, "the database does not support this SQL"),
            ("Permission Error", ErrorKind::PermissionDenied, "the engine keeps SQL from files and settings"),
            ("Out of Memory Error", ErrorKind::Unavailable, "the query needs more memory than its limit"),
            ("IO Error", ErrorKind::Unavailable, "the database cannot read or write a file"),
            ("INTERRUPT", ErrorKind::Cancelled, "the query was cancelled"),
        ];
        if missing {
            return Some((ErrorKind::NotFound, "there is no table of this name"));
        }
        let begins = |name: &str| reason.starts_with(name) || reason.contains(&format!(": {name}"));
        known.iter().find(|(name, ..)| begins(name)).map(|(_, kind, message)| (*kind, *message))
    }
}
