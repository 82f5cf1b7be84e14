//! SQLite.

use arrow_schema::DataType;
use sqlparser::dialect::{Dialect as SqlDialect, SQLiteDialect};
use stitchwork_core::ErrorKind;

use super::{Dialect, Naming, Pushes, plainer};
use crate::config::{AdbcConfig, Profile};

#[derive(Debug, Default)]
pub(crate) struct Sqlite {
    parser: SQLiteDialect,
}

impl Dialect for Sqlite {
    fn profile(&self) -> Profile {
        Profile::Sqlite
    }

    fn parser(&self) -> &dyn SqlDialect {
        &self.parser
    }

    fn database(&self, config: &AdbcConfig) -> Vec<(&'static str, String)> {
        vec![("uri", config.uri.clone().unwrap_or_else(|| ":memory:".to_owned()))]
    }

    fn start(&self, _config: &AdbcConfig) -> Vec<String> {
        vec![]
    }

    fn read_only(&self) -> &'static [&'static str] {
        &["PRAGMA query_only = true"]
    }

    fn explain(&self, sql: &str) -> String {
        format!("EXPLAIN QUERY PLAN {sql}")
    }

    fn naming(&self) -> Naming {
        Naming::Rewritten
    }

    fn pushes(&self) -> Pushes {
        Pushes { like: false, text_order: true, times: false, any_case: true }
    }

    fn reserved(&self) -> &'static [&'static str] {
        &["main", "temp"]
    }

    fn temporary(&self) -> &'static str {
        "temp."
    }

    fn stored(&self, data_type: &DataType) -> Option<DataType> {
        Some(match data_type {
            // SQLite has integers, floats, texts and bytes.
            DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => DataType::Int64,
            DataType::Int64 | DataType::Float64 | DataType::Utf8 | DataType::Binary => data_type.clone(),
            DataType::Float32 => DataType::Float64,
            DataType::Date32 | DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => {
                DataType::Utf8
            }
            other => return plainer(other).and_then(|plain| self.stored(&plain)),
        })
    }

    fn holds_nan(&self) -> bool {
        false
    }

    fn classify(&self, reason: &str, _state: &str) -> Option<(ErrorKind, &'static str)> {
        let invalid = ErrorKind::InvalidInput;
        let known = [
            ("no such table", ErrorKind::NotFound, "there is no table of this name"),
            ("no such column", invalid, "the SQL is no query over these tables"),
            ("syntax error", invalid, "the SQL does not parse"),
            ("incomplete input", invalid, "the SQL does not parse"),
            ("readonly", ErrorKind::Unsupported, "the engine reads only"),
            ("interrupted", ErrorKind::Cancelled, "the query was cancelled"),
        ];
        known.iter().find(|(part, ..)| reason.contains(part)).map(|(_, kind, message)| (*kind, *message))
    }
}
