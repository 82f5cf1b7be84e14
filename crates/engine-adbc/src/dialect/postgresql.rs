//! PostgreSQL.

use arrow_schema::{DataType, TimeUnit};
use sqlparser::dialect::{Dialect as SqlDialect, PostgreSqlDialect};
use stitchwork_core::ErrorKind;

use super::{Dialect, Naming, Pushes, plainer};
use crate::config::{AdbcConfig, Profile};

#[derive(Debug, Default)]
pub(crate) struct PostgreSql {
    parser: PostgreSqlDialect,
}

impl Dialect for PostgreSql {
    fn profile(&self) -> Profile {
        Profile::PostgreSql
    }

    fn parser(&self) -> &dyn SqlDialect {
        &self.parser
    }

    fn database(&self, config: &AdbcConfig) -> Vec<(&'static str, String)> {
        config.uri.iter().map(|uri| ("uri", uri.clone())).collect()
    }

    fn start(&self, _config: &AdbcConfig) -> Vec<String> {
        // Texts come in the encoding of the session, which is at first that of the database or of the environment.
        ["SET TIME ZONE 'UTC'", "SET client_encoding = 'UTF8'"].map(str::to_owned).to_vec()
    }

    fn read_only(&self) -> &'static [&'static str] {
        &["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"]
    }

    fn explain_options(&self) -> &'static [(&'static str, &'static str)] {
        // The driver reads results by `copy`, which takes no `explain`.
        &[("adbc.postgresql.use_copy", "false")]
    }

    fn naming(&self) -> Naming {
        Naming::Rewritten
    }

    fn pushes(&self) -> Pushes {
        // Order of texts is that of the database's collation.
        Pushes { like: true, text_order: false, times: true, any_case: false }
    }

    fn reserved(&self) -> &'static [&'static str] {
        &["pg_catalog", "pg_temp", "information_schema"]
    }

    fn temporary(&self) -> &'static str {
        "pg_temp."
    }

    fn stored(&self, data_type: &DataType) -> Option<DataType> {
        Some(match data_type {
            DataType::Int8 | DataType::UInt8 => DataType::Int16,
            DataType::UInt16 => DataType::Int32,
            DataType::UInt32 => DataType::Int64,
            DataType::Boolean
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Utf8
            | DataType::Binary
            | DataType::Date32
            | DataType::Decimal128(..) => data_type.clone(),
            // An array of arrays is one of two dimensions there, whose rows are of one length.
            DataType::List(item) if item.data_type().is_nested() => return None,
            DataType::List(_) => data_type.clone(),
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
            other => return plainer(other).and_then(|plain| self.stored(&plain)),
        })
    }

    fn reads_by_copy(&self) -> bool {
        true
    }

    fn classify(&self, reason: &str, state: &str) -> Option<(ErrorKind, &'static str)> {
        Some(match state {
            "42P01" => (ErrorKind::NotFound, "there is no table of this name"),
            "42501" => (ErrorKind::PermissionDenied, "the server refuses"),
            "57014" => (ErrorKind::Cancelled, "the query was cancelled"),
            "0A000" => (ErrorKind::Unsupported, "the database does not support this SQL"),
            "25006" => (ErrorKind::Unsupported, "the engine reads only"),
            _ if state.starts_with("42") => {
                (ErrorKind::InvalidInput, "the SQL is no query over these tables")
            }
            _ if state.starts_with("22") => (ErrorKind::InvalidInput, "a value does not fit the query"),
            _ if state.starts_with("28") => (ErrorKind::PermissionDenied, "the server refuses the login"),
            _ if state.starts_with("08") || state.starts_with("53") || state.starts_with("57") => {
                (ErrorKind::Unavailable, "the server is not there for now")
            }
            _ if reason.contains("no binary output function") => (
                ErrorKind::Unsupported,
                "the server does not send a type of the query as bytes; cast the column to text",
            ),
            _ if reason.contains("would overflow when converting to nanoseconds") => (
                ErrorKind::Unsupported,
                "the hours of an interval are too many for nanoseconds; cast the column to text",
            ),
            _ if reason.contains("syntax error") => (ErrorKind::InvalidInput, "the SQL does not parse"),
            _ => return None,
        })
    }
}
